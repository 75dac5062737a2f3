/**
 * Pieces of the raw events that fit a filter, at one step. A commit says which raw files it added; a question reads those
 * that came since the one before, so that all its pieces are of the same commit. Questions take turns.
 */

import type { LakeFile } from '../../embedded.ts'
import type { TimeSpan } from '../../event.ts'
import type { SumRows } from '../../query.ts'
import type { CampaignNames } from './campaign-names.ts'
import { daysOf, type LakeDays } from './lake-days.ts'
import { isExpired, nextPart, pathsIn, startsWithFiles } from './load-part.ts'
import type { LoadQueue } from './load-queue.ts'
import { cutPieces, eachRow, type Piece } from './piece.ts'
import { pieceLengthUs } from './steps.ts'

export type EventsParts = Readonly<{
  names: CampaignNames
  queue: LoadQueue
  /** How many commits were told so far. */
  commits: () => number
  /** The newest list of files. */
  days: () => LakeDays
  /** The raw files that came after the first so many commits, up to so many; null when that is no longer known. */
  added: (afterCommits: number, untilCommits: number) => readonly LakeFile[] | null
  sum: (paths: readonly string[], stretch: TimeSpan, stepUs: number) => Promise<SumRows>
}>

/** The tables at one commit. */
type Moment = Readonly<{ commits: number; days: LakeDays }>

/** Files may be replaced, and days dropped, while they are read; so often in a row something else is wrong. */
const TRIES_MAX = 5

export class EventsSeries {
  readonly stepUs: number
  readonly pieces: Map<number, Piece> = new Map()
  readonly #parts: EventsParts
  /** How many commits are in a piece. */
  readonly #commitsIn = new WeakMap<Piece, number>()
  #turn: Promise<unknown> = Promise.resolve()
  #turns = 0
  #drops = 0

  constructor(stepUs: number, parts: EventsParts) {
    this.stepUs = stepUs
    this.#parts = parts
  }

  get isLoading(): boolean {
    return this.#turns > 0
  }

  /** Whether `load` has nothing to do. */
  has(starts: readonly number[]): boolean {
    if (this.isLoading) return false
    const { commits, days } = this.#parts
    return startsWithFiles(starts, days()).every((startUs) => this.#isAt(startUs, commits()))
  }

  /**
   * Resolves when all pieces that have files are there, of one commit, the newest when it began; they stay so until the
   * next turn of the event loop. False when they have more than `rowsMax` rows.
   */
  load(starts: readonly number[], rowsMax: number, nowUs: number): Promise<boolean> {
    this.#turns++
    const loaded = this.#turn.then(() => this.#loadNow(starts, rowsMax, nowUs))
    this.#turn = loaded.catch(() => {}).finally(() => this.#turns--)
    return loaded
  }

  dropDay(day: number): void {
    this.#drops++
    for (const [startUs, piece] of this.pieces) if (piece.day === day) this.pieces.delete(startUs)
  }

  async #loadNow(starts: readonly number[], rowsMax: number, nowUs: number): Promise<boolean> {
    for (let tries = 1; ; tries++) {
      const drops = this.#drops
      try {
        const fits = await this.#bringTo(this.#moment(), starts, rowsMax, nowUs)
        if (drops === this.#drops) return fits
        // What has arrived meanwhile may be of a day that is no more.
        for (const startUs of starts) this.pieces.delete(startUs)
      } catch (error) {
        if (!isExpired(error) || tries === TRIES_MAX) throw error
      }
    }
  }

  async #bringTo(
    moment: Moment,
    starts: readonly number[],
    rowsMax: number,
    nowUs: number,
  ): Promise<boolean> {
    for (;;) {
      const rows = starts.reduce((sum, us) => sum + (this.pieces.get(us)?.table.rows ?? 0), 0)
      if (rows > rowsMax) return false
      const missing = this.#missing(starts, moment)
      if (missing.length === 0) break
      await this.#loadPart(missing, moment, nowUs)
    }
    const behind = starts.filter((us) => this.pieces.has(us) && !this.#isAt(us, moment.commits))
    const byCommits = Map.groupBy(behind, (us) => this.#commitsOf(us))
    for (const group of byCommits.values()) await this.#advance(group, moment)
    return true
  }

  #moment(): Moment {
    return { commits: this.#parts.commits(), days: this.#parts.days() }
  }

  /** Not there, or so old that nobody knows what was added since. */
  #missing(starts: readonly number[], { commits, days }: Moment): readonly number[] {
    return startsWithFiles(starts, days).filter((startUs) => {
      if (!this.pieces.has(startUs)) return true
      return this.#parts.added(this.#commitsOf(startUs), commits) === null
    })
  }

  async #loadPart(missing: readonly number[], moment: Moment, nowUs: number): Promise<void> {
    const { names, queue, sum } = this.#parts
    const part = nextPart(missing, this.stepUs, moment.days, nowUs)
    const rows = await queue.run(part.rows, () =>
      sum(pathsIn(part, moment.days), part, this.stepUs),
    )
    for (const piece of cutPieces(part, this.stepUs, rows, names)) {
      this.pieces.set(piece.span.fromUs, piece)
      this.#commitsIn.set(piece, moment.commits)
    }
  }

  /** Adds to pieces of one commit what was added until the moment's. */
  async #advance(starts: readonly number[], moment: Moment): Promise<void> {
    const { names, queue, sum, added } = this.#parts
    const lengthUs = pieceLengthUs(this.stepUs)
    const stretch = { fromUs: Math.min(...starts), toUs: Math.max(...starts) + lengthUs }
    const pieces = new Map(starts.map((startUs) => [startUs, this.pieces.get(startUs)]))
    const files = added(this.#commitsOf(starts[0] ?? 0), moment.commits) ?? []
    const paths = pathsIn(stretch, daysOf(files))
    if (paths.length > 0) {
      try {
        const rows = await queue.run(0, () => sum(paths, stretch, this.stepUs))
        eachRow(rows, names, (timeUs, code, sums) => {
          pieces.get(Math.floor(timeUs / lengthUs) * lengthUs)?.add(timeUs, code, sums, 0)
        })
      } catch (error) {
        // Without the added files these pieces have no way on: they are loaded anew.
        if (isExpired(error)) for (const startUs of starts) this.pieces.delete(startUs)
        throw error
      }
    }
    for (const piece of pieces.values()) if (piece) this.#commitsIn.set(piece, moment.commits)
  }

  #isAt(startUs: number, commits: number): boolean {
    return this.pieces.has(startUs) && this.#commitsOf(startUs) === commits
  }

  #commitsOf(startUs: number): number {
    const piece = this.pieces.get(startUs)
    return piece === undefined ? 0 : (this.#commitsIn.get(piece) ?? 0)
  }
}
