/**
 * The newest window that has begun, and those ahead of the clock: the clock of a sender may be five minutes fast, and what
 * one such event falls into is not shown in place of the window that all others fill.
 */
import { addSums, type SumsTable, WIDTH } from './sums-table.ts'

export type WindowSums = Readonly<{ startUs: number; sums: Float64Array }>

export class LatestWindows {
  /** Four sums by start. */
  readonly #sums = new Map<number, Float64Array>()

  /** `windows` are those in the tables, from the newest that has begun on. */
  constructor(windows: readonly WindowSums[]) {
    for (const { startUs, sums } of windows) this.#sums.set(startUs, sums)
  }

  add({ rows, starts, sums }: SumsTable, nowUs: number): void {
    const leastUs = newestBegun(this.#sums.keys(), nowUs)
    for (let row = 0; row < rows; row++) {
      const startUs = starts[row] ?? 0
      if (startUs < leastUs) continue
      const held = this.#sums.get(startUs) ?? new Float64Array(WIDTH)
      addSums(held, 0, sums, row * WIDTH)
      this.#sums.set(startUs, held)
    }
    const keptUs = newestBegun(this.#sums.keys(), nowUs)
    for (const startUs of this.#sums.keys()) if (startUs < keptUs) this.#sums.delete(startUs)
  }

  /** With what is pending on top. While none has begun the next to begin; null where there is none at all. */
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

/** -Infinity: none has. */
function newestBegun(starts: Iterable<number>, nowUs: number): number {
  let newestUs = Number.NEGATIVE_INFINITY
  for (const startUs of starts) if (startUs <= nowUs && startUs > newestUs) newestUs = startUs
  return newestUs
}

/** Infinity: there is none. */
function least(starts: Iterable<number>): number {
  let leastUs = Number.POSITIVE_INFINITY
  for (const startUs of starts) leastUs = Math.min(leastUs, startUs)
  return leastUs
}
