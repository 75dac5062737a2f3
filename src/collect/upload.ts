/**
 * Reads one body within the limits: of its size, and of the memory that all bodies may take
 * (`body-bytes.ts`).
 */
import type { IncomingMessage } from 'node:http'
import { openBodyBytes } from './body-bytes.ts'
import type { MemoryBudget } from './memory-budget.ts'
import type { RefusalCode } from './refusal.ts'

/** `aborted`: the client went away, and cannot be answered. */
export type UploadFailure = RefusalCode | 'aborted'

export type Upload = Readonly<{
  /** Empty after a failure. */
  chunks: readonly Uint8Array[]
  bytes: number
  /** What the caller must release from the budget, also after a failure. */
  heldBytes: number
  failure: UploadFailure | null
}>

/**
 * Ends the reading from outside: a time-out or a syntax error that node's parser found. false = too
 * late: the body is complete, and what the parser found comes after it.
 */
export type StopUpload = (why: UploadFailure) => boolean

/**
 * Resolves at the end of the body or at the first reason not to read on; never rejects. After a
 * failure, further bytes are discarded. `onStop` receives the function that ends the reading from
 * outside.
 */
export function readBody(
  request: IncomingMessage,
  bytesMax: number,
  budget: MemoryBudget,
  onStop: (stop: StopUpload | null) => void,
): Promise<Upload> {
  return new Promise((resolve) => {
    const body = openBodyBytes(budget)
    let bytes = 0
    let isSettled = false

    function settle(failure: UploadFailure | null): void {
      if (isSettled) return
      isSettled = true
      onStop(null)
      const chunks = failure === null ? body.pieces() : []
      resolve({ chunks, bytes, heldBytes: body.heldBytes, failure })
    }

    onStop((why) => {
      if (request.complete) return false
      settle(why)
      return true
    })
    request.on('data', (chunk: Buffer) => {
      if (isSettled) return
      bytes += chunk.length
      if (bytes > bytesMax) return settle('body-too-large')
      if (!body.add(chunk)) settle('too-busy')
    })
    request.on('end', () => settle(null))
    // `close` follows an abort; the error adds nothing.
    request.on('error', () => settle('aborted'))
    request.on('close', () => settle('aborted'))
  })
}
