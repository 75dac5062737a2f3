/**
 * A table as SQL: its files through read_parquet, its columns by Iceberg field id. No files give an empty table of the
 * same types, so that a query on a fresh lake works.
 */
import type { Column } from '../columns.ts'
import { listSql, nameSql, textSql } from '../sql-text.ts'

/** A FROM item. `extra` are further arguments of read_parquet, such as `filename = true`. */
export function tableSql(columns: readonly Column[], files: readonly string[], extra = ''): string {
  if (files.length === 0) return `(${emptySql(columns)})`
  // The day folders look like Hive partitions; Iceberg's columns are in the files alone.
  const options = `hive_partitioning = false, schema = ${schemaSql(columns)}${extra}`
  return `read_parquet(${listSql(files)}, ${options})`
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
