/**
 * Relocates the tables after their folder was moved or copied. Iceberg metadata holds absolute
 * locations, so every metadata file, manifest list and manifest is rewritten with the new ones;
 * data files stay as they are.
 *
 * A crash anywhere loses nothing: the new files are written beside the old ones, then both pointers
 * move in one transaction, then the old files are removed.
 */
import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { uuidBytes } from './avro.ts'
import { type Catalog, openCatalog, openWriterLock, type Pointers } from './catalog.ts'
import {
  forBothTables,
  TABLE_KEYS,
  TABLES,
  type TableDefinition,
  type TableKey,
} from './definition.ts'
import { TableError } from './error.ts'
import { readList, readManifest, readMetadata } from './load-table.ts'
import {
  type CatalogPlace,
  catalogText,
  isOnS3,
  locationOf,
  pathOf,
  type WarehousePlace,
  warehouseFolder,
} from './location.ts'
import { manifestFormat } from './manifest.ts'
import { encodeManifestList, type ManifestFile } from './manifest-list.ts'
import type { Snapshot } from './snapshot.ts'
import { openDiskStorage, type Storage } from './storage.ts'
import { folderOf, type TableFolders, tableFolders } from './table-folders.ts'
import { nextMetadataName, serializeMetadata, type TableMetadata } from './table-metadata.ts'

export type RelocateOptions = Readonly<{
  catalog: CatalogPlace
  /** Where the warehouse is now. */
  warehouse: WarehousePlace
  storage?: Storage
}>

/**
 * Returns whether anything had to change. No other process may have the catalog open for writing.
 * Refuses tables on S3.
 */
export async function relocateLake(options: RelocateOptions): Promise<boolean> {
  const { warehouse } = options
  if (warehouse.kind === 's3') throw new TableError('not-a-folder', { path: warehouse.location })
  const folders = tableFolders(warehouseFolder(warehouse))
  const lock = await openWriterLock(options.catalog)
  let catalog: Catalog | undefined
  try {
    catalog = await openCatalog(options.catalog)
    const pointers = await catalog.read()
    const name = catalogText(options.catalog)
    if (pointers === null) throw new TableError('catalog-missing', { catalog: name })
    const onS3 = TABLE_KEYS.map((key) => pointers[key]).find(isOnS3)
    if (onS3 !== undefined) throw new TableError('not-a-folder', { path: onS3 })
    return await relocate(catalog, pointers, folders, options)
  } finally {
    await catalog?.close()
    await lock.release()
  }
}

async function relocate(
  catalog: Catalog,
  pointers: Pointers,
  folders: TableFolders,
  { storage = openDiskStorage() }: RelocateOptions,
): Promise<boolean> {
  const recorded = forBothTables((key) => folderOf(pointers[key]))
  if (TABLE_KEYS.every((key) => recorded[key] === folders[key])) return false
  const move = (key: TableKey): Promise<Moved> => {
    const place: Place = { storage, from: recorded[key], to: folders[key] }
    return moveTable(place, TABLES[key], pathOf(pointers[key]))
  }
  const moved = { events: await move('events'), metrics: await move('metrics') }
  await storage.syncFolders()
  const next = forBothTables((key) => locationOf(moved[key].metadataPath))
  await catalog.swap(pointers, next, () => {})
  for (const key of TABLE_KEYS) {
    for (const old of moved[key].old) await storage.remove(old).catch(() => {})
  }
  return true
}

type Place = Readonly<{ storage: Storage; from: string; to: string }>
/** `old`: the present paths of files that the new metadata no longer refers to. */
type Moved = Readonly<{ metadataPath: string; old: readonly string[] }>

async function moveTable(
  place: Place,
  table: TableDefinition,
  metadataPath: string,
): Promise<Moved> {
  const { storage, to } = place
  const oldPath = newPathOf(place, metadataPath)
  const metadata = await readMetadata(storage, table, oldPath)
  const old = new Set([oldPath, ...metadata.metadataLog.map((e) => newPathOf(place, e.path))])
  const manifests = new Map<string, ManifestFile>()
  const snapshots: Snapshot[] = []
  for (const snapshot of metadata.snapshots) {
    try {
      snapshots.push(await moveSnapshot(place, table, snapshot, manifests, old))
    } catch (error) {
      // The table can lose an older snapshot, but not the current one.
      const lost = error instanceof TableError && ['file-lost', 'unfit-change'].includes(error.code)
      if (!lost || snapshot.id === metadata.current?.id) throw error
    }
  }
  const next: TableMetadata = {
    ...metadata,
    folder: to,
    snapshots,
    current: snapshots.find((snapshot) => snapshot.id === metadata.current?.id) ?? null,
    metadataLog: [],
    snapshotLog: metadata.snapshotLog.filter((entry) =>
      snapshots.some((snapshot) => snapshot.id === entry.snapshotId),
    ),
  }
  const newPath = path.join(to, 'metadata', nextMetadataName(metadataPath, randomUUID()))
  await storage.write(newPath, [Buffer.from(serializeMetadata(next))])
  return { metadataPath: newPath, old: [...old] }
}

async function moveSnapshot(
  place: Place,
  table: TableDefinition,
  snapshot: Snapshot,
  manifests: Map<string, ManifestFile>,
  old: Set<string>,
): Promise<Snapshot> {
  const { storage, to } = place
  const oldPath = newPathOf(place, snapshot.manifestListPath)
  const moved: ManifestFile[] = []
  for (const file of await readList(storage, oldPath)) {
    // Position deletes name their data files by location, so they cannot move along.
    if (file.holdsDeletes) {
      const change = `snapshot ${snapshot.id} has delete files`
      throw new TableError('unfit-change', { change, todo: 'Rewrite its data files' })
    }
    const known = manifests.get(file.path) ?? (await moveManifest(place, table, file, old))
    manifests.set(file.path, known)
    moved.push(known)
  }
  const owner = {
    snapshotId: snapshot.id,
    parentSnapshotId: snapshot.parentId,
    sequenceNumber: snapshot.sequenceNumber,
  }
  const uuid = randomUUID()
  const manifestListPath = path.join(to, 'metadata', `snap-${snapshot.id}-1-${uuid}.avro`)
  await storage.write(manifestListPath, [await encodeManifestList(moved, owner, uuidBytes(uuid))])
  old.add(oldPath)
  return { ...snapshot, manifestListPath }
}

async function moveManifest(
  place: Place,
  table: TableDefinition,
  manifest: ManifestFile,
  old: Set<string>,
): Promise<ManifestFile> {
  const { storage, to } = place
  const oldPath = newPathOf(place, manifest.path)
  const entries = await readManifest(storage, table, manifest, oldPath)
  const moved = entries.map((entry) => ({
    ...entry,
    file: { ...entry.file, path: newPathOf(place, entry.file.path) },
  }))
  const uuid = randomUUID()
  const newPath = path.join(to, 'metadata', `${uuid}-m0.avro`)
  const content = await manifestFormat(table).encode(moved, uuidBytes(uuid))
  const bytes = await storage.write(newPath, [content])
  old.add(oldPath)
  return { ...manifest, path: newPath, bytes }
}

/**
 * The present path of a file recorded under the old folder; a file outside it stays where it is.
 */
function newPathOf({ from, to }: Place, recorded: string): string {
  return recorded.startsWith(`${from}/`) ? to + recorded.slice(from.length) : recorded
}
