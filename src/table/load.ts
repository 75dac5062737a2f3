/** Loads a table from its metadata file: manifest list, manifests, and for writers the files that older snapshots hold. */
import type { TableState } from './commit-plan.ts'
import type { DataFile } from './data-file.ts'
import type { TableDefinition } from './definition.ts'
import { reasonOf, TableError } from './error.ts'
import { pathOf } from './location.ts'
import { manifestFormat, STATUS } from './manifest.ts'
import { decodeManifestList, type ManifestFile } from './manifest-list.ts'
import type { LoadedManifest } from './manifest-plan.ts'
import type { Retired } from './retired.ts'
import type { Snapshot } from './snapshot.ts'
import type { Storage } from './storage.ts'
import { parseMetadata } from './table-metadata.ts'

/** The current snapshot and its files. `retired` is empty: only a writer needs it (`loadRetired`). */
export async function loadTable(
  storage: Storage,
  table: TableDefinition,
  metadataLocation: string,
): Promise<TableState> {
  const metadataPath = pathOf(metadataLocation)
  const metadata = await reading(storage, metadataPath, 'Iceberg table metadata', async (bytes) =>
    parseMetadata(table, bytes.toString()),
  )
  const files = metadata.current === null ? [] : await loadList(storage, metadata.current)
  const manifests = await Promise.all(files.map((file) => loadManifest(storage, table, file)))
  return { table, metadata, metadataPath, manifests, retired: [] }
}

/** Files read at a time: enough to keep a disk busy. */
const READS_AT_ONCE = 32

/**
 * The files that only older snapshots hold. A snapshot with a file that is gone is of no use to anybody and holds
 * nothing; any other failure to read is thrown, since a file taken for unreferenced would be swept.
 */
export async function loadRetired(
  storage: Storage,
  { table, metadata, manifests }: TableState,
): Promise<readonly Retired[]> {
  const older = metadata.snapshots.filter((snapshot) => snapshot.id !== metadata.current?.id)
  const lists = await mapSome(older, (snapshot) => unlessLost(loadList(storage, snapshot)))
  const currentPaths = new Set(manifests.map(({ file }) => file.path))
  const found = new Map<string, Retired>()
  const hold = (path: string, first: number, last: number): void => {
    found.set(path, { path, first, last: Math.max(last, found.get(path)?.last ?? last) })
  }
  const files = new Map<string, ManifestFile>()
  for (const [index, list] of lists.entries()) {
    for (const file of list ?? []) {
      if (currentPaths.has(file.path)) continue
      files.set(file.path, file)
      hold(file.path, file.sequenceNumber, older[index]!.sequenceNumber)
    }
  }
  const live = new Set(liveFiles(manifests).map((file) => file.path))
  const loaded = await mapSome([...files.values()], (f) =>
    unlessLost(loadManifest(storage, table, f)),
  )
  for (const manifest of loaded) {
    if (manifest === null) continue
    const { last } = found.get(manifest.file.path)!
    for (const { file, sequenceNumber } of manifest.live) {
      if (!live.has(file.path)) hold(file.path, sequenceNumber, last)
    }
  }
  return [...found.values()]
}

/** Like `Promise.all` of a map, some at a time. */
async function mapSome<T, R>(items: readonly T[], map: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let start = 0; start < items.length; start += READS_AT_ONCE) {
    const some = items.slice(start, start + READS_AT_ONCE)
    results.push(...(await Promise.all(some.map(map))))
  }
  return results
}

async function unlessLost<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading
  } catch (error) {
    if (error instanceof TableError && error.code === 'file-lost') return null
    throw error
  }
}

export function liveFiles(manifests: readonly LoadedManifest[]): readonly DataFile[] {
  return manifests.flatMap(({ live }) => live.map((entry) => entry.file))
}

function loadList(storage: Storage, snapshot: Snapshot): Promise<ManifestFile[]> {
  return reading(storage, snapshot.manifestListPath, 'an Iceberg manifest list', decodeManifestList)
}

async function loadManifest(
  storage: Storage,
  table: TableDefinition,
  file: ManifestFile,
): Promise<LoadedManifest> {
  const format = manifestFormat(table)
  const inherited = { snapshotId: file.addedSnapshotId, sequenceNumber: file.sequenceNumber }
  const entries = await reading(storage, file.path, 'an Iceberg manifest', (bytes) =>
    format.decode(bytes, inherited),
  )
  return { file, live: entries.filter((entry) => entry.status !== STATUS.deleted) }
}

async function reading<T>(
  storage: Storage,
  path: string,
  expected: string,
  parse: (bytes: Buffer) => Promise<T>,
): Promise<T> {
  const bytes = await storage.read(path)
  try {
    return await parse(bytes)
  } catch (error) {
    throw new TableError('file-damaged', { path, expected, reason: reasonOf(error) }, error)
  }
}
