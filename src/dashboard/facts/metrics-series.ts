/**
 * Pieces of the metrics table at one step. A piece is loaded from the files of one moment and gains what each later commit
 * added, also while it loads; so it is always as new as the last commit.
 */
import type { TimeSpan } from '../../event.ts'
import type { SumRows } from '../../query.ts'
import type { CampaignNames } from './campaign-names.ts'
import type { LakeDays } from './lake-days.ts'
import { isExpired, type LoadPart, nextPart, pathsIn, startsWithFiles } from './load-part.ts'
import type { LoadQueue } from './load-queue.ts'
import { cutPieces, type Piece } from './piece.ts'
import type { RowEstimate } from './row-estimate.ts'
import { DAY_US, pieceLengthUs } from './steps.ts'
import { type SumsTable, WIDTH } from './sums-table.ts'

export type MetricsParts = Readonly<{
  names: CampaignNames
  queue: LoadQueue
  estimate: RowEstimate
  /** The newest list of files. */
  days: () => LakeDays
  sum: (paths: readonly string[], stretch: TimeSpan, stepUs: number) => Promise<SumRows>
}>

/** A load under way. What commits add to the files of its moment is kept until it has arrived. */
type Load = Readonly<{ part: LoadPart; done: Promise<void> }> & {
  gains: SumsTable[]
  /** Days of it were dropped meanwhile. */
  isStale: boolean
}

/** Files may be replaced while they are read; so often in a row something else is wrong. */
const TRIES_MAX = 5

export class MetricsSeries {
  readonly stepUs: number
  readonly pieces: Map<number, Piece> = new Map()
  readonly #parts: MetricsParts
  readonly #loads = new Set<Load>()

  constructor(stepUs: number, parts: MetricsParts) {
    this.stepUs = stepUs
    this.#parts = parts
  }

  get isLoading(): boolean {
    return this.#loads.size > 0
  }

  /** Whether `load` has nothing to do. */
  has(starts: readonly number[]): boolean {
    return this.#missing(starts).length === 0
  }

  /** Resolves when all pieces are there that have files; false when they have more than `rowsMax` rows. */
  async load(starts: readonly number[], rowsMax: number, nowUs: number): Promise<boolean> {
    let tries = 0
    for (;;) {
      if (this.#rowsOf(starts) > rowsMax) return false
      const missing = this.#missing(starts)
      if (missing.length === 0) return true
      const other = [...this.#loads].find(({ part }) =>
        missing.some((us) => part.starts.includes(us)),
      )
      if (other !== undefined) {
        await other.done
        continue
      }
      try {
        await this.#loadPart(nextPart(missing, this.stepUs, this.#parts.days(), nowUs))
      } catch (error) {
        if (!isExpired(error) || ++tries === TRIES_MAX) throw error
      }
    }
  }

  /** A commit has added this. */
  gain(gains: SumsTable): void {
    addGains(this.pieces, this.stepUs, gains)
    for (const load of this.#loads) load.gains.push(gains)
  }

  dropDay(day: number): void {
    for (const [startUs, piece] of this.pieces) if (piece.day === day) this.pieces.delete(startUs)
    for (const load of this.#loads) {
      if (load.part.starts.some((us) => Math.floor(us / DAY_US) === day)) load.isStale = true
    }
  }

  #missing(starts: readonly number[]): readonly number[] {
    const missing = starts.filter((startUs) => !this.pieces.has(startUs))
    return missing.length === 0 ? missing : startsWithFiles(missing, this.#parts.days())
  }

  #rowsOf(starts: readonly number[]): number {
    return starts.reduce((sum, startUs) => sum + (this.pieces.get(startUs)?.table.rows ?? 0), 0)
  }

  async #loadPart(part: LoadPart): Promise<void> {
    const { names, queue, estimate, days, sum } = this.#parts
    const done = Promise.withResolvers<void>()
    const load: Load = { part, done: done.promise, gains: [], isStale: false }
    this.#loads.add(load)
    try {
      const columns = await queue.run(part.rows, () => {
        // The files of this moment, which hold all that was gained before it.
        load.gains = []
        load.isStale = false
        return sum(pathsIn(part, days()), part, this.stepUs)
      })
      if (load.isStale) return
      const loaded = cutPieces(part, this.stepUs, columns, names)
      const pieces = new Map(loaded.map((piece) => [piece.span.fromUs, piece]))
      for (const gains of load.gains) addGains(pieces, this.stepUs, gains)
      for (const [startUs, piece] of pieces) this.pieces.set(startUs, piece)
      estimate.learn(this.stepUs, part.rows, columns.startsUs.length)
    } finally {
      this.#loads.delete(load)
      done.resolve()
    }
  }
}

/** Each row to the piece in whose stretch it lies, where there is one. */
function addGains(
  pieces: ReadonlyMap<number, Piece>,
  stepUs: number,
  { rows, starts, codes, sums }: SumsTable,
): void {
  const lengthUs = pieceLengthUs(stepUs)
  for (let row = 0; row < rows; row++) {
    const timeUs = starts[row] ?? 0
    const piece = pieces.get(Math.floor(timeUs / lengthUs) * lengthUs)
    piece?.add(timeUs, codes[row] ?? 0, sums, row * WIDTH)
  }
}
