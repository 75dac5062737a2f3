/**
 * Locations, as they stand in Iceberg metadata, and paths, as this room names files.
 *
 *   on a disk   location `file:///lake/x.parquet`   path `/lake/x.parquet`
 *   on S3       location `s3://bucket/x.parquet`    path the same
 *
 * `file://` and the absolute path, unescaped: PyIceberg, DuckDB, Spark and Trino (native local files) all read this
 * spelling; a bare path is refused by Trino. `s3://` is what they all take for S3.
 */
import path from 'node:path'
import { TableError } from './error.ts'
import type { WarehousePlace } from './place.ts'

const SCHEME = 'file://'
const S3_SCHEME = 's3://'

export function isOnS3(file: string): boolean {
  return file.startsWith(S3_SCHEME)
}

export function locationOf(file: string): string {
  return isOnS3(file) ? file : SCHEME + file
}

/** The path on this machine; a location with another scheme stays as it is. */
export function pathOf(location: string): string {
  if (location.startsWith(SCHEME)) return location.slice(SCHEME.length)
  return location.startsWith('file:/') ? location.slice('file:'.length) : location
}

/** A path below a folder. Not `path.join`, which would make `s3:/bucket` of `s3://bucket`. */
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
