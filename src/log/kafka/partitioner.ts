/** The key of each line's record, and the partition that the key chooses. */
import { strict as assert } from 'node:assert'
import { indexOrEnd } from './record-lines.ts'

/**
 * The partition of a key, as Kafka's Java client chooses it (`BuiltInPartitioner.partitionForKey`):
 * MurmurHash2, 32 bits, its sign bit cleared, modulo the number of partitions. So an id goes where
 * any other default producer puts it.
 */
const SEED = 0x9747b28c | 0
const M = 0x5bd1e995
const R = 24

export function partitionOf(key: Uint8Array, from: number, to: number, partitions: number): number {
  return (murmur2(key, from, to) & 0x7fffffff) % partitions
}

/** Of the bytes `[from, to)`, as a signed 32-bit integer. */
export function murmur2(bytes: Uint8Array, from: number, to: number): number {
  const length = to - from
  const wholeEnd = from + (length & ~3)
  let h = SEED ^ length
  for (let at = from; at < wholeEnd; at += 4) {
    let k = Math.imul(littleEndian(bytes, at, 4), M)
    k ^= k >>> R
    h = Math.imul(h, M) ^ Math.imul(k, M)
  }
  if (wholeEnd < to) h = Math.imul(h ^ littleEndian(bytes, wholeEnd, to - wholeEnd), M)
  h = Math.imul(h ^ (h >>> 13), M)
  return h ^ (h >>> 15)
}

function littleEndian(bytes: Uint8Array, at: number, count: number): number {
  let value = 0
  for (let i = 0; i < count; i += 1) value |= (bytes[at + i] ?? 0) << (8 * i)
  return value
}

/**
 * The lines of an append, each with the bytes of its event_id: the record's key.
 *
 * The lines are accepted events, so each has the key `event_id` at least once. Where a line has no
 * backslash and the text `"event_id"` only once, that is the key, and the bytes between the next
 * two quotes are the id. Any other line (escapes, a repeated key, the text as a value) is parsed;
 * of repeated keys the last counts, as everywhere.
 */
const LF = 0x0a
const QUOTE = 0x22
const BACKSLASH = 0x5c
const NAME = Buffer.from('"event_id"')

/** `[start, end)` is the line without its LF; the id is `key[idStart, idEnd)`. */
type VisitLine = (start: number, end: number, key: Buffer, idStart: number, idEnd: number) => void

export function visitLines(lines: Buffer, visit: VisitLine): void {
  let start = 0
  let nextName = lines.indexOf(NAME)
  let nextBackslash = indexOrEnd(lines, BACKSLASH, 0)
  while (start < lines.length) {
    const end = lines.indexOf(LF, start)
    assert(end > start, 'a line holds an event and ends with LF')
    if (nextBackslash < start) nextBackslash = indexOrEnd(lines, BACKSLASH, start)
    const name = nextName
    if (name >= start && name < end) nextName = lines.indexOf(NAME, name + NAME.length)
    const isPlain = nextBackslash >= end && name >= start && (nextName === -1 || nextName >= end)
    if (isPlain) {
      const idStart = lines.indexOf(QUOTE, name + NAME.length) + 1
      visit(start, end, lines, idStart, lines.indexOf(QUOTE, idStart))
    } else {
      const key = parsedId(lines.toString('utf8', start, end))
      visit(start, end, key, 0, key.length)
      if (nextName !== -1 && nextName < end) nextName = lines.indexOf(NAME, end)
    }
    start = end + 1
  }
}

function parsedId(line: string): Buffer {
  const { event_id: id } = JSON.parse(line) as { event_id: unknown }
  assert(typeof id === 'string', 'an accepted event has an event_id')
  return Buffer.from(id)
}
