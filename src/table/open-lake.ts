/**
 * Opens the lake for writing: takes the lock, makes what is missing, refuses tables that do not
 * fit.
 */
import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LockError } from '../runtime.ts'
import {
  type Catalog,
  type CatalogAccess,
  type CatalogAccessOptions,
  type OnWait,
  openCatalogAccess,
  openWriterLock,
  type Pointers,
  reportWait,
} from './catalog.ts'
import type { CommitStep } from './commit.ts'
import { openDataFiles } from './data-files.ts'
import { forBothTables, TABLE_KEYS, TABLES } from './definition.ts'
import { TableError } from './error.ts'
import { importEventsFile } from './import-file.ts'
import { Lake } from './lake.ts'
import { type Load, openLoading, type States } from './load-table.ts'
import {
  below,
  catalogText,
  type LakePlaces,
  locationOf,
  pathOf,
  warehouseFolder,
} from './location.ts'
import { type Neighbours, openNeighbours } from './neighbours.ts'
import { openReaderGrace, READER_LIMITS, type ReaderLimits } from './reader-grace.ts'
import { EXPIRY_POLICY, type ExpiryPolicy } from './snapshot-expiry.ts'
import { openSnapshotClock } from './snapshot-times.ts'
import {
  type LocalFiles,
  localFilesOf,
  noteWrites,
  openCache,
  openStorage,
  type Storage,
  type WriteNotes,
} from './storage.ts'
import {
  checkTableFolders,
  type FolderWatch,
  type TableFolders,
  tableFolders,
  watchFolders,
} from './table-folders.ts'
import { newTableMetadata, serializeMetadata } from './table-metadata.ts'
import {
  type Properties,
  tableProperties,
  type Writer,
  withProperties,
} from './table-properties.ts'

export type LakeOptions = LakePlaces &
  Readonly<{
    windowUs: number
    /**
     * Who fills the tables. With `flink`, Flink does, and this lake amends and expires beside it.
     */
    writer: Writer
    nowUs: () => number
    /** A clock that never steps, milliseconds; by default `nowUs`. */
    steadyMs?: () => number
    /** How long files that nothing refers to any more stay for readers. */
    readers?: ReaderLimits
    /** Called at each step of a commit; for tests that stop the process there. */
    onStep?: (step: CommitStep) => void
    onWait?: OnWait
    storage?: Storage
    /** Which snapshots stay. */
    retention?: ExpiryPolicy
    openCatalog?: CatalogAccessOptions['open']
    pause?: (durationMs: number) => Promise<void>
  }>

const monotonicMs = (): number => performance.now()

type Opening = Readonly<{
  access: CatalogAccess
  folders: TableFolders
  storage: Storage
  properties: Properties
  nowMs: number
}>

export async function openLake(options: LakeOptions): Promise<Lake> {
  const folder = warehouseFolder(options.warehouse)
  const lock = await openWriterLock(options.catalog)
  let access: CatalogAccess | undefined
  let local: LocalFiles | undefined
  let watch: FolderWatch | undefined
  let neighbours: Neighbours | undefined
  const release = async (): Promise<void> => {
    local?.close()
    watch?.close()
    neighbours?.close()
    await access?.close()
    await lock.release()
  }
  try {
    const { onWait = () => {}, pause } = options
    const reporting = <T>(act: () => Promise<T>): Promise<T> =>
      reportWait(catalogText(options.catalog), onWait, act)
    access = await reporting(() =>
      openCatalogAccess(options.catalog, { open: options.openCatalog, pause }),
    )
    const cache = openCache(options, () => options.nowUs() / 1000)
    const { storage: stored, written } = noteWrites(
      options.storage ?? (await openStorage(options.warehouse, cache)),
    )
    neighbours = neighboursOf(options)
    const storage = naming(stored, neighbours)
    local = localFilesOf(options, cache, storage)
    const placeFault = (): string | null => lock.fault() ?? watch?.fault() ?? null
    const locked = { keepLock: lock.keep, lockLost: lock.lost }
    const parts = { access, local, storage, written, neighbours, ...locked, placeFault, release }
    const lake = await reporting(() => openWith(folder, parts, options))
    const folders = tableFolders(folder)
    watch = watchFolders(options.catalog, folder, folders)
    if (options.warehouse.kind === 'folder') {
      neighbours?.watch(TABLE_KEYS.map((key) => below(folders[key], 'metadata')))
    }
    return lake
  } catch (error) {
    await release()
    throw error
  }
}

/** Beside Flink a commit is overtaken rather than waited for. */
function neighboursOf({ writer }: LakeOptions): Neighbours | undefined {
  if (writer !== 'embedded') return undefined
  return openNeighbours(monotonicMs, (durationMs) => sleep(durationMs))
}

