/**
 * What changes between two questions: the events of each second, the newest window, and a version
 * that changes whenever an answer may change.
 *
 * The feed has totals: of all commits so far, and of the events that are pending after the last
 * one. The sum may fall, if a commit leaves too many pending events to be listed. Only what exceeds
 * the highest sum so far counts as new.
 */
import type { LiveMessage, Sums } from '../../dashboard-definition.ts'
import { SECOND_US } from '../steps.ts'
import type { WindowSums } from '../store/sums-table.ts'
import { addSums, type SumsTable, sumsAt, WIDTH } from '../store/sums-table.ts'
import { completeToUs } from '../watermark.ts'
import { LatestWindows } from './latest-windows.ts'

export type LiveUpdate = Readonly<{
  version: string
  /**
   * Those that changed since the last update: `[epoch second, impressions, clicks, conversions]`.
   */
  seconds: LiveMessage['seconds']
  /** The newest window with events among those that have begun; null before the first. */
  newest: (Readonly<{ fromUs: number; toUs: number }> & Sums) | null
  /** When the newest event in the figures arrived; null if none has since the start. */
  arrivedUs: number | null
}>

/** Impressions, clicks and conversions. */
const COUNTED = 3

export class LiveUpdates {
  readonly #windowUs: number
  #version = 1
  #window = Number.NEGATIVE_INFINITY
  #completeUs = Number.NEGATIVE_INFINITY
  readonly #committed = new Float64Array(WIDTH)
  #pending: SumsTable | null = null
  readonly #highest = new Float64Array(COUNTED)
  #second = 0
  readonly #counts = new Float64Array(COUNTED)
  #isReported = true
  /** As of the last commit; null until it has been looked up in the tables. */
  #latest: LatestWindows | null = null

  constructor(windowUs: number) {
    this.#windowUs = windowUs
  }

  get version(): string {
    return String(this.#version)
  }

  /** Files were replaced, or days dropped. */
  filesChanged(): void {
    this.#version++
  }

  /** Campaigns are called differently. */
  namesChanged(): void {
    this.#version++
  }

  commit(deltas: SumsTable, nowUs: number): void {
    this.#version++
    this.#pending = null
    addAll(deltas, this.#committed)
    this.#latest?.add(deltas, nowUs)
    this.#count(nowUs)
  }

  setPending(pending: SumsTable, nowUs: number): void {
    this.#version++
    this.#pending = pending
    this.#count(nowUs)
  }

  /** Windows in the tables as of the last commit, starting with the newest that has begun. */
  setLatest(windows: readonly WindowSums[]): void {
    this.#latest = new LatestWindows(windows)
    this.#version++
  }

  /** Whether a window has begun or become complete: answers change with the clock then. */
  tick(nowUs: number): boolean {
    const window = Math.floor(nowUs / this.#windowUs)
    const completeUs = completeToUs(nowUs, this.#windowUs)
    if (window === this.#window && completeUs === this.#completeUs) return false
    this.#window = window
    this.#completeUs = completeUs
    this.#version++
    return true
  }

  /** The next update; its seconds are not repeated until they change. */
  next(nowUs: number): Omit<LiveUpdate, 'arrivedUs'> {
    const [impressions = 0, clicks = 0, conversions = 0] = this.#counts
    const seconds: LiveUpdate['seconds'] = this.#isReported
      ? []
      : [[this.#second, impressions, clicks, conversions]]
    this.#isReported = true
    return {
      version: this.version,
      seconds,
      newest: this.#newestWindow(nowUs),
    }
  }

  #count(nowUs: number): void {
    const second = Math.floor(nowUs / SECOND_US)
    if (second !== this.#second) this.#counts.fill(0)
    this.#second = second
    const total = this.#committed.slice()
    if (this.#pending !== null) addAll(this.#pending, total)
    for (let at = 0; at < COUNTED; at++) {
      const [now, before] = [total[at] ?? 0, this.#highest[at] ?? 0]
      if (now <= before) continue
      this.#counts[at] = (this.#counts[at] ?? 0) + now - before
      this.#highest[at] = now
      this.#isReported = false
    }
  }

  #newestWindow(nowUs: number): LiveUpdate['newest'] {
    const newest = this.#latest?.newest(this.#pending, nowUs) ?? null
    if (newest === null) return null
    const { startUs, sums } = newest
    return { fromUs: startUs, toUs: startUs + this.#windowUs, ...sumsAt(sums, 0) }
  }
}

function addAll({ rows, sums }: SumsTable, into: Float64Array): void {
  for (let row = 0; row < rows; row++) addSums(into, 0, sums, row * WIDTH)
}
