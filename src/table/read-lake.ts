/**
 * Reads both tables beside the process that writes them: without a lock, and without changing
 * anything. `readLake` loads them, `openLakeReader` gives the REST catalog their metadata as text.
 */
import { type Pointers, readCatalog } from './catalog.ts'
import { TABLES } from './definition.ts'
import { TableError } from './error.ts'
import { loadTable } from './load-table.ts'
import {
  type CatalogPlace,
  catalogText,
  type LakePlaces,
  locationOf,
  pathOf,
  type WarehousePlace,
  warehouseFolder,
} from './location.ts'
import type { LakeReader } from './rest-catalog.ts'
import { openStorage, type Storage } from './storage.ts'
import { checkTableFolders, tableFolders } from './table-folders.ts'
import { type TableView, viewOf } from './table-view.ts'

type Places = Pick<LakePlaces, 'catalog' | 'warehouse'> & Readonly<{ storage?: Storage }>

/** Both tables as of one commit. */
export type LakeSnapshot = Readonly<{
  events: TableView
  metrics: TableView
  properties: Readonly<Record<string, string>>
}>

/** Both pointers are read in one transaction, so that both views are of the same commit. */
export async function readLake(places: Places): Promise<LakeSnapshot> {
  const { catalog, warehouse } = places
  const storage = places.storage ?? (await openStorage(warehouse))
  const pointers = await readCatalog(catalog)
  const folders = tableFolders(warehouseFolder(warehouse))
  await checkTableFolders(catalogText(catalog), folders, pointers)
  return await readCurrent(catalog, pointers, (current) => load(storage, current))
}

/** The same; null before there are tables. */
export async function readLakeIfMade(places: Places): Promise<LakeSnapshot | null> {
  try {
    return await readLake(places)
  } catch (error) {
    if (error instanceof TableError && error.code === 'catalog-missing') return null
    throw error
  }
}

export function openLakeReader({ catalog, warehouse, storage }: Places): LakeReader {
  let files = storage
  return {
    warehouse: locationOf(warehouseFolder(warehouse)),
    settings: settingsOf(warehouse),
    locate: async (key) => (await readCatalog(catalog))[key],
    async loadMetadata(key) {
      files ??= await openStorage(warehouse)
      const { read } = files
      return await readCurrent(catalog, await readCatalog(catalog), async (current) => {
        const metadata = await read(pathOf(current[key]))
        return { metadataLocation: current[key], metadata: metadata.toString('utf8') }
      })
    },
  }
}

/**
 * How many newer commits may remove what is being read; the writer keeps the last few metadata
 * files.
 */
const ATTEMPTS_MAX = 5

/**
 * Reads what the pointers lead to, and starts again at the newer pointers where a commit has
 * removed some of it.
 */
async function readCurrent<T>(
  catalog: CatalogPlace,
  first: Pointers,
  read: (pointers: Pointers) => Promise<T>,
): Promise<T> {
  let pointers = first
  for (let attempt = 1; ; attempt++) {
    try {
      return await read(pointers)
    } catch (error) {
      if (!(error instanceof TableError && error.code === 'file-lost')) throw error
      const newer = await readCatalog(catalog)
      // Where Flink writes, each table moves on by itself.
      const isSame = newer.events === pointers.events && newer.metrics === pointers.metrics
      if (isSame || attempt === ATTEMPTS_MAX) throw error
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

/**
 * How a client reaches the files, in the names that Iceberg's clients share. Credentials are the
 * client's own.
 */
function settingsOf(place: WarehousePlace): Readonly<Record<string, string>> {
  if (place.kind === 'folder') return {}
  return {
    's3.region': place.region,
    'client.region': place.region,
    's3.path-style-access': String(place.pathStyle),
    ...(place.endpoint !== null && { 's3.endpoint': place.endpoint }),
  }
}
