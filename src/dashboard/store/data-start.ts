/**
 * Since when there are figures. What came before the first event, or was removed by retention, is
 * not zero but unknown: nothing is compared with it.
 */
import type { AnsweredRange } from '../../dashboard-definition.ts'
import type { SumsQuery } from '../../query.ts'
import { DAY_US } from '../steps.ts'
import type { ChunkCache } from './chunk-cache.ts'
import { type LakeDays, pathsIn, retryExpired } from './lake-files.ts'
import type { LoadQueue } from './load-scheduler.ts'
import type { SumsTable } from './sums-table.ts'

type Options = Readonly<{ sums: Pick<SumsQuery, 'sumMetrics'>; windowUs: number }>

/** The first window of a day; it moves when an earlier event comes in. */
type FirstWindow = { readonly day: number; startUs: number; readonly read: Promise<void> }

export class DataStart {
  readonly #options: Options
  readonly #queue: LoadQueue
  readonly #chunks: Pick<ChunkCache, 'metricsDays' | 'eventDays'>
  #first: FirstWindow | null = null

  constructor(
    options: Options,
    queue: LoadQueue,
    chunks: Pick<ChunkCache, 'metricsDays' | 'eventDays'>,
  ) {
    this.#options = options
    this.#queue = queue
    this.#chunks = chunks
  }

  /** Rows were changed: the first window is looked up again. */
  forget(): void {
    this.#first = null
  }

  /** Adds what a commit has added. */
  add({ rows, starts }: SumsTable): void {
    if (this.#first === null) return
    for (const startUs of starts.subarray(0, rows)) {
      if (startUs < this.#first.startUs) this.#first.startUs = startUs
    }
  }

  /**
   * The first moment with figures, null if there are none. It is exact if `fromUs` is in the first
   * day, and else the start of that day: which window is the first needs a look into the tables.
   */
  find(source: AnsweredRange['source'], fromUs: number | null): number | null | Promise<number> {
    const day = firstDay(this.#chunks.metricsDays)
    if (day === null) return null
    // Raw events leave by whole days, and may leave before the metrics.
    const eventDay = source === 'events' ? firstDay(this.#chunks.eventDays) : day
    if (eventDay === null) return null
    if (eventDay > day) return eventDay * DAY_US
    const isExact = fromUs !== null && Math.floor(fromUs / DAY_US) === day
    return isExact ? this.#firstWindow(day) : day * DAY_US
  }

  async #firstWindow(day: number): Promise<number> {
    if (this.#first?.day !== day) {
      const first = { day, startUs: Number.POSITIVE_INFINITY, read: Promise.resolve() }
      const read = this.#read(day).then((startUs) => {
        first.startUs = Math.min(first.startUs, startUs)
      })
      this.#first = Object.assign(first, { read })
    }
    const first = this.#first
    try {
      await first.read
    } catch (error) {
      if (this.#first === first) this.#first = null
      throw error
    }
    return Number.isFinite(first.startUs) ? first.startUs : day * DAY_US
  }

  async #read(day: number): Promise<number> {
    const { sums, windowUs } = this.#options
    const stretch = { fromUs: day * DAY_US, toUs: (day + 1) * DAY_US }
    const rows = this.#chunks.metricsDays.get(day)?.rows ?? 0
    const { startsUs } = await retryExpired(() =>
      this.#queue.run(rows, () =>
        sums.sumMetrics(pathsIn(stretch, this.#chunks.metricsDays), stretch, windowUs),
      ),
    )
    return startsUs.reduce((least, startUs) => Math.min(least, startUs), Number.POSITIVE_INFINITY)
  }
}

function firstDay(days: LakeDays): number | null {
  let first: number | null = null
  for (const day of days.keys()) if (first === null || day < first) first = day
  return first
}
