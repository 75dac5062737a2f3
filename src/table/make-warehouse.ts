/** The place of the tables' files, before there are any. */

import { existsSync } from 'node:fs'
import { makeFolder } from '../runtime.ts'
import { warehouseFolder } from './location.ts'
import type { WarehousePlace } from './place.ts'

/** Makes the folder or the bucket where it is missing, or only looks when `isDry`. Throws TableError. */
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
