/**
 * The lake as the REST catalog reads it, beside the process that writes it: the pointer from the catalog, the metadata
 * file as it lies in the warehouse.
 */
import { readCatalog } from '../catalog.ts'
import { TableError } from '../error.ts'
import { pathOf } from '../location.ts'
import type { LakePlaces, WarehousePlace } from '../place.ts'
import type { LakeReader } from '../rest-catalog.ts'
import { openStorage, type Storage } from '../storage.ts'

/** How often a commit may overtake the reading; the writer keeps the last few metadata files. */
const ATTEMPTS_MAX = 3

export function openLakeReader({
  catalog,
  warehouse,
}: Pick<LakePlaces, 'catalog' | 'warehouse'>): LakeReader {
  let storage: Promise<Storage> | null = null
  return {
    settings: settingsOf(warehouse),
    async loadMetadata(key) {
      storage ??= openStorage(warehouse)
      for (let attempt = 1; ; attempt++) {
        const metadataLocation = (await readCatalog(catalog))[key]
        try {
          const metadata = await (await storage).read(pathOf(metadataLocation))
          return { metadataLocation, metadata: metadata.toString('utf8') }
        } catch (error) {
          const isLost = error instanceof TableError && error.code === 'file-lost'
          if (!isLost || attempt === ATTEMPTS_MAX) throw error
        }
      }
    },
  }
}

/** How a client reaches the files, under the names that Iceberg's clients share. Credentials are its own. */
function settingsOf(place: WarehousePlace): Readonly<Record<string, string>> {
  if (place.kind === 'folder') return {}
  return {
    's3.region': place.region,
    'client.region': place.region,
    's3.path-style-access': String(place.pathStyle),
    ...(place.endpoint !== null && { 's3.endpoint': place.endpoint }),
  }
}
