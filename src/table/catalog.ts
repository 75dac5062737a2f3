/**
 * The catalog: where each table's current metadata file is. The tables and columns are those of
 * Iceberg's JDBC catalog, schema version V1, in SQLite or PostgreSQL; PyIceberg's SqlCatalog, Flink
 * and Trino read the same rows. Pointers change in one transaction, and only from the values that
 * the commit was built on (compare-and-swap).
 */
import { setTimeout as sleep } from 'node:timers/promises'

import { reasonOf } from '../runtime.ts'
import {
  type CatalogConnection,
  INSERT_NAMESPACE,
  INSERT_TABLE,
  type OpenMode,
  SELECT_POINTERS,
  UPDATE_POINTER,
} from './catalog/database.ts'
import * as sqlite from './catalog/sqlite.ts'
import {
  CATALOG_NAME,
  forBothTables,
  NAMESPACE,
  TABLE_KEYS,
  TABLES,
  type TableKey,
} from './definition.ts'
import { TableError } from './error.ts'
import { type CatalogPlace, catalogText } from './location.ts'

export { openWriterLock, type WriterLock } from './catalog/writer-lock.ts'

/** Metadata locations of both tables. */
export type Pointers = Readonly<Record<TableKey, string>>
/** Those of the tables that a commit changes. */
export type SomePointers = Readonly<Partial<Pointers>>

export type SwapStep = 'transaction-begun' | 'pointers-swapped' | 'committed'

export type Catalog = Readonly<{
  /** Whether the answer of `readSettled` is final. */
  settles: boolean
  /** Both pointers as of one moment; null where the tables do not exist yet. */
  read(): Promise<Pointers | null>
  /**
   * Both pointers after a commit whose outcome is unknown: waits for a transaction that has changed
   * them and is still open. On PostgreSQL a COMMIT may still be on its way to the server, or at
   * work there, when its sender has given up. The updates before it were answered, so their rows
   * stay locked until that transaction has ended. `SELECT … FOR UPDATE` over another connection
   * waits for exactly that, and the transaction can no longer change what it then reads. A plain
   * SELECT would see the old pointers, and the commit would land after we had taken it for lost.
   */
  readSettled(): Promise<Pointers | null>
  /** Adds both tables, and the namespace. Fails if they are there. */
  create(pointers: Pointers): Promise<void>
  /**
   * Moves pointers from `base` to `next`, all or none. Throws TableError 'commit-conflict' when a
   * pointer is no longer at its base, and 'catalog-locked', 'misplaced' or 'catalog-failed' when it
   * did not get as far as COMMIT: then nothing has changed. After any other error the outcome is
   * unknown.
   */
  swap(base: SomePointers, next: SomePointers, onStep: (step: SwapStep) => void): Promise<void>
  close(): Promise<void>
}>

/** Opens the catalog for writing; with `make`, makes the parts of it that are missing. */
export async function openCatalog(place: CatalogPlace, mode: OpenMode = 'make'): Promise<Catalog> {
  const connection = await attempt(catalogText(place), () => connect(place, mode))
  const tried = <T>(act: () => Promise<T>): Promise<T> => attempt(connection.name, act)
  return {
    settles: connection.forUpdate !== '',
    read: () => tried(() => readPointers(connection, '')),
    readSettled: () =>
      tried(async () => {
        if (connection.forUpdate === '') return await readPointers(connection, '')
        await connection.run(connection.begin)
        const pointers = await readPointers(connection, connection.forUpdate)
        await connection.run('COMMIT')
        return pointers
      }),
    create: (pointers) => tried(() => createTables(connection, pointers)),
    async swap(base, next, onStep) {
      await tried(async () => {
        await connection.run(connection.begin)
        try {
          onStep('transaction-begun')
          await swapAll(connection, base, next)
          const fault = connection.fault()
          if (fault !== null) throw new TableError('misplaced', { fault })
          onStep('pointers-swapped')
        } catch (error) {
          await connection.run('ROLLBACK').catch(() => {})
          throw error
        }
      })
      // From here on an error leaves the outcome unknown.
      await connection.run('COMMIT')
      const fault = connection.fault()
      if (fault !== null) throw new Error(fault)
      onStep('committed')
    },
    close: () => connection.close(),
  }
}

/** Reads both pointers of a catalog that another process may be writing to. */
export async function readCatalog(place: CatalogPlace): Promise<Pointers> {
  const name = catalogText(place)
  const pointers = await attempt(name, async () => {
    const { connection, isWithoutLayout } = await connectReader(place)
    try {
      return connection === null ? null : await readPointers(connection, '')
    } catch (error) {
      if (isWithoutLayout(error)) return null
      throw error
    } finally {
      await connection?.close()
    }
  })
  if (pointers === null) throw new TableError('catalog-missing', { catalog: name })
  return pointers
}

/** The client of PostgreSQL is loaded only where it is used. */
async function connect(place: CatalogPlace, mode: OpenMode): Promise<CatalogConnection> {
  if (place.kind === 'sqlite') return await sqlite.openSqlite(place.path, mode)
  const { openPostgresql } = await import('./catalog/postgresql.ts')
  return await openPostgresql(place)
}

