/** Sums as columns of numbers, read from DuckDB's vectors without making an object of a row. */
import type { DuckDBBlobValue, DuckDBDataChunk, DuckDBResult } from './instance.ts'

/** One entry for each name and step, in any order. */
export type SumRows = Readonly<{
  /** Campaigns, or the values of another column by which events were added up. */
  names: readonly string[]
  /** Into `names`. */
  codes: Uint32Array
  /** Starts of the steps, in microseconds. */
  startsUs: Float64Array
  impressions: Float64Array
  clicks: Float64Array
  conversions: Float64Array
  /** Whole; exact up to 2^53. */
  revenueMillionths: Float64Array
}>

const ROWS_AT_FIRST = 4_096

/** DuckDB's own reading of texts drops a U+FEFF in front; as bytes they come whole. */
export function textOf({ bytes }: DuckDBBlobValue): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
}

/**
 * Reads what the SQL of the sums gives. `checkOpen` throws where the rest is not wanted any more.
 */
export async function readSumRows(result: DuckDBResult, checkOpen: () => void): Promise<SumRows> {
  const names: string[] = []
  let columns = newColumns(ROWS_AT_FIRST)
  let rows = 0
  for (;;) {
    checkOpen()
    const chunk = await result.fetchChunk()
    if (chunk === null || chunk.rowCount === 0) break
    // Twice as long, so that growing costs no more than reading.
    if (rows + chunk.rowCount > columns.codes.length)
      columns = resized(columns, rows, columns.codes.length * 2)
    rows = readChunk(chunk, names, columns, rows)
  }
  return { names, ...resized(columns, rows, rows) }
}

type Columns = Omit<SumRows, 'names'>

/**
 * Returns how many rows there are then. The columns are those of the SQL, none but the last with
 * NULL.
 */
function readChunk(
  chunk: DuckDBDataChunk,
  found: string[],
  columns: Columns,
  rows: number,
): number {
  const [codes, starts, impressions, clicks, conversions, millionths, names] = [
    0, 1, 2, 3, 4, 5, 6,
  ].map((index) => chunk.getColumnVector(index)) as unknown as readonly [
    ...(readonly [Numbers, Numbers, Numbers, Numbers, Numbers, Numbers]),
    Texts,
  ]
  let at = rows
  for (let row = 0; row < chunk.rowCount; row++) {
    const code = codes.getItem(row)
    if (code < 0) {
      found[-1 - code] = textOf(names.getItem(row))
      continue
    }
    columns.codes[at] = code
    columns.startsUs[at] = starts.getItem(row)
    columns.impressions[at] = impressions.getItem(row)
    columns.clicks[at] = clicks.getItem(row)
    columns.conversions[at] = conversions.getItem(row)
    columns.revenueMillionths[at] = millionths.getItem(row)
    at++
  }
  return at
}

type Numbers = Readonly<{ getItem(row: number): number }>
type Texts = Readonly<{ getItem(row: number): DuckDBBlobValue }>

function newColumns(length: number): Columns {
  return {
    codes: new Uint32Array(length),
    startsUs: new Float64Array(length),
    impressions: new Float64Array(length),
    clicks: new Float64Array(length),
    conversions: new Float64Array(length),
    revenueMillionths: new Float64Array(length),
  }
}

/** A copy of the first `rows` rows, with room for `length`. */
export function resized<C extends Readonly<Record<string, Uint32Array | Float64Array>>>(
  columns: C,
  rows: number,
  length: number,
): C {
  const copies = Object.entries(columns).map(([name, column]) => {
    const copy = column instanceof Uint32Array ? new Uint32Array(length) : new Float64Array(length)
    copy.set(column.subarray(0, rows))
    return [name, copy] as const
  })
  return Object.fromEntries(copies) as C // of the same columns
}
