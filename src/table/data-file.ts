/**
 * A data file of a table, with what Iceberg keeps about it in a manifest (spec: "Data File
 * Fields"), and what its column bounds tell about its rows without reading it. Immutable: a file is
 * written once, and later only removed.
 */
import type { WindowKey } from '../event.ts'
import { longOf } from './bounds.ts'
import { EVENTS_SCHEMA, fieldNamed, METRICS_SCHEMA } from './schema.ts'

export type DataFile = Readonly<{
  /**
   * An absolute path on this machine, which manifests hold as a `file://` location, or an `s3://`
   * location.
   */
  path: string
  /** The partition: days since 1970-01-01. */
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
  /** As another writer wrote it; our files have the order 0, unsorted. */
  sortOrderId?: number | null
}>

/** First and last moment of a column; infinite where the file has no bounds. */
export type TimeBounds = Readonly<{ firstUs: number; lastUs: number }>

const CAMPAIGN_ID = fieldNamed(METRICS_SCHEMA, 'campaign_id').id
const WINDOW_START = fieldNamed(METRICS_SCHEMA, 'window_start').id

/** Times of the events in a file of campaign_events. */
export const eventTimes: (file: DataFile) => TimeBounds = boundsOfColumn(
  fieldNamed(EVENTS_SCHEMA, 'timestamp').id,
)
/** Starts of the windows in a file of campaign_metrics. */
export const windowStarts: (file: DataFile) => TimeBounds = boundsOfColumn(WINDOW_START)

function boundsOfColumn(field: number): (file: DataFile) => TimeBounds {
  return ({ lowerBounds, upperBounds }) => {
    const lower = lowerBounds.get(field)
    const upper = upperBounds.get(field)
    return {
      firstUs: lower === undefined ? Number.NEGATIVE_INFINITY : Number(longOf(lower)),
      lastUs: upper === undefined ? Number.POSITIVE_INFINITY : Number(longOf(upper)),
    }
  }
}

/** Whether a metrics file may hold the row of a campaign's window. */
export function mayHoldWindow(file: DataFile, key: WindowKey): boolean {
  const start = key.windowStartUs
  if (isOutside(file, WINDOW_START, (bound) => start - Number(longOf(bound)))) return false
  const campaign = Buffer.from(key.campaignId)
  return !isOutside(file, CAMPAIGN_ID, (bound) => Buffer.compare(campaign, bound))
}

/** `compare` orders the value against a bound; a column without bounds excludes nothing. */
function isOutside(file: DataFile, field: number, compare: (bound: Uint8Array) => number): boolean {
  const lower = file.lowerBounds.get(field)
  const upper = file.upperBounds.get(field)
  if (lower === undefined || upper === undefined) return false
  return compare(lower) < 0 || compare(upper) > 0
}
