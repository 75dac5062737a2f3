/**
 * SQL over the two tables with DuckDB: a user's queries, the check of every window against the raw rows, exact sums for
 * the job, and the rewriting that maintenance needs. The only room that knows DuckDB.
 */
export type { Cell, ResultColumn } from './query/cell.ts'
export { type CsvOptions, formatCsv } from './query/format-csv.ts'
export { formatJson } from './query/format-json.ts'
export { formatTable } from './query/format-table.ts'
export { type MergeOptions, mergeEventFiles } from './query/merge.ts'
export { openQuery, type Query, type QueryOptions } from './query/open-query.ts'
export type { QueryErrorCode } from './query/query-error.ts'
export { recomputeFromFiles } from './query/recompute-files.ts'
export type { RepeatedIds } from './query/repeated-ids.ts'
export type { QueryResult } from './query/run-sql.ts'
export {
  type EventFilter,
  type FilterValues,
  openSums,
  type SumRows,
  type SumsOptions,
  type SumsQuery,
} from './query/sums.ts'
export type { TrinoPlace } from './query/trino/client.ts'
export type { DifferingWindow } from './query/trino/differing-windows.ts'
export {
  openTrinoQuery,
  type TrinoQuery,
  type TrinoQueryOptions,
} from './query/trino/open-trino-query.ts'
export type { ArrivalOfFile } from './query/trino/repeated-ids.ts'
export type { SnapshotIds, Span } from './query/trino/sql-text.ts'
export type { Verification, VerifyOptions } from './query/verify.ts'
export type { Difference, FieldDifference } from './query/window-difference.ts'
