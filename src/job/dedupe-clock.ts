/**
 * Dedupe time: the time by which event ids age, in microseconds. It stands on the axis of the wall clock where a table was begun, and
 * from then on goes forward only as far as two clocks agree that time has passed:
 *
 *   steady    while the process runs; it stands still while the machine is suspended, and nobody can set it
 *   arrival   from one event to the next; it stands still while the events of a backlog are read
 *
 * So a wall clock that jumps ahead forgets no id early, neither does a job that reads hours of backlog in minutes, and time in which the
 * process does not run does not count. An id is remembered for one horizon of dedupe time at least.
 */

export type DedupeClock = {
  /** The dedupe time of an event with this arrival. Never decreases. */
  advance(arrivalUs: number): number
  /** The time now, provided that no event waits to be read. */
  now(): number
}

/**
 * Steady time that arrivals have not used yet. The wall clock ticks in milliseconds and events come more often, so some is carried; not
 * more, so that a clock that jumps finds none to use.
 */
const CARRIED_US_MAX = 60_000_000

export function openDedupeClock(
  start: Readonly<{ dedupeUs: number; arrivedUs: number }>,
  clocks: Readonly<{ nowUs: () => number; steadyMs: () => number }>,
): DedupeClock {
  let { dedupeUs, arrivedUs } = start
  let steadyMs = clocks.steadyMs()
  let carriedUs = 0

  const steadyUs = (): number => carriedUs + (clocks.steadyMs() - steadyMs) * 1000
  const agreedUs = (arrivalUs: number): number =>
    Math.max(0, Math.floor(Math.min(steadyUs(), arrivalUs - arrivedUs)))

  return {
    advance(arrivalUs) {
      const passedUs = agreedUs(arrivalUs)
      carriedUs = Math.min(steadyUs() - passedUs, CARRIED_US_MAX)
      steadyMs = clocks.steadyMs()
      // The first event of new tables begins the axis.
      dedupeUs = dedupeUs === 0 ? arrivalUs : dedupeUs + passedUs
      arrivedUs = arrivalUs
      return dedupeUs
    },
    now: () => dedupeUs + agreedUs(clocks.nowUs()),
  }
}
