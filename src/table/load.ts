/** Loads a table from its metadata file: manifest list, manifests, and for writers the files that older snapshots hold. */
import type { TableState } from './commit-plan.ts'
import type { DataFile } from './data-file.ts'
import type { TableDefinition } from './definition.ts'
import { reasonOf, TableError } from './error.ts'
import { pathOf } from './location.ts'
import { type ManifestEntry, manifestFormat, STATUS } from './manifest.ts'
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

/**
 * The files that only older snapshots hold. A snapshot whose files cannot be read is passed over: its files stay until
 * the orphan sweep finds them, and the current snapshot does not need them.
 */
export async function loadRetired(
  storage: Storage,
  state: TableState,
): Promise<readonly Retired[]> {
  const { current, snapshots } = state.metadata
  const live = new Set(state.manifests.flatMap(({ live }) => live.map((entry) => entry.file.path)))
  const currentManifests = new Set(state.manifests.map(({ file }) => file.path))
  const entries = new Map<string, Promise<readonly ManifestEntry[]>>()
  const found = new Map<string, Retired>()
  const hold = (path: string, first: number, last: number): void => {
    const known = found.get(path)
    found.set(path, { path, first, last: Math.max(last, known?.last ?? last) })
  }
  for (const snapshot of snapshots) {
    if (snapshot.id === current?.id) continue
    const list = await loadList(storage, snapshot).catch(() => [])
    for (const file of list) {
      if (currentManifests.has(file.path)) continue
      hold(file.path, file.sequenceNumber, snapshot.sequenceNumber)
      let loading = entries.get(file.path)
      if (loading === undefined) {
        loading = loadManifest(storage, state.table, file).then(
          (manifest) => manifest.live,
          () => [],
        )
        entries.set(file.path, loading)
      }
      for (const entry of await loading) {
        const { path } = entry.file
        if (!live.has(path)) hold(path, entry.sequenceNumber, snapshot.sequenceNumber)
      }
    }
  }
  return [...found.values()]
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
