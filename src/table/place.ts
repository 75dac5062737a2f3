/**
 * Where a lake is: its files and its catalog. The same shapes as in the configuration, so that a configuration is itself
 * the places of its lake.
 */

export type FolderWarehouse = Readonly<{ kind: 'folder'; path: string }>
export type S3Warehouse = Readonly<{
  kind: 's3'
  /** `s3://bucket/prefix`, or `s3://bucket`; no slash at the end. */
  location: string
  /** `http://host:port` of a store that is not Amazon's; null is Amazon's own of the region. */
  endpoint: string | null
  region: string
  /** `endpoint/bucket/key` instead of `bucket.endpoint/key`: most stores besides Amazon's need it. */
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
  /** Null: as libpq would find it, in PGPASSWORD or ~/.pgpass. */
  password: string | null
  /** The server's certificate is checked against the system's authorities. */
  tls: boolean
}>
export type CatalogPlace = SqlitePlace | PostgresqlPlace

export type LakePlaces = Readonly<{
  warehouse: WarehousePlace
  catalog: CatalogPlace
  /** Copies of data files on S3, for DuckDB, which reads local files only; and what they may take. */
  cache: Readonly<{ directory: string; sizeBytes: number }>
}>

/** For messages, without the password. */
export function catalogText(place: CatalogPlace): string {
  if (place.kind === 'sqlite') return place.path
  return `postgresql://${place.user}@${place.host}:${place.port}/${place.database}`
}
