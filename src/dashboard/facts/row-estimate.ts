/**
 * How many rows pieces will have, before they are loaded: from the rows of the day's files, taken to be spread evenly, and
 * from how much coarser steps merged them so far. Until something was loaded every campaign is taken to have events in
 * every window, which merges best; where that was too hopeful the next estimate knows.
 */
import type { LakeDays } from './lake-days.ts'
import { DAY_US, pieceLengthUs } from './steps.ts'

/** Smaller loads say nothing about the rest. */
const TELLING_ROWS_MIN = 10_000

export class RowEstimate {
  readonly #windowUs: number
  /** Rows of a step for each row of the files, by step. */
  readonly #shares = new Map<number, number>()

  constructor(windowUs: number) {
    this.#windowUs = windowUs
  }

  /** Rows of the pieces that begin at `starts`, if `days` are the files of the metrics. */
  rowsOf(starts: readonly number[], stepUs: number, days: LakeDays, nowUs: number): number {
    const share = Math.max(this.#shares.get(stepUs) ?? 0, this.#windowUs / stepUs)
    const byDay = new Map<number, number>()
    for (const startUs of starts) {
      const rows = rowsIn(startUs, pieceLengthUs(stepUs), days, nowUs)
      const day = Math.floor(startUs / DAY_US)
      byDay.set(day, (byDay.get(day) ?? 0) + rows * share)
    }
    let sum = 0
    // No step has more rows than the files themselves.
    for (const [day, rows] of byDay) sum += Math.min(rows, days.get(day)?.rows ?? 0)
    return sum
  }

  /** Pieces were loaded: so many rows came of files that were estimated to hold so many. */
  learn(stepUs: number, fileRows: number, rows: number): void {
    if (fileRows >= TELLING_ROWS_MIN) this.#shares.set(stepUs, Math.min(1, rows / fileRows))
  }
}

/** Rows of the files in a part of a day; of a day that is not over, only what has passed of it holds any. */
export function rowsIn(startUs: number, lengthUs: number, days: LakeDays, nowUs: number): number {
  const day = Math.floor(startUs / DAY_US)
  const rows = days.get(day)?.rows ?? 0
  const passedUs = Math.min(Math.max(nowUs - day * DAY_US, lengthUs), DAY_US)
  return rows * Math.min(1, lengthUs / passedUs)
}
