/**
 * Sums in columns: a row for each step and campaign, its four sums side by side. Plain numbers in typed arrays, so that a
 * million rows are 44 MB and are added up in milliseconds.
 *
 *   starts  Float64   s0 s1 s2 …      start of the step, µs since the epoch
 *   codes   Uint32    c0 c1 c2 …      the campaign's number (campaign-names.ts)
 *   sums    Float64   i0 k0 v0 r0  i1 k1 v1 r1 …   impressions, clicks, conversions, revenue in millionths
 */

import type { Sums } from '../../dashboard-definition.ts'
import type { TimeSpan } from '../../event.ts'

/** Sums side by side: impressions, clicks, conversions, revenue in millionths. */
export const WIDTH = 4
const MILLIONTHS = 1_000_000
const ROWS_MIN = 16

export class SumsTable {
  #starts: Float64Array
  #codes: Uint32Array
  #sums: Float64Array
  #rows = 0

  constructor(capacity: number = ROWS_MIN) {
    const rows = Math.max(capacity, ROWS_MIN)
    this.#starts = new Float64Array(rows)
    this.#codes = new Uint32Array(rows)
    this.#sums = new Float64Array(rows * WIDTH)
  }

  get rows(): number {
    return this.#rows
  }

  /** Longer than `rows`; what is behind them means nothing. Replaced when the table grows. */
  get starts(): Float64Array {
    return this.#starts
  }

  get codes(): Uint32Array {
    return this.#codes
  }

  get sums(): Float64Array {
    return this.#sums
  }

  /** A new row of zeros; returns its number. */
  append(startUs: number, code: number): number {
    if (this.#rows === this.#codes.length) this.#grow()
    const row = this.#rows++
    this.#starts[row] = startUs
    this.#codes[row] = code
    return row
  }

  #grow(): void {
    const rows = this.#codes.length * 2
    const [starts, codes, sums] = [this.#starts, this.#codes, this.#sums]
    this.#starts = new Float64Array(rows)
    this.#codes = new Uint32Array(rows)
    this.#sums = new Float64Array(rows * WIDTH)
    this.#starts.set(starts)
    this.#codes.set(codes)
    this.#sums.set(sums)
  }
}

/** Points of a series: the first begins at `originUs`, each is `stepUs` long. */
export type Grid = Readonly<{ originUs: number; stepUs: number; points: number }>

export function gridOf({ fromUs, toUs }: TimeSpan, stepUs: number): Grid {
  const first = Math.floor(fromUs / stepUs)
  return { originUs: first * stepUs, stepUs, points: Math.ceil(toUs / stepUs) - first }
}

/** Adds the four sums at `from` of one array to those at `to` of another; both must be there. Not a loop: it is the inner one. */
export function addSums(into: Float64Array, to: number, sums: Float64Array, from: number): void {
  into[to] = (into[to] as number) + (sums[from] as number)
  into[to + 1] = (into[to + 1] as number) + (sums[from + 1] as number)
  into[to + 2] = (into[to + 2] as number) + (sums[from + 2] as number)
  into[to + 3] = (into[to + 3] as number) + (sums[from + 3] as number)
}

/** Adds the rows of a stretch up by campaign: `into` holds four sums at each code. */
export function addByCampaign(table: SumsTable, stretch: TimeSpan, into: Float64Array): void {
  const { rows, starts, codes, sums } = table
  const { fromUs, toUs } = stretch
  for (let row = 0; row < rows; row++) {
    const startUs = starts[row] as number // below `rows`
    if (startUs < fromUs || startUs >= toUs) continue
    addSums(into, (codes[row] as number) * WIDTH, sums, row * WIDTH)
  }
}

/**
 * Adds the rows of a stretch up by line and point. `lineOf` gives each code its line, -1 for none; null: all are of line 0.
 * `into` holds four sums at each point, line after line.
 */
export function addByPoint(
  table: SumsTable,
  stretch: TimeSpan,
  grid: Grid,
  lineOf: Int32Array | null,
  into: Float64Array,
): void {
  const { rows, starts, codes, sums } = table
  const { fromUs, toUs } = stretch
  for (let row = 0; row < rows; row++) {
    const startUs = starts[row] as number // below `rows`
    const line = lineOf === null ? 0 : (lineOf[codes[row] as number] as number)
    if (line < 0 || startUs < fromUs || startUs >= toUs) continue
    const point = line * grid.points + Math.floor((startUs - grid.originUs) / grid.stepUs)
    addSums(into, point * WIDTH, sums, row * WIDTH)
  }
}

/** Four sums as the definition has them, revenue in the unit of the events. */
export function sumsAt(sums: Float64Array, at: number): Sums {
  return {
    impressions: sums[at] ?? 0,
    clicks: sums[at + 1] ?? 0,
    conversions: sums[at + 2] ?? 0,
    revenue: (sums[at + 3] ?? 0) / MILLIONTHS,
  }
}
