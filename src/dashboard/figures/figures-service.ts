/**
 * Answers questions: follows the feed, keeps the sums, and computes each answer from chunks that
 * are cached or loaded for it. Runs in a thread of its own (worker.ts), which passes in the clock.
 *
 *   question ──► view: range, step ──► chunks + pending ──► answer
 *                        ▲ one step coarser while there are too many rows
 */
import {
  type CompareId,
  comparedWith,
  DEFAULT_COMPARE,
  FILTER_IDS,
  mapEventFilters,
  offsetsIn,
  type Period,
  type Stretch,
  type Weekday,
  zoneFault,
} from '../../dashboard-definition.ts'
import type { FeedMessage, Pending } from '../../job.ts'
import type { EventFilter, EventSelection, SumsQuery } from '../../query.ts'
import { reasonOf } from '../../runtime.ts'
import {
  answerFrom,
  errorAnswer,
  type FiguresAnswer,
  jsonAnswer,
  type SumsQuestion,
} from '../answers/answer.ts'
import { previousOf } from '../answers/comparison.ts'
import { isQuestionKind, parseQuestion, type Question, resolveRange } from '../answers/question.ts'
import { isByChange } from '../answers/ranking.ts'
import { FilterValues } from '../answers/values.ts'
import type { View } from '../answers/view.ts'
import { ViewSums } from '../answers/view-sums.ts'
import type { CellStore } from '../cells/cell-store.ts'
import { findLatestWindows } from '../live/latest-windows.ts'
import { type LiveUpdate, LiveUpdates } from '../live/live-updates.ts'
import { stepLadder, stepsFor, stepsInZone, widen } from '../steps.ts'
import { CampaignNames } from '../store/campaign-names.ts'
import { ChunkCache, type ChunkRequest, type Limits, type Names } from '../store/chunk-cache.ts'
import { DataStart } from '../store/data-start.ts'
import { isExpired } from '../store/lake-files.ts'
import { LoadQueue } from '../store/load-scheduler.ts'
import { type SumsTable, tableOfDeltas } from '../store/sums-table.ts'
import { completeToUs, Watermarks } from '../watermark.ts'

export type FiguresServiceOptions = Readonly<{
  sums: SumsQuery
  /** Cells of raw files, where they are kept. */
  cells?: CellStore
  windowUs: number
  /** In which days begin, unless a question has another. */
  timezone: string
  /** With which weeks begin, unless a question has another; null: Monday. */
  weekStart: Weekday | null
  currency: string | null
  nowUs: () => number
  onLive: (live: LiveUpdate) => void
  limits?: Partial<Limits>
}>

/** How long questions wait for the first message of the job. */
const START_WAIT_MS = 10_000
const SWEEP_US = 10_000_000
/** How many unused names of campaigns may accumulate before they are swept. */
const IDLE_NAMES_MAX = 50_000
const VIEWS_MAX = 16
/**
 * Prefetched at the start, and again with a question after the pause: readers often ask for them.
 */
const PREFETCHED = ['24h', '7d', '30d'] as const
const PREFETCH_PAUSE_US = 10 * 60_000_000
const US_PER_MS = 1000
const MONDAY: Weekday = 1

/** A view in one of the steps that may answer it. */
type Candidate = Pick<View, 'span' | 'zone' | 'by' | 'compare' | 'isPreviousLoaded'>
type ViewQuery = Question['view']

