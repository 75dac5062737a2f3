/**
 * Loads a table from its metadata file: manifest list, manifests, and for writers the files that
 * only older snapshots refer to.
 */
import { allOf, reasonOf } from '../runtime.ts'
import type { Pointers } from './catalog.ts'
import type { DataFile } from './data-file.ts'
import { forBothTables, TABLES, type TableDefinition, type TableKey } from './definition.ts'
import { TableError } from './error.ts'
import { locationOf, pathOf } from './location.ts'
import { type ManifestEntry, manifestFormat, STATUS } from './manifest.ts'
import { decodeManifestList, type LoadedManifest, type ManifestFile } from './manifest-list.ts'
import { isOwn, type Snapshot } from './snapshot.ts'
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
  const metadata = await readMetadata(storage, table, metadataPath)
  return await loadCurrent(storage, table, { metadata, metadataPath }, known)
}

/** The same of metadata that is in memory. */
async function loadCurrent(
  storage: Storage,
  table: TableDefinition,
  { metadata, metadataPath }: Pick<TableState, 'metadata' | 'metadataPath'>,
  known: Known | null,
): Promise<TableState> {
  const files = metadata.current === null ? [] : await loadList(storage, metadata.current, known)
  if (files.some(({ holdsDeletes }) => holdsDeletes)) refuseDeletes(table, metadata)
  const manifests = await allOf(files, READS_AT_ONCE, (file) =>
    loadManifest(storage, table, file, known),
  )
  return { table, metadata, metadataPath, manifests, retired: [] }
}

/** We never write delete files, and our readers would have to apply them to every row. */
function refuseDeletes(table: TableDefinition, { current, snapshots }: TableMetadata): never {
  const own = snapshots.findLast(isOwn)
  const back = own === undefined ? '' : `, or set the current snapshot back to ${own.id}`
  const snapshot = `${current?.id} (${current?.operation})`
  throw new TableError('unfit-change', {
    change: `${table.name} has delete files, in its current snapshot ${snapshot}`,
    todo:
      'Rewrite the data files so that they no longer need them (Trino: ALTER TABLE … EXECUTE ' +
      `optimize; Spark: rewrite_data_files with delete-file-threshold 1)${back}`,
  })
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
  const whole = await withRetired(storage, state, read)
  const used = new Set([
    ...whole.metadata.snapshots.map((snapshot) => snapshot.manifestListPath),
    ...whole.manifests.map(({ file }) => file.path),
    ...whole.retired.map(({ path }) => path),
  ])
  keepUsed(known.lists, read.lists, used)
  keepUsed(known.manifests, read.manifests, used)
  return whole
}

/** The tables at the pointers; one that has not changed keeps its state. */
export type Load = (pointers: Pointers, before: States | null) => Promise<States>

/** `isShared`: other writers commit often, so what was read of their files is remembered. */
export function openLoading(storage: Storage, isShared: boolean): Load {
  const none = (): Known => ({ lists: new Map(), manifests: new Map() })
  const shared = forBothTables(none)
  return async (pointers, before) => {
    const load = async (key: TableKey): Promise<TableState> => {
      const state = before?.[key]
      if (state !== undefined && locationOf(state.metadataPath) === pointers[key]) return state
      const known = isShared ? shared[key] : none()
      return await loadForWriting(storage, TABLES[key], pointers[key], known)
    }
    const [events, metrics] = await Promise.all([load('events'), load('metrics')])
    return { events, metrics }
  }
}

/** The state that a table would have with this metadata, which is in no file yet. */
export async function loadProposed(
  storage: Storage,
  base: TableState,
  metadata: TableMetadata,
): Promise<TableState> {
  const { table, metadataPath, manifests } = base
  const known: Known = {
    lists: new Map(),
    manifests: new Map(manifests.map((manifest) => [manifest.file.path, manifest])),
  }
  const state = await loadCurrent(storage, table, { metadata, metadataPath }, known)
  return await withRetired(storage, state, known)
}

async function withRetired(storage: Storage, state: TableState, known: Known): Promise<TableState> {
  return { ...state, retired: await loadRetired(storage, state, known) }
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
  known: Known,
): Promise<readonly RetiredFile[]> {
  const older = metadata.snapshots.filter((snapshot) => snapshot.id !== metadata.current?.id)
  const lists = await allOf(older, READS_AT_ONCE, (each) =>
    unlessLost(loadList(storage, each, known)),
  )
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
  const loaded = await allOf([...files.values()], READS_AT_ONCE, (file) =>
    unlessLost(loadManifest(storage, table, file, known)),
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
  const list = await readList(storage, manifestListPath)
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
  const entries = await readManifest(storage, table, file, file.path)
  const loaded = { file, live: entries.filter((entry) => entry.status !== STATUS.deleted) }
  known?.manifests.set(file.path, loaded)
  return loaded
}

export function readMetadata(
  storage: Pick<Storage, 'read'>,
  table: TableDefinition,
  path: string,
): Promise<TableMetadata> {
  return readAs(storage, path, 'Iceberg table metadata', async (bytes) =>
    parseMetadata(table, path, bytes.toString()),
  )
}

export function readList(storage: Pick<Storage, 'read'>, path: string): Promise<ManifestFile[]> {
  return readAs(storage, path, 'an Iceberg manifest list', decodeManifestList)
}

/** The entries of a manifest, which may lie elsewhere than its list says. */
export function readManifest(
  storage: Pick<Storage, 'read'>,
  table: TableDefinition,
  { addedSnapshotId: snapshotId, sequenceNumber, holdsDeletes }: ManifestFile,
  path: string,
): Promise<ManifestEntry[]> {
  return readAs(storage, path, 'an Iceberg manifest', (bytes) =>
    manifestFormat(table).decode(bytes, { snapshotId, sequenceNumber, holdsDeletes }),
  )
}

/** Reads a file and parses it; what the parser throws names the file. */
async function readAs<T>(
  storage: Pick<Storage, 'read'>,
  path: string,
  expected: string,
  parse: (bytes: Buffer) => Promise<T>,
): Promise<T> {
  const bytes = await storage.read(path)
  try {
    return await parse(bytes)
  } catch (error) {
    if (error instanceof TableError) throw error
    throw new TableError('file-damaged', { path, expected, reason: reasonOf(error) }, error)
  }
}
