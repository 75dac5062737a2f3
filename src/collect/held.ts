/** Memory held for clients over all connections, and its limit. */
import type { IncomingMessage } from 'node:http'
import type { CollectCounts } from '../meter.ts'

export type Held = Readonly<{
  /** false = over the limit, nothing was taken. */
  take(bytes: number): boolean
  release(bytes: number): void
}>

/** The number itself lives in the meter, which shows it; several may share one. */
export function createHeld(
  counts: CollectCounts,
  shownAs: 'heldBytes' | 'heldReadBytes',
  bytesMax: number,
): Held {
  let held = 0
  const add = (bytes: number): void => {
    held += bytes
    counts[shownAs] += bytes
  }
  return {
    take(bytes) {
      if (held + bytes > bytesMax) return false
      add(bytes)
      return true
    },
    release: (bytes) => add(-bytes),
  }
}

/** A request's first line and headers: up to 64 KB that wait with it. */
export function headBytes({ rawHeaders, url = '' }: IncomingMessage): number {
  return rawHeaders.reduce((sum, text) => sum + text.length, url.length)
}
