/**
 * What loading costs: how many rows chunks will have, and which of the missing chunks are loaded
 * next.
 */

import { chunkLengthUs, DAY_US, type Stretch } from '../steps.ts'
import type { LakeDays } from './lake-files.ts'

/** File rows in a part: about a fifth of a second. A chunk is never split, however many it has. */
const PART_ROWS_MAX = 2_000_000

export type LoadPart = Stretch & Readonly<{ starts: readonly number[]; rows: number }>

/**
 * The first neighbouring chunks among `starts`, which ascend and are not empty; few enough that
 * other questions do not wait long for their turn.
 */
export function nextPart(
  starts: readonly number[],
  stepUs: number,
  days: LakeDays,
  nowUs: number,
): LoadPart {
  const lengthUs = chunkLengthUs(stepUs)
  const taken: number[] = []
  let sum = 0
  for (const startUs of starts) {
    const lastUs = taken.at(-1)
    const rows = rowsIn(startUs, lengthUs, days, nowUs)
    if (lastUs !== undefined && (startUs !== lastUs + lengthUs || sum + rows > PART_ROWS_MAX)) break
    taken.push(startUs)
    sum += rows
  }
  const fromUs = taken[0] ?? 0
  return { fromUs, toUs: fromUs + taken.length * lengthUs, starts: taken, rows: sum }
}

/** Smaller loads are no sample of the rest. */
const SAMPLE_ROWS_MIN = 10_000

/**
 * Estimates the rows of chunks before they are loaded: from the rows of the day's files, assumed to
 * be spread evenly over the day, and from how far coarser steps have merged rows so far. Before the
 * first load it assumes that every campaign has events in every window, which merges best; the
 * first load corrects it.
 */
export class RowEstimate {
  readonly #windowUs: number
  /** Rows of a step for each row of the files, by step. */
  readonly #shares = new Map<number, number>()

  constructor(windowUs: number) {
    this.#windowUs = windowUs
  }

  /** Rows of the chunks that begin at `starts`, if `days` are the files of the metrics. */
  rowsOf(starts: readonly number[], stepUs: number, days: LakeDays, nowUs: number): number {
    const share = Math.max(this.#shares.get(stepUs) ?? 0, this.#windowUs / stepUs)
    const byDay = new Map<number, number>()
    for (const startUs of starts) {
      const rows = rowsIn(startUs, chunkLengthUs(stepUs), days, nowUs)
      const day = Math.floor(startUs / DAY_US)
      byDay.set(day, (byDay.get(day) ?? 0) + rows * share)
    }
    let sum = 0
    // No step has more rows than the files themselves.
    for (const [day, rows] of byDay) sum += Math.min(rows, days.get(day)?.rows ?? 0)
    return sum
  }

  /** `rows` came of chunks whose files were estimated to hold `fileRows`. */
  learn(stepUs: number, fileRows: number, rows: number): void {
    if (fileRows >= SAMPLE_ROWS_MIN) this.#shares.set(stepUs, Math.min(1, rows / fileRows))
  }
}

/** File rows in a part of a day. Today's rows all lie in the part of it that has passed. */
function rowsIn(startUs: number, lengthUs: number, days: LakeDays, nowUs: number): number {
  const day = Math.floor(startUs / DAY_US)
  const rows = days.get(day)?.rows ?? 0
  const passedUs = Math.min(Math.max(nowUs - day * DAY_US, lengthUs), DAY_US)
  return rows * Math.min(1, lengthUs / passedUs)
}
