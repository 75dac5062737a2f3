/**
 * Loads a table from its metadata file: manifest list, manifests, and for writers the files that
 * only older snapshots refer to.
 */
import { reasonOf } from '../runtime.ts'
import type { DataFile } from './data-file.ts'
import type { TableDefinition, TableKey } from './definition.ts'
import { TableError } from './error.ts'
import { pathOf } from './location.ts'
import { manifestFormat, STATUS } from './manifest.ts'
import { decodeManifestList, type LoadedManifest, type ManifestFile } from './manifest-list.ts'
import type { Snapshot } from './snapshot.ts'
import type { RetiredFile } from './snapshot-expiry.ts'
import type { Storage } from './storage.ts'
import { parseMetadata, type TableMetadata } from './table-metadata.ts'

/** A table as it is: its newest metadata, and what that refers to. */
export type TableState = Readonly<{
  table: TableDefinition
  metadata: TableMetadata
  metadataPath: string
  /** Manifests of the current snapshot, newest first. */
  manifests: readonly LoadedManifest[]
  retired: readonly RetiredFile[]
}>

export type States = Readonly<Record<TableKey, TableState>>
/** Those of the tables that a commit changes. */
export type SomeStates = Readonly<Partial<States>>

/**
 * Manifest lists and manifests that were read before. They are immutable, so a table that another
 * writer has changed is loaded again by reading only what is new. A reader that loads once needs
 * none.
 */
export type Known = Readonly<{
  lists: Map<string, readonly ManifestFile[]>
  manifests: Map<string, LoadedManifest>
}>

/**
 * The current snapshot and its files. `retired` is empty: only a writer needs it (`loadRetired`).
 */
export async function loadTable(
  storage: Storage,
  table: TableDefinition,
  metadataLocation: string,
  known: Known | null = null,
): Promise<TableState> {
  const metadataPath = pathOf(metadataLocation)
  const metadata = await readAs(storage, metadataPath, 'Iceberg table metadata', async (bytes) =>
    parseMetadata(table, bytes.toString()),
  )
  const files = metadata.current === null ? [] : await loadList(storage, metadata.current, known)
  const manifests = await mapSome(files, (file) => loadManifest(storage, table, file, known))
  return { table, metadata, metadataPath, manifests, retired: [] }
}

/** Files read at a time: enough to keep a disk busy. */
const READS_AT_ONCE = 32

/**
 * A state with all that its writer needs. What was read and is still referred to stays in `known`.
 */
export async function loadForWriting(
  storage: Storage,
  table: TableDefinition,
  metadataLocation: string,
  known: Known,
): Promise<TableState> {
  const read: Known = { lists: new Map(known.lists), manifests: new Map(known.manifests) }
  const state = await loadTable(storage, table, metadataLocation, read)
  const retired = await loadRetired(storage, state, read)
  const used = new Set([
    ...state.metadata.snapshots.map((snapshot) => snapshot.manifestListPath),
    ...state.manifests.map(({ file }) => file.path),
    ...retired.map(({ path }) => path),
  ])
  keepUsed(known.lists, read.lists, used)
  keepUsed(known.manifests, read.manifests, used)
  return { ...state, retired }
}

function keepUsed<T>(kept: Map<string, T>, read: Map<string, T>, used: Set<string>): void {
  kept.clear()
  for (const [path, value] of read) if (used.has(path)) kept.set(path, value)
}

/**
 * The files that only older snapshots refer to. A snapshot that has lost a file cannot be read and
 * keeps nothing. Any other failure to read is thrown, since a file taken for unreferenced would be
 * removed.
 */
async function loadRetired(
  storage: Storage,
  { table, metadata, manifests }: TableState,
  known: Known | null = null,
): Promise<readonly RetiredFile[]> {
  const older = metadata.snapshots.filter((snapshot) => snapshot.id !== metadata.current?.id)
  const lists = await mapSome(older, (each) => unlessLost(loadList(storage, each, known)))
  const currentPaths = new Set(manifests.map(({ file }) => file.path))
  const found = new Map<string, RetiredFile>()
  const retire = (path: string, first: number, last: number): void => {
    found.set(path, { path, first, last: Math.max(last, found.get(path)?.last ?? last) })
  }
  const files = new Map<string, ManifestFile>()
  for (const [index, list] of lists.entries()) {
    for (const file of list ?? []) {
      if (currentPaths.has(file.path)) continue
      files.set(file.path, file)
      retire(file.path, file.sequenceNumber, older[index]!.sequenceNumber)
    }
  }
  const live = new Set(liveFiles(manifests).map((file) => file.path))
  const loaded = await mapSome([...files.values()], (f) =>
    unlessLost(loadManifest(storage, table, f, known)),
  )
  for (const manifest of loaded) {
    if (manifest === null) continue
    const { last } = found.get(manifest.file.path)!
    for (const { file, sequenceNumber } of manifest.live) {
      if (!live.has(file.path)) retire(file.path, sequenceNumber, last)
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

async function loadList(
  storage: Storage,
  { manifestListPath }: Snapshot,
  known: Known | null,
): Promise<readonly ManifestFile[]> {
  const before = known?.lists.get(manifestListPath)
  if (before !== undefined) return before
  const expected = 'an Iceberg manifest list'
  const list = await readAs(storage, manifestListPath, expected, decodeManifestList)
  known?.lists.set(manifestListPath, list)
  return list
}

async function loadManifest(
  storage: Storage,
  table: TableDefinition,
  file: ManifestFile,
  known: Known | null,
): Promise<LoadedManifest> {
  const before = known?.manifests.get(file.path)
  if (before !== undefined) return before
  const format = manifestFormat(table)
  const inherited = { snapshotId: file.addedSnapshotId, sequenceNumber: file.sequenceNumber }
  const entries = await readAs(storage, file.path, 'an Iceberg manifest', (bytes) =>
    format.decode(bytes, inherited),
  )
  const loaded = { file, live: entries.filter((entry) => entry.status !== STATUS.deleted) }
  known?.manifests.set(file.path, loaded)
  return loaded
}

/** Reads a file and parses it; what the parser throws names the file. */
export async function readAs<T>(
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
