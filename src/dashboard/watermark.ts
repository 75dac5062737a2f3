/**
 * How far figures are complete. A watermark is the moment up to which every event that arrived is
 * in the figures; a window is complete once the watermark is some seconds past its end. The page,
 * the API and the event stream all ask here, so that they never disagree.
 */

import type { AnsweredRange } from '../dashboard-definition.ts'
import type { TimeSpan } from '../event.ts'

/** How long an event is assumed to take from the sender to the collector. */
export const TRANSIT_US = 10_000_000

type Progress = Readonly<{
  nowUs: number
  /** Some accepted events are not in the figures yet. */
  waiting: boolean
  /** When the last event in the figures arrived; null before the first. */
  arrivedUs: number | null
}>

/**
 * The watermark after a look at the clock: now, if no event waits. It never goes back: the first
 * event after a quiet hour does not make that hour incomplete again.
 */
export function advanceWatermark(
  previousUs: number,
  { nowUs, waiting, arrivedUs }: Progress,
): number {
  const reachedUs = waiting ? (arrivedUs ?? Number.NEGATIVE_INFINITY) : nowUs
  return Math.max(previousUs, reachedUs)
}

/**
 * Windows that end at or before this moment are complete. -Infinity while there is no watermark.
 */
export function completeToUs(watermarkUs: number, windowUs: number): number {
  return Math.floor((watermarkUs - TRANSIT_US) / windowUs) * windowUs
}

/** The same within a stretch: `fromUs` if none of it is complete, `toUs` if all of it is. */
export function completeWithin({ fromUs, toUs }: TimeSpan, completeUs: number): number {
  return Math.min(Math.max(completeUs, fromUs), toUs)
}

type Source = AnsweredRange['source']

/** Two watermarks: of figures that include pending events, and of those in the tables alone. */
export class Watermarks {
  #arrivedUs: number | null = null
  #committedUs: number | null = null
  readonly #bySource: Record<Source, number> = {
    metrics: Number.NEGATIVE_INFINITY,
    events: Number.NEGATIVE_INFINITY,
  }

  /** When the newest event in the figures arrived; null if none has since the start. */
  get arrivedUs(): number | null {
    return this.#arrivedUs
  }

  arrived(arrivedUs: number): void {
    this.#arrivedUs = Math.max(this.#arrivedUs ?? arrivedUs, arrivedUs)
  }

  committed(arrivedUs: number): void {
    this.arrived(arrivedUs)
    this.#committedUs = arrivedUs
  }

  /** Call it when it is known whether events wait. */
  advance(nowUs: number, waiting: boolean): void {
    const arrived = { metrics: this.#arrivedUs, events: this.#committedUs }
    for (const source of ['metrics', 'events'] as const) {
      const progress = { nowUs, waiting, arrivedUs: arrived[source] }
      this.#bySource[source] = advanceWatermark(this.#bySource[source], progress)
    }
  }

  of(source: Source): number {
    return this.#bySource[source]
  }
}
