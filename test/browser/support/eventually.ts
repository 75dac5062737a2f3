/**
 * A claim about a page that moves: it is tried until it holds, and fails with what it said last.
 */
import { setTimeout as sleep } from 'node:timers/promises'

const LIMIT_MS = 30_000
const PAUSE_MS = 50

export async function eventually<T>(
  claim: () => Promise<T> | T,
  limitMs: number = LIMIT_MS,
): Promise<T> {
  const endMs = performance.now() + limitMs
  for (;;) {
    try {
      return await claim()
    } catch (error) {
      if (performance.now() > endMs) throw error
    }
    await sleep(PAUSE_MS)
  }
}
