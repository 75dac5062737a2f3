/** Body bytes in memory over all requests, and their limit. Past it requests are answered 429. */
import type { CollectCounts } from '../meter.ts'

export type Held = Readonly<{
  /** false = over the limit, nothing was taken. */
  take(bytes: number): boolean
  release(bytes: number): void
}>

/** The number itself lives in the meter, which shows it. */
export function createHeld(counts: CollectCounts, bytesMax: number): Held {
  return {
    take(bytes) {
      if (counts.heldBytes + bytes > bytesMax) return false
      counts.heldBytes += bytes
      return true
    },
    release(bytes) {
      counts.heldBytes -= bytes
    },
  }
}
