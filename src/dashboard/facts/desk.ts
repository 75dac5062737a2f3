/**
 * Where questions are answered: hears the feed, keeps the sums, and works out each answer from pieces that are in memory or
 * loaded for it. Runs in a thread of its own (worker.ts), which gives it the clock.
 *
 *   question ──► view: range, step ──► pieces + pending ──► answer
 *                        ▲ a step coarser while they have too many rows
 */

import type { FeedMessage, Pending } from '../../embedded.ts'
import type { TimeSpan } from '../../event.ts'
import type { EventFilter, SumsQuery } from '../../query.ts'
import { errorAnswer, jsonAnswer } from './answer.ts'
import { answerFrom, type SumsQuestion } from './answer-from.ts'
import { CampaignNames } from './campaign-names.ts'
import { completeToUs } from './complete.ts'
import { tableOfGains } from './gains.ts'
import { Live, type LiveFacts } from './live.ts'
import { isExpired } from './load-part.ts'
import { LoadQueue } from './load-queue.ts'
import type { FactsAnswer } from './message.ts'
import { findLatestWindows } from './newest-window.ts'
import { type Limits, Pieces } from './pieces.ts'
import { resolveRange } from './range.ts'
import { Seen } from './seen.ts'
import { rungsFor, type Span, stepLadder, widen } from './steps.ts'
import { spanWithPrevious } from './summary.ts'
import type { SumsTable } from './sums-table.ts'
import { FilterValues } from './values.ts'
import type { View } from './view.ts'
import { isQuestionKind, parseQuestion, type Question } from './view-query.ts'
import { ViewSums } from './view-sums.ts'

export type DeskOptions = Readonly<{
  sums: SumsQuery
  windowUs: number
  nowUs: () => number
  onLive: (live: LiveFacts) => void
  limits?: Partial<Limits>
}>

/** Questions wait so long for the job's first word. */
const START_WAIT_MS = 10_000
const SWEEP_US = 10_000_000
/** So many names of campaigns may be out of use before they are looked for. */
const IDLE_NAMES_MAX = 50_000
const VIEWS_MAX = 16
/**
 * What somebody who opens the page is likely to look at, loaded beforehand: at the start, and with a question after the
 * pause at the earliest.
 */
const FETCHED_AHEAD = ['24h', '7d', '30d'] as const
const FETCH_PAUSE_US = 10 * 60_000_000

export class Desk {
  readonly #options: DeskOptions
  readonly #ladder: readonly number[]
  readonly #names = new CampaignNames()
  readonly #pieces: Pieces
  readonly #values: FilterValues
  readonly #live: Live
  readonly #seen = new Seen()
  readonly #started = Promise.withResolvers<true>()
  #hasStarted = false
  /** What waits for the next commit, on top of the last one. */
  #pending: SumsTable | null = null
  /** Sums at the present version, of pieces that are kept; questions about one view share what they have in common. */
  readonly #views = new Map<string, ViewSums>()
  #isLookingForNewest = false
  #sweptUs = Number.NEGATIVE_INFINITY
  #fetchedUs = Number.NEGATIVE_INFINITY
  #usedNames = 0