async function connectReader(place: CatalogPlace) {
  if (place.kind === 'sqlite') {
    const { isWithoutLayout } = sqlite
    return { connection: sqlite.openSqliteReader(place.path), isWithoutLayout }
  }
  const { openPostgresqlReader, isWithoutLayout } = await import('./catalog/postgresql.ts')
  return { connection: await openPostgresqlReader(place), isWithoutLayout }
}

async function readPointers(
  connection: CatalogConnection,
  locking: string,
): Promise<Pointers | null> {
  const { rows } = await connection.run(SELECT_POINTERS + locking, [CATALOG_NAME, NAMESPACE])
  const locations = new Map(rows.map((row) => [row.table_name, row.metadata_location]))
  const found = forBothTables((key) => locations.get(TABLES[key].name))
  const { events, metrics } = found
  return typeof events === 'string' && typeof metrics === 'string' ? { events, metrics } : null
}

async function createTables(connection: CatalogConnection, pointers: Pointers): Promise<void> {
  await connection.run(connection.begin)
  try {
    await connection.run(INSERT_NAMESPACE, [CATALOG_NAME, NAMESPACE])
    for (const key of TABLE_KEYS) {
      const { name } = TABLES[key]
      await connection.run(INSERT_TABLE, [CATALOG_NAME, NAMESPACE, name, pointers[key]])
    }
    await connection.run('COMMIT')
  } catch (error) {
    await connection.run('ROLLBACK').catch(() => {})
    throw error
  }
}

/** Always in the same order: two commits of both tables never wait for each other in a circle. */
async function swapAll(
  connection: CatalogConnection,
  base: SomePointers,
  next: SomePointers,
): Promise<void> {
  for (const key of TABLE_KEYS) {
    const [from, to] = [base[key], next[key]]
    if (from === undefined || to === undefined) continue
    const { name } = TABLES[key]
    const values = [to, from, CATALOG_NAME, NAMESPACE, name, from]
    const { changes } = await connection.run(UPDATE_POINTER, values)
    if (changes === 1) continue
    const current = (await readPointers(connection, ''))?.[key] ?? 'nothing'
    throw new TableError('commit-conflict', { table: name, base: from, current })
  }
}

async function attempt<T>(catalog: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    if (error instanceof TableError) throw error
    const code = sqlite.isLocked(error) ? 'catalog-locked' : 'catalog-failed'
    throw new TableError(code, { catalog, reason: reasonOf(error) }, error)
  }
}

/** The connection of a writer to the catalog, which survives that it is lost. */
export type CatalogAccess = Readonly<{
  /** For messages. */
  name: string
  /** See Catalog. */
  settles: boolean
  current(): Promise<Catalog>
  /** Closes the connection, whatever state it is in, and opens a new one. */
  reopen(): Promise<Catalog>
  pause(durationMs: number): Promise<void>
  close(): Promise<void>
}>

export type CatalogAccessOptions = Readonly<{
  open?: ((place: CatalogPlace, mode?: OpenMode) => Promise<Catalog>) | undefined
  pause?: ((durationMs: number) => Promise<void>) | undefined
}>

export async function openCatalogAccess(
  place: CatalogPlace,
  { open = openCatalog, pause = (durationMs) => sleep(durationMs) }: CatalogAccessOptions,
): Promise<CatalogAccess> {
  let catalog: Catalog | null = await open(place)
  const { settles } = catalog
  const close = async (): Promise<void> => {
    const closing = catalog
    catalog = null
    await closing?.close()
  }
  return {
    name: catalogText(place),
    settles,
    current: async () => {
      catalog ??= await open(place, 'find')
      return catalog
    },
    reopen: async () => {
      await close()
      catalog = await open(place, 'find')
      return catalog
    },
    pause,
    close,
  }
}

/** Why the catalog keeps us waiting; null when it no longer does. */
export type OnWait = (reason: string | null) => void

/** A transaction takes milliseconds. */
const REPORT_INTERVAL_MS = 1_000

/**
 * Reports every second that `act` waits for the catalog, whatever the cause (a lock of another
 * process, a server that does not answer), and null once it has ended. `act` may give a reason that
 * is more exact than the general one.
 */
export async function reportWait<T>(
  catalog: string,
  onWait: OnWait,
  act: (onWait: OnWait) => Promise<T>,
): Promise<T> {
  let seconds = 0
  let known: string | null = null
  const reporting = setInterval(() => {
    seconds++
    onWait(known ?? waitText(catalog, seconds))
  }, REPORT_INTERVAL_MS)
  try {
    return await act((reason) => {
      known = reason
    })
  } finally {
    clearInterval(reporting)
    if (seconds > 0) onWait(null)
  }
}

function waitText(catalog: string, seconds: number): string {
  return (
    `the catalog ${catalog} has kept this process waiting for ${seconds} s: another process ` +
    'holds a lock on it, or it does not answer. Events wait in the log'
  )
}
