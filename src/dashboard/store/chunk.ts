/**
 * A chunk: the sums of one stretch of a day at one step. It is loaded, cached and evicted as a
 * whole. Besides a row for each step and campaign it has the total of each step, so that questions
 * about all campaigns together read no rows.
 */
import type { TimeSpan } from '../../event.ts'
import type { SumRows } from '../../query.ts'
import { chunkLengthUs, DAY_US, type Span } from '../steps.ts'
import type { CampaignNames } from './campaign-names.ts'
import { addSums, type Grid, RowIndex, SumsTable, WIDTH, type WindowSums } from './sums-table.ts'

/** The memory of a chunk without rows, counted in rows. */
const EMPTY_CHUNK_ROWS = 40

export class Chunk {
  readonly span: Span
  readonly table: SumsTable
  /** Four sums for each step. */
  readonly #totals: Float64Array
  #index: RowIndex | null = null
  /** When it was last asked for; the oldest are evicted first. */
  usedAtUs = 0

  constructor(span: Span, rows: number) {
    this.span = span
    this.table = new SumsTable(rows)
    this.#totals = new Float64Array(((span.toUs - span.fromUs) / span.stepUs) * WIDTH)
  }

  get day(): number {
    return Math.floor(this.span.fromUs / DAY_US)
  }

  /** Its memory, counted in rows; an empty chunk is not free. */
  get weight(): number {
    return this.table.rows + this.#totals.length / WIDTH + EMPTY_CHUNK_ROWS
  }

  /** Adds a row that the chunk does not have yet. */
  append(startUs: number, code: number, sums: Float64Array, at: number): void {
    const row = this.table.append(startUs, code)
    addSums(this.table.sums, row * WIDTH, sums, at)
    addSums(this.#totals, this.#totalAt(startUs), sums, at)
  }

  /** Adds to the row of a step and campaign, new or not; `timeUs` may be anywhere in the step. */
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
      const step = Math.floor((us - grid.originUs) / grid.stepUs)
      const point = grid.pointOf[step] as number // within the stretch
      addSums(into, point * WIDTH, this.#totals, this.#totalAt(us))
    }
  }

  /** The last steps with events, backwards until one that has begun. */
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

/** The starts of the chunks of a stretch: multiples of their length. */
export function chunkStarts({ fromUs, toUs }: TimeSpan, stepUs: number): number[] {
  const lengthUs = chunkLengthUs(stepUs)
  const starts: number[] = []
  for (let us = Math.floor(fromUs / lengthUs) * lengthUs; us < toUs; us += lengthUs) starts.push(us)
  return starts
}

/** Neighbouring chunks from `fromUs` on, each with its rows. */
export function cutChunks(
  stretch: TimeSpan,
  stepUs: number,
  columns: SumRows,
  names: CampaignNames,
): readonly Chunk[] {
  const lengthUs = chunkLengthUs(stepUs)
  const placeOf = (startUs: number): number => Math.floor((startUs - stretch.fromUs) / lengthUs)
  const starts = chunkStarts(stretch, stepUs)
  const counts = new Uint32Array(starts.length)
  for (const startUs of columns.startsUs) {
    const place = placeOf(startUs)
    counts[place] = (counts[place] ?? 0) + 1
  }
  const chunks = starts.map((fromUs, place) => {
    return new Chunk({ fromUs, toUs: fromUs + lengthUs, stepUs }, counts[place] ?? 0)
  })
  eachRow(columns, names, (startUs, code, sums) =>
    chunks[placeOf(startUs)]?.append(startUs, code, sums, 0),
  )
  return chunks
}

/** Calls `take` with each row, its name as a code; `sums` is the same array each time. */
export function eachRow(
  columns: SumRows,
  names: Pick<CampaignNames, 'add'>,
  take: (startUs: number, code: number, sums: Float64Array) => void,
): void {
  const { startsUs, impressions, clicks, conversions, revenueMillionths } = columns
  const codes = Uint32Array.from(columns.names, (name) => names.add(name))
  const sums = new Float64Array(WIDTH)
  for (let row = 0; row < startsUs.length; row++) {
    sums[0] = impressions[row] ?? 0
    sums[1] = clicks[row] ?? 0
    sums[2] = conversions[row] ?? 0
    sums[3] = revenueMillionths[row] ?? 0
    take(startsUs[row] ?? 0, codes[columns.codes[row] ?? 0] ?? 0, sums)
  }
}
