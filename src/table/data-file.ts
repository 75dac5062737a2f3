/**
 * A data file of a table, with what Iceberg keeps of it in a manifest (spec: "Data File Fields"). Immutable: a file is
 * written once, and later only removed.
 */

export type DataFile = Readonly<{
  /** Absolute path on this machine, which manifests hold as a `file://` location; or an `s3://` location. */
  path: string
  /** Partition: days since 1970-01-01. */
  day: number
  rows: number
  bytes: number
  /** By field id. Bounds are Iceberg single values, in full length. */
  columnSizes: ReadonlyMap<number, number>
  valueCounts: ReadonlyMap<number, number>
  nullCounts: ReadonlyMap<number, number>
  nanCounts: ReadonlyMap<number, number>
  lowerBounds: ReadonlyMap<number, Uint8Array>
  upperBounds: ReadonlyMap<number, Uint8Array>
  /** Byte offsets of the row groups. */
  splitOffsets: readonly number[]
  /** As another writer wrote it; ours have the order 0, unsorted. */
  sortOrderId?: number | null
}>
