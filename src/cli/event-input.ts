/**
 * The files that `send` takes, as plain NDJSON: compressed or not, from the disk or from standard
 * input.
 */

import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { DamagedInput, type Part, plainParts } from './decompress.ts'
import { CliError } from './error.ts'
import type { Terminal } from './terminal.ts'

export const STDIN = '-'
const READ_BYTES = 1024 * 1024
/** Lines from a pipe that pauses, such as `tail -F`, are sent after this. */
const STDIN_IDLE_MS = 500
const LF = 0x0a

/**
 * `onRead` is given the number of bytes read, compressed as they are. Throws CliError where the
 * input is damaged, after all that could be read.
 */
export async function* readEvents(
  file: string,
  terminal: Terminal,
  signal: AbortSignal,
  onRead: (bytes: number) => void,
): AsyncGenerator<Part> {
  const raw =
    file === STDIN
      ? markIdle(counted(untilAborted(terminal.stdin, signal), onRead), STDIN_IDLE_MS)
      : counted(createReadStream(file, { highWaterMark: READ_BYTES }), onRead)
  const mustBe = file.endsWith('.gz') ? 'gzip' : file.endsWith('.zst') ? 'zstd' : null
  let unfinishedBytes = 0
  try {
    for await (const part of plainParts(raw, mustBe)) {
      if (part !== null) unfinishedBytes = bytesAfterLine(part, unfinishedBytes)
      yield part
    }
  } catch (cause) {
    if (!(cause instanceof DamagedInput)) throw cause
    const name = file === STDIN ? 'standard input' : file
    const unfinished =
      unfinishedBytes === 0
        ? ''
        : `; the line in which it breaks off (${unfinishedBytes} bytes of it could be ` +
          'read) was not sent'
    throw new CliError(
      'input',
      `${name} cannot be decompressed to its end: ${cause.message}; it is damaged or cut ` +
        `short${unfinished}. Mend it and send all of it ` +
        'again: what was sent already counts once, within dedupe.horizon',
      cause,
    )
  }
}

/** How many bytes follow the last line feed, `before` of them in parts before this one. */
function bytesAfterLine(part: Uint8Array, before: number): number {
  const feed = part.lastIndexOf(LF)
  return feed === -1 ? before + part.length : part.length - feed - 1
}

async function* counted(
  input: AsyncIterable<Uint8Array>,
  onRead: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of input) {
    onRead(chunk.length)
    yield chunk
  }
}

/** Ends with the input or with the signal: a pipe may stay open and silent. */
async function* untilAborted(input: Readable, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const end = (): unknown => input.destroy()
  signal.addEventListener('abort', end)
  try {
    for await (const chunk of input) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    signal.removeEventListener('abort', end)
  }
}

/**
 * The parts of `input`; null whenever none came for `idleMs` since the last one, so that what came
 * need not wait for more.
 */
async function* markIdle<Part>(
  input: AsyncIterable<Part>,
  idleMs: number,
): AsyncGenerator<Part | null> {
  const parts = input[Symbol.asyncIterator]()
  try {
    let next = parts.next()
    for (;;) {
      const part = (await within(next, idleMs)) ?? null
      if (part === null) yield null
      const { done, value } = part ?? (await next)
      if (done === true) return
      yield value
      next = parts.next()
    }
  } finally {
    await parts.return?.()
  }
}

/** What `promise` gives, or undefined when the time is up first. */
async function within<T>(promise: Promise<T>, durationMs: number): Promise<T | undefined> {
  const { promise: timeUp, resolve } = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => resolve(undefined), durationMs)
  try {
    return await Promise.race([promise, timeUp])
  } finally {
    clearTimeout(timer)
  }
}
