/**
 * How old an event may be. Retention counts whole days: with a retention of `days` the tables keep the day under way and that many
 * before it, and a part of a day counts as a whole one. An event of an older day is rejected when it arrives, since its row could
 * not be kept.
 */

const DAY_US = 86_400_000_000

/** The start of the oldest day that is kept, where every day is. */
export const KEEPS_ALL_US: number = Number.NEGATIVE_INFINITY

/** The oldest day that is kept at `nowUs` (microseconds since the epoch), in days since 1970-01-01; 0 `days` keep all. */
export function keptFromDay(nowUs: number, days: number): number {
  return days === 0 ? KEEPS_ALL_US : Math.floor(nowUs / DAY_US) - Math.ceil(days)
}

/** The start of the oldest day that every one of these retentions keeps, in microseconds since the epoch. */
export function keptFromUs(nowUs: number, ...retentions: readonly number[]): number {
  return Math.max(...retentions.map((days) => keptFromDay(nowUs, days) * DAY_US))
}
