/**
 * Where the tables' files and their catalog are. The places have the shapes of the configuration,
 * so that a configuration is itself the places of its lake. Locations are how Iceberg metadata
 * names files, paths how this room does:
 *
 *   on a disk   location `file:///lake/x.parquet`   path `/lake/x.parquet`
 *   on S3       location `s3://bucket/x.parquet`    path the same
 *
 * `file://` and the absolute path, unescaped: PyIceberg, DuckDB, Spark, iceberg-go and Trino
 * (native local files) all read this spelling. All of them take `s3://` for S3.
 *
 * A path with `%41` in it is its own location, without a scheme. Behind `file://` iceberg-go reads
 * `%41` as `A`, as in a URI, and the others read it as it is written; escaped, as `%2541`, it would
 * be found by iceberg-go alone. All but Trino take a bare path as it is.
 */
import path from 'node:path'
import { TableError } from './error.ts'

export type FolderWarehouse = Readonly<{ kind: 'folder'; path: string }>
export type S3Warehouse = Readonly<{
  kind: 's3'
  /** `s3://bucket/prefix`, or `s3://bucket`; no slash at the end. */
  location: string
  /** `http://host:port` of a store that is not Amazon's; null is Amazon's own of the region. */
  endpoint: string | null
  region: string
  /**
   * `endpoint/bucket/key` instead of `bucket.endpoint/key`: most stores besides Amazon's need it.
   */
  pathStyle: boolean
}>
export type WarehousePlace = FolderWarehouse | S3Warehouse

export type SqlitePlace = Readonly<{ kind: 'sqlite'; path: string }>
export type PostgresqlPlace = Readonly<{
  kind: 'postgresql'
  host: string
  port: number
  database: string
  user: string
  /** Null: taken from PGPASSWORD or ~/.pgpass, as libpq does. */
  password: string | null
  /** The server's certificate is checked against the system's authorities. */
  tls: boolean
}>
export type CatalogPlace = SqlitePlace | PostgresqlPlace

export type LakePlaces = Readonly<{
  warehouse: WarehousePlace
  catalog: CatalogPlace
  /**
   * Copies of data files on S3, for DuckDB, which reads local files only; and how large they may
   * grow.
   */
  cache: Readonly<{ directory: string; sizeBytes: number }>
}>

/** For messages, without the password. */
export function catalogText(place: CatalogPlace): string {
  if (place.kind === 'sqlite') return place.path
  return `postgresql://${place.user}@${place.host}:${place.port}/${place.database}`
}

const SCHEME = 'file://'
const S3_SCHEME = 's3://'

export function isOnS3(file: string): boolean {
  return file.startsWith(S3_SCHEME)
}

/** What a reader may take for an escaped character. */
const ESCAPED = /%[\da-f]{2}/i

export function locationOf(file: string): string {
  return isOnS3(file) || ESCAPED.test(file) ? file : SCHEME + file
}

/** The path on this machine; a location with another scheme stays as it is. */
export function pathOf(location: string): string {
  if (location.startsWith(SCHEME)) return location.slice(SCHEME.length)
  return location.startsWith('file:/') ? location.slice('file:'.length) : location
}

/** A path below a folder. Not `path.join`, which would turn `s3://bucket` into `s3:/bucket`. */
export function below(folder: string, ...names: readonly string[]): string {
  return [folder, ...names].join('/')
}

/** Characters that some reader takes for a query, a fragment or a pattern. */
const UNREADABLE = /[?#*[]/

/** The folder of a warehouse, as a path without a slash at the end. */
export function warehouseFolder(place: WarehousePlace): string {
  const folder = place.kind === 'folder' ? path.resolve(place.path) : place.location
  if (UNREADABLE.test(folder)) throw new TableError('warehouse-path', { path: folder })
  return folder
}

export type S3Key = Readonly<{ bucket: string; key: string }>

/** `s3://bucket/a/b` → bucket and `a/b`; the key of a bucket alone is empty. */
export function s3KeyOf(location: string): S3Key {
  const rest = location.slice(S3_SCHEME.length)
  const slash = rest.indexOf('/')
  if (!isOnS3(location) || rest === '' || slash === 0) {
    throw new TableError('s3-location', { path: location })
  }
  if (slash < 0) return { bucket: rest, key: '' }
  return { bucket: rest.slice(0, slash), key: rest.slice(slash + 1) }
}
