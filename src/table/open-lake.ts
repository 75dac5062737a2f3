/** Opens the lake for writing: takes the lock, makes what is missing, refuses what does not fit. */
import { randomUUID } from 'node:crypto'
import { realpath } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { acquireLock } from '../lock.ts'
import { type Catalog, openCatalog, type Pointers } from './catalog.ts'
import { type CatalogAccess, type CommitStep, type States, swapPointers } from './commit.ts'
import { nextMetadataName, PREVIOUS_METADATA_MAX, type TableState } from './commit-plan.ts'
import { openDataFiles } from './data-files.ts'
import { forBothTables, NAMESPACE, TABLE_KEYS, TABLES, type TableKey } from './definition.ts'
import { TableError } from './error.ts'
import { EXPIRY_POLICY, type ExpiryPolicy } from './expiry.ts'
import { importEventsFile } from './import-file.ts'
import { Lake } from './lake.ts'
import { loadRetired, loadTable } from './load.ts'
import { checkWarehousePath, locationOf, pathOf } from './location.ts'
import { type Properties, propertiesDiffer, tableProperties, type Writer } from './properties.ts'
import { openStorage, type Storage } from './storage.ts'
import { newTableMetadata, serializeMetadata } from './table-metadata.ts'

export type LakeOptions = Readonly<{
  catalogPath: string
  warehousePath: string
  windowUs: number
  writer: Writer
  nowUs: () => number
  /** Called at each step of a commit; for tests that stop the process there. */
  onStep?: (step: CommitStep) => void
  storage?: Storage
  /** Which snapshots stay. */
  retention?: ExpiryPolicy
  openCatalog?: (catalogPath: string) => Catalog
  pause?: (durationMs: number) => Promise<void>
  newUuid?: () => string
}>

type Opening = Readonly<{
  catalogPath: string
  folders: Readonly<Record<TableKey, string>>
  storage: Storage
  properties: Properties
  nowMs: number
  newUuid: () => string
}>

export async function openLake(options: LakeOptions): Promise<Lake> {
  const catalogPath = path.resolve(options.catalogPath)
  const lock = acquireLock(`${catalogPath}.lock`, `the catalog ${catalogPath}`)
  let access: ReturnType<typeof openAccess> | undefined
  try {
    access = openAccess(catalogPath, options)
    return await openWith(catalogPath, access, options, () => {
      access?.close()
      lock.release()
    })
  } catch (error) {
    access?.close()
    lock.release()
    throw error
  }
}

async function openWith(
  catalogPath: string,
  access: CatalogAccess,
  options: LakeOptions,
  release: () => void,
): Promise<Lake> {
  const { storage = openStorage(), newUuid = randomUUID, onStep = () => {} } = options
  const folders = tableFolders(checkWarehousePath(options.warehousePath))
  const nowMs = Math.floor(options.nowUs() / 1000)
  const properties = tableProperties(options.writer, options.windowUs)
  const opening: Opening = { catalogPath, folders, storage, properties, nowMs, newUuid }
  const pointers = access.current().read() ?? (await createTables(opening, access.current()))
  await checkPlace(opening, pointers)
  const loaded = await loadStates(storage, pointers)
  const states = await withProperties(opening, access, loaded)
  const { windowUs, nowUs } = options
  return new Lake({
    states,
    access,
    storage,
    files: openDataFiles({ storage, folders, windowUs, newUuid, onStep }),
    importFile: (file) => importEventsFile(storage, file),
    reload: async () => loadStates(storage, access.current().read() ?? pointers),
    expiry: options.retention ?? EXPIRY_POLICY,
    nowUs,
    newUuid,
    onStep,
    release,
  })
}

export function tableFolders(warehouse: string): Readonly<Record<TableKey, string>> {
  return forBothTables((key) => path.join(warehouse, NAMESPACE, TABLES[key].name))
}

function openAccess(catalogPath: string, options: LakeOptions): CatalogAccess & { close(): void } {
  const open = options.openCatalog ?? openCatalog
  let catalog: Catalog | null = open(catalogPath)
  const close = (): void => {
    const closing = catalog
    catalog = null
    closing?.close()
  }
  return {
    path: catalogPath,
    current: () => {
      catalog ??= open(catalogPath)
      return catalog
    },
    reopen: () => {
      close()
      catalog = open(catalogPath)
      return catalog
    },
    pause: options.pause ?? ((durationMs) => sleep(durationMs)),
    close,
  }
}

async function loadStates(storage: Storage, pointers: Pointers): Promise<States> {
  const load = async (key: TableKey): Promise<TableState> => {
    const state = await loadTable(storage, TABLES[key], pointers[key])
    return { ...state, retired: await loadRetired(storage, state) }
  }
  const [events, metrics] = await Promise.all([load('events'), load('metrics')])
  return { events, metrics }
}

/** Makes both tables, without a snapshot. A crash before the catalog has them leaves two small files behind. */
async function createTables(opening: Opening, catalog: Catalog): Promise<Pointers> {
  const { storage, folders, properties, nowMs, newUuid } = opening
  for (const key of TABLE_KEYS) await checkUnused(opening, folders[key])
  const created = forBothTables((key) => ({
    file: path.join(folders[key], 'metadata', `00000-${newUuid()}.metadata.json`),
    metadata: newTableMetadata(newUuid(), folders[key], properties, nowMs),
  }))
  for (const key of TABLE_KEYS) {
    const { file, metadata } = created[key]
    await storage.write(file, [Buffer.from(serializeMetadata(TABLES[key], metadata))])
  }
  await storage.syncFolders()
  const pointers = forBothTables((key) => locationOf(created[key].file))
  catalog.create(pointers)
  return pointers
}

/** Files of tables that the catalog does not know must not be mixed with new ones, nor swept as orphans later. */
async function checkUnused({ storage, catalogPath }: Opening, folder: string): Promise<void> {
  for await (const file of storage.list(folder)) {
    if (path.basename(file.path).startsWith('00000-')) continue
    throw new TableError('foreign-warehouse', { folder, catalog: catalogPath })
  }
}

/** The catalog may point to where the folder was before it was moved. */
async function checkPlace({ folders, catalogPath }: Opening, pointers: Pointers): Promise<void> {
  for (const key of TABLE_KEYS) {
    const recorded = path.dirname(path.dirname(pathOf(pointers[key])))
    const actual = folders[key]
    if (recorded === actual || (await samePlace(recorded, actual))) continue
    throw new TableError('moved', { catalog: catalogPath, recorded, actual })
  }
}

async function samePlace(a: string, b: string): Promise<boolean> {
  const real = (each: string) => realpath(each).catch(() => null)
  const [first, second] = await Promise.all([real(a), real(b)])
  return first !== null && first === second
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
      metadataPath: path.join(
        path.dirname(metadataPath),
        nextMetadataName(metadataPath, newUuid()),
      ),
      metadata: {
        ...metadata,
        lastUpdatedMs: Math.max(nowMs, timestampMs),
        properties: { ...metadata.properties, ...properties },
        metadataLog: log.slice(-PREVIOUS_METADATA_MAX),
      },
    }
  })
  for (const key of TABLE_KEYS) {
    const text = serializeMetadata(TABLES[key], next[key].metadata)
    await storage.write(next[key].metadataPath, [Buffer.from(text)])
  }
  await storage.syncFolders()
  const ignore = { onStep: () => {}, onDoubt: () => {} }
  await swapPointers(access, storage, states, next, 'properties', ignore)
  return next
}
