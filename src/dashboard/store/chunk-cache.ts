/**
 * All sums in memory: a series of chunks of the metrics for each step, and one of the raw events
 * for each selection and step.
 *
 *   feed ──► lists of files, deltas ──► series ──► chunks
 *   use(stretch, step, selection) ──► load missing chunks ──► compute(chunks)
 *
 * The cache is bounded by rows. The least recently used chunks are evicted first, never those in
 * use.
 */
import { FILTER_IDS, type FilterId } from '../../dashboard-definition.ts'
import type { TimeSpan } from '../../event.ts'
import type { FeedMessage } from '../../job.ts'
import type { EventSelection, SumsQuery } from '../../query.ts'
import type { Span } from '../steps.ts'
import type { CampaignNames } from './campaign-names.ts'
import { type Chunk, chunkStarts } from './chunk.ts'
import { EventsSeries } from './events-series.ts'
import { AddedFiles, daysOf, invalidDays, type LakeDays } from './lake-files.ts'
import { RowEstimate } from './load-plan.ts'
import { type LoadQueue, RowSemaphore } from './load-scheduler.ts'
import { MetricsSeries } from './metrics-series.ts'
import type { SumsTable } from './sums-table.ts'

/** The names by which rows are told apart: campaigns, and the values of each filter. */
export type Names = Readonly<Record<FilterId, CampaignNames>>

export type ChunkCacheOptions = Readonly<{
  sums: Pick<SumsQuery, 'sumMetrics' | 'sumEvents'>
  queue: LoadQueue
  names: Names
  windowUs: number
  limits?: Partial<Limits>
  /** Chunks were evicted: drop references to them, so that their memory is freed. */
  onDropped?: () => void
}>

export type Limits = Readonly<{
  /** Estimated rows that one question may need. */
  askedRowsMax: number
  /** Rows in the cache. */
  cachedRowsMax: number
}>

/**
 * The chunks that a question needs: of a span, and of another stretch that it is compared with.
 * `selection` null: of the metrics.
 */
export type ChunkRequest = Readonly<{
  selection: EventSelection | null
  span: Span
  also?: TimeSpan | null
}>

const LIMITS: Limits = { askedRowsMax: 2_000_000, cachedRowsMax: 4_000_000 }
/** How far an estimate may be exceeded; beyond that, the question is tried in coarser steps. */
const ESTIMATE_SLACK = 1.5
/** Smaller questions do not wait for room. */
const SMALL_ROWS = 100_000
const METRICS_IDLE_US = 15 * 60_000_000
const EVENTS_IDLE_US = 60_000_000

type Series = MetricsSeries | EventsSeries
type Use = Readonly<{ series: Series; starts: ReadonlySet<number> }>

export class ChunkCache {
  readonly #options: ChunkCacheOptions
  readonly #limits: Limits
  readonly #metrics = new Map<number, MetricsSeries>()
  readonly #events = new Map<string, EventsSeries>()
  /** What the rows of each series are named by. */
  readonly #namedBy = new WeakMap<Series, FilterId>()
  readonly #uses = new Set<Use>()
  readonly #semaphore: RowSemaphore
  readonly #estimate: RowEstimate
  readonly #added = new AddedFiles()
  #metricsDays: LakeDays = new Map()
  #eventDays: LakeDays = new Map()

  constructor(options: ChunkCacheOptions) {
    this.#options = options
    this.#limits = { ...LIMITS, ...options.limits }
    this.#semaphore = new RowSemaphore(this.#limits.cachedRowsMax)
    this.#estimate = new RowEstimate(options.windowUs)
  }

  get metricsDays(): LakeDays {
    return this.#metricsDays
  }

  get eventDays(): LakeDays {
    return this.#eventDays
  }

  /** How many commits there were so far. */
  get commits(): number {
    return this.#added.commits
  }

