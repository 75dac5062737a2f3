/**
 * Compares the wall clock with the steady one, which cannot be set. Where one has advanced further
 * than the other, the wall clock was set (by hand, or by NTP after a wrong start), or the machine
 * was suspended, during which the steady clock stands still.
 */

export type ClockStep = Readonly<{
  /** The wall clock after the step, microseconds since the epoch. */
  atUs: number
  /** By how much it has stepped; negative is back. */
  byMs: number
}>

export type ClockWatch = {
  /** To be called every few seconds. The step since the last call; null where there was none. */
  look(): ClockStep | null
  /** The last ones seen, oldest first. */
  steps(): readonly ClockStep[]
}

/** NTP slews a clock by 0.5 ms a second at most. */
const STEP_MS_MIN = 1_000
const STEPS_KEPT_MAX = 10

export function openClockWatch(
  clocks: Readonly<{ nowUs: () => number; steadyMs: () => number }>,
): ClockWatch {
  let wallMs = clocks.nowUs() / 1000
  let steadyMs = clocks.steadyMs()
  const steps: ClockStep[] = []
  return {
    look() {
      const atUs = clocks.nowUs()
      const nowSteadyMs = clocks.steadyMs()
      const byMs = atUs / 1000 - wallMs - (nowSteadyMs - steadyMs)
      wallMs = atUs / 1000
      steadyMs = nowSteadyMs
      if (Math.abs(byMs) < STEP_MS_MIN) return null
      const step = { atUs, byMs: Math.round(byMs) }
      steps.push(step)
      if (steps.length > STEPS_KEPT_MAX) steps.shift()
      return step
    },
    steps: () => [...steps],
  }
}
