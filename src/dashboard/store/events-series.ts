/**
 * Chunks of selected raw events, at one step. A commit lists the raw files it added.
 * A question reads the files added since the last one, which brings all its chunks to the same
 * commit. Questions take turns.
 */
import type { TimeSpan } from '../../event.ts'
import type { LakeFile } from '../../job.ts'
import type { SumRows } from '../../query.ts'
import { chunkLengthUs } from '../steps.ts'
import type { CampaignNames } from './campaign-names.ts'
import { type Chunk, cutChunks, eachRow } from './chunk.ts'
import {
  daysOf,
  isExpired,
  type LakeDays,
  pathsIn,
  retryExpired,
  startsWithFiles,
} from './lake-files.ts'
import { nextPart } from './load-plan.ts'
import type { LoadQueue } from './load-scheduler.ts'

export type EventsParts = Readonly<{
  names: CampaignNames
  queue: LoadQueue
  /** How many commits there were so far. */
  commits: () => number
  /** The newest list of files. */
  days: () => LakeDays
  /** Raw files added after one commit, up to and including another; null if no longer known. */
  added: (afterCommits: number, untilCommits: number) => readonly LakeFile[] | null
  sum: (paths: readonly string[], stretch: TimeSpan, stepUs: number) => Promise<SumRows>
}>

/** The tables at one commit. */
type Moment = Readonly<{ commits: number; days: LakeDays }>

export class EventsSeries {
  readonly stepUs: number
  readonly chunks: Map<number, Chunk> = new Map()
  readonly #parts: EventsParts
  /** The commit that each chunk is at. */
  readonly #commitsIn = new WeakMap<Chunk, number>()
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

  /** Whether `load` would have nothing to do. */
  has(starts: readonly number[]): boolean {
    if (this.isLoading) return false
    const { commits, days } = this.#parts
    return startsWithFiles(starts, days()).every((startUs) => this.#isAt(startUs, commits()))
  }

  /**
   * Brings all chunks that have files to one commit, the newest when it began; they stay so until
   * the next turn of the event loop. False if they have more than `rowsMax` rows.
   */
  load(starts: readonly number[], rowsMax: number, nowUs: number): Promise<boolean> {
    this.#turns++
    const loaded = this.#turn.then(() => retryExpired(() => this.#loadNow(starts, rowsMax, nowUs)))
    this.#turn = loaded.catch(() => {}).finally(() => this.#turns--)
    return loaded
  }

  dropDay(day: number): void {
    this.#drops++
    for (const [startUs, chunk] of this.chunks) if (chunk.day === day) this.chunks.delete(startUs)
  }

  async #loadNow(starts: readonly number[], rowsMax: number, nowUs: number): Promise<boolean> {
    for (;;) {
      const drops = this.#drops
      const fits = await this.#bringTo(this.#moment(), starts, rowsMax, nowUs)
      if (drops === this.#drops) return fits
      // What was loaded in the meantime may be of a dropped day.
      for (const startUs of starts) this.chunks.delete(startUs)
    }
  }

  async #bringTo(
    moment: Moment,
    starts: readonly number[],
    rowsMax: number,
    nowUs: number,
  ): Promise<boolean> {
    for (;;) {
      const rows = starts.reduce((sum, us) => sum + (this.chunks.get(us)?.table.rows ?? 0), 0)
      if (rows > rowsMax) return false
      const missing = this.#missing(starts, moment)
      if (missing.length === 0) break
      await this.#loadPart(missing, moment, nowUs)
    }
    const behind = starts.filter((us) => this.chunks.has(us) && !this.#isAt(us, moment.commits))
    const byCommits = Map.groupBy(behind, (us) => this.#commitsOf(us))
    for (const group of byCommits.values()) await this.#advance(group, moment)
    return true
  }

  #moment(): Moment {
    return { commits: this.#parts.commits(), days: this.#parts.days() }
  }

  /** Missing, or so old that what was added since is no longer known. */
  #missing(starts: readonly number[], { commits, days }: Moment): readonly number[] {
    return startsWithFiles(starts, days).filter((startUs) => {
      if (!this.chunks.has(startUs)) return true
      return this.#parts.added(this.#commitsOf(startUs), commits) === null
    })
  }

  async #loadPart(missing: readonly number[], moment: Moment, nowUs: number): Promise<void> {
    const { names, queue, sum } = this.#parts
    const part = nextPart(missing, this.stepUs, moment.days, nowUs)
    const rows = await queue.run(part.rows, () =>
      sum(pathsIn(part, moment.days), part, this.stepUs),
    )
    for (const chunk of cutChunks(part, this.stepUs, rows, names)) {
      this.chunks.set(chunk.span.fromUs, chunk)
      this.#commitsIn.set(chunk, moment.commits)
    }
  }

  /** Brings chunks that are at one commit to the commit of the moment. */
  async #advance(starts: readonly number[], moment: Moment): Promise<void> {
    const { names, queue, sum, added } = this.#parts
    const lengthUs = chunkLengthUs(this.stepUs)
    const stretch = { fromUs: Math.min(...starts), toUs: Math.max(...starts) + lengthUs }
    const chunks = new Map(starts.map((startUs) => [startUs, this.chunks.get(startUs)]))
    const files = added(this.#commitsOf(starts[0] ?? 0), moment.commits) ?? []
    const paths = pathsIn(stretch, daysOf(files))
    if (paths.length > 0) {
      try {
        const rows = await queue.run(0, () => sum(paths, stretch, this.stepUs))
        eachRow(rows, names, (timeUs, code, sums) => {
          chunks.get(Math.floor(timeUs / lengthUs) * lengthUs)?.add(timeUs, code, sums, 0)
        })
      } catch (error) {
        // The added files are gone, so these chunks cannot be brought up to date: reload them.
        if (isExpired(error)) for (const startUs of starts) this.chunks.delete(startUs)
        throw error
      }
    }
    for (const chunk of chunks.values()) if (chunk) this.#commitsIn.set(chunk, moment.commits)
  }

  #isAt(startUs: number, commits: number): boolean {
    return this.chunks.has(startUs) && this.#commitsOf(startUs) === commits
  }

  #commitsOf(startUs: number): number {
    const chunk = this.chunks.get(startUs)
    return chunk === undefined ? 0 : (this.#commitsIn.get(chunk) ?? 0)
  }
}