  constructor(options: DeskOptions) {
    const queue = new LoadQueue()
    this.#options = options
    this.#ladder = stepLadder(options.windowUs)
    this.#pieces = new Pieces({
      ...options,
      queue,
      names: this.#names,
      onDropped: () => this.#views.clear(),
    })
    this.#values = new FilterValues(options.sums, queue, () => this.#pieces.eventDays)
    this.#live = new Live(options.windowUs)
  }

  /** What the job tells, in order. */
  take(message: FeedMessage): void {
    this.#views.clear()
    const nowUs = this.#options.nowUs()
    switch (message.kind) {
      case 'pending':
        this.#setPending(message, nowUs)
        break
      case 'commit': {
        const gains = tableOfGains(message.deltas, this.#names)
        this.#pending = null
        this.#pieces.addCommit(message, gains)
        this.#seen.committed(message.arrivedUs)
        this.#live.commit(gains, nowUs)
        if (message.pending !== null) this.#setPending(message.pending, nowUs)
        break
      }
      case 'files':
        this.#pieces.setFiles(message)
        this.#live.filesChanged()
        break
      default:
        message satisfies never
    }
    if (message.kind !== 'pending') {
      this.#lookForNewest(nowUs)
      if (!this.#hasStarted) this.#start(nowUs)
    }
    this.#tellLive()
  }

  /** `waiting`: events wait that are not in the tables. Never rejects. */
  async answer(path: string, query: string, waiting: boolean): Promise<FactsAnswer> {
    if (!isQuestionKind(path)) return errorAnswer('not-found', `there is no ${path}`)
    const question = parseQuestion(path, query)
    if ('problem' in question) return errorAnswer('bad-query', question.problem)
    const nowUs = this.#options.nowUs()
    this.#seen.look(nowUs, waiting)
    if (!(await this.#isStarted())) {
      return errorAnswer('starting', 'the tables are being opened: ask again in a moment')
    }
    try {
      return await this.#answerQuestion(question, nowUs)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      return isExpired(error) ? errorAnswer('busy', reason) : errorAnswer('failed', reason)
    }
  }

  /** Call it about once a second. */
  tick(): void {
    const nowUs = this.#options.nowUs()
    if (this.#live.tick(nowUs)) this.#tellLive()
    if (nowUs - this.#sweptUs < SWEEP_US) return
    this.#sweptUs = nowUs
    this.#pieces.sweep(nowUs)
    this.#sweepNames()
  }

  #start(nowUs: number): void {
    this.#hasStarted = true
    this.#started.resolve(true)
    if (this.#pieces.metricsDays.size > 0) void this.#fetchAhead(nowUs)
  }

  #setPending({ arrivedUs, deltas }: Pending, nowUs: number): void {
    this.#pending = tableOfGains(deltas, this.#names)
    this.#seen.arrived(arrivedUs)
    this.#live.setPending(this.#pending, nowUs)
  }

  async #answerQuestion(question: Question, nowUs: number): Promise<FactsAnswer> {
    const asked = resolveRange(question.view.range, nowUs, this.#options.windowUs)
    if (question.kind === 'values') return jsonAnswer(await this.#values.list(asked, nowUs))
    for (const span of this.#spans(asked, question.view.filter, nowUs)) {
      const answer = await this.#answerIn(span, question, nowUs)
      if (answer === null) continue
      if (nowUs - this.#fetchedUs > FETCH_PAUSE_US) void this.#fetchAhead(nowUs)
      return answer
    }
    return errorAnswer(
      'range-too-large',
      'there are too many campaigns in this range of time: choose a shorter one',
    )
  }

  /** The span in each step in which it may be answered, the finest first. Equal for all questions about a view. */
  *#spans(asked: TimeSpan, filter: EventFilter | null, nowUs: number): Generator<Span> {
    for (const stepUs of rungsFor(asked.toUs - asked.fromUs, this.#ladder)) {
      const span = widen(asked, stepUs)
      if (this.#pieces.allows({ filter, span: spanWithPrevious(span) }, nowUs)) yield span
    }
  }

  /** null: in this step there are too many rows. */
  async #answerIn(span: Span, question: SumsQuestion, nowUs: number): Promise<FactsAnswer | null> {
    const { campaigns, filter } = question.view
    const source = filter === null ? 'metrics' : 'events'
    const view: View = {
      span,
      completeUs: completeToUs(this.#seen.untilUs(source), this.#options.windowUs),
      source,
      ladder: this.#ladder,
    }
    const needed = question.kind === 'summary' ? spanWithPrevious(span) : span
    const key = JSON.stringify([needed, campaigns, filter])
    const known = this.#views.get(key)
    if (known !== undefined) return answerFrom(question, view, known)
    const { version } = this.#live
    return await this.#pieces.use({ filter, span: needed }, nowUs, (pieces) => {
      const pending = filter === null ? this.#pending : null
      const sums = new ViewSums(pieces, pending, this.#names, campaigns)
      const isNewest = version === this.#live.version
      if (isNewest && this.#views.size < VIEWS_MAX) this.#views.set(key, sums)
      return answerFrom(question, view, sums)
    })
  }

  /** Small questions overtake it, and nothing that is kept has to go for it. */
  async #fetchAhead(nowUs: number): Promise<void> {
    this.#fetchedUs = nowUs
    for (const range of FETCHED_AHEAD) {
      const asked = resolveRange(range, nowUs, this.#options.windowUs)
      const [span] = this.#spans(asked, null, nowUs)
      if (span === undefined) continue
      const wanted = { filter: null, span: spanWithPrevious(span) }
      if (!this.#pieces.hasRoomFor(wanted, nowUs)) return
      // Who asks for it is told why it cannot be read.
      await this.#pieces.use(wanted, nowUs, () => {}).catch(() => {})
    }
  }

  async #isStarted(): Promise<boolean> {
    const late = Promise.withResolvers<false>()
    const timer = setTimeout(late.resolve, START_WAIT_MS, false)
    const isStarted = await Promise.race([this.#started.promise, late.promise])
    clearTimeout(timer)
    return isStarted
  }

  #tellLive(): void {
    this.#options.onLive({
      ...this.#live.tell(this.#options.nowUs()),
      arrivedUs: this.#seen.arrivedUs,
    })
  }

  /** Until it is known which window in the tables is the newest. */
  #lookForNewest(nowUs: number): void {
    if (this.#live.knowsNewest || this.#isLookingForNewest) return
    this.#isLookingForNewest = true
    findLatestWindows(this.#pieces, this.#options.windowUs, nowUs, (windows) => {
      this.#live.setLatest(windows)
      this.#tellLive()
    })
      // Whoever asks is told why the tables cannot be read; the next commit looks again.
      .catch(() => {})
      .finally(() => {
        this.#isLookingForNewest = false
      })
  }

  /** Gives the codes of campaigns back that have no row any more. */
  #sweepNames(): void {
    if (this.#names.size < this.#usedNames + IDLE_NAMES_MAX || this.#pieces.isLoading) return
    this.#views.clear()
    const isUsed = new Uint8Array(this.#names.limit)
    this.#pieces.markCampaigns(isUsed)
    for (const code of this.#pending?.codes ?? []) isUsed[code] = 1
    this.#names.sweep(isUsed)
    this.#usedNames = this.#names.size
  }
}
