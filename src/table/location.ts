/**
 * Locations, as they stand in Iceberg metadata: `file://` and the absolute path, unescaped. PyIceberg, DuckDB, Spark
 * and Trino (native local files) all read this spelling; a bare path is refused by Trino.
 */
import path from 'node:path'
import { TableError } from './error.ts'

const SCHEME = 'file://'

export function locationOf(file: string): string {
  return SCHEME + file
}

/** The path on this machine; a location with another scheme stays as it is. */
export function pathOf(location: string): string {
  if (location.startsWith(SCHEME)) return location.slice(SCHEME.length)
  return location.startsWith('file:/') ? location.slice('file:'.length) : location
}

/** Characters that some reader takes for a query, a fragment or a pattern. */
const UNREADABLE = /[?#*[]/

export function checkWarehousePath(warehousePath: string): string {
  const absolute = path.resolve(warehousePath)
  if (UNREADABLE.test(absolute)) throw new TableError('warehouse-path', { path: absolute })
  return absolute
}
