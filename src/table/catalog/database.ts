/**
 * What the catalog needs of a database: one connection, the words in which the two databases
 * differ, and the tables of Iceberg's JDBC catalog, schema version V1, in SQL that both SQLite and
 * PostgreSQL take.
 */

export type CatalogResult = Readonly<{
  rows: readonly Readonly<Record<string, unknown>>[]
  /** Rows that an UPDATE has changed. */
  changes: number
}>

/** Whether what is missing is made, or must be there because it was before. */
export type OpenMode = 'make' | 'find'

export type CatalogConnection = Readonly<{
  /** For messages. */
  name: string
  /** Begins a transaction that writes. */
  begin: string
  /**
   * Ends a SELECT that waits for a transaction that has changed its rows and is still open; ''
   * where none can be.
   */
  forUpdate: string
  /** One statement; each `?` stands for a value. */
  run(sql: string, values?: readonly string[]): Promise<CatalogResult>
  /**
   * One sentence while the file of the database is not where it was opened; null for a server.
   * SQLite goes on writing to a file without a name, and nobody would find that commit.
   */
  fault(): string | null
  /** Abandons a transaction that is open. */
  close(): Promise<void>
}>

export const LAYOUT: string = `
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

export const SELECT_POINTERS = `SELECT table_name, metadata_location FROM iceberg_tables
  WHERE catalog_name = ? AND table_namespace = ?
    AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)`
export const INSERT_TABLE = `INSERT INTO iceberg_tables
  (catalog_name, table_namespace, table_name, metadata_location, previous_metadata_location,
    iceberg_type)
  VALUES (?, ?, ?, ?, NULL, 'TABLE')`
export const INSERT_NAMESPACE = `INSERT INTO iceberg_namespace_properties
  (catalog_name, namespace, property_key, property_value) VALUES (?, ?, 'exists', 'true')
  ON CONFLICT DO NOTHING`
export const UPDATE_POINTER = `UPDATE iceberg_tables
  SET metadata_location = ?, previous_metadata_location = ?
  WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? AND metadata_location = ?`
