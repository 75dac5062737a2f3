/** Until when everything that arrived is in the figures: those with what is pending, and those of the tables alone. */

import type { AnsweredRange } from '../../dashboard-definition.ts'
import { seenUntilUs } from './complete.ts'

type Source = AnsweredRange['source']

export class Seen {
  #arrivedUs: number | null = null
  #committedUs: number | null = null
  readonly #untilUs: Record<Source, number> = {
    metrics: Number.NEGATIVE_INFINITY,
    events: Number.NEGATIVE_INFINITY,
  }

  /** When the newest event in the figures arrived; null where none has since the start. */
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

  /** Somebody who knows what waits looks at the clock. */
  look(nowUs: number, waiting: boolean): void {
    const { metrics, events } = this.#untilUs
    this.#untilUs.metrics = seenUntilUs(metrics, { nowUs, waiting, arrivedUs: this.#arrivedUs })
    this.#untilUs.events = seenUntilUs(events, { nowUs, waiting, arrivedUs: this.#committedUs })
  }

  untilUs(source: Source): number {
    return this.#untilUs[source]
  }
}
