/**
 * Data files as files on this machine, for DuckDB. In a folder warehouse they are that already; those on S3 are copied into a
 * cache.
 */
import { type FileCache, type HeldFiles, openFileCache } from './file-cache.ts'
import { warehouseFolder } from './location.ts'
import type { LakePlaces } from './place.ts'
import { openStorage } from './storage.ts'

export type { HeldFiles } from './file-cache.ts'

export type LocalFiles = Readonly<{
  /** Holds all local files there will be. */
  folder: string
  /** Where a program writes a new data file that `importEventsFile` then puts in its place. */
  pathOf(file: string): string
  /** The local files of these data files, in order, there until they are released. Throws TableError. */
  hold(files: readonly string[]): Promise<HeldFiles>
  close(): void
}>

type Places = Pick<LakePlaces, 'warehouse' | 'cache'>

export async function openLocalFiles(places: Places, nowMs: () => number): Promise<LocalFiles> {
  const cache = openCacheOf(places, nowMs)
  if (cache === null) return identity(warehouseFolder(places.warehouse))
  const storage = await openStorage(places.warehouse)
  return copies(cache, (file) => storage.read(file))
}

/** Null for a folder, which needs none. */
export function openCacheOf({ warehouse, cache }: Places, nowMs: () => number): FileCache | null {
  if (warehouse.kind === 'folder') return null
  return openFileCache({ directory: cache.directory, bytesMax: cache.sizeBytes, nowMs })
}

export function copies(
  cache: FileCache,
  download: (file: string) => Promise<Uint8Array>,
): LocalFiles {
  return {
    folder: cache.directory,
    pathOf: cache.pathOf,
    hold: (files) => cache.hold(files, download),
    close: cache.close,
  }
}

export function identity(folder: string): LocalFiles {
  return {
    folder,
    pathOf: (file) => file,
    hold: async (files) => ({ paths: files, release() {} }),
    close() {},
  }
}
