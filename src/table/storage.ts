/**
 * The storage of a warehouse: a folder, or S3. The client of S3 is loaded only where it is used.
 * DuckDB reads local files only: the data files of a folder are that already, those on S3 are
 * copied into a cache.
 */
import { existsSync } from 'node:fs'
import { makeFolder } from '../runtime.ts'
import { type LakePlaces, type WarehousePlace, warehouseFolder } from './location.ts'
import type { Storage } from './storage/contract.ts'
import { openDiskStorage } from './storage/disk.ts'
import { type FileCache, type HeldFiles, openFileCache } from './storage/file-cache.ts'

export type { Storage, StoredFile } from './storage/contract.ts'
export { openDiskStorage } from './storage/disk.ts'
export type { HeldFiles } from './storage/file-cache.ts'

/** A reader needs no `cache`; a writer also puts the data files that it writes to S3 into it. */
export async function openStorage(
  place: WarehousePlace,
  cache: FileCache | null = null,
): Promise<Storage> {
  if (place.kind === 'folder') return openDiskStorage()
  const { openS3Storage } = await import('./storage/s3.ts')
  return openS3Storage(place, cache)
}

export type WriteNotes = Readonly<{
  has(path: string): boolean
  /** Forgets what was written, and notes no more. */
  stop(): void
}>

/** A storage that notes what is written through it. */
export function noteWrites(storage: Storage): Readonly<{ storage: Storage; written: WriteNotes }> {
  const paths = new Set<string>()
  let isNoting = true
  const note = (path: string): void => {
    if (isNoting) paths.add(path)
  }
  const noting: Storage = {
    ...storage,
    write(path, chunks, onWritten) {
      note(path)
      return storage.write(path, chunks, onWritten)
    },
    take(local, path) {
      note(path)
      return storage.take(local, path)
    },
  }
  const stop = (): void => {
    isNoting = false
    paths.clear()
  }
  return { storage: noting, written: { has: (path) => paths.has(path), stop } }
}

/**
 * Makes the folder or the bucket where it is missing, or only looks when `isDry`. Throws
 * TableError.
 */
export async function makeWarehouse(
  place: WarehousePlace,
  isDry: boolean,
): Promise<'found' | 'made' | 'missing'> {
  if (place.kind === 's3') {
    const { makeBucket } = await import('./storage/s3-client.ts')
    return await makeBucket(place, isDry)
  }
  const folder = warehouseFolder(place)
  if (existsSync(folder)) return 'found'
  if (isDry) return 'missing'
  makeFolder(folder)
  return 'made'
}

export type LocalFiles = Readonly<{
  /** Holds all local files that there will be. */
  folder: string
  /** Where a program writes a new data file that `importEventsFile` then puts in its place. */
  pathOf(file: string): string
  /**
   * The local files of these data files, in order; they stay until they are released. Throws
   * TableError.
   */
  hold(files: readonly string[]): Promise<HeldFiles>
  close(): void
}>

type Places = Pick<LakePlaces, 'warehouse' | 'cache'>

/** For a reader. */
export async function openLocalFiles(places: Places, nowMs: () => number): Promise<LocalFiles> {
  return localFilesOf(places, openCache(places, nowMs), await openStorage(places.warehouse))
}

/** Null for a folder, which needs none. */
export function openCache({ warehouse, cache }: Places, nowMs: () => number): FileCache | null {
  if (warehouse.kind === 'folder') return null
  return openFileCache({ directory: cache.directory, bytesMax: cache.sizeBytes, nowMs })
}

export function localFilesOf(
  { warehouse }: Pick<Places, 'warehouse'>,
  cache: FileCache | null,
  storage: Storage,
): LocalFiles {
  if (cache !== null) {
    return {
      folder: cache.directory,
      pathOf: cache.pathOf,
      hold: (files) => cache.hold(files, storage.read),
      close: cache.close,
    }
  }
  return {
    folder: warehouseFolder(warehouse),
    pathOf: (file) => file,
    hold: async (files) => ({ paths: files, release() {} }),
    close() {},
  }
}
