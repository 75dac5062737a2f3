/** A bounded wait for something that becomes true by itself. */
import { setTimeout as sleep } from 'node:timers/promises'

const LIMIT_MS = 30_000
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
