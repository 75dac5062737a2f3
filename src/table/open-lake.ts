/** Opens the lake for writing: takes the lock, makes what is missing, refuses what does not fit. */
import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Catalog, openCatalog, type Pointers } from './catalog.ts'
import { type CatalogAccess, type CommitStep, type States, swapPointers } from './commit.ts'
import { nextMetadataName, PREVIOUS_METADATA_MAX, type TableState } from './commit-plan.ts'
import { openDataFiles } from './data-files.ts'
import { forBothTables, TABLE_KEYS, TABLES, type TableKey } from './definition.ts'
import { TableError } from './error.ts'
import { EXPIRY_POLICY, type ExpiryPolicy } from './expiry.ts'
import { importEventsFile } from './import-file.ts'
import { Lake } from './lake.ts'
import { type Known, loadForWriting } from './load.ts'
import { copies, identity, type LocalFiles, openCacheOf } from './local-files.ts'
import { below, locationOf, warehouseFolder } from './location.ts'
import { type CatalogPlace, catalogText, type LakePlaces } from './place.ts'
import { type Properties, propertiesDiffer, tableProperties, type Writer } from './properties.ts'
import { sayingWait } from './saying-wait.ts'
import { openStorage, type Storage } from './storage.ts'
import { newTableMetadata, serializeMetadata } from './table-metadata.ts'
import { checkPlace, tableFolders } from './table-place.ts'
import { openWhereabouts, type Whereabouts } from './whereabouts.ts'
import { openWriterLock } from './writer-lock.ts'

export type LakeOptions = LakePlaces &
  Readonly<{
    windowUs: number
    /** Who fills the tables. With `flink`, Flink does, and this lake amends and expires beside it. */
    writer: Writer
    nowUs: () => number
    /** Called at each step of a commit; for tests that stop the process there. */
    onStep?: (step: CommitStep) => void
    /** A commit waits for a catalog that is locked or does not answer: why; null when it no longer does. */
    onWait?: (reason: string | null) => void
    storage?: Storage
    /** Which snapshots stay. */
    retention?: ExpiryPolicy
    openCatalog?: (place: CatalogPlace) => Promise<Catalog>
    pause?: (durationMs: number) => Promise<void>
    newUuid?: () => string
  }>

type Opening = Readonly<{
  catalog: string
  folders: Readonly<Record<TableKey, string>>
  storage: Storage
  properties: Properties
  nowMs: number
  newUuid: () => string
}>

export async function openLake(options: LakeOptions): Promise<Lake> {
  const folder = warehouseFolder(options.warehouse)
  const lock = await openWriterLock(options.catalog)
  let access: Closing | undefined
  let local: LocalFiles | undefined
  let places: Whereabouts | undefined
  const release = async (): Promise<void> => {
    local?.close()
    places?.close()
    await access?.close()
    await lock.release()
  }
  try {
    const { onWait = () => {} } = options
    const say = <T>(act: () => Promise<T>): Promise<T> =>
      sayingWait(catalogText(options.catalog), onWait, act)
    access = await say(() => openAccess(options))
    const nowMs = (): number => options.nowUs() / 1000
    const cache = openCacheOf(options, nowMs)
    const storage = options.storage ?? (await openStorage(options.warehouse, cache))
    local = cache === null ? identity(folder) : copies(cache, (file) => storage.read(file))
    const placeFault = (): string | null => lock.fault() ?? places?.fault() ?? null
    const parts = { access, local, storage, keepLock: lock.keep, placeFault, release }
    const lake = await say(() => openWith(folder, parts, options))
    places = openWhereabouts(options.catalog, folder, tableFolders(folder))
    return lake
  } catch (error) {
    await release()
    throw error
  }
}

type Opened = Readonly<{
  access: CatalogAccess
  local: LocalFiles
  storage: Storage
  keepLock: () => Promise<void>
  placeFault: () => string | null
  release: () => Promise<void>
}>

async function openWith(folder: string, opened: Opened, options: LakeOptions): Promise<Lake> {
  const { access, storage, local } = opened
  const { windowUs, nowUs, writer } = options
  const { newUuid = randomUUID, onStep = () => {}, onWait = () => {} } = options
  const folders = tableFolders(folder)
  const nowMs = Math.floor(nowUs() / 1000)
  const properties = tableProperties(writer, windowUs)
  const opening: Opening = { catalog: access.name, folders, storage, properties, nowMs, newUuid }
  const catalog = await access.current()
  const pointers = (await catalog.read()) ?? (await createTables(opening, catalog))
  await checkPlace(access.name, folders, pointers)
  const isShared = writer === 'flink'
  const load = openLoading(storage, isShared)
  const states = await withProperties(opening, access, await load(pointers, null))
  return new Lake({
    ...opened,
    states,
    files: openDataFiles({ storage, folders, windowUs, newUuid, onStep }),
    importFile: (file) => importEventsFile(storage, local, file),
    reload: async (before) => load((await readPointers(access)) ?? pointers, before),
    expiry: { policy: options.retention ?? EXPIRY_POLICY, isShared },
    onWait,
    nowUs,
    newUuid,
    onStep,
  })
}

