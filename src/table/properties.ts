/**
 * Table properties: who writes the table and how wide its windows are. A table filled by another kind of writer, or with
 * other windows, is refused; on an empty one the properties simply change.
 */
import { PREVIOUS_METADATA_MAX, type TableState } from './commit-plan.ts'
import { TABLE_KEYS, TABLES, type TableKey } from './definition.ts'
import { TableError } from './error.ts'
import { PROPERTY_KEYS } from './keys.ts'
import type { TableView } from './view.ts'

export type Writer = 'embedded' | 'flink'
export type Properties = Readonly<Record<string, string>>

/** The properties a new table gets. */
export function tableProperties(writer: Writer, windowUs: number): Properties {
  return {
    [PROPERTY_KEYS.writer]: writer,
    [PROPERTY_KEYS.window]: windowText(windowUs),
    [PROPERTY_KEYS.fileFormat]: 'parquet',
    [PROPERTY_KEYS.compression]: 'zstd',
    // Other writers, such as a compaction through Spark, shall keep whole bounds too.
    [PROPERTY_KEYS.metrics]: 'full',
    [PROPERTY_KEYS.deleteMetadata]: 'true',
    [PROPERTY_KEYS.previousMetadataMax]: String(PREVIOUS_METADATA_MAX),
  }
}

/** Whether the table's properties must be written anew; throws where they must not. */
export function propertiesDiffer(state: TableState, wanted: Properties): boolean {
  const { table, metadata, manifests } = state
  const isEmpty = manifests.every(({ live }) => live.length === 0)
  return differ({ name: table.name, properties: metadata.properties, isEmpty }, wanted)
}

/** Whether a writer may take these tables as they are; throws where they were filled by another or with other windows. */
export function fitsWriter(
  lake: Readonly<Record<TableKey, Pick<TableView, 'properties' | 'files'>>>,
  writer: Writer,
  windowUs: number,
): boolean {
  const wanted = tableProperties(writer, windowUs)
  return !TABLE_KEYS.map((key) => {
    const { properties, files } = lake[key]
    return differ({ name: TABLES[key].name, properties, isEmpty: files.length === 0 }, wanted)
  }).includes(true)
}

type Found = Readonly<{ name: string; properties: Properties; isEmpty: boolean }>

function differ({ name, properties, isEmpty }: Found, wanted: Properties): boolean {
  const other = [PROPERTY_KEYS.writer, PROPERTY_KEYS.window].find(
    (key) => properties[key] !== wanted[key],
  )
  if (other === undefined || isEmpty) return other !== undefined
  const facts = { table: name, found: properties[other] ?? 'none', wanted: wanted[other] ?? 'none' }
  throw new TableError(other === PROPERTY_KEYS.writer ? 'other-writer' : 'other-window', facts)
}

/** An ISO 8601 duration: `PT5M`, `PT90S`, `PT1H`. */
export function windowText(windowUs: number): string {
  const seconds = windowUs / 1e6
  if (seconds % 3600 === 0) return `PT${seconds / 3600}H`
  return seconds % 60 === 0 ? `PT${seconds / 60}M` : `PT${seconds}S`
}
