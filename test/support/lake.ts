/**
 * What is in the tables, read as any reader would start: the catalog's pointers, and the
 * metadata file that each points to. Only the fields of the Iceberg specification are used.
 */
import { readFile } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import type { Folder } from './folder.ts'

export type TableName = 'campaign_events' | 'campaign_metrics'

export type Pointer = Readonly<{ table: TableName; metadataLocation: string }>

const SELECT_POINTERS = `SELECT table_name AS "table", metadata_location AS metadataLocation
  FROM iceberg_tables WHERE catalog_name = 'lake' AND table_namespace = 'campaigns'`

export function readPointers(catalogPath: string): readonly Pointer[] {
  using catalog = new DatabaseSync(catalogPath, { readOnly: true })
  return catalog.prepare(SELECT_POINTERS).all() as Pointer[]
}

/** Points the tables somewhere else, as only a test may. */
export function writePointers(catalogPath: string, pointers: readonly Pointer[]): void {
  using catalog = new DatabaseSync(catalogPath)
  const update = 'UPDATE iceberg_tables SET metadata_location = ? WHERE table_name = ?'
  for (const { table, metadataLocation } of pointers) {
    catalog.prepare(update).run(metadataLocation, table)
  }
}

type Snapshot = Readonly<{ summary?: Readonly<Record<string, string>> }>

/**
 * Whether raw files were merged: the table holds fewer than the `written` of them. The snapshot of a
 * merge itself may have expired by now.
 */
export async function wasMerged(folder: Folder, written: number): Promise<boolean> {
  const current = (await readSummaries(folder, 'campaign_events')).at(-1)
  return Number(current?.['total-data-files']) < written
}

/** Of the snapshots that are kept, oldest first. */
export async function readSummaries(
  folder: Folder,
  table: TableName,
): Promise<readonly Readonly<Record<string, string>>[]> {
  const snapshots = await readSnapshots(folder, table)
  return snapshots.map(({ summary = {} }) => summary)
}

async function readSnapshots(folder: Folder, table: TableName): Promise<readonly Snapshot[]> {
  const pointer = readPointers(folder.catalogPath).find((found) => found.table === table)
  if (pointer === undefined) throw new Error(`no ${table} in ${folder.catalogPath}`)
  const { metadataLocation } = pointer
  const path = metadataLocation.startsWith('file:')
    ? fileURLToPath(metadataLocation)
    : metadataLocation
  const metadata = JSON.parse(await readFile(path, 'utf8')) as { snapshots?: readonly Snapshot[] }
  return metadata.snapshots ?? []
}