  /** Rows in the cache now. */
  get rows(): number {
    let rows = 0
    for (const { chunk } of this.#cached()) rows += chunk.weight
    return rows
  }

  get isLoading(): boolean {
    return this.#series().some((series) => series.isLoading)
  }

  /** The tables have other files. */
  setFiles(message: Exclude<FeedMessage, { kind: 'pending' }>): void {
    const [metricsDays, eventDays] = [daysOf(message.metrics), daysOf(message.events)]
    for (const day of invalidDays(this.#metricsDays, metricsDays, message.isRewritten)) {
      for (const series of this.#metrics.values()) series.dropDay(day)
    }
    for (const day of invalidDays(this.#eventDays, eventDays, message.isRewritten)) {
      for (const series of this.#events.values()) series.dropDay(day)
    }
    this.#metricsDays = metricsDays
    this.#eventDays = eventDays
  }

  /** A commit has added raw files, and these deltas to the windows. */
  addCommit(message: Extract<FeedMessage, { kind: 'commit' }>, deltas: SumsTable): void {
    this.setFiles(message)
    this.#added.push(message.added)
    for (const series of this.#metrics.values()) series.add(deltas)
  }

  /** Whether a question may need this many rows. */
  allows(asked: ChunkRequest, nowUs: number): boolean {
    return this.#rowsOf(asked, nowUs) <= this.#limits.askedRowsMax
  }

  /** Whether it fits into the cache without evictions. */
  hasRoomFor(asked: ChunkRequest, nowUs: number): boolean {
    return this.rows + this.#rowsOf(asked, nowUs) <= this.#limits.cachedRowsMax
  }

  /**
   * Computes something from the chunks of a span; in the same turn of the event loop if all are
   * cached. null if they turn out to have far more rows than estimated. Throws what the query
   * throws.
   */
  async use<T>(
    asked: ChunkRequest,
    nowUs: number,
    compute: (chunks: readonly Chunk[]) => T,
  ): Promise<T | null> {
    const { selection, span } = asked
    const series =
      selection === null ? this.#metricsOf(span.stepUs) : this.#eventsOf(selection, span.stepUs)
    const starts = startsOf(asked)
    const use: Use = { series, starts: new Set(starts) }
    this.#uses.add(use)
    try {
      if (!series.has(starts)) {
        const rowsMax = this.#limits.askedRowsMax * ESTIMATE_SLACK
        const load = (): Promise<boolean> => series.load(starts, rowsMax, nowUs)
        const rows = this.#rowsOf(asked, nowUs)
        const fits = rows < SMALL_ROWS ? await load() : await this.#semaphore.run(rows, load)
        if (!fits) return null
      }
      const chunks = starts.flatMap((startUs) => series.chunks.get(startUs) ?? [])
      for (const chunk of chunks) chunk.usedAtUs = nowUs
      return compute(chunks)
    } finally {
      this.#uses.delete(use)
      this.#evict()
    }
  }

  /** Evicts what was not used for long; call it every few seconds. */
  sweep(nowUs: number): void {
    for (const { series, startUs, chunk } of this.#cached()) {
      const idleUs = series instanceof MetricsSeries ? METRICS_IDLE_US : EVENTS_IDLE_US
      if (nowUs - chunk.usedAtUs > idleUs && !this.#isUsed(series, startUs)) {
        this.#drop(series, startUs)
      }
    }
    const isOver = (series: Series): boolean => series.chunks.size === 0 && !this.#isInUse(series)
    for (const [key, series] of this.#metrics) if (isOver(series)) this.#metrics.delete(key)
    for (const [key, series] of this.#events) if (isOver(series)) this.#events.delete(key)
  }

  /** Marks the codes of all names of this kind that have a row. */
  markNames(by: FilterId, isUsed: Uint8Array): void {
    for (const { series, chunk } of this.#cached()) {
      if (this.#namedBy.get(series) !== by) continue
      const { rows, codes } = chunk.table
      for (let row = 0; row < rows; row++) isUsed[codes[row] ?? 0] = 1
    }
  }

  #rowsOf(asked: ChunkRequest, nowUs: number): number {
    const days = asked.selection === null ? this.#metricsDays : this.#fewestRows()
    return this.#estimate.rowsOf(startsOf(asked), asked.span.stepUs, days, nowUs)
  }

  /** Selected events have at most as many rows as the metrics, and as there are events. */
  #fewestRows(): LakeDays {
    return new Map(
      [...this.#eventDays].map(([day, { files, rows }]) => {
        return [day, { files, rows: Math.min(rows, this.#metricsDays.get(day)?.rows ?? rows) }]
      }),
    )
  }

  #metricsOf(stepUs: number): MetricsSeries {
    const { sums, names, queue } = this.#options
    const known = this.#metrics.get(stepUs)
    if (known !== undefined) return known
    const series = new MetricsSeries(stepUs, {
      names: names.campaign,
      queue,
      estimate: this.#estimate,
      days: () => this.#metricsDays,
      sum: (paths, stretch, step) => sums.sumMetrics(paths, stretch, step),
    })
    this.#metrics.set(stepUs, series)
    this.#namedBy.set(series, 'campaign')
    return series
  }

  #eventsOf(selection: EventSelection, stepUs: number): EventsSeries {
    const { sums, names, queue } = this.#options
    const { by, where } = selection
    const key = JSON.stringify([stepUs, by, FILTER_IDS.map((id) => where[id])])
    const known = this.#events.get(key)
    if (known !== undefined) return known
    const series = new EventsSeries(stepUs, {
      names: names[by],
      queue,
      commits: () => this.#added.commits,
      days: () => this.#eventDays,
      added: (after, until) => this.#added.between(after, until),
      sum: (paths, stretch, step) => sums.sumEvents(paths, stretch, step, selection),
    })
    this.#events.set(key, series)
    this.#namedBy.set(series, by)
    return series
  }

  #series(): readonly Series[] {
    return [...this.#metrics.values(), ...this.#events.values()]
  }

  *#cached(): Generator<Readonly<{ series: Series; startUs: number; chunk: Chunk }>> {
    for (const series of this.#series()) {
      for (const [startUs, chunk] of series.chunks) yield { series, startUs, chunk }
    }
  }

  #isUsed(series: Series, startUs: number): boolean {
    for (const use of this.#uses) if (use.series === series && use.starts.has(startUs)) return true
    return false
  }

  #isInUse(series: Series): boolean {
    return [...this.#uses].some((use) => use.series === series)
  }

  #evict(): void {
    let rows = this.rows
    if (rows <= this.#limits.cachedRowsMax) return
    const oldestFirst = [...this.#cached()].sort((a, b) => a.chunk.usedAtUs - b.chunk.usedAtUs)
    for (const { series, startUs, chunk } of oldestFirst) {
      if (rows <= this.#limits.cachedRowsMax) return
      if (this.#isUsed(series, startUs)) continue
      this.#drop(series, startUs)
      rows -= chunk.weight
    }
  }

  #drop(series: Series, startUs: number): void {
    series.chunks.delete(startUs)
    this.#options.onDropped?.()
  }
}

/** Ascending, each once. */
function startsOf({ span, also }: ChunkRequest): readonly number[] {
  const starts = chunkStarts(span, span.stepUs)
  if (also === undefined || also === null) return starts
  const all = new Set([...chunkStarts(also, span.stepUs), ...starts])
  return [...all].sort((a, b) => a - b)
}
