/**
 * The newest window that has begun, and windows ahead of the clock. A sender's clock may be five
 * minutes fast: the window of one such event must not be shown in place of the current one.
 */

import { chunkLengthUs, DAY_US, MINUTE_US } from '../steps.ts'
import type { ChunkCache } from '../store/chunk-cache.ts'
import { addSums, type SumsTable, WIDTH, type WindowSums } from '../store/sums-table.ts'

export class LatestWindows {
  /** Four sums by start. */
  readonly #sums = new Map<number, Float64Array>()

  /** `windows` are those in the tables, starting with the newest that has begun. */
  constructor(windows: readonly WindowSums[]) {
    for (const { startUs, sums } of windows) this.#sums.set(startUs, sums)
  }

  add({ rows, starts, sums }: SumsTable, nowUs: number): void {
    const leastUs = newestBegun(this.#sums.keys(), nowUs)
    for (let row = 0; row < rows; row++) {
      const startUs = starts[row] ?? 0
      if (startUs < leastUs) continue
      const known = this.#sums.get(startUs) ?? new Float64Array(WIDTH)
      addSums(known, 0, sums, row * WIDTH)
      this.#sums.set(startUs, known)
    }
    const keptUs = newestBegun(this.#sums.keys(), nowUs)
    for (const startUs of this.#sums.keys()) if (startUs < keptUs) this.#sums.delete(startUs)
  }

  /** Pending events included. If none has begun, the next that begins; null if there is none. */
  newest(pending: SumsTable | null, nowUs: number): WindowSums | null {
    const rows = pending?.rows ?? 0
    const pendingStarts = pending?.starts.subarray(0, rows) ?? new Float64Array(0)
    const begunUs = Math.max(
      newestBegun(this.#sums.keys(), nowUs),
      newestBegun(pendingStarts, nowUs),
    )
    const startUs = Number.isFinite(begunUs)
      ? begunUs
      : Math.min(least(this.#sums.keys()), least(pendingStarts))
    if (!Number.isFinite(startUs)) return null
    const sums = this.#sums.get(startUs)?.slice() ?? new Float64Array(WIDTH)
    for (let row = 0; pending !== null && row < rows; row++) {
      if (pending.starts[row] === startUs) addSums(sums, 0, pending.sums, row * WIDTH)
    }
    return { startUs, sums }
  }
}

/** -Infinity if none has begun. */
function newestBegun(starts: Iterable<number>, nowUs: number): number {
  let newestUs = Number.NEGATIVE_INFINITY
  for (const startUs of starts) if (startUs <= nowUs && startUs > newestUs) newestUs = startUs
  return newestUs
}

/** Infinity if there is none. */
function least(starts: Iterable<number>): number {
  let leastUs = Number.POSITIVE_INFINITY
  for (const startUs of starts) leastUs = Math.min(leastUs, startUs)
  return leastUs
}

/** How far ahead of its arrival an event may be dated. */
const AHEAD_US = 5 * MINUTE_US
/** Just before midnight the last day may have only events that are dated ahead. */
const DAYS_MAX = 2
/** A commit during the search makes it start again. */
const TRIES_MAX = 20

/**
 * Finds the newest windows in the tables, in the chunks that the page asks for first. `onFound` is
 * called with the state of the last commit; with no windows if there are no events.
 */
export async function findLatestWindows(
  chunks: ChunkCache,
  windowUs: number,
  nowUs: number,
  onFound: (windows: readonly WindowSums[]) => void,
): Promise<void> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const { commits } = chunks
    const windows = await lookBackwards(chunks, windowUs, nowUs)
    if (chunks.commits !== commits) continue
    onFound(windows)
    return
  }
}

async function lookBackwards(
  chunks: ChunkCache,
  windowUs: number,
  nowUs: number,
): Promise<readonly WindowSums[]> {
  const found: WindowSums[] = []
  const lengthUs = chunkLengthUs(windowUs)
  const lastDays = [...chunks.metricsDays.keys()].sort((a, b) => b - a).slice(0, DAYS_MAX)
  for (const day of lastDays) {
    for (const fromUs of startsBackwards(day * DAY_US, lengthUs, nowUs + AHEAD_US)) {
      const span = { fromUs, toUs: fromUs + lengthUs, stepUs: windowUs }
      const wanted = { selection: null, span }
      const last = await chunks.use(wanted, nowUs, ([chunk]) => chunk?.last(nowUs) ?? [])
      found.push(...(last ?? []))
      if (found.some(({ startUs }) => startUs <= nowUs)) return found
    }
  }
  return found
}

/** The chunks of a day, newest first; those ahead of the clock come last. */
function startsBackwards(dayUs: number, lengthUs: number, aheadUs: number): readonly number[] {
  const starts = Array.from({ length: DAY_US / lengthUs }, (_, index) => dayUs + index * lengthUs)
  const past = starts.filter((us) => us <= aheadUs).reverse()
  return [...past, ...starts.slice(past.length).reverse()]
}
