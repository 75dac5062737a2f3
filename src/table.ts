/**
 * The two Iceberg tables, `campaign_events` and `campaign_metrics` (format version 2, Parquet): written by one process
 * (`openLake`), read by any (`readLake`, and every Iceberg reader through the SQL catalog `lake`).
 */
export { COMMIT_STEPS, type CommitStep } from './table/commit.ts'
export type { DataFile } from './table/data-file.ts'
export type { ArrivalRange } from './table/data-files.ts'
export type { DayRows, EncodedColumn, EncodedPage } from './table/day-rows.ts'
export { dropDays } from './table/drop-days.ts'
export { TableError, type TableErrorCode } from './table/error.ts'
export type { ExpiryPolicy } from './table/expiry.ts'
export type { Change, Lake } from './table/lake.ts'
export {
  type Maintenance,
  type MaintenanceOptions,
  openMaintenance,
  type TaskDone,
} from './table/maintenance.ts'
export { mayHoldWindow } from './table/may-hold.ts'
export type { MetricsRow, StoredMetricsRow } from './table/metrics-row.ts'
export { type LakeOptions, openLake } from './table/open-lake.ts'
export { dayOfUs } from './table/partition-spec.ts'
export { WINDOW_KEY, windowText } from './table/properties.ts'
export { type LakeSnapshot, readLake } from './table/read-lake.ts'
export { type RelocateOptions, relocateLake } from './table/relocate.ts'
export { openLakeReader } from './table/rest-catalog/lake-reader.ts'
export {
  answerRestCatalog,
  type LakeReader,
  type RestAnswer,
  type RestRequest,
} from './table/rest-catalog.ts'
export type { FileChange } from './table/snapshot.ts'
export type { Storage } from './table/storage.ts'
export type { TableView } from './table/view.ts'
