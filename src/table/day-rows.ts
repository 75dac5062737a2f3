/**
 * One day's rows of campaign_events as the engine hands them over: encoded Parquet pages, column by column. Declared
 * here again, by shape, because this room does not know the engine.
 */

/** A day's rows as the engine encoded them. */
export type DayRows = Readonly<{
  day: number
  rows: number
  arrivalMinUs: number
  arrivalMaxUs: number
  columns: readonly EncodedColumn[]
}>

export type EncodedColumn = Readonly<{
  name: string
  values: number
  nullCount: number
  /** Parquet PLAIN value bytes without a length prefix, not cut short; null where every value is null. */
  min: Uint8Array | null
  max: Uint8Array | null
  pages: readonly EncodedPage[]
}>

/** The uncompressed body of a Parquet v1 page. Data pages begin with the definition levels (u32 length, RLE). */
export type EncodedPage = Readonly<{
  kind: 'dictionary' | 'data'
  encoding: 'PLAIN' | 'RLE_DICTIONARY' | 'DELTA_BINARY_PACKED' | 'DELTA_LENGTH_BYTE_ARRAY'
  values: number
  bytes: Uint8Array
}>
