/**
 * The two tables in DuckDB: files through read_parquet, columns by Iceberg field id, so that a
 * column which a file lacks is NULL. No files give an empty table of the same types, so that a
 * query on a fresh lake works.
 */
import { EVENTS_SCHEMA, type FieldType, METRICS_SCHEMA, type Schema } from '../../table.ts'
import { nameSql, textSql } from '../dialect.ts'

export type Column = Readonly<{ id: number; name: string; type: string }>

const TYPES: Readonly<Record<FieldType, string>> = {
  string: 'VARCHAR',
  long: 'BIGINT',
  double: 'DOUBLE',
  timestamp: 'TIMESTAMP',
}

export const EVENT_COLUMNS: readonly Column[] = columnsOf(EVENTS_SCHEMA)
export const METRICS_COLUMNS: readonly Column[] = columnsOf(METRICS_SCHEMA)

function columnsOf(schema: Schema): readonly Column[] {
  return schema.map(({ id, name, type }) => ({ id, name, type: TYPES[type] }))
}

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
