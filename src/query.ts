/**
 * SQL over the two tables: a user's queries, the check of every window against the raw rows, exact
 * sums, and the merging of raw files. The questions are written once; DuckDB (over files) and Trino
 * (over snapshots) each bring a dialect and a port. The only room that knows either.
 */
export type { Cell, QueryResult, ResultColumn } from './query/cell.ts'
export type { Difference, FieldDifference } from './query/comparison.ts'
export type { DifferingWindow } from './query/differing-windows.ts'
export { openQuery, type Query, type QueryOptions } from './query/duckdb/lake-query.ts'
export { openParquetRows, type ParquetRow, type ParquetRows } from './query/duckdb/parquet-rows.ts'
export { type MergeOptions, mergeEventFiles, recomputeFromFiles } from './query/duckdb/raw-files.ts'
export {
  type EventCells,
  type EventFilter,
  type EventSelection,
  type FilterValues,
  openSums,
  type SumRows,
  type SumsOptions,
  type SumsQuery,
} from './query/duckdb/sums.ts'
export { openWindowCheck, type WindowCheck } from './query/duckdb/window-check.ts'
export { QueryError, type QueryErrorCode } from './query/error.ts'
export { type CsvOptions, csvText, formatCsv, formatJson, formatTable } from './query/format.ts'
export type { OpenWindows } from './query/open-windows.ts'
export type { ArrivalOfFile, RepeatedIds } from './query/repeated-ids.ts'
export type { TrinoPlace } from './query/trino/client.ts'
export { eventWindowsSql, windowLengthSql, windowStartSql } from './query/trino/event-windows.ts'
export {
  openTrinoQuery,
  type TrinoQuery,
  type TrinoQueryOptions,
} from './query/trino/open-trino-query.ts'
export type { OwnTables } from './query/trino/same-tables.ts'
export type {
  SnapshotIds,
  SnapshotVerifyOptions,
  Verification,
  VerifyOptions,
} from './query/verify.ts'
