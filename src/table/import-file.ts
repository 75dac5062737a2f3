/**
 * Imports a Parquet file of campaign_events that another program wrote (the merge, through DuckDB).
 * Its footer must have what our own files have: the same columns and field ids, one day, and the
 * arrival times.
 */
import type { ColumnMetaData } from 'hyparquet'
import { boundsOf, doubleBytes, longBytes, longOf } from './bounds.ts'
import type { DataFile } from './data-file.ts'
import { fileTimesOf } from './data-files.ts'
import { dayOfUs, TABLES } from './definition.ts'
import { TableError } from './error.ts'
import { columnFault } from './event-columns.ts'
import { openParquet, type ParquetReader } from './parquet/read-file.ts'
import type { Field, FieldType } from './schema.ts'
import { type LocalFiles, openDiskStorage, type Storage } from './storage.ts'

export async function importEventsFile(
  storage: Storage,
  local: LocalFiles,
  path: string,
): Promise<DataFile> {
  const file = local.pathOf(path)
  const disk = openDiskStorage()
  const reader = await openParquet(disk, file, { bytes: await disk.sizeOf(file) })
  const table = TABLES.events
  const unfit = (reason: string) =>
    new TableError('file-unfit', { path, table: table.name, reason })
  const fault = columnFault(reader)
  if (fault !== null) throw unfit(fault)
  if (Number(reader.metadata.num_rows) === 0) throw unfit('it has no rows')
  if (fileTimesOf(reader) === null) throw unfit('its footer has no arrival times')
  const stats = table.schema.map((field, index) => columnStats(reader, field, index))
  const times = stats[table.spec.sourceId - 1]!
  if (times.min === null || times.max === null) throw unfit('its timestamps have no statistics')
  const [first, last] = [times.min, times.max].map((bytes) => dayOfUs(Number(longOf(bytes))))
  if (first !== last || first === undefined) throw unfit('its events lie on more than one day')
  await storage.take(file, path)
  const byId = <T>(pick: (column: ColumnStats) => T | null): Map<number, T> =>
    new Map(stats.flatMap((column) => (pick(column) === null ? [] : [[column.id, pick(column)!]])))
  return {
    path,
    day: first,
    rows: Number(reader.metadata.num_rows),
    bytes: reader.bytes,
    columnSizes: byId((column) => column.bytes),
    valueCounts: byId((column) => column.values),
    nullCounts: byId((column) => column.nulls),
    nanCounts: new Map(
      table.schema.flatMap(({ id, type }) => (type === 'double' ? [[id, 0]] : [])),
    ),
    lowerBounds: byId((column) => column.min),
    upperBounds: byId((column) => column.max),
    splitOffsets: reader.metadata.row_groups.map(({ columns: [column] }) =>
      startOf(column?.meta_data),
    ),
  }
}

type ColumnStats = Readonly<{
  id: number
  bytes: number
  values: number
  nulls: number | null
  min: Uint8Array | null
  max: Uint8Array | null
}>

/**
 * A column over all row groups. Where one group lacks a statistic, the file has none: with a guess,
 * readers would lose rows.
 */
function columnStats({ metadata }: ParquetReader, field: Field, index: number): ColumnStats {
  const chunks = metadata.row_groups.map((group) => group.columns[index]!.meta_data!)
  const sum = (pick: (chunk: ColumnMetaData) => bigint | number) =>
    chunks.reduce((all, chunk) => all + Number(pick(chunk)), 0)
  const counted = chunks.every((chunk) => chunk.statistics?.null_count !== undefined)
  const nulls = counted ? sum((chunk) => chunk.statistics!.null_count!) : null
  const filled = chunks.filter((chunk) => chunk.statistics?.null_count !== chunk.num_values)
  const mins = filled.map((chunk) => chunk.statistics?.min_value)
  const maxs = filled.map((chunk) => chunk.statistics?.max_value)
  const bounds = boundsOf(field, extreme(field.type, mins, -1), extreme(field.type, maxs, 1))
  return {
    id: field.id,
    bytes: sum((chunk) => chunk.total_compressed_size),
    values: sum((chunk) => chunk.num_values),
    nulls,
    min: bounds.lower,
    max: bounds.upper,
  }
}

/** The smallest (sign -1) or largest (sign 1) of the row groups' values, as single-value bytes. */
function extreme(type: FieldType, values: readonly unknown[], sign: 1 | -1): Uint8Array | null {
  let best: unknown = null
  for (const value of values) {
    if (value === undefined) return null
    if (best === null || sign * compare(value, best) > 0) best = value
  }
  if (best === null) return null
  if (type === 'string') return best as Uint8Array
  return type === 'double' ? doubleBytes(best as number) : longBytes(best as bigint)
}

function compare(a: unknown, b: unknown): number {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b)
  const [left, right] = [a as number, b as number]
  return left < right ? -1 : left > right ? 1 : 0
}

function startOf(chunk: ColumnMetaData | undefined): number {
  return Number(chunk?.dictionary_page_offset || chunk?.data_page_offset || 4)
}
