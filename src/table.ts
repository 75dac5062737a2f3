/**
 * The two Iceberg tables, `campaign_events` and `campaign_metrics` (format version 2, Parquet), in a folder or on S3: written by
 * one process of ours (`openLake`), alone or beside Flink, read by any (`readLake`, and every Iceberg reader through the SQL catalog `lake`).
 */
export { COMMIT_STEPS, type CommitStep } from './table/commit.ts'
export type { Change } from './table/committer.ts'
export type { DataFile } from './table/data-file.ts'
export { mayPass, TableError, type TableErrorCode } from './table/error.ts'
export type { ExpiryPolicy } from './table/expiry.ts'
export {
  ARRIVAL_MAX_KEY,
  ARRIVAL_MIN_KEY,
  DEDUPE_MAX_KEY,
  DEDUPE_MIN_KEY,
  type FileTimes,
  footerOf,
  type TimeRange,
} from './table/file-times.ts'
export type { Lake } from './table/lake.ts'
export { type HeldFiles, type LocalFiles, openLocalFiles } from './table/local-files.ts'
export type { LogProgress } from './table/maintenance/trusted-time.ts'
export {
  type Maintenance,
  type MaintenanceOptions,
  openMaintenance,
  type TaskDone,
} from './table/maintenance.ts'
export { makeWarehouse } from './table/make-warehouse.ts'
export { mayHoldWindow } from './table/may-hold.ts'
export type { MetricsRow, StoredMetricsRow } from './table/metrics-row.ts'
export { type LakeOptions, openLake } from './table/open-lake.ts'
export { dayOfUs } from './table/partition-spec.ts'
export type { CatalogPlace, LakePlaces, WarehousePlace } from './table/place.ts'
export { fitsWriter, WINDOW_KEY, type Writer, windowText } from './table/properties.ts'
export { type LakeSnapshot, readLake } from './table/read-lake.ts'
export { type RelocateOptions, relocateLake } from './table/relocate.ts'
export { openLakeReader } from './table/rest-catalog/lake-reader.ts'
export {
  answerRestCatalog,
  type LakeReader,
  type RestAnswer,
  type RestRequest,
} from './table/rest-catalog.ts'
export { DROPPED_ROWS_KEY, type FileChange } from './table/snapshot.ts'
export type { Storage } from './table/storage.ts'
export { eventTimes, type TimeBounds, windowStarts } from './table/time-bounds.ts'
export { newestWith, type SnapshotView, type TableView, wholeFromUs } from './table/view.ts'
export {
  type MetricsChange,
  type MetricsFiles,
  openWindows,
  type Windows,
} from './table/windows.ts'
