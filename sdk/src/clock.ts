/**
 * The time of events on devices whose clocks are wrong, by minutes up to days.
 *
 *     device    sent ────────────────── received      round trip
 *     collector          its time                     taken as of the middle
 *
 * An event notes both clocks of the device when it happens. Its time is computed once, from the
 * steady clock and one measurement, so a wall clock that is set in between changes nothing and
 * events keep their order. The device's wall clock is corrected only where it differs by more than
 * a minute and more than the round trip: a slow network is no wrong clock.
 */

/** Both clocks of the device. */
export type Moment = Readonly<{ wallMs: number; steadyMs: number }>

export type Clock = Readonly<{
  read(): Moment
  /** The collector has to be asked, before the first sending or since a clock has jumped. */
  needsMeasurement(): boolean
  /** The collector's time, asked for between two readings. */
  measure(sent: Moment, received: Moment, collectorMs: number): void
  /** null until it is known well enough. */
  timeOf(moment: Moment): number | null
  /** The best that is known now, for what has to leave at once. */
  bestTimeOf(moment: Moment): number
  /** The collector's time; null until it is known. */
  nowMs(): number | null
}>

type Anchor = Readonly<{ steadyMs: number; wallMs: number; trueMs: number; roundTripMs: number }>

const WRONG_CLOCK_MS = 60_000
/** A wrong clock is asked about again after a slower answer, of which half may be error. */
const SLOW_ANSWER_MS = 2_000
const MEASUREMENTS_MAX = 3
/** The horizon, which comes with the time, may have changed. */
const MEASURED_AGAIN_MS = 3_600_000

export function createClock(wallMs: () => number, steadyMs: () => number): Clock {
  let anchor: Anchor | null = null
  /** Before a jump. */
  let previous: Anchor | null = null
  let measurements = 0
  let isSettled = false

  const read = () => ({ wallMs: wallMs(), steadyMs: steadyMs() })

  /** The wall clock was set, the steady one stood still in sleep, or an hour has passed. */
  function noticeJump(): void {
    if (anchor === null || !isSettled) return
    const now = read()
    const ageMs = now.steadyMs - anchor.steadyMs
    const drift = now.wallMs - anchor.wallMs - ageMs
    if (Math.abs(drift) <= WRONG_CLOCK_MS && ageMs <= MEASURED_AGAIN_MS) return
    isSettled = false
    measurements = 0
    previous = anchor
  }

  function bestTimeOf({ wallMs, steadyMs }: Moment): number {
    return anchor === null ? wallMs : anchor.trueMs + steadyMs - anchor.steadyMs
  }

  function measure(sent: Moment, received: Moment, collectorMs: number): void {
    const roundTripMs = received.steadyMs - sent.steadyMs
    const middle = {
      steadyMs: received.steadyMs - roundTripMs / 2,
      wallMs: received.wallMs - roundTripMs / 2,
    }
    const margin = Math.max(WRONG_CLOCK_MS, roundTripMs)
    const isWrong = Math.abs(collectorMs - middle.wallMs) > margin
    let trueMs = isWrong ? collectorMs : middle.wallMs
    const isFirst = measurements === 0
    measurements++
    if (previous !== null) {
      // If the steady clock went on, one device's events keep their order.
      const expected = previous.trueMs + middle.steadyMs - previous.steadyMs
      if (Math.abs(expected - collectorMs) <= margin) trueMs = expected
    }
    if (isFirst || anchor === null || roundTripMs < anchor.roundTripMs) {
      anchor = { ...middle, trueMs, roundTripMs }
    }
    isSettled = !isWrong || roundTripMs <= SLOW_ANSWER_MS || measurements >= MEASUREMENTS_MAX
  }

  return {
    read() {
      noticeJump()
      return read()
    },
    needsMeasurement() {
      noticeJump()
      return !isSettled
    },
    measure,
    timeOf: (moment) => (isSettled ? bestTimeOf(moment) : null),
    bestTimeOf,
    nowMs: () => (anchor === null ? null : bestTimeOf(read())),
  }
}
