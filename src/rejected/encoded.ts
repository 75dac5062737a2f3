/** The records of one `keep` as the bytes that are written: whole, and as counts for when there is no room. */
import type { RejectionReason } from '../event.ts'
import { countLine, eventLine, type RejectedRecord } from './line.ts'

export type Encoded = Readonly<{
  /** Lines with the events' bytes; past KEEP_BYTES_MAX the rest is in count lines. */
  lines: Buffer
  /** The same as count lines only: one a reason. */
  counts: Buffer
  events: number
  /** Of `events`, how many `lines` holds as counts. */
  overflow: number
  lastOffset: number | null
}>

type Tally = { counted: number; arrivalUs: number; offset: number | null }
type Tallies = Map<RejectionReason, Tally>

/** Of one call: a body full of two-byte junk must not become fifty times its size on disk. */
const KEEP_BYTES_MAX = 64 * 1024 * 1024

export function encodeRecords(records: readonly RejectedRecord[]): Encoded {
  const kept: string[] = []
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
    kept.push(line)
    length += line.length
  }
  return {
    lines: Buffer.from(kept.join('') + countLines(over)),
    counts: Buffer.from(countLines(all)),
    events: records.length,
    overflow,
    lastOffset,
  }
}

function tally(tallies: Tallies, { reason, arrivalUs, ...record }: RejectedRecord): void {
  const offset = record.offset ?? null
  const one = tallies.get(reason)
  if (one === undefined) {
    tallies.set(reason, { counted: 1, arrivalUs, offset })
    return
  }
  one.counted += 1
  one.arrivalUs = arrivalUs
  one.offset = offset ?? one.offset
}

function countLines(tallies: Tallies): string {
  let lines = ''
  for (const [reason, { counted, arrivalUs, offset }] of tallies) {
    lines += countLine(counted, reason, arrivalUs, offset)
  }
  return lines
}
