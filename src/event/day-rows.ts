/**
 * One day's rows of campaign_events as the engine encodes them and the table room writes them: Parquet pages, column by
 * column.
 */

/** `day` counts from 1970-01-01. */
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
  /** Smallest and largest value as Parquet PLAIN bytes without a length prefix, not cut short; null where all are null. */
  min: Uint8Array | null
  max: Uint8Array | null
  pages: readonly EncodedPage[]
}>

/** The uncompressed body of a Parquet v1 page. Data pages begin with the definition levels (u32 length, RLE). */
export type EncodedPage = Readonly<{
  kind: 'dictionary' | 'data'
  encoding: 'PLAIN' | 'RLE_DICTIONARY'
  /** Entries of a dictionary; rows of a data page, nulls included. */
  values: number
  bytes: Uint8Array
}>
