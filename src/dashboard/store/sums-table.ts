/**
 * Sums in columns: a row for each step and campaign, with its four sums side by side. Typed arrays
 * of plain numbers: a million rows take 44 MB and are added up in milliseconds.
 *
 *   starts  Float64   s0 s1 s2 …      start of the step, µs since the epoch
 *   codes   Uint32    c0 c1 c2 …      the campaign's number (campaign-names.ts)
 *   sums    Float64   i0 k0 v0 r0  i1 k1 v1 r1 …   impressions, clicks, conversions, revenue
 *                                                 (in millionths)
 */

import type { Sums } from '../../dashboard-definition.ts'
import type { TimeSpan } from '../../event.ts'
import type { Pending } from '../../job.ts'
import type { CampaignNames } from './campaign-names.ts'

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

  /** May be longer than `rows`: ignore the rest. Replaced when the table grows. */
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

/** A sum for each window. */
export type WindowSums = Readonly<{ startUs: number; sums: Float64Array }>

/** Which point of a series each step belongs to; the first step begins at `originUs`. */
export type Grid = Readonly<{
  originUs: number
  stepUs: number
  points: number
  pointOf: Int32Array
}>

/**
 * Points of any length over the steps of a stretch. The first point has all steps before the second
 * one, the last one those up to the end.
 */
export function gridOf(
  { fromUs, toUs }: TimeSpan,
  stepUs: number,
  startsUs: readonly number[],
): Grid {
  const first = Math.floor(fromUs / stepUs)
  const pointOf = new Int32Array(Math.max(0, Math.ceil(toUs / stepUs) - first))
  let point = 0
  for (let step = 0; step < pointOf.length; step++) {
    while ((startsUs[point + 1] ?? Number.POSITIVE_INFINITY) <= (first + step) * stepUs) point++
    pointOf[step] = point
  }
  return { originUs: first * stepUs, stepUs, points: startsUs.length, pointOf }
}

/**
 * Adds the four sums at `from` of one array to those at `to` of another; both must exist. Unrolled,
 * because every other loop here calls it.
 */
export function addSums(into: Float64Array, to: number, sums: Float64Array, from: number): void {
  into[to] = (into[to] as number) + (sums[from] as number)
  into[to + 1] = (into[to + 1] as number) + (sums[from + 1] as number)
  into[to + 2] = (into[to + 2] as number) + (sums[from + 2] as number)
  into[to + 3] = (into[to + 3] as number) + (sums[from + 3] as number)
}

/** Adds up the rows of a stretch by campaign: `into` has four sums for each code. */
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
 * Adds up the rows of a stretch by line and point. `lineOf` is the line of each code, -1 for none;
 * if it is null, all rows are of line 0. `into` has four sums for each point, line after line.
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
    const step = Math.floor((startUs - grid.originUs) / grid.stepUs)
    const point = line * grid.points + (grid.pointOf[step] as number) // within the stretch
    addSums(into, point * WIDTH, sums, row * WIDTH)
  }
}

/** Four sums as an object, with revenue in the unit of the events. */
export function sumsAt(sums: Float64Array, at: number): Sums {
  return {
    impressions: sums[at] ?? 0,
    clicks: sums[at + 1] ?? 0,
    conversions: sums[at + 2] ?? 0,
    revenue: (sums[at + 3] ?? 0) / MILLIONTHS,
  }
}

const SLOTS_MIN = 64
/** At least this many slots for each row, so that probes stay short. */
const SLOTS_PER_ROW = 2

/**
 * Finds the row of a step and campaign in a table: a hash table with open addressing over row
 * numbers, four bytes for each slot. Built only for the few chunks that receive rows after loading.
 */
export class RowIndex {
  readonly #table: SumsTable
  /** Row + 1; 0 is an empty slot. */
  #slots = new Int32Array(0)

  constructor(table: SumsTable) {
    this.#table = table
    this.#rebuild()
  }

  /** The row of a step and campaign; appended if there is none. */
  findOrAppend(startUs: number, code: number): number {
    const slot = this.#slotOf(startUs, code)
    const found = this.#slots[slot] ?? 0
    if (found > 0) return found - 1
    const row = this.#table.append(startUs, code)
    this.#slots[slot] = row + 1
    if (this.#table.rows * SLOTS_PER_ROW > this.#slots.length) this.#rebuild()
    return row
  }

  #rebuild(): void {
    const { rows, starts, codes } = this.#table
    let length = SLOTS_MIN
    while (length < rows * SLOTS_PER_ROW * 2) length *= 2
    this.#slots = new Int32Array(length)
    for (let row = 0; row < rows; row++) {
      this.#slots[this.#slotOf(starts[row] ?? 0, codes[row] ?? 0)] = row + 1
    }
  }

  /** The slot of the row, or the empty slot in which it belongs. */
  #slotOf(startUs: number, code: number): number {
    const { starts, codes } = this.#table
    const mask = this.#slots.length - 1
    let slot = hashOf(startUs, code) & mask
    for (;;) {
      const row = (this.#slots[slot] ?? 0) - 1
      if (row < 0 || (starts[row] === startUs && codes[row] === code)) return slot
      slot = (slot + 1) & mask
    }
  }
}

/** Starts are whole seconds and codes are small and dense: both are spread over all bits. */
function hashOf(startUs: number, code: number): number {
  const seconds = Math.floor(startUs / 1_000_000) | 0
  let hash = Math.imul(seconds, 0x9e3779b1) ^ Math.imul(code + 1, 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return (hash ^ (hash >>> 13)) >>> 0
}

type Delta = Pending['deltas'][number]

/** What a commit adds to windows, or the next one will, as a table: a row for each delta. */
export function tableOfDeltas(deltas: readonly Delta[], names: CampaignNames): SumsTable {
  const table = new SumsTable(deltas.length)
  for (const delta of deltas) {
    const at = table.append(delta.windowStartUs, names.add(delta.campaignId)) * WIDTH
    table.sums[at] = delta.impressions
    table.sums[at + 1] = delta.clicks
    table.sums[at + 2] = delta.conversions
    table.sums[at + 3] = Number(delta.revenueMillionths)
  }
  return table
}
