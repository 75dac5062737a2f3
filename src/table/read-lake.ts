/** Reads both tables beside a process that writes them: no lock, nothing changed. */
import { type Pointers, readCatalog } from './catalog.ts'
import { TABLES } from './definition.ts'
import { TableError } from './error.ts'
import { loadTable } from './load.ts'
import { warehouseFolder } from './location.ts'
import { catalogText, type LakePlaces } from './place.ts'
import { openStorage, type Storage } from './storage.ts'
import { checkPlace, tableFolders } from './table-place.ts'
import { type TableView, viewOf } from './view.ts'

/** Both tables as of one commit. */
export type LakeSnapshot = Readonly<{
  events: TableView
  metrics: TableView
  properties: Readonly<Record<string, string>>
}>

/** How often a newer commit may overtake the reading; the writer keeps the last few metadata files. */
const ATTEMPTS_MAX = 5

/** Both pointers are read in one transaction, so that both views are of the same commit. */
export async function readLake({
  catalog,
  warehouse,
}: Pick<LakePlaces, 'catalog' | 'warehouse'>): Promise<LakeSnapshot> {
  const storage = await openStorage(warehouse)
  let pointers = await readCatalog(catalog)
  await checkPlace(catalogText(catalog), tableFolders(warehouseFolder(warehouse)), pointers)
  for (let attempt = 1; ; attempt++) {
    try {
      return await load(storage, pointers)
    } catch (error) {
      if (!(error instanceof TableError && error.code === 'file-lost')) throw error
      const newer = await readCatalog(catalog)
      if (samePointers(newer, pointers) || attempt === ATTEMPTS_MAX) throw error
      pointers = newer
    }
  }
}

async function load(storage: Storage, pointers: Pointers): Promise<LakeSnapshot> {
  const [events, metrics] = await Promise.all([
    loadTable(storage, TABLES.events, pointers.events),
    loadTable(storage, TABLES.metrics, pointers.metrics),
  ])
  const { properties } = events.metadata
  return { events: viewOf(events), metrics: viewOf(metrics), properties }
}

/** Where Flink writes, the tables move apart from each other. */
function samePointers(a: Pointers, b: Pointers): boolean {
  return a.events === b.events && a.metrics === b.metrics
}
