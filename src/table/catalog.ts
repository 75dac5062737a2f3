/**
 * The catalog: where each table's current metadata file is. The tables and columns are those of Iceberg's JDBC catalog,
 * schema version V1, in SQLite; PyIceberg's SqlCatalog, Flink and Trino read the same rows. Both pointers of ours change
 * in one transaction, and only from the values that the commit was built on (compare-and-swap).
 *
 * `synchronous=FULL` makes the transaction durable before COMMIT returns; WAL lets readers read meanwhile.
 */
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { makeFolder } from '../make-folder.ts'
import {
  CATALOG_NAME,
  forBothTables,
  NAMESPACE,
  TABLE_KEYS,
  TABLES,
  type TableKey,
} from './definition.ts'
import { reasonOf, TableError } from './error.ts'

/** Metadata locations of both tables. */
export type Pointers = Readonly<Record<TableKey, string>>

export type SwapStep = 'transaction-begun' | 'pointers-swapped' | 'committed'

export type Catalog = Readonly<{
  /** Both pointers, read in one transaction; null where the tables are not there yet. */
  read(): Pointers | null
  /** Adds both tables, and the namespace. Fails if they are there. */
  create(pointers: Pointers): void
  /**
   * Moves both pointers from `base` to `next`. Throws TableError 'commit-conflict' when one no longer stands at its
   * base and `catalog-failed` when the transaction could not begin: then nothing has changed. Any other error leaves it
   * open whether the change is there.
   */
  swap(base: Pointers, next: Pointers, onStep: (step: SwapStep) => void): void
  close(): void
}>

const BUSY_TIMEOUT_MS = 10_000

const LAYOUT = `
  CREATE TABLE IF NOT EXISTS iceberg_tables (
    catalog_name VARCHAR(255) NOT NULL,
    table_namespace VARCHAR(255) NOT NULL,
    table_name VARCHAR(255) NOT NULL,
    metadata_location VARCHAR(1000),
    previous_metadata_location VARCHAR(1000),
    iceberg_type VARCHAR(5),
    PRIMARY KEY (catalog_name, table_namespace, table_name)
  );
  CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
    catalog_name VARCHAR(255) NOT NULL,
    namespace VARCHAR(255) NOT NULL,
    property_key VARCHAR(255) NOT NULL,
    property_value VARCHAR(1000) NOT NULL,
    PRIMARY KEY (catalog_name, namespace, property_key)
  );`

const SELECT = `SELECT table_name, metadata_location FROM iceberg_tables
  WHERE catalog_name = ? AND table_namespace = ? AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)`
const INSERT = `INSERT INTO iceberg_tables VALUES (?, ?, ?, ?, NULL, 'TABLE')`
const INSERT_NAMESPACE = `INSERT OR IGNORE INTO iceberg_namespace_properties VALUES (?, ?, 'exists', 'true')`
const UPDATE = `UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = ?
  WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? AND metadata_location = ?`

/** Opens the catalog for writing and creates the file, its folder and its layout when they are missing. */
export function openCatalog(catalogPath: string): Catalog {
  const database = attempt(catalogPath, () => {
    makeFolder(path.dirname(catalogPath))
    const opened = new DatabaseSync(catalogPath, { timeout: BUSY_TIMEOUT_MS })
    opened.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; ${LAYOUT}`)
    return opened
  })
  return {
    read: () => attempt(catalogPath, () => readPointers(database)),
    create: (pointers) => attempt(catalogPath, () => createTables(database, pointers)),
    swap(base, next, onStep) {
      attempt(catalogPath, () => database.exec('BEGIN IMMEDIATE'))
      onStep('transaction-begun')
      for (const key of TABLE_KEYS) swapOne(database, key, base[key], next[key])
      onStep('pointers-swapped')
      database.exec('COMMIT')
      onStep('committed')
    },
    close: () => database.close(),
  }
}

/** Reads both pointers of a catalog that another process may be writing to. */
export function readCatalog(catalogPath: string): Pointers {
  const pointers = attempt(catalogPath, () => {
    let database: DatabaseSync
    try {
      database = new DatabaseSync(catalogPath, { readOnly: true, timeout: BUSY_TIMEOUT_MS })
    } catch (error) {
      if (isErrcode(error, SQLITE_CANTOPEN)) return null
      throw error
    }
    try {
      return readPointers(database)
    } catch (error) {
      if (error instanceof Error && error.message.startsWith('no such table')) return null
      throw error
    } finally {
      database.close()
    }
  })
  if (pointers === null) throw new TableError('catalog-missing', { catalog: catalogPath })
  return pointers
}

function readPointers(database: DatabaseSync): Pointers | null {
  const rows = database.prepare(SELECT).all(CATALOG_NAME, NAMESPACE)
  const locations = new Map(rows.map((row) => [row.table_name, row.metadata_location]))
  const found = forBothTables((key) => locations.get(TABLES[key].name))
  const { events, metrics } = found
  return typeof events === 'string' && typeof metrics === 'string' ? { events, metrics } : null
}

function createTables(database: DatabaseSync, pointers: Pointers): void {
  database.exec('BEGIN IMMEDIATE')
  try {
    database.prepare(INSERT_NAMESPACE).run(CATALOG_NAME, NAMESPACE)
    const insert = database.prepare(INSERT)
    for (const key of TABLE_KEYS)
      insert.run(CATALOG_NAME, NAMESPACE, TABLES[key].name, pointers[key])
    database.exec('COMMIT')
  } catch (error) {
    rollback(database)
    throw error
  }
}

function swapOne(database: DatabaseSync, key: TableKey, base: string, next: string): void {
  const { name } = TABLES[key]
  const { changes } = database.prepare(UPDATE).run(next, base, CATALOG_NAME, NAMESPACE, name, base)
  if (Number(changes) === 1) return
  const current = readPointers(database)?.[key] ?? 'nothing'
  rollback(database)
  throw new TableError('commit-conflict', { table: name, base, current })
}

function rollback(database: DatabaseSync): void {
  if (database.isTransaction) database.exec('ROLLBACK')
}

const SQLITE_CANTOPEN = 14

function isErrcode(error: unknown, errcode: number): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === errcode
}

function attempt<T>(catalogPath: string, act: () => T): T {
  try {
    return act()
  } catch (error) {
    if (error instanceof TableError) throw error
    throw new TableError('catalog-failed', { catalog: catalogPath, reason: reasonOf(error) }, error)
  }
}
