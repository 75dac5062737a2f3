/**
 * The records of one `keep` as the bytes to write: whole, and as counts for when there is no room.
 */
import type { RejectionReason } from '../event.ts'
import { countLine, eventLine, type RejectedRecord } from './line.ts'

export type Encoded = Readonly<{
  /** Lines with the events' bytes; past KEEP_BYTES_MAX the rest is in count lines. */
  lines: Buffer
  /** The same as count lines only: one for each reason and partition. */
  counts: Buffer
  events: number
  /** Of `events`, how many `lines` holds as counts. */
  overflow: number
  lastOffset: number | null
}>

/** Its place is that of the last event counted. */
type Tally = {
  readonly reason: RejectionReason
  readonly partition?: number
  counted: number
  arrivalUs: number
  offset?: number
}
/** By reason and partition. */
type Tallies = Map<string, Tally>

/** Limit for one call: a body full of two-byte junk must not take fifty times its size on disk. */
const KEEP_BYTES_MAX = 64 * 1024 * 1024
const PIECE_CHARACTERS = 64 * 1024

export function encodeRecords(records: readonly RejectedRecord[]): Encoded {
  const written: Buffer[] = []
  let text = ''
  const all: Tallies = new Map()
  const over: Tallies = new Map()
  let length = 0
  let overflow = 0
  let lastOffset: number | null = null
  for (const record of records) {
    tally(all, record)
    lastOffset = record.offset ?? lastOffset
    if (length > KEEP_BYTES_MAX) {
      tally(over, record)
      overflow += 1
      continue
    }
    const line = eventLine(record)
    text += line
    length += line.length
    // Hundreds of thousands of short strings weigh several times what they hold.
    if (text.length < PIECE_CHARACTERS) continue
    written.push(Buffer.from(text))
    text = ''
  }
  return {
    lines: Buffer.concat([...written, Buffer.from(text + countLines(over))]),
    counts: Buffer.from(countLines(all)),
    events: records.length,
    overflow,
    lastOffset,
  }
}

function tally(tallies: Tallies, { reason, arrivalUs, partition, offset }: RejectedRecord): void {
  const key = `${reason} ${partition ?? ''}`
  const one = tallies.get(key)
  if (one === undefined) {
    tallies.set(key, {
      reason,
      counted: 1,
      arrivalUs,
      ...(partition === undefined ? {} : { partition }),
      ...(offset === undefined ? {} : { offset }),
    })
    return
  }
  one.counted += 1
  one.arrivalUs = arrivalUs
  if (offset !== undefined) one.offset = offset
}

function countLines(tallies: Tallies): string {
  let lines = ''
  for (const one of tallies.values()) {
    lines += countLine(one.counted, one.reason, one.arrivalUs, one)
  }
  return lines
}
