/**
 * The last five minutes by the second, as the event stream tells them. The stream tells only seconds that changed: a
 * second that is over and was not told had no events, a second that the stream has not reached yet is not known, and is
 * never taken for zero.
 */
import type { LiveMessage } from '../../dashboard-definition.ts'

export type SecondCounts = readonly [impressions: number, clicks: number, conversions: number]

export const SECONDS_KEPT = 300
/** What came in during a second is told up to this much after it is over. */
export const SETTLE_MS = 500
const NO_EVENTS: SecondCounts = [0, 0, 0]

export class SecondsRing {
  readonly #counts = new Map<number, SecondCounts>()
  #knownTo: number | null = null

  /** Every second before this one is known; null before the first message. In seconds since 1970. */
  get knownTo(): number | null {
    return this.#knownTo
  }

  merge({ now, seconds }: Pick<LiveMessage, 'now' | 'seconds'>): void {
    for (const [at, ...counts] of seconds) this.#counts.set(at, counts)
    const knownTo = Math.floor((Date.parse(now) - SETTLE_MS) / 1000)
    // A restarted server may be a little behind the one before it.
    this.#knownTo = Math.max(knownTo, this.#knownTo ?? knownTo)
    for (const at of this.#counts.keys()) {
      if (at < this.#knownTo - SECONDS_KEPT) this.#counts.delete(at)
    }
  }

  at(second: number): SecondCounts | null {
    if (this.#knownTo === null || second >= this.#knownTo) return null
    if (second < this.#knownTo - SECONDS_KEPT) return null
    return this.#counts.get(second) ?? NO_EVENTS
  }

  /** The known ones of `[from, to)`. */
  between(from: number, to: number): { at: number; counts: SecondCounts }[] {
    const known = []
    for (let at = from; at < to; at++) {
      const counts = this.at(at)
      if (counts !== null) known.push({ at, counts })
    }
    return known
  }
}
