/**
 * The folders of the two tables in a warehouse: whether the catalog points to them, so that tables
 * whose folder was moved are refused instead of half read, and whether they stay in place while
 * this process writes.
 */
import { realpath } from 'node:fs/promises'
import path from 'node:path'
import { guardPlace, type PlaceGuard } from '../runtime.ts'
import type { Pointers } from './catalog.ts'
import { forBothTables, NAMESPACE, TABLE_KEYS, TABLES, type TableKey } from './definition.ts'
import { TableError } from './error.ts'
import { below, type CatalogPlace, isOnS3, pathOf } from './location.ts'

export type TableFolders = Readonly<Record<TableKey, string>>

export function tableFolders(warehouse: string): TableFolders {
  return forBothTables((key) => below(warehouse, NAMESPACE, TABLES[key].name))
}

/**
 * The folder of a table whose metadata file is there: `<folder>/metadata/00001-….metadata.json`.
 */
export function folderOf(metadataLocation: string): string {
  return path.dirname(path.dirname(pathOf(metadataLocation)))
}

/**
 * Throws TableError `moved` or `other-warehouse` where the catalog points to other folders than
 * these, as it does after they were moved, or to folders that are gone.
 */
export async function checkTableFolders(
  catalog: string,
  folders: TableFolders,
  pointers: Pointers,
): Promise<void> {
  for (const key of TABLE_KEYS) {
    const recorded = folderOf(pointers[key])
    const actual = folders[key]
    if (recorded === actual ? await exists(actual) : await isSameFolder(recorded, actual)) continue
    if (recorded === actual) {
      throw new TableError('moved', { catalog, recorded, actual: 'gone' })
    }
    const isElsewhere = isOnS3(recorded) || isOnS3(actual)
    throw new TableError(isElsewhere ? 'other-warehouse' : 'moved', { catalog, recorded, actual })
  }
}

/** Folders on S3 cannot be looked at. */
async function exists(folder: string): Promise<boolean> {
  return isOnS3(folder) || (await realpath(folder).catch(() => null)) !== null
}

async function isSameFolder(a: string, b: string): Promise<boolean> {
  const real = (each: string) => realpath(each).catch(() => null)
  const [first, second] = await Promise.all([real(a), real(b)])
  return first !== null && first === second
}

export type FolderWatch = Readonly<{
  /**
   * One sentence while something is missing or was replaced, else null. Takes a few microseconds.
   */
  fault(): string | null
  close(): void
}>

/**
 * Watches from now on the catalog's file, the warehouse, the folders of both tables and those of
 * their metadata.
 */
export function watchFolders(
  catalog: CatalogPlace,
  warehouse: string,
  folders: TableFolders,
): FolderWatch {
  const guards: PlaceGuard[] = []
  if (catalog.kind === 'sqlite') guards.push(guardPlace(path.resolve(catalog.path), 'the catalog'))
  if (!isOnS3(warehouse)) {
    guards.push(guardPlace(warehouse, 'the warehouse'))
    for (const key of TABLE_KEYS) {
      guards.push(guardPlace(folders[key], 'the table'))
      guards.push(guardPlace(path.join(folders[key], 'metadata'), 'the metadata folder'))
    }
  }

  return {
    fault() {
      for (const guard of guards) {
        const found = guard.fault()
        if (found !== null) return found
      }
      return null
    },
    close() {
      for (const guard of guards) guard.close()
    },
  }
}
