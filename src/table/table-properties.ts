/**
 * Table properties: who writes the table and how wide its windows are. A table filled by another
 * kind of writer, or with other windows, is refused; those of an empty table are changed.
 */
import path from 'node:path'
import type { CatalogAccess } from './catalog.ts'
import { swapPointers } from './commit.ts'
import { forBothTables, TABLE_KEYS, TABLES, type TableKey } from './definition.ts'
import { TableError } from './error.ts'
import { PROPERTY_KEYS } from './keys.ts'
import type { States, TableState } from './load-table.ts'
import { below } from './location.ts'
import type { Storage } from './storage.ts'
import { nextMetadataName, PREVIOUS_METADATA_MAX, serializeMetadata } from './table-metadata.ts'
import type { TableView } from './table-view.ts'

export type Writer = 'embedded' | 'flink'
export type Properties = Readonly<Record<string, string>>

/** The properties a new table gets. */
export function tableProperties(writer: Writer, windowUs: number): Properties {
  return {
    [PROPERTY_KEYS.writer]: writer,
    [PROPERTY_KEYS.window]: windowText(windowUs),
    [PROPERTY_KEYS.fileFormat]: 'parquet',
    [PROPERTY_KEYS.compression]: 'zstd',
    // So that other writers, such as a compaction through Spark, keep whole bounds too.
    [PROPERTY_KEYS.metrics]: 'full',
    [PROPERTY_KEYS.deleteMetadata]: 'true',
    [PROPERTY_KEYS.previousMetadataMax]: String(PREVIOUS_METADATA_MAX),
  }
}

/** Whether the table's properties must be changed; throws where they must not. */
function propertiesDiffer(state: TableState, wanted: Properties): boolean {
  const { table, metadata, manifests } = state
  const isEmpty = manifests.every(({ live }) => live.length === 0)
  return differ({ name: table.name, properties: metadata.properties, isEmpty }, wanted)
}

/**
 * Whether these tables have the properties of a writer; throws where another filled them, or with
 * other windows.
 */
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

type Writing = Readonly<{
  access: CatalogAccess
  storage: Storage
  properties: Properties
  nowMs: number
  newUuid: () => string
}>

/** Gives empty tables the properties of this writer; throws where filled tables have others. */
export async function withProperties(writing: Writing, states: States): Promise<States> {
  const { access, storage, properties, nowMs, newUuid } = writing
  const differences = TABLE_KEYS.map((key) => propertiesDiffer(states[key], properties))
  if (!differences.includes(true)) return states
  const next = forBothTables((key): TableState => {
    const { metadata, metadataPath } = states[key]
    const timestampMs = metadata.lastUpdatedMs
    const log = [...metadata.metadataLog, { timestampMs, path: metadataPath }]
    return {
      ...states[key],
      metadataPath: below(path.dirname(metadataPath), nextMetadataName(metadataPath, newUuid())),
      metadata: {
        ...metadata,
        lastUpdatedMs: Math.max(nowMs, timestampMs),
        properties: { ...metadata.properties, ...properties },
        metadataLog: log.slice(-PREVIOUS_METADATA_MAX),
      },
    }
  })
  for (const key of TABLE_KEYS) {
    const text = serializeMetadata(next[key].metadata)
    await storage.write(next[key].metadataPath, [Buffer.from(text)])
  }
  await storage.syncFolders()
  const hooks = { onStep() {}, onUnknown() {}, onWait() {}, keepsWaiting: () => false }
  await swapPointers(access, storage, states, next, 'properties', hooks)
  return next
}

/** An ISO 8601 duration: `PT5M`, `PT90S`, `PT1H`. */
export function windowText(windowUs: number): string {
  const seconds = windowUs / 1e6
  if (seconds % 3600 === 0) return `PT${seconds / 3600}H`
  return seconds % 60 === 0 ? `PT${seconds / 60}M` : `PT${seconds}S`
}
