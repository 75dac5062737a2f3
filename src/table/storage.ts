/** The storage of a warehouse: a folder, or S3. The client of S3 is loaded only where it is used. */
import type { FileCache } from './file-cache.ts'
import type { WarehousePlace } from './place.ts'
import type { Storage } from './storage/contract.ts'
import { openDiskStorage } from './storage/disk.ts'

export type { Storage } from './storage/contract.ts'

/** A reader needs no `cache`; a writer puts the data files that it writes to S3 into it as well. */
export async function openStorage(
  place: WarehousePlace,
  cache: FileCache | null = null,
): Promise<Storage> {
  if (place.kind === 'folder') return openDiskStorage()
  const { openS3Storage } = await import('./storage/s3.ts')
  return openS3Storage(place, cache)
}
