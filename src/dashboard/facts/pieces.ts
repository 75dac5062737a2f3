/**
 * All sums in memory: pieces of the metrics, one series for each step, and of the raw events, one for each filter and step.
 *
 *   feed ──► lists of files, gains ──► series ──► pieces
 *   use(stretch, step, filter) ──► loads what is missing ──► compute(pieces), at once where nothing is
 *
 * What is kept is bounded by rows: the pieces that were not used for longest go first, never those in use.
 */
import type { FeedMessage } from '../../embedded.ts'
import type { EventFilter, SumsQuery } from '../../query.ts'
import { AddedFiles } from './added-files.ts'
import type { CampaignNames } from './campaign-names.ts'
import { EventsSeries } from './events-series.ts'
import { daysOf, droppedDays, type LakeDays } from './lake-days.ts'
import type { LoadQueue } from './load-queue.ts'
import { MetricsSeries } from './metrics-series.ts'
import { type Piece, pieceStarts } from './piece.ts'
import { RowEstimate } from './row-estimate.ts'
import { RowsGate } from './rows-gate.ts'
import type { Span } from './steps.ts'
import type { SumsTable } from './sums-table.ts'

export type PiecesOptions = Readonly<{
  sums: Pick<SumsQuery, 'sumMetrics' | 'sumEvents'>
  queue: LoadQueue
  names: CampaignNames
  windowUs: number
  limits?: Partial<Limits>
  /** Pieces have gone: whoever still holds them keeps their memory. */
  onDropped?: () => void
}>

export type Limits = Readonly<{
  /** Rows that one question may need, by estimate. */
  askedRowsMax: number
  /** Rows kept in all. */
  keptRowsMax: number
}>

/** Where the figures of a question come from; `filter` null: from the metrics. */
export type Wanted = Readonly<{ filter: EventFilter | null; span: Span }>

const LIMITS: Limits = { askedRowsMax: 2_000_000, keptRowsMax: 4_000_000 }
/** An estimate may be too low by so much; past that the question is asked again in coarser steps. */
const ESTIMATE_SLACK = 1.5
/** Questions smaller than this need not wait until there is room for them. */
const SMALL_ROWS = 100_000
const METRICS_IDLE_US = 15 * 60_000_000
const EVENTS_IDLE_US = 60_000_000

type Series = MetricsSeries | EventsSeries
type Use = Readonly<{ series: Series; starts: ReadonlySet<number> }>

export class Pieces {
  readonly #options: PiecesOptions
  readonly #limits: Limits
  readonly #metrics = new Map<number, MetricsSeries>()
  readonly #events = new Map<string, EventsSeries>()
  readonly #uses = new Set<Use>()
  readonly #gate: RowsGate
  readonly #estimate: RowEstimate
  readonly #added = new AddedFiles()
  #metricsDays: LakeDays = new Map()
  #eventDays: LakeDays = new Map()

  constructor(options: PiecesOptions) {
    this.#options = options
    this.#limits = { ...LIMITS, ...options.limits }
    this.#gate = new RowsGate(this.#limits.keptRowsMax)
    this.#estimate = new RowEstimate(options.windowUs)
  }

  get metricsDays(): LakeDays {
    return this.#metricsDays
  }

  get eventDays(): LakeDays {
    return this.#eventDays
  }

  /** How many commits were told so far. */
  get commits(): number {
    return this.#added.commits
  }

