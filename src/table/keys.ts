/**
 * Every key that is written to, or read from, snapshot summaries, Parquet footers and table
 * properties. Each is spelled here and nowhere else: tables that exist, and readers of other
 * programs, know these spellings.
 */

/** Keys that begin so are ours. They are carried from snapshot to snapshot. */
export const OWN_KEY_PREFIX = 'campaign-metrics.'

/** Ours, in the summaries of both tables' snapshots. */
export const SUMMARY_KEYS = {
  /** Which commit made the snapshot; by it a commit whose outcome is unknown is recognised. */
  commitId: 'campaign-metrics.commit-id',
  /**
   * The first day whose windows can be compared with their events, a date; present once days were
   * dropped.
   */
  keptFrom: 'campaign-metrics.kept-from',
  /** Raw rows that retention has ever removed: rows stored = rows in the table + these. */
  droppedRows: 'campaign-metrics.dropped-rows',
  /** Rows that other programs have ever added to, or removed from, the table. */
  othersAddedRows: 'campaign-metrics.others-added-rows',
  othersRemovedRows: 'campaign-metrics.others-removed-rows',
  /** Their last change of rows, see other-writers.ts. */
  othersLast: 'campaign-metrics.others-last',
  /** Up to which sequence numbers of the raw and the metrics table such changes are adopted. */
  adopted: 'campaign-metrics.adopted',
  /** The checkpoint of the embedded engine. Its meaning is documented in embedded/checkpoint.ts. */
  logId: 'campaign-metrics.log-id',
  nextOffset: 'campaign-metrics.next-offset',
  logBase: 'campaign-metrics.log-base',
  arrivedUs: 'campaign-metrics.arrived',
  dedupeUs: 'campaign-metrics.dedupe-time',
  stored: 'campaign-metrics.stored',
  duplicates: 'campaign-metrics.duplicates',
  rejected: 'campaign-metrics.rejected',
  offsets: 'campaign-metrics.offsets',
  partial: 'campaign-metrics.partial',
  /** Beside Flink: the retention by which its job judges events, `days since kept-from`. */
  retention: 'campaign-metrics.retention',
  /** Beside Flink: which state its job's checkpoints hold, `version backend`. */
  flinkState: 'campaign-metrics.flink-state',
  /** Beside Flink: from where its state was last rebuilt, and what was stored then; JSON. */
  flinkRebuilt: 'campaign-metrics.flink-rebuilt',
  /** Beside Flink: the last raw snapshot whose late events are amended. */
  amendedSequence: 'campaign-metrics.amended-sequence',
  /** Beside Flink: the end of the last window that was amended, µs since the epoch. */
  amendedUntilUs: 'campaign-metrics.amended-until',
  /** Beside Flink: closed windows ever written again, and the late events that were found so. */
  amendedWindows: 'campaign-metrics.amended-windows',
  lateEvents: 'campaign-metrics.late-events',
} as const

/** What Flink's Iceberg sink writes into the summaries of its snapshots. */
export const FLINK_SUMMARY_KEYS = {
  jobId: 'flink.job-id',
  operatorId: 'flink.operator-id',
  checkpointId: 'flink.max-committed-checkpoint-id',
} as const

/** Iceberg's counts and totals (spec: "Optional Snapshot Summary Fields"). */
export const COUNT_KEYS = {
  addedFiles: 'added-data-files',
  addedRows: 'added-records',
  addedBytes: 'added-files-size',
  deletedFiles: 'deleted-data-files',
  deletedRows: 'deleted-records',
  removedBytes: 'removed-files-size',
  changedPartitions: 'changed-partition-count',
  totalRows: 'total-records',
  totalBytes: 'total-files-size',
  totalFiles: 'total-data-files',
  totalDeleteFiles: 'total-delete-files',
  totalPositionDeletes: 'total-position-deletes',
  totalEqualityDeletes: 'total-equality-deletes',
} as const

/** In the footers of raw files: when their events came, µs since the epoch. */
export const FOOTER_KEYS = {
  arrivalMinUs: 'campaign-metrics.arrival-min-us',
  arrivalMaxUs: 'campaign-metrics.arrival-max-us',
  dedupeMinUs: 'campaign-metrics.dedupe-min-us',
  dedupeMaxUs: 'campaign-metrics.dedupe-max-us',
} as const

/** In the headers of manifests and manifest lists: the CRC-32 of their schema and rows. */
export const AVRO_CHECKSUM_KEY = 'campaign-metrics.crc32'

/** Table properties: ours, then Iceberg's. */
export const PROPERTY_KEYS = {
  writer: 'campaign-metrics.writer',
  window: 'campaign-metrics.window',
  /** Beside Flink: what clients of the REST catalog have changed, see client-rows.ts. */
  changedSpans: 'campaign-metrics.changed-spans',
  clientAddedRows: 'campaign-metrics.client-added-rows',
  clientRemovedRows: 'campaign-metrics.client-removed-rows',
  clientRemovedMs: 'campaign-metrics.client-removed-ms',
  fileFormat: 'write.format.default',
  compression: 'write.parquet.compression-codec',
  metrics: 'write.metadata.metrics.default',
  deleteMetadata: 'write.metadata.delete-after-commit.enabled',
  previousMetadataMax: 'write.metadata.previous-versions-max',
} as const
