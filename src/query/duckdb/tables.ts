/**
 * The two tables in DuckDB: files through read_parquet, columns by Iceberg field id. The columns
 * are written out here, and held against the table room's schema by a test, because a file is read
 * by field id: a column that a file lacks is NULL. No files give an empty table of the same types,
 * so that a query on a fresh lake works.
 */
import { nameSql, textSql } from '../dialect.ts'

export type Column = Readonly<{
  id: number
  name: string
  type: 'VARCHAR' | 'TIMESTAMP' | 'DOUBLE' | 'BIGINT'
}>

export const EVENT_COLUMNS: readonly Column[] = [
  { id: 1, name: 'event_id', type: 'VARCHAR' },
  { id: 2, name: 'user_id', type: 'VARCHAR' },
  { id: 3, name: 'campaign_id', type: 'VARCHAR' },
  { id: 4, name: 'event_type', type: 'VARCHAR' },
  { id: 5, name: 'timestamp', type: 'TIMESTAMP' },
  { id: 6, name: 'revenue', type: 'DOUBLE' },
  { id: 7, name: 'platform', type: 'VARCHAR' },
  { id: 8, name: 'country', type: 'VARCHAR' },
  { id: 9, name: 'device_type', type: 'VARCHAR' },
]

export const METRICS_COLUMNS: readonly Column[] = [
  { id: 1, name: 'campaign_id', type: 'VARCHAR' },
  { id: 2, name: 'window_start', type: 'TIMESTAMP' },
  { id: 3, name: 'window_end', type: 'TIMESTAMP' },
  { id: 4, name: 'impressions', type: 'BIGINT' },
  { id: 5, name: 'clicks', type: 'BIGINT' },
  { id: 6, name: 'conversions', type: 'BIGINT' },
  { id: 7, name: 'revenue', type: 'DOUBLE' },
  { id: 8, name: 'ctr_percent', type: 'DOUBLE' },
  { id: 9, name: 'cvr_percent', type: 'DOUBLE' },
  { id: 10, name: 'processed_at', type: 'TIMESTAMP' },
]

/** A FROM item. `extra` are further arguments of read_parquet, such as `, filename = true`. */
export function filesSql(columns: readonly Column[], files: readonly string[], extra = ''): string {
  if (files.length === 0) return `(${emptySql(columns)})`
  // The day folders look like Hive partitions; Iceberg's columns are in the files alone.
  const options = `hive_partitioning = false, schema = ${schemaSql(columns)}${extra}`
  return `read_parquet(${listSql(files)}, ${options})`
}

/** Texts as a list, where DuckDB takes no parameters (settings, views, COPY). */
export function listSql(texts: readonly string[]): string {
  return `[${texts.map(textSql).join(', ')}]`
}

function emptySql(columns: readonly Column[]): string {
  const nulls = columns.map(({ name, type }) => `NULL::${type} AS ${nameSql(name)}`)
  return `SELECT ${nulls.join(', ')} WHERE false`
}

function schemaSql(columns: readonly Column[]): string {
  const fields = columns.map(
    ({ id, name, type }) =>
      `${id}: {name: ${textSql(name)}, type: ${textSql(type)}, default_value: NULL}`,
  )
  return `MAP {${fields.join(', ')}}`
}
