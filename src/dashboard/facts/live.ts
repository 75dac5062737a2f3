/**
 * What moves between two questions: how many events come in each second, the newest window, and a version that is another
 * whenever an answer may be another.
 *
 * Counts are told as totals: of the commits so far, and of what is pending on top of the last one. The total may fall, where a
 * commit leaves too much pending for that to be told; only what exceeds the highest is new.
 */
import type { Sums } from '../definition.ts'
import type { LiveMessage } from '../wire.ts'
import { completeToUs } from './complete.ts'
import { SECOND_US } from './steps.ts'
import { addSums, type SumsTable, sumsAt, WIDTH } from './sums-table.ts'

export type LiveFacts = Readonly<{
  version: string
  /** Changed since they were last told: `[epoch second, impressions, clicks, conversions]`, the whole second so far. */
  seconds: LiveMessage['seconds']
  /** The newest window with events; null before the first. */
  newest: (Readonly<{ fromUs: number; toUs: number }> & Sums) | null
  /** When the newest event in the figures arrived; null where none has since the start. */
  arrivedUs: number | null
}>

export type Newest = Readonly<{ startUs: number; sums: Float64Array }>

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
  #newest: Newest | null = null
  #knowsNewest = false

  constructor(windowUs: number) {
    this.#windowUs = windowUs
  }

  get version(): string {
    return String(this.#version)
  }

  get knowsNewest(): boolean {
    return this.#knowsNewest
  }

  /** The tables have other files, or days less. */
  filesChanged(): void {
    this.#version++
  }

  commit(gains: SumsTable, nowUs: number): void {
    this.#version++
    this.#pending = null
    addAll(gains, this.#committed)
    if (this.#knowsNewest) this.#newest = newestOf(this.#newest, gains)
    this.#count(nowUs)
  }

  setPending(pending: SumsTable, nowUs: number): void {
    this.#version++
    this.#pending = pending
    this.#count(nowUs)
  }

  /** The newest window in the tables as of the last commit told. */
  setNewest(newest: Newest | null): void {
    this.#newest = newest
    this.#knowsNewest = true
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
  tell(): Omit<LiveFacts, 'arrivedUs'> {
    const [impressions = 0, clicks = 0, conversions = 0] = this.#counts
    const seconds: LiveFacts['seconds'] = this.#isTold
      ? []
      : [[this.#second, impressions, clicks, conversions]]
    this.#isTold = true
    return {
      version: this.version,
      seconds,
      newest: this.#knowsNewest ? this.#newestWindow() : null,
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

  #newestWindow(): LiveFacts['newest'] {
    const newest = this.#pending === null ? this.#newest : newestOf(this.#newest, this.#pending)
    if (newest === null) return null
    const { startUs, sums } = newest
    return { fromUs: startUs, toUs: startUs + this.#windowUs, ...sumsAt(sums, 0) }
  }
}

function addAll({ rows, sums }: SumsTable, into: Float64Array): void {
  for (let row = 0; row < rows; row++) addSums(into, 0, sums, row * WIDTH)
}

/** The newest window after some more were added to. */
function newestOf(before: Newest | null, { rows, starts, sums }: SumsTable): Newest | null {
  let startUs = before?.startUs ?? Number.NEGATIVE_INFINITY
  for (let row = 0; row < rows; row++) startUs = Math.max(startUs, starts[row] ?? 0)
  if (startUs === Number.NEGATIVE_INFINITY) return null
  const total = new Float64Array(WIDTH)
  if (before !== null && before.startUs === startUs) addSums(total, 0, before.sums, 0)
  for (let row = 0; row < rows; row++) {
    if (starts[row] === startUs) addSums(total, 0, sums, row * WIDTH)
  }
  return { startUs, sums: total }
}
