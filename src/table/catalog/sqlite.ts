/**
 * The catalog in an SQLite file. `synchronous=FULL` makes a transaction durable before COMMIT returns; WAL lets readers read
 * meanwhile. `BEGIN IMMEDIATE` admits one writer at a time, so there is nobody to wait for when rows are read.
 */
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { makeFolder } from '../../make-folder.ts'
import type { CatalogConnection } from './connection.ts'
import { LAYOUT } from './layout.ts'

const BUSY_TIMEOUT_MS = 10_000
const SQLITE_CANTOPEN = 14

/** Creates the file, its folder and its layout where they are missing. */
export function openSqlite(file: string): CatalogConnection {
  makeFolder(path.dirname(file))
  const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS })
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; ${LAYOUT}`)
  return connectionOf(database, file)
}

/** For reading beside another process; null where there is no catalog. */
export function openSqliteReader(file: string): CatalogConnection | null {
  try {
    const database = new DatabaseSync(file, { readOnly: true, timeout: BUSY_TIMEOUT_MS })
    return connectionOf(database, file)
  } catch (error) {
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_CANTOPEN)
      return null
    throw error
  }
}

/** The tables are not there: the file was just made, or is another program's. */
export function isWithoutLayout(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('no such table')
}

function connectionOf(database: DatabaseSync, name: string): CatalogConnection {
  return {
    name,
    begin: 'BEGIN IMMEDIATE',
    forUpdate: '',
    async run(sql, values = []) {
      const statement = database.prepare(sql)
      if (sql.startsWith('SELECT')) return { rows: statement.all(...values), changes: 0 }
      return { rows: [], changes: Number(statement.run(...values).changes) }
    },
    async close() {
      database.close()
    },
  }
}
