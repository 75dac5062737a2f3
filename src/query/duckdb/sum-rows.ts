/** Sums as columns of numbers, read from DuckDB's vectors without making an object of a row. */
import type { DuckDBBlobValue, DuckDBDataChunk, DuckDBResult } from './instance.ts'

/** One entry for each campaign and step, in any order. */
export type SumRows = Readonly<{
  campaigns: readonly string[]
  /** Into `campaigns`. */
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

/** Reads what the SQL of the sums gives. `goesOn` throws where the rest is not wanted any more. */
export async function readSumRows(result: DuckDBResult, goesOn: () => void): Promise<SumRows> {
  const campaigns: string[] = []
  let held = newColumns(ROWS_AT_FIRST)
  let rows = 0
  for (;;) {
    goesOn()
    const chunk = await result.fetchChunk()
    if (chunk === null || chunk.rowCount === 0) break
    if (rows + chunk.rowCount > held.codes.length) held = grown(held, rows)
    rows = readChunk(chunk, campaigns, held, rows)
  }
  return { campaigns, ...cut(held, rows) }
}

type Columns = Omit<SumRows, 'campaigns'>

/** Returns how many rows are held then. The columns are those of the SQL, none but the last with NULL. */
function readChunk(
  chunk: DuckDBDataChunk,
  campaigns: string[],
  held: Columns,
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
      campaigns[-1 - code] = textOf(names.getItem(row))
      continue
    }
    held.codes[at] = code
    held.startsUs[at] = starts.getItem(row)
    held.impressions[at] = impressions.getItem(row)
    held.clicks[at] = clicks.getItem(row)
    held.conversions[at] = conversions.getItem(row)
    held.revenueMillionths[at] = millionths.getItem(row)
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

/** Twice as long, so that growing costs no more than reading. */
function grown(held: Columns, rows: number): Columns {
  const columns = newColumns(held.codes.length * 2)
  columns.codes.set(held.codes.subarray(0, rows))
  columns.startsUs.set(held.startsUs.subarray(0, rows))
  columns.impressions.set(held.impressions.subarray(0, rows))
  columns.clicks.set(held.clicks.subarray(0, rows))
  columns.conversions.set(held.conversions.subarray(0, rows))
  columns.revenueMillionths.set(held.revenueMillionths.subarray(0, rows))
  return columns
}

function cut(held: Columns, rows: number): Columns {
  return {
    codes: held.codes.slice(0, rows),
    startsUs: held.startsUs.slice(0, rows),
    impressions: held.impressions.slice(0, rows),
    clicks: held.clicks.slice(0, rows),
    conversions: held.conversions.slice(0, rows),
    revenueMillionths: held.revenueMillionths.slice(0, rows),
  }
}
