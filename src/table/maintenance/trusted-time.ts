/**
 * The time by which data may be removed. Removal cannot be undone, so it needs more than a look at
 * the wall clock:
 *
 *   moment ────────── an hour or more, wall and steady clock agree ──────────► now
 *      └─ every event that had arrived by this moment is in the tables
 *
 * The trusted time is the latest such moment. A step of the clock, either way, or a suspended
 * machine restarts the hour. Waiting events matter because the collector judged them by the
 * retention at their arrival: the day of an accepted event must still exist.
 */
import { openClockWatch } from '../../runtime.ts'

/** By partition of the log: its end offset, and the offset up to which the tables hold it. */
export type LogProgress = Readonly<{ ends: readonly number[]; taken: readonly number[] }>

export type TrustedTime = {
  /**
   * Reads the clocks. Returns microseconds since the epoch, or null while there is no such moment.
   */
  look(log: LogProgress): number | null
}

const TRUST_MS = 3_600_000
const MOMENT_INTERVAL_MS = 60_000
/** A day of moments: a job further behind removes nothing. */
const MOMENTS_MAX = 1_440

type Moment = Readonly<{ steadyMs: number; wallUs: number; ends: readonly number[] }>

export function openTrustedTime(
  clocks: Readonly<{ nowUs: () => number; steadyMs: () => number }>,
): TrustedTime {
  const watch = openClockWatch(clocks)
  /** Oldest first. Of the trusted ones only the latest is kept. */
  let moments: Moment[] = []
  return {
    look({ ends, taken }) {
      if (watch.look() !== null) moments = []
      const steadyMs = clocks.steadyMs()
      const last = moments.at(-1)
      if (last === undefined || steadyMs - last.steadyMs >= MOMENT_INTERVAL_MS) {
        moments.push({ steadyMs, wallUs: clocks.nowUs(), ends })
      }
      const isTrusted = (moment: Moment): boolean =>
        steadyMs - moment.steadyMs >= TRUST_MS &&
        moment.ends.every((end, partition) => (taken[partition] ?? 0) >= end)
      const latest = moments.findLastIndex(isTrusted)
      moments = moments.slice(Math.max(latest, moments.length - MOMENTS_MAX, 0))
      return latest === -1 ? null : (moments[0]?.wallUs ?? null)
    },
  }
}
