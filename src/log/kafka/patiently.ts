/** Tries again for a while what fails because a broker is away, is starting, or has no leader yet. */
import { setTimeout as sleep } from 'node:timers/promises'
import { LogError } from '../error.ts'

const PAUSE_MS = 500

/** `attempt` is made once at least; what cannot be retried is thrown at once, the rest when `waitMs` have passed. */
export async function patiently<T>(waitMs: number, attempt: () => Promise<T>): Promise<T> {
  const deadline = AbortSignal.timeout(waitMs)
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      const goesOn = error instanceof LogError && error.canRetry && !deadline.aborted
      if (!goesOn) throw error
    }
    await sleep(PAUSE_MS)
  }
}
