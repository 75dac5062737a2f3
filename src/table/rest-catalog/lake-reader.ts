/**
 * The lake as the REST catalog reads it, beside the process that writes it: the pointer from the catalog, the metadata
 * file as it lies on the disk.
 */
import { readCatalog } from '../catalog.ts'
import { TableError } from '../error.ts'
import { pathOf } from '../location.ts'
import type { LakeReader } from '../rest-catalog.ts'
import { openStorage } from '../storage.ts'

/** How often a commit may overtake the reading; the writer keeps the last few metadata files. */
const ATTEMPTS_MAX = 3

export function openLakeReader(catalogPath: string): LakeReader {
  const storage = openStorage()
  return {
    async loadMetadata(key) {
      for (let attempt = 1; ; attempt++) {
        const metadataLocation = readCatalog(catalogPath)[key]
        try {
          const metadata = (await storage.read(pathOf(metadataLocation))).toString('utf8')
          return { metadataLocation, metadata }
        } catch (error) {
          const isLost = error instanceof TableError && error.code === 'file-lost'
          if (!isLost || attempt === ATTEMPTS_MAX) throw error
        }
      }
    },
  }
}
