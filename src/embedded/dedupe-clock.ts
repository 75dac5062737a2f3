/**
 * Dedupe time: the time by which event ids age, in microseconds. It stands on the axis of the wall clock where a table was begun, and
 * from then on goes forward only as far as two clocks agree that time has passed:
 *
 *   steady    while the process runs; it stands still while the machine is suspended, and nobody can set it
 *   arrival   from one event to the next, by the wall clock
 *
 * So a wall clock that jumps ahead forgets no id early, neither does a job that reads hours of backlog in minutes, and time in which the
 * process does not run does not count. An id is remembered for one horizon of dedupe time at least.
 */

export type DedupeClock = {
  /** The dedupe time of an event with this arrival. Never decreases. */
  advance(arrivalUs: number): number
  /** Every event that has arrived was read: what passes until the next one passes for certain. */
  idle(): void
  /** The time now, provided that no event waits to be read. */
  now(): number
}

/**
 * How much steady time is credited to an event that may have waited, and how much is carried to the next one. The wall clock ticks in
 * milliseconds and events come more often, so some must be; not more, so that a clock that jumps finds none to use.
 */
const CREDIT_US_MAX = 60_000_000

export function openDedupeClock(
  start: Readonly<{ dedupeUs: number; arrivedUs: number }>,
  clocks: Readonly<{ nowUs: () => number; steadyMs: () => number }>,
): DedupeClock {
  let { dedupeUs, arrivedUs } = start
  let steadyMs = clocks.steadyMs()
  /** Steady time that arrivals have not used yet. */
  let creditUs = 0

  function gain(maxUs: number): void {
    const nowMs = clocks.steadyMs()
    creditUs += Math.min((nowMs - steadyMs) * 1000, maxUs)
    steadyMs = nowMs
  }

  const agreedUs = (arrivalUs: number): number =>
    Math.max(0, Math.floor(Math.min(creditUs, arrivalUs - arrivedUs)))

  return {
    advance(arrivalUs) {
      gain(CREDIT_US_MAX)
      const passedUs = agreedUs(arrivalUs)
      creditUs = Math.min(creditUs - passedUs, CREDIT_US_MAX)
      // The first event of new tables begins the axis.
      dedupeUs = dedupeUs === 0 ? arrivalUs : dedupeUs + passedUs
      arrivedUs = arrivalUs
      return dedupeUs
    },
    idle: () => gain(Number.POSITIVE_INFINITY),
    now() {
      gain(Number.POSITIVE_INFINITY)
      return dedupeUs + agreedUs(clocks.nowUs())
    },
  }
}
