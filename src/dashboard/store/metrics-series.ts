/**
 * Chunks of the metrics table at one step. A chunk is loaded from the files of one moment and takes
 * the deltas of every later commit, also of those during the load. So it is always up to date.
 */
import type { SumRows } from '../../query.ts'
import { chunkLengthUs, DAY_US, type Stretch } from '../steps.ts'
import type { CampaignNames } from './campaign-names.ts'
import { type Chunk, cutChunks } from './chunk.ts'
import { type LakeDays, pathsIn, retryExpired, startsWithFiles } from './lake-files.ts'
import { type LoadPart, nextPart, type RowEstimate } from './load-plan.ts'
import type { LoadQueue } from './load-scheduler.ts'
import { type SumsTable, WIDTH } from './sums-table.ts'

export type MetricsParts = Readonly<{
  names: CampaignNames
  queue: LoadQueue
  estimate: RowEstimate
  /** The newest list of files. */
  days: () => LakeDays
  sum: (paths: readonly string[], stretch: Stretch, stepUs: number) => Promise<SumRows>
}>

/** A load under way. What commits add in the meantime is buffered until it has arrived. */
type Load = Readonly<{ part: LoadPart; done: Promise<void> }> & {
  deltas: SumsTable[]
  /** A day of it was dropped in the meantime. */
  isStale: boolean
}

export class MetricsSeries {
  readonly stepUs: number
  readonly chunks: Map<number, Chunk> = new Map()
  readonly #parts: MetricsParts
  readonly #loads = new Set<Load>()

  constructor(stepUs: number, parts: MetricsParts) {
    this.stepUs = stepUs
    this.#parts = parts
  }

  get isLoading(): boolean {
    return this.#loads.size > 0
  }

  /** Whether `load` would have nothing to do. */
  has(starts: readonly number[]): boolean {
    return this.#missing(starts).length === 0
  }

  /** Loads the missing chunks that have files; false if all have more than `rowsMax` rows. */
  load(starts: readonly number[], rowsMax: number, nowUs: number): Promise<boolean> {
    return retryExpired(() => this.#loadAll(starts, rowsMax, nowUs))
  }

  /** Adds what a commit has added. */
  add(deltas: SumsTable): void {
    addDeltas(this.chunks, this.stepUs, deltas)
    for (const load of this.#loads) load.deltas.push(deltas)
  }

  dropDay(day: number): void {
    for (const [startUs, chunk] of this.chunks) if (chunk.day === day) this.chunks.delete(startUs)
    for (const load of this.#loads) {
      if (load.part.starts.some((us) => Math.floor(us / DAY_US) === day)) load.isStale = true
    }
  }

  async #loadAll(starts: readonly number[], rowsMax: number, nowUs: number): Promise<boolean> {
    for (;;) {
      if (this.#rowsOf(starts) > rowsMax) return false
      const missing = this.#missing(starts)
      if (missing.length === 0) return true
      const other = [...this.#loads].find(({ part }) =>
        missing.some((us) => part.starts.includes(us)),
      )
      if (other !== undefined) await other.done
      else await this.#loadPart(nextPart(missing, this.stepUs, this.#parts.days(), nowUs))
    }
  }

  #missing(starts: readonly number[]): readonly number[] {
    const missing = starts.filter((startUs) => !this.chunks.has(startUs))
    return missing.length === 0 ? missing : startsWithFiles(missing, this.#parts.days())
  }

  #rowsOf(starts: readonly number[]): number {
    return starts.reduce((sum, startUs) => sum + (this.chunks.get(startUs)?.table.rows ?? 0), 0)
  }

  async #loadPart(part: LoadPart): Promise<void> {
    const { names, queue, estimate, days, sum } = this.#parts
    const done = Promise.withResolvers<void>()
    const load: Load = { part, done: done.promise, deltas: [], isStale: false }
    this.#loads.add(load)
    try {
      const columns = await queue.run(part.rows, () => {
        // These files include all earlier commits.
        load.deltas = []
        load.isStale = false
        return sum(pathsIn(part, days()), part, this.stepUs)
      })
      if (load.isStale) return
      const loaded = cutChunks(part, this.stepUs, columns, names)
      const chunks = new Map(loaded.map((chunk) => [chunk.span.fromUs, chunk]))
      for (const deltas of load.deltas) addDeltas(chunks, this.stepUs, deltas)
      for (const [startUs, chunk] of chunks) this.chunks.set(startUs, chunk)
      estimate.learn(this.stepUs, part.rows, columns.startsUs.length)
    } finally {
      this.#loads.delete(load)
      done.resolve()
    }
  }
}

/** Adds each row to the chunk of its time, if there is one. */
function addDeltas(
  chunks: ReadonlyMap<number, Chunk>,
  stepUs: number,
  { rows, starts, codes, sums }: SumsTable,
): void {
  const lengthUs = chunkLengthUs(stepUs)
  for (let row = 0; row < rows; row++) {
    const timeUs = starts[row] ?? 0
    const chunk = chunks.get(Math.floor(timeUs / lengthUs) * lengthUs)
    chunk?.add(timeUs, codes[row] ?? 0, sums, row * WIDTH)
  }
}
