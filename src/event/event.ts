/**
 * An event as it is stored: its fields, limits and columns, and the rows of a day as the engine
 * passes them to the table.
 */

/** The index of a type is its code in the engine. */
export const EVENT_TYPES = ['impression', 'click', 'conversion'] as const

export type EventType = (typeof EVENT_TYPES)[number]

export type Event = Readonly<{
  eventId: string
  userId: string
  campaignId: string
  eventType: EventType
  /** Microseconds since the epoch, UTC; digits beyond the microsecond are cut. */
  timestampUs: number
  /** Finite, at most 1e9 either way, never -0; absent or null in the JSON is 0. */
  revenue: number
  platform: string | null
  country: string | null
  deviceType: string | null
}>

/**
 * The columns that an event may leave out, in the order of the table; each has at most
 * `optionalBytesMax` bytes.
 */
export const OPTIONAL_COLUMNS = ['platform', 'country', 'device_type'] as const

export type OptionalColumn = (typeof OPTIONAL_COLUMNS)[number]

/** The columns of campaign_events, in the order of the table and of the engine's `encodeColumn`. */
export const EVENT_COLUMNS: readonly string[] = [
  'event_id',
  'user_id',
  'campaign_id',
  'event_type',
  'timestamp',
  'revenue',
  ...OPTIONAL_COLUMNS,
]

export const LIMITS = {
  /** Of the event's object, without the white space around it. */
  eventBytesMax: 32_768,
  /** The event's own object is depth 1. */
  depthMax: 64,
  /** Lengths are bytes of the decoded string in UTF-8. */
  eventIdBytesMax: 128,
  userIdBytesMax: 256,
  campaignIdBytesMax: 256,
  optionalBytesMax: 64,
  revenueMax: 1e9,
  /** Events of one body, bad ones included: more good events than a body of 16 MiB can hold. */
  bodyEventsMax: 200_000,
  /** How far an event may be dated after its arrival. */
  futureSlackUs: 300_000_000,
  /** 2000-01-01T00:00:00Z. */
  earliestUs: 946_684_800_000_000,
} as const

/**
 * One day's rows of campaign_events as the engine encodes them and the table writes them: Parquet
 * pages, column by column. `day` counts from 1970-01-01.
 */
export type DayRows = Readonly<{
  day: number
  rows: number
  arrivalMinUs: number
  arrivalMaxUs: number
  columns: readonly EncodedColumn[]
}>

export type EncodedColumn = Readonly<{
  name: string
  /** Rows, nulls included. */
  values: number
  nullCount: number
  /**
   * Smallest and largest value as Parquet PLAIN bytes without a length prefix, not cut short; null
   * where all are null.
   */
  min: Uint8Array | null
  max: Uint8Array | null
  pages: readonly EncodedPage[]
}>

/**
 * The uncompressed body of a Parquet v1 page. Data pages begin with the definition levels (u32
 * length, RLE).
 */
export type EncodedPage = Readonly<{
  kind: 'dictionary' | 'data'
  encoding: 'PLAIN' | 'RLE_DICTIONARY'
  /** Entries of a dictionary; rows of a data page, nulls included. */
  values: number
  /** As those of a column; a dictionary has none. */
  nullCount: number
  min: Uint8Array | null
  max: Uint8Array | null
  bytes: Uint8Array
}>
