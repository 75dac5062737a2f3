/** Whether tables and catalog are where their readers and the next start will look for them, as far as they are on this machine. */
import path from 'node:path'
import { guardPlace, type PlaceGuard } from '../runtime.ts'
import { TABLE_KEYS } from './definition.ts'
import { isOnS3 } from './location.ts'
import type { CatalogPlace } from './place.ts'
import type { TableFolders } from './table-place.ts'

export type Whereabouts = Readonly<{
  /** One sentence while something is missing or another one; a few microseconds. */
  fault(): string | null
  close(): void
}>

/** Watched from now on: the catalog's file, and the folders of both tables, of their metadata and around them. */
export function openWhereabouts(
  catalog: CatalogPlace,
  warehouse: string,
  folders: TableFolders,
): Whereabouts {
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
