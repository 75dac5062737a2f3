/**
 * The two Iceberg tables, `campaign_events` and `campaign_metrics` (format version 2, Parquet), in
 * a folder or on S3. One process of ours writes them (`openLake`), alone or beside Flink. Any
 * process reads them: ours through `readLake`, every Iceberg reader through the SQL catalog `lake`.
 */
export {
  type ChangedSpan,
  type ClientChange,
  type ComparedSpans,
  changedSpans,
  clientRemovedMs,
  clientRows,
  type RowChange,
} from './table/client-commit.ts'
export {
  type Change,
  CLIENT_COMMIT_STEPS,
  type ClientOutcome,
  COMMIT_STEPS,
  type CommitStep,
  type FollowRows,
  openUnlockedWriter,
  type UnlockedWriter,
  type UnlockedWriterOptions,
} from './table/commit.ts'
export {
  type DataFile,
  eventTimes,
  mayHoldWindow,
  type TimeBounds,
  windowStarts,
} from './table/data-file.ts'
export {
  type FileTimes,
  footerOf,
  type TimeRange,
} from './table/data-files.ts'
export { DAY_US, dayOfUs } from './table/definition.ts'
export { isTransient, TableError, type TableErrorCode } from './table/error.ts'
export {
  COUNT_KEYS,
  FLINK_SUMMARY_KEYS,
  FOOTER_KEYS,
  PROPERTY_KEYS,
  SUMMARY_KEYS,
} from './table/keys.ts'
export type { Lake } from './table/lake.ts'
export type { CatalogPlace, LakePlaces, WarehousePlace } from './table/location.ts'
export {
  type LogProgress,
  type Maintenance,
  type MaintenanceOptions,
  openMaintenance,
  type TaskDone,
} from './table/maintenance.ts'
export {
  compareRows,
  METRICS_FILE_ROWS_MAX,
  type MetricsRow,
  type StoredMetricsRow,
} from './table/metrics-row.ts'
export { type LakeOptions, openLake } from './table/open-lake.ts'
export {
  adoptedSummary,
  type OtherChange,
  type OtherChanges,
  SET_BACK,
} from './table/other-writers.ts'
export { type LakeSnapshot, openLakeReader, readLake, readLakeIfMade } from './table/read-lake.ts'
export type { ReaderLimits } from './table/reader-grace.ts'
export { type RelocateOptions, relocateLake } from './table/relocate.ts'
export {
  answerRestCatalog,
  type ClientAnswer,
  type LakeReader,
  type LakeWriter,
  type NoWriter,
  type RestAnswer,
  type RestRequest,
  restErrorBody,
} from './table/rest-catalog.ts'
export { EVENTS_SCHEMA, type FieldType, METRICS_SCHEMA, type Schema } from './table/schema.ts'
export type { FileChange } from './table/snapshot.ts'
export type { ExpiryPolicy } from './table/snapshot-expiry.ts'
export {
  type HeldFiles,
  type LocalFiles,
  makeWarehouse,
  openLocalFiles,
  type Storage,
} from './table/storage.ts'
export { fitsWriter, type Writer, windowText } from './table/table-properties.ts'
export {
  newestValue,
  newestWith,
  type SnapshotView,
  type TableView,
  wholeFromUs,
} from './table/table-view.ts'
export {
  type MetricsChange,
  type MetricsFiles,
  openReplaceWindows,
  openWindows,
  type Windows,
} from './table/windows.ts'
