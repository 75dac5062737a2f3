/**
 * The places of a lake in one folder: `catalog.db`, `warehouse/`, and `cache/`, which such a lake
 * does not use.
 */
import path from 'node:path'
import type { LakePlaces } from '../../src/table.ts'

export function placesIn(folder: string): LakePlaces {
  return {
    catalog: { kind: 'sqlite', path: path.join(folder, 'catalog.db') },
    warehouse: { kind: 'folder', path: path.join(folder, 'warehouse') },
    cache: { directory: path.join(folder, 'cache'), sizeBytes: 2 ** 30 },
  }
}
