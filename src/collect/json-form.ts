/**
 * What `application/json` holds if it is no array: one event, or several by mistake. Some shippers
 * send NDJSON under this name; taken for one event, all of it would be one bad event.
 *
 *     {…}                                one event, in any number of lines
 *     {…} LF {…} LF …                    lines, when the first event is on one line
 *     {…}{…}, {…} {…}, or {…} in lines   not splittable: the end of a broken event would be unknown
 *     and more after it
 *     {… that is never closed            one bad event if all on one line; else not splittable
 *     anything else                      one bad event, or lines, when there are several
 *
 * The engine decides whether an event is valid. Here only its end is searched for, as far as an
 * event may reach.
 */
import { type BodyForm, LIMITS } from '../event.ts'
import { createSlicer } from './body-bytes.ts'

const TAB = 0x09
const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20
const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_BRACKET = 0x5b
const BACKSLASH = 0x5c
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** `start`: the position of the first byte that is not blank; it is not `[`. */
export function jsonForm(
  chunks: readonly Uint8Array[],
  start: number,
): BodyForm | 'body-unsplittable' {
  const head = createSlicer(chunks)(start, start + LIMITS.eventBytesMax)
  const isObject = head[0] === OPEN_BRACE
  const length = isObject ? objectLength(head) : 0
  if (length === 0) {
    if (!goesOnAfterLine(chunks, start)) return 'object'
    return isObject ? 'body-unsplittable' : 'lines'
  }
  const next = skipBlanks(chunks, start + length)
  if (next === null) return 'object'
  const isFirstLine = next.isNewLine && !head.subarray(0, length).includes(LF)
  return isFirstLine ? 'lines' : 'body-unsplittable'
}

/**
 * The first byte from `from` on that is not JSON white space, and whether a line feed precedes it.
 */
export function skipBlanks(
  chunks: readonly Uint8Array[],
  from: number,
): Readonly<{ at: number; byte: number; isNewLine: boolean }> | null {
  let isNewLine = false
  let chunkStart = 0
  for (const chunk of chunks) {
    for (let index = Math.max(0, from - chunkStart); index < chunk.length; index++) {
      const byte = chunk[index] as number
      if (byte === SPACE) continue
      if (byte === LF) isNewLine = true
      else if (!isBlank(byte)) return { at: chunkStart + index, byte, isNewLine }
    }
    chunkStart += chunk.length
  }
  return null
}

function goesOnAfterLine(chunks: readonly Uint8Array[], from: number): boolean {
  let chunkStart = 0
  for (const chunk of chunks) {
    const feed = chunk.indexOf(LF, Math.max(0, from - chunkStart))
    if (feed !== -1) return skipBlanks(chunks, chunkStart + feed) !== null
    chunkStart += chunk.length
  }
  return false
}

/**
 * The length of the object with which the bytes begin. 0 = it does not end in them, or it is so
 * broken that what ends there may be another object: a bracket that closes a different one, an
 * object where none is allowed, a line feed in a string.
 */
function objectLength(bytes: Uint8Array): number {
  const open: number[] = []
  let before = COLON
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0
    if (isBlank(byte)) continue
    if (byte === QUOTE) {
      at = stringEnd(bytes, at)
      if (at === -1) return 0
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (!mayOpen(before, open.at(-1)) || open.length === LIMITS.depthMax) return 0
      open.push(byte)
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      // In ASCII a closing bracket is the opening one plus two.
      if (open.pop() !== byte - 2) return 0
      if (open.length === 0) return at + 1
    }
    before = byte
  }
  return 0
}

/** A value follows a colon, or in an array its bracket or a comma. */
function mayOpen(before: number, around: number | undefined): boolean {
  if (around !== OPEN_BRACKET) return before === COLON
  return before === COMMA || before === OPEN_BRACKET
}

/** The position of the closing quote; -1 = there is none on this line. */
function stringEnd(bytes: Uint8Array, open: number): number {
  for (let at = open + 1; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === BACKSLASH && bytes[at + 1] !== LF) at++
    else if (byte === QUOTE) return at
    else if (byte === LF) return -1
  }
  return -1
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === LF || byte === CR || byte === TAB
}