export class FiguresService {
  readonly #options: FiguresServiceOptions
  readonly #ladder: readonly number[]
  readonly #names: Names = {
    campaign: new CampaignNames(),
    ...mapEventFilters(() => new CampaignNames()),
  }
  readonly #chunks: ChunkCache
  readonly #values: FilterValues
  readonly #live: LiveUpdates
  readonly #dataStart: DataStart
  readonly #watermarks = new Watermarks()
  readonly #started = Promise.withResolvers<true>()
  #hasStarted = false
  /** Events that wait for the next commit. */
  #pending: SumsTable | null = null
  /** Sums at the current version; questions about one view share them. */
  readonly #views = new Map<string, ViewSums>()
  /** Whether the newest window is to be looked up, at first or because rows were changed. */
  #isNewestUnknown = true
  /** How often rows were changed by other programs. */
  #rewrites = 0
  #isFindingNewest = false
  #sweptUs = Number.NEGATIVE_INFINITY
  #prefetchedUs = Number.NEGATIVE_INFINITY
  #usedNames = 0

  constructor(options: FiguresServiceOptions) {
    const queue = new LoadQueue()
    this.#options = options
    this.#ladder = stepLadder(options.windowUs)
    const { sums, cells } = options
    this.#chunks = new ChunkCache({
      ...options,
      sums: {
        sumMetrics: (...asked) => sums.sumMetrics(...asked),
        sumEvents: (...asked) => (cells ?? sums).sumEvents(...asked),
      },
      queue,
      names: this.#names,
      onDropped: () => this.#views.clear(),
    })
    this.#values = new FilterValues(options.sums, queue, () => this.#chunks.eventDays)
    this.#live = new LiveUpdates(options.windowUs)
    this.#dataStart = new DataStart(options, queue, this.#chunks)
  }

  /** Takes the messages of the feed, in order. */
  take(message: FeedMessage): void {
    this.#views.clear()
    const nowUs = this.#options.nowUs()
    switch (message.kind) {
      case 'pending':
        this.#setPending(message, nowUs)
        break
      case 'commit': {
        const deltas = tableOfDeltas(message.deltas, this.#names.campaign)
        this.#pending = null
        this.#chunks.addCommit(message, deltas)
        this.#dataStart.add(deltas)
        this.#watermarks.committed(message.arrivedUs)
        this.#live.commit(deltas, nowUs)
        this.#options.cells?.setFiles(message.events, message.added, message.merged)
        if (message.pending !== null) this.#setPending(message.pending, nowUs)
        break
      }
      case 'files':
        this.#chunks.setFiles(message)
        this.#live.filesChanged()
        this.#options.cells?.setFiles(message.events, [], message.merged)
        break
      default:
        message satisfies never
    }
    if (message.kind !== 'pending') {
      if (message.isRewritten) {
        this.#rewrites++
        this.#dataStart.forget()
        this.#isNewestUnknown = true
      }
      this.#findNewest(nowUs)
      if (!this.#hasStarted) this.#start(nowUs)
    }
    this.#publishLive()
  }

  /** Takes what people call the campaigns, by id. */
  takeNames(names: ReadonlyMap<string, string>): void {
    this.#names.campaign.giveNames(names)
    this.#live.namesChanged()
    this.#publishLive()
  }

  /** `waiting`: some accepted events are not in the tables. Never rejects. */
  async answer(path: string, query: string, waiting: boolean): Promise<FiguresAnswer> {
    if (!isQuestionKind(path)) return errorAnswer('not-found', `there is no ${path}`)
    const question = parseQuestion(path, query)
    if ('problem' in question) return errorAnswer('bad-query', question.problem)
    const nowUs = this.#options.nowUs()
    this.#watermarks.advance(nowUs, waiting)
    if (!(await this.#isStarted())) {
      return errorAnswer('starting', 'the tables are being opened: ask again in a moment')
    }
    try {
      return await this.#answerQuestion(question, nowUs)
    } catch (error) {
      return errorAnswer(isExpired(error) ? 'busy' : 'failed', reasonOf(error))
    }
  }

  /** Call it about once a second. */
  tick(): void {
    const nowUs = this.#options.nowUs()
    if (this.#live.tick(nowUs)) this.#publishLive()
    if (nowUs - this.#sweptUs < SWEEP_US) return
    this.#sweptUs = nowUs
    this.#options.cells?.wake()
    this.#chunks.sweep(nowUs)
    this.#sweepNames()
  }

  #start(nowUs: number): void {
    this.#hasStarted = true
    this.#started.resolve(true)
    if (this.#chunks.metricsDays.size > 0) void this.#prefetch(nowUs)
  }

  #setPending({ arrivedUs, deltas }: Pending, nowUs: number): void {
    this.#pending = tableOfDeltas(deltas, this.#names.campaign)
    this.#watermarks.arrived(arrivedUs)
    this.#live.setPending(this.#pending, nowUs)
  }

  async #answerQuestion(question: Question, nowUs: number): Promise<FiguresAnswer> {
    const { view } = question
    const [zone, period] = this.#resolve(view, nowUs)
    const windowMs = this.#options.windowUs / US_PER_MS
    const fault = stretchesOf(period, view.compare, zone)
      .map((stretch) => zoneFault(zone, windowMs, stretch))
      .find((found) => found !== null)
    if (fault !== undefined)
      return errorAnswer('bad-query', `${fault}. Ask in another zone, as zone=UTC`)
    if (question.kind === 'values') {
      const asked = { fromUs: period.fromMs * US_PER_MS, toUs: period.toMs * US_PER_MS }
      return jsonAnswer(await this.#values.list(asked, nowUs))
    }
    const selection = selectionOf(question)
    for (const candidate of this.#candidates(view.compare, selection, zone, period, nowUs)) {
      const answer = await this.#answerIn(candidate, question, nowUs)
      if (answer === null) continue
      if (nowUs - this.#prefetchedUs > PREFETCH_PAUSE_US) void this.#prefetch(nowUs)
      return answer
    }
    return errorAnswer(
      'range-too-large',
      'there are too many campaigns in this range of time: choose a shorter one',
    )
  }

  #resolve(
    { range, zone: asked, weekStart }: Pick<ViewQuery, 'range' | 'zone' | 'weekStart'>,
    nowUs: number,
  ): readonly [zone: string, period: Period] {
    const { windowUs, timezone, weekStart: configured } = this.#options
    const zone = asked ?? timezone
    const clock = {
      nowMs: nowUs / US_PER_MS,
      zone,
      weekStart: weekStart ?? configured ?? MONDAY,
      windowMs: windowUs / US_PER_MS,
    }
    return [zone, resolveRange(range, clock)]
  }

  /**
   * What may answer a view, the best first; the same for all its questions. Steps that begin at the
   * zone's midnights come first, also at those of what is compared, and are rather answered without
   * a comparison than not at all. Days of UTC are the last resort.
   */
  *#candidates(
    compare: CompareId,
    selection: EventSelection | null,
    zone: string,
    period: Period,
    nowUs: number,
  ): Generator<Candidate> {
    const asked = { fromUs: period.fromMs * US_PER_MS, toUs: period.toMs * US_PER_MS }
    const lengthUs = asked.toUs - asked.fromUs
    const alignedTo = (stretches: readonly Stretch[]): readonly number[] =>
      stepsInZone(lengthUs, this.#ladder, offsetsUs(stretches, zone))
    const aligned = alignedTo([period])
    const others = stepsFor(lengthUs, this.#ladder).filter((stepUs) => !aligned.includes(stepUs))
    const compared = compare === 'none' ? null : alignedTo(stretchesOf(period, compare, zone))
    const { by } = period
    const ways = [
      ...(compared === null ? [] : [{ zone, isPreviousLoaded: true, steps: compared }]),
      { zone, isPreviousLoaded: false, steps: aligned },
      ...(compared === null ? [] : [{ zone: 'UTC', isPreviousLoaded: true, steps: others }]),
      { zone: 'UTC', isPreviousLoaded: false, steps: others },
    ]
    for (const { steps, ...way } of ways) {
      for (const stepUs of steps) {
        const candidate = { ...way, by, compare, span: widen(asked, stepUs) }
        if (this.#chunks.allows(requestOf(candidate, selection), nowUs)) yield candidate
      }
    }
  }

  /** null if there are too many rows in this step. */
  async #answerIn(
    candidate: Candidate,
    question: SumsQuestion,
    nowUs: number,
  ): Promise<FiguresAnswer | null> {
    const { campaigns } = question.view
    const { currency } = this.#options
    const selection = selectionOf(question)
    const source = selection === null ? 'metrics' : 'events'
    const isCompared = hasChanges(question)
    const request = requestOf(
      isCompared ? candidate : { ...candidate, isPreviousLoaded: false },
      selection,
    )
    const dataFrom = isCompared ? this.#dataStart.find(source, request.also?.fromUs ?? null) : null
    const view: View = {
      ...candidate,
      completeUs: completeToUs(this.#watermarks.of(source), this.#options.windowUs),
      source,
      // In the same turn of the event loop if it is known, so that small questions come first.
      dataFromUs: dataFrom instanceof Promise ? await dataFrom : dataFrom,
    }
    const key = JSON.stringify([request, campaigns])
    const known = this.#views.get(key)
    if (known !== undefined) return answerFrom(question, view, known, currency)
    const { version } = this.#live
    return await this.#chunks.use(request, nowUs, (chunks) => {
      const pending = selection === null ? this.#pending : null
      const chosen = question.kind === 'breakdown' ? [] : campaigns
      const names = this.#names[selection?.by ?? 'campaign']
      const sums = new ViewSums(chunks, pending, names, chosen)
      const isNewest = version === this.#live.version
      if (isNewest && this.#views.size < VIEWS_MAX) this.#views.set(key, sums)
      return answerFrom(question, view, sums, currency)
    })
  }

  /** Small questions overtake it, and nothing is evicted for it. */
  async #prefetch(nowUs: number): Promise<void> {
    this.#prefetchedUs = nowUs
    for (const range of PREFETCHED) {
      const [zone, period] = this.#resolve({ range, zone: null, weekStart: null }, nowUs)
      const [candidate] = this.#candidates(DEFAULT_COMPARE, null, zone, period, nowUs)
      if (candidate === undefined) continue
      const wanted = requestOf(candidate, null)
      if (!this.#chunks.hasRoomFor(wanted, nowUs)) return
      // A question for it will report why it cannot be read.
      await this.#chunks.use(wanted, nowUs, () => {}).catch(() => {})
    }
  }

  async #isStarted(): Promise<boolean> {
    const late = Promise.withResolvers<false>()
    const timer = setTimeout(late.resolve, START_WAIT_MS, false)
    const isStarted = await Promise.race([this.#started.promise, late.promise])
    clearTimeout(timer)
    return isStarted
  }

  #publishLive(): void {
    this.#options.onLive({
      ...this.#live.next(this.#options.nowUs()),
      arrivedUs: this.#watermarks.arrivedUs,
    })
  }

  /** Looks up the newest window in the tables, until it is known. */
  #findNewest(nowUs: number): void {
    if (!this.#isNewestUnknown || this.#isFindingNewest) return
    this.#isFindingNewest = true
    const rewrites = this.#rewrites
    findLatestWindows(this.#chunks, this.#options.windowUs, nowUs, (windows) => {
      this.#live.setLatest(windows)
      this.#isNewestUnknown = rewrites !== this.#rewrites
      this.#publishLive()
    })
      // A question will report why the tables cannot be read; the next commit tries again.
      .catch(() => {})
      .finally(() => {
        this.#isFindingNewest = false
      })
  }

  /** Frees the codes of names that have no row any more. */
  #sweepNames(): void {
    const size = (): number => FILTER_IDS.reduce((sum, by) => sum + this.#names[by].size, 0)
    if (size() < this.#usedNames + IDLE_NAMES_MAX || this.#chunks.isLoading) return
    this.#views.clear()
    for (const by of FILTER_IDS) {
      const isUsed = new Uint8Array(this.#names[by].limit)
      this.#chunks.markNames(by, isUsed)
      if (by === 'campaign') for (const code of this.#pending?.codes ?? []) isUsed[code] = 1
      this.#names[by].sweep(isUsed)
    }
    this.#usedNames = size()
  }
}

function requestOf(candidate: Candidate, selection: EventSelection | null): ChunkRequest {
  const { span, isPreviousLoaded } = candidate
  return { selection, span, also: isPreviousLoaded ? previousOf(candidate) : null }
}

/** The period, and what it is compared with. */
function stretchesOf(period: Period, compare: CompareId, zone: string): readonly Stretch[] {
  const compared = comparedWith(period, period.toMs, compare, zone)
  return compared === null ? [period] : [period, compared]
}

/** Whether something of the answer depends on what it is compared with. */
function hasChanges(question: SumsQuestion): boolean {
  const { kind } = question
  if (kind === 'campaigns.csv') return isByChange(question.sorting)
  return kind === 'summary' || kind === 'campaigns' || kind === 'breakdown'
}

function offsetsUs(stretches: readonly Stretch[], zone: string): readonly number[] {
  return stretches.flatMap((stretch) => offsetsIn(stretch, zone)).map((ms) => ms * US_PER_MS)
}

const NO_FILTER: EventFilter = mapEventFilters(() => [])

/** The raw events that a question is about; null if the metrics answer it. */
function selectionOf({ view, ...question }: Question): EventSelection | null {
  const { campaigns, filter } = view
  if (question.kind === 'breakdown') {
    return { by: question.by, where: { ...(filter ?? NO_FILTER), campaign: campaigns } }
  }
  // By campaign: those that are chosen are picked from the sums, which all choices share.
  return filter === null ? null : { by: 'campaign', where: { ...filter, campaign: [] } }
}
