/**
 * Table properties: who writes the table and how wide its windows are. A table filled by another
 * kind of writer, or with other windows, is refused; those of an empty table are changed.
 */
import { randomUUID } from 'node:crypto'
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
import { type TableView, viewOf } from './table-view.ts'

export type Writer = 'embedded' | 'flink'
export type Properties = Readonly<Record<string, string>>

const KEEPS_METADATA = 'false'

/** The properties a new table gets. */
export function tableProperties(writer: Writer, windowUs: number): Properties {
  return {
    [PROPERTY_KEYS.writer]: writer,
    [PROPERTY_KEYS.window]: windowText(windowUs),
    [PROPERTY_KEYS.fileFormat]: 'parquet',
    [PROPERTY_KEYS.compression]: 'zstd',
    // So that other writers, such as a compaction through Spark, keep whole bounds too.
    [PROPERTY_KEYS.metrics]: 'full',
    // Readers may still open old metadata files; they are removed after a while, by us alone.
    [PROPERTY_KEYS.deleteMetadata]: KEEPS_METADATA,
    [PROPERTY_KEYS.previousMetadataMax]: String(PREVIOUS_METADATA_MAX),
  }
}

/**
 * Whether these tables have the properties of a writer; throws where another filled them, or with
 * other windows.
 */
export function fitsWriter(lake: Found, writer: Writer, windowUs: number): boolean {
  return fits(lake, tableProperties(writer, windowUs))
}

type Found = Readonly<Record<TableKey, Pick<TableView, 'properties' | 'files'>>>

/** Checks both tables: one may be refused although the other, which is empty, may be changed. */
function fits(lake: Found, wanted: Properties): boolean {
  const differ = TABLE_KEYS.map((key) => {
    const { properties, files } = lake[key]
    const other = [PROPERTY_KEYS.writer, PROPERTY_KEYS.window].find(
      (name) => properties[name] !== wanted[name],
    )
    if (other === undefined || files.length === 0) return other !== undefined
    const code = other === PROPERTY_KEYS.writer ? 'other-writer' : 'other-window'
    const [found = 'none', expected = 'none'] = [properties[other], wanted[other]]
    throw new TableError(code, { table: TABLES[key].name, found, wanted: expected })
  })
  const keepsMetadata = TABLE_KEYS.every(
    (key) => lake[key].properties[PROPERTY_KEYS.deleteMetadata] === KEEPS_METADATA,
  )
  return keepsMetadata && !differ.includes(true)
}

type Writing = Readonly<{
  access: CatalogAccess
  storage: Storage
  properties: Properties
  nowMs: number
}>

/**
 * Gives empty tables the properties of this writer; throws where filled tables have others. Of
 * filled tables only that changes by which other writers would remove metadata files from under
 * readers.
 */
export async function withProperties(writing: Writing, states: States): Promise<States> {
  const { access, storage, properties, nowMs } = writing
  const views = forBothTables((key) => viewOf(states[key]))
  if (fits(views, properties)) return states
  const next = forBothTables((key): TableState => {
    const { metadata, metadataPath } = states[key]
    const timestampMs = metadata.lastUpdatedMs
    const changed =
      views[key].files.length === 0
        ? properties
        : { [PROPERTY_KEYS.deleteMetadata]: KEEPS_METADATA }
    const log = [...metadata.metadataLog, { timestampMs, path: metadataPath }]
    return {
      ...states[key],
      metadataPath: below(path.dirname(metadataPath), nextMetadataName(metadataPath, randomUUID())),
      metadata: {
        ...metadata,
        lastUpdatedMs: Math.max(nowMs, timestampMs),
        properties: { ...metadata.properties, ...changed },
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
  const swap = { access, storage, base: states, next, commitId: 'properties' }
  await swapPointers(swap, hooks)
  return next
}

/** An ISO 8601 duration: `PT5M`, `PT90S`, `PT1H`. */
export function windowText(windowUs: number): string {
  const seconds = windowUs / 1e6
  if (seconds % 3600 === 0) return `PT${seconds / 3600}H`
  return seconds % 60 === 0 ? `PT${seconds / 60}M` : `PT${seconds}S`
}
