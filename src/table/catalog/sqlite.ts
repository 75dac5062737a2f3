/**
 * The catalog in an SQLite file. `synchronous=FULL` makes a transaction durable before COMMIT
 * returns; WAL lets readers read meanwhile. `BEGIN IMMEDIATE` admits one writer at a time, so a
 * read never has to wait for an open transaction.
 *
 * Waits for a lock of another process happen here, not in SQLite, where they would block the whole
 * thread and end late.
 */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { guardPlace, makeFolder } from '../../runtime.ts'
import { TableError } from '../error.ts'
import { type CatalogConnection, LAYOUT, type OpenMode } from './database.ts'

const LOCK_WAIT_MS = 30_000
/** For a transaction that writes: its caller tries again, and reports it. */
const BEGIN_WAIT_MS = 1_000
/** For readers. */
const READER_WAIT_MS = 10_000
const LOCK_PAUSE_MS = 25
const BEGIN = 'BEGIN IMMEDIATE'
const SQLITE_BUSY = 5
const SQLITE_CANTOPEN = 14

/** With `make`, creates the file, its folder and its layout where they are missing. */
export async function openSqlite(file: string, mode: OpenMode): Promise<CatalogConnection> {
  if (mode === 'make') makeFolder(path.dirname(file))
  const database = mode === 'make' ? new DatabaseSync(file) : openExisting(file)
  try {
    const layout = mode === 'make' ? LAYOUT : ''
    const settings = `PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; ${layout}`
    await whileLocked(LOCK_WAIT_MS, () => database.exec(settings))
  } catch (error) {
    database.close()
    throw error
  }
  return connectionOf(database, file, LOCK_WAIT_MS)
}

/** Throws TableError `misplaced` where there is no file: SQLite would make one. */
function openExisting(file: string): DatabaseSync {
  const url = pathToFileURL(path.resolve(file))
  url.searchParams.set('mode', 'rw')
  try {
    return new DatabaseSync(url)
  } catch (error) {
    if (resultCode(error) !== SQLITE_CANTOPEN || existsSync(file)) throw error
    const fault = `the catalog ${file} was removed or renamed while it was in use`
    throw new TableError('misplaced', { fault }, error)
  }
}

/** For reading beside another process; null where there is no catalog. */
export function openSqliteReader(file: string): CatalogConnection | null {
  try {
    const database = new DatabaseSync(file, { readOnly: true })
    return connectionOf(database, file, READER_WAIT_MS)
  } catch (error) {
    if (resultCode(error) === SQLITE_CANTOPEN) return null
    throw error
  }
}

/** The tables do not exist: the file was just made, or belongs to another program. */
export function isWithoutLayout(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('no such table')
}

/** Another process holds a lock: nothing has changed. */
export function isLocked(error: unknown): boolean {
  return resultCode(error) === SQLITE_BUSY
}

/**
 * SQLite's primary result code: extended codes have it in their lowest byte. Null for any other
 * error.
 */
function resultCode(error: unknown): number | null {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : null
}

function connectionOf(database: DatabaseSync, name: string, waitMs: number): CatalogConnection {
  const guard = guardPlace(path.resolve(name), 'the catalog')
  return {
    name,
    begin: BEGIN,
    forUpdate: '',
    run: (sql, values = []) =>
      whileLocked(sql === BEGIN ? BEGIN_WAIT_MS : waitMs, () => {
        const statement = database.prepare(sql)
        if (sql.startsWith('SELECT')) return { rows: statement.all(...values), changes: 0 }
        return { rows: [], changes: Number(statement.run(...values).changes) }
      }),
    fault: guard.fault,
    async close() {
      guard.close()
      database.close()
    },
  }
}

/** Tries again while another process holds a lock, up to `waitMs`. */
async function whileLocked<T>(waitMs: number, act: () => T): Promise<T> {
  for (let waitedMs = 0; ; waitedMs += LOCK_PAUSE_MS) {
    try {
      return act()
    } catch (error) {
      if (!isLocked(error) || waitedMs >= waitMs) throw error
    }
    await sleep(LOCK_PAUSE_MS)
  }
}