function naming(storage: Storage, neighbours: Neighbours | undefined): Storage {
  if (neighbours === undefined) return storage
  return {
    ...storage,
    write(file, chunks, onWritten) {
      neighbours.own(file)
      return storage.write(file, chunks, onWritten)
    },
  }
}

type Opened = Readonly<{
  neighbours: Neighbours | undefined
  access: CatalogAccess
  local: LocalFiles
  storage: Storage
  written: WriteNotes
  keepLock: () => Promise<void>
  placeFault: () => string | null
  lockLost: () => LockError | null
  release: () => Promise<void>
}>

async function openWith(folder: string, opened: Opened, options: LakeOptions): Promise<Lake> {
  const { access, storage, local } = opened
  const { windowUs, nowUs, writer } = options
  const { onStep = () => {}, onWait = () => {} } = options
  const folders = tableFolders(folder)
  const nowMs = Math.floor(nowUs() / 1000)
  const properties = tableProperties(writer, windowUs)
  const opening: Opening = { access, folders, storage, properties, nowMs }
  const catalog = await access.current()
  const found = await catalog.read()
  const pointers =
    found === null ? await createTables(opening, catalog) : await respell(catalog, found)
  await checkTableFolders(access.name, folders, pointers)
  const isShared = writer === 'flink'
  const load = openLoading(storage, isShared)
  const states = await loadFitting(opening, pointers, load)
  const { steadyMs = () => nowUs() / 1000, readers: limits = READER_LIMITS } = options
  // Never steps, and begins at the wall clock, so that a minute is the same one after a restart.
  const aheadMs = nowUs() / 1000 - steadyMs()
  const clocks = { nowUs, steadyMs: () => steadyMs() + aheadMs }
  return new Lake({
    ...opened,
    states,
    files: openDataFiles({ storage, folders, windowUs, onStep }),
    importFile: (file) => importEventsFile(storage, local, file),
    reload: async (before) => load((await readPointers(access)) ?? pointers, before),
    expiry: { policy: options.retention ?? EXPIRY_POLICY, isShared },
    snapshotClock: openSnapshotClock(clocks),
    grace: openReaderGrace({ storage, folder, limits, steadyMs: clocks.steadyMs }),
    onWait,
    nowUs,
    onStep,
  })
}

/** Tries of a change of properties beside Flink, which may commit at any moment. */
const CONFLICTS_MAX = 10

async function loadFitting(opening: Opening, pointers: Pointers, load: Load): Promise<States> {
  const { access } = opening
  let current = pointers
  for (let attempt = 1; ; attempt++) {
    try {
      return await withProperties(opening, await load(current, null))
    } catch (error) {
      const isConflict = error instanceof TableError && error.code === 'commit-conflict'
      if (!isConflict || attempt === CONFLICTS_MAX) throw error
    }
    current = (await readPointers(access)) ?? pointers
  }
}

/**
 * Commits compare pointers as text, so both are written as this version writes them. Earlier ones
 * wrote `file://` before every path.
 */
async function respell(catalog: Catalog, found: Pointers): Promise<Pointers> {
  const respelled = forBothTables((key) => locationOf(pathOf(found[key])))
  if (TABLE_KEYS.every((key) => respelled[key] === found[key])) return found
  await catalog.swap(found, respelled, () => {})
  return respelled
}

/** Opens a new connection where the current one has broken since it was last used. */
async function readPointers(access: CatalogAccess): Promise<Pointers | null> {
  try {
    return await (await access.current()).read()
  } catch {
    return await (await access.reopen()).read()
  }
}

/**
 * Makes both tables, without a snapshot. A crash before the catalog has them leaves two small files
 * behind.
 */
async function createTables(opening: Opening, catalog: Catalog): Promise<Pointers> {
  const { storage, folders, properties, nowMs } = opening
  for (const key of TABLE_KEYS) await checkUnused(opening, folders[key])
  const created = forBothTables((key) => ({
    file: below(folders[key], 'metadata', `00000-${randomUUID()}.metadata.json`),
    metadata: newTableMetadata(TABLES[key], randomUUID(), folders[key], properties, nowMs),
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

/**
 * Files of tables that the catalog does not know must not be mixed with new ones, nor be swept as
 * orphans.
 */
async function checkUnused({ storage, access }: Opening, folder: string): Promise<void> {
  for await (const file of storage.list(folder)) {
    if (path.basename(file.path).startsWith('00000-')) continue
    throw new TableError('foreign-warehouse', { folder, catalog: access.name })
  }
}
