/** A process that ends by itself sends first what waits, in a few attempts. */
import type { Environment } from './environment.ts'
import type { Tracker } from './tracker.ts'

/** One second apart, and then two. */
const ATTEMPTS = 3
const PAUSE_MS = 1_000

export function flushAtExit(tracker: Tracker, environment: Environment): void {
  let attempts = 0
  environment.onExit?.(() => {
    const { waiting } = tracker.counts()
    if (waiting === 0) {
      attempts = 0
    } else if (attempts < ATTEMPTS) {
      environment.after(attempts * PAUSE_MS, () => void tracker.flush(), true)
      attempts++
    } else {
      environment.report(`the process ends; ${waiting} events could not be sent`)
    }
  })
}
