/**
 * Parquet's page index (parquet-format, "Page Index"): for each column chunk the bounds of its
 * data pages (ColumnIndex) and where they are (OffsetIndex). A reader with a filter then reads only
 * the pages that can match, and of other columns those with the same rows.
 *
 *   … last column chunk | ColumnIndex of each column | OffsetIndex of each column | …
 */
import type { EncodedColumn, EncodedPage } from '../../event.ts'
import { boundsOf, doubleOf, longOf } from '../bounds.ts'
import type { Field } from '../schema.ts'
import { binary, bool, encodeThrift, i32, i64, list, struct } from './thrift.ts'

/** A page in the file; `bytes` is with its header. */
export type PageLocation = Readonly<{ page: EncodedPage; offset: number; bytes: number }>

/** Where the index of a column is. A column of unknown bounds has no ColumnIndex. */
export type PageIndexPlace = Readonly<{ offsets: Place; bounds: Place | null }>
type Place = Readonly<{ offset: number; bytes: number }>

export type PageIndex = Readonly<{
  parts: readonly Uint8Array[]
  bytes: number
  /** By column. */
  places: readonly PageIndexPlace[]
}>

export type IndexedColumn = Readonly<{
  field: Field
  column: EncodedColumn
  pages: readonly PageLocation[]
}>

const UNORDERED = 0
const ASCENDING = 1
const DESCENDING = 2

/**
 * The index of all columns, to be written at `start`. Null for a file with one page in each column:
 * there it says nothing that the statistics of the columns do not, and would make a file of a few
 * rows a third longer.
 */
export function pageIndex(columns: readonly IndexedColumn[], start: number): PageIndex | null {
  const indexed = columns.map((column) => ({
    ...column,
    pages: column.pages.filter(({ page }) => page.kind === 'data'),
  }))
  if (indexed.every(({ pages }) => pages.length < 2)) return null
  const parts: Uint8Array[] = []
  let offset = start
  const put = (part: Uint8Array): Place => {
    const place = { offset, bytes: part.byteLength }
    parts.push(part)
    offset += part.byteLength
    return place
  }
  const bounds = indexed.map(({ field, pages }) => {
    const part = columnIndex(
      field,
      pages.map(({ page }) => page),
    )
    return part === null ? null : put(part)
  })
  const places = indexed.map(({ pages }, column) => ({
    bounds: bounds[column]!,
    offsets: put(offsetIndex(pages)),
  }))
  return { parts, bytes: offset - start, places }
}

function offsetIndex(pages: readonly PageLocation[]): Uint8Array {
  let firstRow = 0
  const locations = pages.map(({ page, offset, bytes }) => {
    const location = struct([1, i64(offset)], [2, i32(bytes)], [3, i64(firstRow)])
    firstRow += page.values
    return location
  })
  return encodeThrift(struct([1, list(locations)]))
}

/**
 * Null where the bounds of a page are not known. That is a NaN: Parquet has no bounds for it, and
 * without them the page would be skipped.
 */
function columnIndex(field: Field, pages: readonly EncodedPage[]): Uint8Array | null {
  const lower: Uint8Array[] = []
  const upper: Uint8Array[] = []
  for (const page of pages) {
    if (isNullPage(page)) continue
    const bounds = boundsOf(field, page.min, page.max)
    // A string that ends in the last characters of Unicode has no shorter one above it.
    const max = bounds.upper ?? (field.type === 'string' ? page.max : null)
    if (bounds.lower === null || max === null) return null
    lower.push(bounds.lower)
    upper.push(max)
  }
  const order = boundaryOrder(field, lower, upper)
  const none = Buffer.alloc(0)
  // What is written for a page of nulls only is not looked at.
  const valued = (bounds: Uint8Array[]) => {
    let next = 0
    return list(pages.map((page) => binary(isNullPage(page) ? none : bounds[next++]!)))
  }
  return encodeThrift(
    struct(
      [1, list(pages.map((page) => bool(isNullPage(page))))],
      [2, valued(lower)],
      [3, valued(upper)],
      [4, i32(order)],
      [5, list(pages.map((page) => i64(page.nullCount)))],
    ),
  )
}

function isNullPage(page: EncodedPage): boolean {
  return page.nullCount === page.values
}

/** Of the bounds as they are written. Pages of nulls only do not count. */
function boundaryOrder(
  field: Field,
  lower: readonly Uint8Array[],
  upper: readonly Uint8Array[],
): number {
  const steps = [lower, upper].flatMap((bounds) =>
    bounds.slice(1).map((bound, index) => compareValues(field, bounds[index]!, bound)),
  )
  if (steps.every((step) => step <= 0)) return ASCENDING
  return steps.every((step) => step >= 0) ? DESCENDING : UNORDERED
}

function compareValues({ type }: Field, left: Uint8Array, right: Uint8Array): number {
  if (type === 'string') return Buffer.compare(left, right)
  const numberOf = type === 'double' ? doubleOf : longOf
  const [a, b] = [numberOf(left), numberOf(right)]
  return a < b ? -1 : a > b ? 1 : 0
}
