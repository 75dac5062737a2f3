/**
 * Memory held for clients over all connections, and its limits. There is a budget for bodies, and
 * one for what is read: each request, and each large answer until the client has received all of it
 * or is gone. A client that asks and never reads cannot use more than this, however many
 * connections and requests it opens.
 *
 *     a request    a fixed sum, which a small answer is within, and its head
 *     an answer    its size where it is large; bytes that several clients are sent are counted once
 *
 * Requests and answers have separate limits, so that large answers to clients that do not read
 * never block a health check.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { CollectCounts } from '../meter.ts'
import type { CollectLimits } from './limits.ts'

export type MemoryBudget = Readonly<{
  /** false = over the limit, nothing was taken. */
  take(bytes: number): boolean
  release(bytes: number): void
}>

/** The sum is in the meter, which shows it; several budgets may share one. */
export function createMemoryBudget(
  counts: CollectCounts,
  shownAs: 'heldBytes' | 'heldReadBytes',
  bytesMax: number,
): MemoryBudget {
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

export type ReadBudget = Readonly<{
  /** false = there is no room for the request. */
  begin(request: IncomingMessage, response: ServerResponse): boolean
  /** The bytes to send; null = there is no room for them now. */
  hold(response: ServerResponse, body: string | Uint8Array): string | Uint8Array | null
}>

type Shared = { readonly bytes: number; readers: number }

export function createReadBudget(counts: CollectCounts, limits: CollectLimits): ReadBudget {
  const requests = createMemoryBudget(counts, 'heldReadBytes', limits.readRequestsBytesMax)
  const answers = createMemoryBudget(counts, 'heldReadBytes', limits.answersBytesMax)
  const sent = new Map<ArrayBufferLike, Shared>()

  /** An answer larger than the limit counts as the limit: it is sent when there is no other. */
  function share(bytes: Uint8Array): boolean {
    const { buffer } = bytes
    const shared = sent.get(buffer)
    if (shared !== undefined) {
      shared.readers += 1
      return true
    }
    const size = Math.min(buffer.byteLength, limits.answersBytesMax)
    if (!answers.take(size)) return false
    sent.set(buffer, { bytes: size, readers: 1 })
    return true
  }

  function leave({ buffer }: Uint8Array): void {
    const shared = sent.get(buffer)
    if (shared === undefined) return
    shared.readers -= 1
    if (shared.readers > 0) return
    sent.delete(buffer)
    answers.release(shared.bytes)
  }

  return {
    begin(request, response) {
      const bytes = limits.readRequestBytes + headBytes(request)
      if (!requests.take(bytes)) return false
      response.once('close', () => requests.release(bytes))
      return true
    },
    hold(response, body) {
      const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length
      if (length <= limits.readRequestBytes) return body
      // A string would be copied once more while it waits to be sent.
      const bytes = typeof body === 'string' ? Buffer.from(body) : body
      if (response.destroyed || !share(bytes)) return null
      response.once('close', () => leave(bytes))
      return bytes
    },
  }
}
