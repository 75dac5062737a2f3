/** Where the tables lie in a warehouse, and whether the catalog points there: a folder that was moved is told, not half read. */
import { realpath } from 'node:fs/promises'
import path from 'node:path'
import type { Pointers } from './catalog.ts'
import { forBothTables, NAMESPACE, TABLE_KEYS, TABLES, type TableKey } from './definition.ts'
import { TableError } from './error.ts'
import { below, isOnS3, pathOf } from './location.ts'

export type TableFolders = Readonly<Record<TableKey, string>>

export function tableFolders(warehouse: string): TableFolders {
  return forBothTables((key) => below(warehouse, NAMESPACE, TABLES[key].name))
}

/** Throws TableError `moved` or `other-warehouse` where the catalog points to other folders, as before they were moved, or to none. */
export async function checkPlace(
  catalog: string,
  folders: TableFolders,
  pointers: Pointers,
): Promise<void> {
  for (const key of TABLE_KEYS) {
    const recorded = path.dirname(path.dirname(pathOf(pointers[key])))
    const actual = folders[key]
    if (recorded === actual ? await isThere(actual) : await samePlace(recorded, actual)) continue
    if (recorded === actual) {
      throw new TableError('moved', { catalog, recorded, actual: 'gone' })
    }
    const isElsewhere = isOnS3(recorded) || isOnS3(actual)
    throw new TableError(isElsewhere ? 'other-warehouse' : 'moved', { catalog, recorded, actual })
  }
}

/** Of folders on S3 there is nothing to see. */
async function isThere(folder: string): Promise<boolean> {
  return isOnS3(folder) || (await realpath(folder).catch(() => null)) !== null
}

async function samePlace(a: string, b: string): Promise<boolean> {
  const real = (each: string) => realpath(each).catch(() => null)
  const [first, second] = await Promise.all([real(a), real(b)])
  return first !== null && first === second
}
