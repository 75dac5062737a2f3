/**
 * The values of a batch's records as lines for the engine, in the place of the records: a record
 * takes at least seven bytes beside its key and value, so a value and its LF never reach what is
 * still to be read.
 *
 *   records  │ length … key length │ key │ value length │ VALUE │ headers │ length … │ VALUE │ …
 *   lines    │ VALUE │ LF │ VALUE │ LF │ …
 *
 * A record, its integers zigzag varints but for the attributes (Kafka's message format 2):
 *
 *   length           of what follows, in bytes
 *   attributes       i8, unused
 *   timestamp delta  up to 10 bytes
 *   offset delta     to the batch's base offset
 *   key length       -1 for none
 *   key
 *   value length     -1 for none
 *   value
 *   headers          skipped by the length
 *
 * One record is one line, so that a line's number says which record it was:
 *
 * - LF in a value would end the line: outside JSON strings it becomes a space, which means the
 *   same, and inside them the byte 1, which is equally forbidden there;
 * - a value that is missing, empty or only white space would be no line: it becomes `?`, which is
 *   not JSON either.
 *
 * The original of such a value is kept in `originals`, because a rejected record is kept as it was.
 * A heartbeat is left out.
 */
import { isHeartbeat } from './heartbeat.ts'

export type RecordLines = Readonly<{
  /** `count` lines, each ended by LF. */
  bytes: Buffer
  /** Fewer than records where some are heartbeats. */
  count: number
  /**
   * Offset deltas by line; null where they count from 0 without gaps, as they do unless the topic
   * is compacted or a heartbeat is among them.
   */
  deltas: readonly number[] | null
  /** By line, for values that were changed. */
  originals: ReadonlyMap<number, Buffer>
}>

const LF = 0x0a
const SPACE = 0x20
const QUOTE = 0x22
const BACKSLASH = 0x5c
/** A control character, which JSON allows neither inside of strings nor outside. */
const FORBIDDEN = 0x01
const NO_JSON = 0x3f

/** Writes over `records`. Null when they are not `count` records. */
export function recordLines(records: Buffer, count: number): RecordLines | null {
  const cursor = new Varints(records)
  const originals = new Map<number, Buffer>()
  let deltas: number[] | null = null
  let lineEnd = 0
  let nextLf = -1
  let line = 0
  for (let record = 0; record < count; record += 1) {
    const length = cursor.next()
    const recordEnd = cursor.at + length
    if (length < 0 || recordEnd > records.length) return null
    cursor.at += 1
    cursor.skip()
    const delta = cursor.next()
    const keyBytes = cursor.next()
    cursor.at += Math.max(0, keyBytes)
    const valueBytes = cursor.next()
    const start = cursor.at
    const end = start + Math.max(0, valueBytes)
    if (end > recordEnd || start > recordEnd) return null
    cursor.at = recordEnd
    if (isHeartbeat(records, start, end)) continue

    if (deltas !== null) deltas.push(delta)
    else if (delta !== line) deltas = [...Array(line).keys(), delta]
    if (isBlank(records, start, end)) {
      originals.set(line, Buffer.from(records.subarray(start, end)))
      records[lineEnd] = NO_JSON
      lineEnd += 1
    } else {
      if (nextLf < start) nextLf = indexOrEnd(records, LF, start)
      if (nextLf < end) {
        originals.set(line, Buffer.from(records.subarray(start, end)))
        replaceLineFeeds(records, start, end)
      }
      records.copyWithin(lineEnd, start, end)
      lineEnd += end - start
    }
    records[lineEnd] = LF
    lineEnd += 1
    line += 1
  }
  return { bytes: records.subarray(0, lineEnd), count: line, deltas, originals }
}

/** Reads zigzag varints of up to 32 bits, and skips longer ones. Past the end it reads zeros. */
class Varints {
  readonly #bytes: Buffer
  at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  next(): number {
    let byte = this.#byte()
    if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1)
    let value = byte & 0x7f
    for (let shift = 7; shift < 35 && byte >= 0x80; shift += 7) {
      byte = this.#byte()
      value |= (byte & 0x7f) << shift
    }
    return (value >>> 1) ^ -(value & 1)
  }

  skip(): void {
    while (this.#byte() >= 0x80);
  }

  #byte(): number {
    const byte = this.#bytes[this.at] ?? 0
    this.at += 1
    return byte
  }
}

function isBlank(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at]
    if (byte !== SPACE && byte !== LF && byte !== 0x0d && byte !== 0x09) return false
  }
  return true
}

/**
 * Follows JSON's strings as far as the value is JSON; behind its first fault any replacement is as
 * good.
 */
function replaceLineFeeds(bytes: Buffer, start: number, end: number): void {
  let inString = false
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at]
    if (byte === LF) bytes[at] = inString ? FORBIDDEN : SPACE
    else if (byte === QUOTE) inString = !inString
    else if (byte === BACKSLASH && inString) {
      at += 1
      if (bytes[at] === LF && at < end) bytes[at] = FORBIDDEN
    }
  }
}

/** Where the byte stands from `from` on; the end when it does not. */
export function indexOrEnd(bytes: Buffer, byte: number, from: number): number {
  const found = bytes.indexOf(byte, from)
  return found === -1 ? bytes.length : found
}