  /** Rows kept now. */
  get rows(): number {
    let rows = 0
    for (const { piece } of this.#kept()) rows += piece.weight
    return rows
  }

  get isLoading(): boolean {
    return this.#series().some((series) => series.isLoading)
  }

  /** The tables consist of other files. */
  setFiles(message: Exclude<FeedMessage, { kind: 'pending' }>): void {
    const [metricsDays, eventDays] = [daysOf(message.metrics), daysOf(message.events)]
    for (const day of droppedDays(this.#metricsDays, metricsDays)) {
      for (const series of this.#metrics.values()) series.dropDay(day)
    }
    for (const day of droppedDays(this.#eventDays, eventDays)) {
      for (const series of this.#events.values()) series.dropDay(day)
    }
    this.#metricsDays = metricsDays
    this.#eventDays = eventDays
  }

  /** They do so by a commit that has added raw files and this to the windows. */
  addCommit(message: Extract<FeedMessage, { kind: 'commit' }>, gains: SumsTable): void {
    this.setFiles(message)
    this.#added.push(message.added)
    for (const series of this.#metrics.values()) series.gain(gains)
  }

  /** Whether a question may be asked in these steps. */
  allows({ filter, span }: Wanted, nowUs: number): boolean {
    return this.#rowsOf(filter, span, nowUs) <= this.#limits.askedRowsMax
  }

  /** Whether it can be kept beside everything that is kept now. */
  hasRoomFor({ filter, span }: Wanted, nowUs: number): boolean {
    return this.rows + this.#rowsOf(filter, span, nowUs) <= this.#limits.keptRowsMax
  }

  /**
   * Computes something from the pieces that hold a span; at once, in the same turn, where all are there. null when they turn
   * out to have far more rows than was estimated. Throws what the query throws.
   */
  async use<T>(
    { filter, span }: Wanted,
    nowUs: number,
    compute: (pieces: readonly Piece[]) => T,
  ): Promise<T | null> {
    const series =
      filter === null ? this.#metricsOf(span.stepUs) : this.#eventsOf(filter, span.stepUs)
    const starts = pieceStarts(span, span.stepUs)
    const use: Use = { series, starts: new Set(starts) }
    this.#uses.add(use)
    try {
      if (!series.has(starts)) {
        const rowsMax = this.#limits.askedRowsMax * ESTIMATE_SLACK
        const load = (): Promise<boolean> => series.load(starts, rowsMax, nowUs)
        const rows = this.#rowsOf(filter, span, nowUs)
        const fits = rows < SMALL_ROWS ? await load() : await this.#gate.run(rows, load)
        if (!fits) return null
      }
      const pieces = starts.flatMap((startUs) => series.pieces.get(startUs) ?? [])
      for (const piece of pieces) piece.usedAtUs = nowUs
      return compute(pieces)
    } finally {
      this.#uses.delete(use)
      this.#evict()
    }
  }

  /** Drops what was not used for long; call it now and then. */
  sweep(nowUs: number): void {
    for (const { series, startUs, piece } of this.#kept()) {
      const idleUs = series instanceof MetricsSeries ? METRICS_IDLE_US : EVENTS_IDLE_US
      if (nowUs - piece.usedAtUs > idleUs && !this.#isUsed(series, startUs)) {
        this.#drop(series, startUs)
      }
    }
    const isOver = (series: Series): boolean => series.pieces.size === 0 && !this.#isInUse(series)
    for (const [key, series] of this.#metrics) if (isOver(series)) this.#metrics.delete(key)
    for (const [key, series] of this.#events) if (isOver(series)) this.#events.delete(key)
  }

  /** Marks the codes of all campaigns that have a row. */
  markCampaigns(isUsed: Uint8Array): void {
    for (const { piece } of this.#kept()) {
      const { rows, codes } = piece.table
      for (let row = 0; row < rows; row++) isUsed[codes[row] ?? 0] = 1
    }
  }

  #rowsOf(filter: EventFilter | null, span: Span, nowUs: number): number {
    const days = filter === null ? this.#metricsDays : this.#fewestRows()
    return this.#estimate.rowsOf(pieceStarts(span, span.stepUs), span.stepUs, days, nowUs)
  }

  /** Filtered events have no more windows than the metrics, and no more than there are events. */
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
      names,
      queue,
      estimate: this.#estimate,
      days: () => this.#metricsDays,
      sum: (paths, stretch, step) => sums.sumMetrics(paths, stretch, step),
    })
    this.#metrics.set(stepUs, series)
    return series
  }

  #eventsOf(filter: EventFilter, stepUs: number): EventsSeries {
    const { sums, names, queue } = this.#options
    const key = JSON.stringify([stepUs, filter.platform, filter.country, filter.device])
    const known = this.#events.get(key)
    if (known !== undefined) return known
    const series = new EventsSeries(stepUs, {
      names,
      queue,
      commits: () => this.#added.commits,
      days: () => this.#eventDays,
      added: (after, until) => this.#added.between(after, until),
      sum: (paths, stretch, step) => sums.sumEvents(paths, stretch, step, filter),
    })
    this.#events.set(key, series)
    return series
  }

  #series(): readonly Series[] {
    return [...this.#metrics.values(), ...this.#events.values()]
  }

  *#kept(): Generator<Readonly<{ series: Series; startUs: number; piece: Piece }>> {
    for (const series of this.#series()) {
      for (const [startUs, piece] of series.pieces) yield { series, startUs, piece }
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
    if (rows <= this.#limits.keptRowsMax) return
    const oldestFirst = [...this.#kept()].sort((a, b) => a.piece.usedAtUs - b.piece.usedAtUs)
    for (const { series, startUs, piece } of oldestFirst) {
      if (rows <= this.#limits.keptRowsMax) return
      if (this.#isUsed(series, startUs)) continue
      this.#drop(series, startUs)
      rows -= piece.weight
    }
  }

  #drop(series: Series, startUs: number): void {
    series.pieces.delete(startUs)
    this.#options.onDropped?.()
  }
}
