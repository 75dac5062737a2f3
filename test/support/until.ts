/** Bounded waits: a test that would wait without end fails with a reason. */
import { setTimeout as sleep } from 'node:timers/promises'

const LIMIT_MS = 60_000
/** A time limit that nothing may need that is awaited here. */
export const BEYOND_LIMIT_MS: number = 20 * LIMIT_MS
const PAUSE_MS = 20

/** Asks again until it is so; fails after a while, with what went wrong last. */
export async function until(
  isSo: () => Promise<boolean> | boolean,
  limitMs: number = LIMIT_MS,
): Promise<void> {
  const limit = AbortSignal.timeout(limitMs)
  for (;;) {
    try {
      if (await isSo()) return
      limit.throwIfAborted()
    } catch (error) {
      if (limit.aborted) throw error
    }
    await sleep(PAUSE_MS)
  }
}

/** What `promise` resolves to; fails when it takes longer than anything in order does. */
export async function withinLimit<T>(promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`not within ${LIMIT_MS} ms`)), LIMIT_MS)
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