type Closing = CatalogAccess & Readonly<{ close(): Promise<void> }>

async function openAccess(options: LakeOptions): Promise<Closing> {
  const open = (): Promise<Catalog> => (options.openCatalog ?? openCatalog)(options.catalog)
  let catalog: Catalog | null = await open()
  const close = async (): Promise<void> => {
    const closing = catalog
    catalog = null
    await closing?.close()
  }
  return {
    name: catalogText(options.catalog),
    settles: catalog.settles,
    current: async () => {
      catalog ??= await open()
      return catalog
    },
    reopen: async () => {
      await close()
      catalog = await open()
      return catalog
    },
    pause: options.pause ?? ((durationMs) => sleep(durationMs)),
    close,
  }
}

/** Over a new connection where the one that there is has broken since it was used last. */
async function readPointers(access: CatalogAccess): Promise<Pointers | null> {
  try {
    return await (await access.current()).read()
  } catch {
    return await (await access.reopen()).read()
  }
}

/** Loads the tables at the pointers; a table that has not moved keeps its state. */
function openLoading(
  storage: Storage,
  isShared: boolean,
): (pointers: Pointers, before: States | null) => Promise<States> {
  const none = (): Known => ({ lists: new Map(), manifests: new Map() })
  const shared = forBothTables(none)
  return async (pointers, before) => {
    const load = async (key: TableKey): Promise<TableState> => {
      const state = before?.[key]
      if (state !== undefined && locationOf(state.metadataPath) === pointers[key]) return state
      const known = isShared ? shared[key] : none()
      return await loadForWriting(storage, TABLES[key], pointers[key], known)
    }
    const [events, metrics] = await Promise.all([load('events'), load('metrics')])
    return { events, metrics }
  }
}

/** Makes both tables, without a snapshot. A crash before the catalog has them leaves two small files behind. */
async function createTables(opening: Opening, catalog: Catalog): Promise<Pointers> {
  const { storage, folders, properties, nowMs, newUuid } = opening
  for (const key of TABLE_KEYS) await checkUnused(opening, folders[key])
  const created = forBothTables((key) => ({
    file: below(folders[key], 'metadata', `00000-${newUuid()}.metadata.json`),
    metadata: newTableMetadata(TABLES[key], newUuid(), folders[key], properties, nowMs),
  }))
  for (const key of TABLE_KEYS) {
    const { file, metadata } = created[key]
    await storage.write(file, [Buffer.from(serializeMetadata(metadata))])
  }
  await storage.syncFolders()
  const pointers = forBothTables((key) => locationOf(created[key].file))
  await catalog.create(pointers)
  return pointers
}

/** Files of tables that the catalog does not know must not be mixed with new ones, nor swept as orphans later. */
async function checkUnused({ storage, catalog }: Opening, folder: string): Promise<void> {
  for await (const file of storage.list(folder)) {
    if (path.basename(file.path).startsWith('00000-')) continue
    throw new TableError('foreign-warehouse', { folder, catalog })
  }
}

/** Gives empty tables the properties of this writer. */
async function withProperties(
  { storage, properties, nowMs, newUuid }: Opening,
  access: CatalogAccess,
  states: States,
): Promise<States> {
  const differ = TABLE_KEYS.map((key) => propertiesDiffer(states[key], properties))
  if (!differ.includes(true)) return states
  const next = forBothTables((key): TableState => {
    const { metadata, metadataPath } = states[key]
    const timestampMs = metadata.lastUpdatedMs
    const log = [...metadata.metadataLog, { timestampMs, path: metadataPath }]
    return {
      ...states[key],
      metadataPath: below(path.dirname(metadataPath), nextMetadataName(metadataPath, newUuid())),
      metadata: {
        ...metadata,
        lastUpdatedMs: Math.max(nowMs, timestampMs),
        properties: { ...metadata.properties, ...properties },
        metadataLog: log.slice(-PREVIOUS_METADATA_MAX),
      },
    }
  })
  for (const key of TABLE_KEYS) {
    const text = serializeMetadata(next[key].metadata)
    await storage.write(next[key].metadataPath, [Buffer.from(text)])
  }
  await storage.syncFolders()
  const ignore = { onStep: () => {}, onDoubt: () => {}, onWait: () => {}, goesOn: () => false }
  await swapPointers(access, storage, states, next, 'properties', ignore)
  return next
}
