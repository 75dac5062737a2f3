/**
 * What moves between two questions: how many events come in each second, the newest window, and a version that is another
 * whenever an answer may be another.
 *
 * Counts are told as totals: of the commits so far, and of what is pending on top of the last one. The total may fall, where a
 * commit leaves too much pending for that to be told; only what exceeds the highest is new.
 */

import type { LiveMessage, Sums } from '../../dashboard-definition.ts'
import type { TimeSpan } from '../../event.ts'
import { completeToUs } from './complete.ts'
import { LatestWindows, type WindowSums } from './latest-windows.ts'
import { SECOND_US } from './steps.ts'
import { addSums, type SumsTable, sumsAt, WIDTH } from './sums-table.ts'

export type LiveFacts = Readonly<{
  version: string
  /** Changed since they were last told: `[epoch second, impressions, clicks, conversions]`, the whole second so far. */
  seconds: LiveMessage['seconds']
  /** The newest window with events, of those that have begun; null before the first. */
  newest: (TimeSpan & Sums) | null
  /** When the newest event in the figures arrived; null where none has since the start. */
  arrivedUs: number | null
}>

/** Impressions, clicks and conversions. */
const COUNTED = 3

export class Live {
  readonly #windowUs: number
  #version = 1
  #window = Number.NEGATIVE_INFINITY
  #completeUs = Number.NEGATIVE_INFINITY
  readonly #committed = new Float64Array(WIDTH)
  #pending: SumsTable | null = null
  readonly #highest = new Float64Array(COUNTED)
  #second = 0
  readonly #counts = new Float64Array(COUNTED)
  #isTold = true
  /** As of the last commit. Until the tables have been looked at nobody knows. */
  #latest: LatestWindows | null = null

  constructor(windowUs: number) {
    this.#windowUs = windowUs
  }

  get version(): string {
    return String(this.#version)
  }

  get knowsNewest(): boolean {
    return this.#latest !== null
  }

  /** The tables have other files, or days less. */
  filesChanged(): void {
    this.#version++
  }

  commit(gains: SumsTable, nowUs: number): void {
    this.#version++
    this.#pending = null
    addAll(gains, this.#committed)
    this.#latest?.add(gains, nowUs)
    this.#count(nowUs)
  }

  setPending(pending: SumsTable, nowUs: number): void {
    this.#version++
    this.#pending = pending
    this.#count(nowUs)
  }

  /** The windows in the tables as of the last commit told, from the newest that has begun on. */
  setLatest(windows: readonly WindowSums[]): void {
    this.#latest = new LatestWindows(windows)
    this.#version++
  }

  /** Looks at the clock: answers change when a window begins, and when one becomes complete. Whether one did. */
  tick(nowUs: number): boolean {
    const window = Math.floor(nowUs / this.#windowUs)
    const completeUs = completeToUs(nowUs, this.#windowUs)
    if (window === this.#window && completeUs === this.#completeUs) return false
    this.#window = window
    this.#completeUs = completeUs
    this.#version++
    return true
  }

  /** What is to be told now; the seconds in it are not told again until they change. */
  tell(nowUs: number): Omit<LiveFacts, 'arrivedUs'> {
    const [impressions = 0, clicks = 0, conversions = 0] = this.#counts
    const seconds: LiveFacts['seconds'] = this.#isTold
      ? []
      : [[this.#second, impressions, clicks, conversions]]
    this.#isTold = true
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
      this.#isTold = false
    }
  }

  #newestWindow(nowUs: number): LiveFacts['newest'] {
    const newest = this.#latest?.newest(this.#pending, nowUs) ?? null
    if (newest === null) return null
    const { startUs, sums } = newest
    return { fromUs: startUs, toUs: startUs + this.#windowUs, ...sumsAt(sums, 0) }
  }
}

function addAll({ rows, sums }: SumsTable, into: Float64Array): void {
  for (let row = 0; row < rows; row++) addSums(into, 0, sums, row * WIDTH)
}
