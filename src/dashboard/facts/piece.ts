/**
 * The sums of one stretch of a day at one step: what is loaded, kept and dropped as a whole. Beside a row for each step and
 * campaign it holds the total of each step, so that questions about all campaigns together look at no row.
 */
import type { TimeSpan } from '../../event.ts'
import type { SumRows } from '../../query.ts'
import type { CampaignNames } from './campaign-names.ts'
import type { WindowSums } from './latest-windows.ts'
import { RowIndex } from './row-index.ts'
import { DAY_US, pieceLengthUs, type Span } from './steps.ts'
import { addSums, type Grid, SumsTable, WIDTH } from './sums-table.ts'

/** The objects and the smallest arrays of a piece, as rows. */
const EMPTY_PIECE_ROWS = 40

export class Piece {
  readonly span: Span
  readonly table: SumsTable
  /** Four sums a step. */
  readonly #totals: Float64Array
  #index: RowIndex | null = null
  /** Of what was lately asked for; the oldest go first. */
  usedAtUs = 0

  constructor(span: Span, rows: number) {
    this.span = span
    this.table = new SumsTable(rows)
    this.#totals = new Float64Array(((span.toUs - span.fromUs) / span.stepUs) * WIDTH)
  }

  get day(): number {
    return Math.floor(this.span.fromUs / DAY_US)
  }

  /** What it takes of the memory, in rows; an empty piece is not free. */
  get weight(): number {
    return this.table.rows + this.#totals.length / WIDTH + EMPTY_PIECE_ROWS
  }

  /** A row that the piece does not have yet. */
  append(startUs: number, code: number, sums: Float64Array, at: number): void {
    const row = this.table.append(startUs, code)
    addSums(this.table.sums, row * WIDTH, sums, at)
    addSums(this.#totals, this.#totalAt(startUs), sums, at)
  }

  /** Adds to the row of a step and campaign, whether the piece has it or not; `timeUs` may lie anywhere in the step. */
  add(timeUs: number, code: number, sums: Float64Array, at: number): void {
    const startUs = Math.floor(timeUs / this.span.stepUs) * this.span.stepUs
    this.#index ??= new RowIndex(this.table)
    const row = this.#index.findOrAppend(startUs, code)
    addSums(this.table.sums, row * WIDTH, sums, at)
    addSums(this.#totals, this.#totalAt(startUs), sums, at)
  }

  /** Adds the totals of the steps in a stretch to the points of a series. */
  addTotals({ fromUs, toUs }: TimeSpan, grid: Grid, into: Float64Array): void {
    const { span } = this
    const endUs = Math.min(toUs, span.toUs)
    for (let us = Math.max(fromUs, span.fromUs); us < endUs; us += span.stepUs) {
      const point = Math.floor((us - grid.originUs) / grid.stepUs)
      addSums(into, point * WIDTH, this.#totals, this.#totalAt(us))
    }
  }

  /** The last steps with events, backwards to the first of them that has begun. */
  last(nowUs: number): readonly WindowSums[] {
    const found: WindowSums[] = []
    for (let at = this.#totals.length - WIDTH; at >= 0; at -= WIDTH) {
      const sums = this.#totals.subarray(at, at + WIDTH)
      if (sums.every((sum) => sum === 0)) continue
      const startUs = this.span.fromUs + (at / WIDTH) * this.span.stepUs
      found.push({ startUs, sums: sums.slice() })
      if (startUs <= nowUs) break
    }
    return found
  }

  #totalAt(startUs: number): number {
    return ((startUs - this.span.fromUs) / this.span.stepUs) * WIDTH
  }
}

/** The pieces that hold a stretch: each begins at a multiple of their length. */
export function pieceStarts({ fromUs, toUs }: TimeSpan, stepUs: number): number[] {
  const lengthUs = pieceLengthUs(stepUs)
  const starts: number[] = []
  for (let us = Math.floor(fromUs / lengthUs) * lengthUs; us < toUs; us += lengthUs) starts.push(us)
  return starts
}

/** Neighbouring pieces from `fromUs` on, filled with the rows that lie in them. */
export function cutPieces(
  stretch: TimeSpan,
  stepUs: number,
  columns: SumRows,
  names: CampaignNames,
): readonly Piece[] {
  const lengthUs = pieceLengthUs(stepUs)
  const placeOf = (startUs: number): number => Math.floor((startUs - stretch.fromUs) / lengthUs)
  const starts = pieceStarts(stretch, stepUs)
  const counts = new Uint32Array(starts.length)
  for (const startUs of columns.startsUs) {
    const place = placeOf(startUs)
    counts[place] = (counts[place] ?? 0) + 1
  }
  const pieces = starts.map((fromUs, place) => {
    return new Piece({ fromUs, toUs: fromUs + lengthUs, stepUs }, counts[place] ?? 0)
  })
  eachRow(columns, names, (startUs, code, sums) =>
    pieces[placeOf(startUs)]?.append(startUs, code, sums, 0),
  )
  return pieces
}

/** Calls with each row of the columns; `sums` is the same array each time. */
export function eachRow(
  columns: SumRows,
  names: CampaignNames,
  take: (startUs: number, code: number, sums: Float64Array) => void,
): void {
  const { startsUs, impressions, clicks, conversions, revenueMillionths } = columns
  const codes = Uint32Array.from(columns.campaigns, (name) => names.add(name))
  const sums = new Float64Array(WIDTH)
  for (let row = 0; row < startsUs.length; row++) {
    sums[0] = impressions[row] ?? 0
    sums[1] = clicks[row] ?? 0
    sums[2] = conversions[row] ?? 0
    sums[3] = revenueMillionths[row] ?? 0
    take(startsUs[row] ?? 0, codes[columns.codes[row] ?? 0] ?? 0, sums)
  }
}
