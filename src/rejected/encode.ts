/**
 * The records of one `keep` as the bytes to write: whole, and as counts for when there is no room.
 */
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

/** By reason and partition: how many, and the last of them, whose place stands for all. */
type Tallies = Map<string, Readonly<{ counted: number; last: RejectedRecord }>>

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

function tally(tallies: Tallies, last: RejectedRecord): void {
  const key = `${last.reason} ${last.partition ?? ''}`
  tallies.set(key, { counted: (tallies.get(key)?.counted ?? 0) + 1, last })
}

function countLines(tallies: Tallies): string {
  return [...tallies.values()].map(({ counted, last }) => countLine(counted, last)).join('')
}
