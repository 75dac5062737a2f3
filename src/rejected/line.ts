/**
 * The lines of a file under `rejected/`. Each is one JSON object. Its first key says which kind it
 * is, so that counting reads three bytes a line:
 *
 *     {"file":1,"source":"collector","before":1200,"offset":null} first line of every file
 *     {"arrived":"2026-11-22T10:00:00.000000Z",                   one event ("offset" if it has
 *      "reason":"timestamp-format","explanation":"timestamp: …",  one, with "partition" in a
 *      "offset":77,"event":"{\"event_id\":…"}                     topic)
 *     {"arrived":…,"base64":"//79"}                               the same, bytes that are no text
 *     {"counted":17,"arrived":…,"reason":"timestamp-format"}      17 events, their bytes not kept
 *
 * `before` is the number of all events rejected before this file: the total is the newest file's
 * `before` plus its own lines, whatever became of the older files.
 */
import { type RejectionReason, reasonText } from '../event.ts'

/** `bots`: what the collector rejects for the agent that sent it. */
export type RejectedSource = 'collector' | 'bots' | 'job'

/**
 * One event to keep. `offset` = its position in the log, where it has one; of a topic, in this
 * partition.
 */
export type RejectedRecord = Readonly<{
  bytes: Uint8Array
  reason: RejectionReason
  arrivalUs: number
  partition?: number
  offset?: number
}>

type Heading = Readonly<{
  file: 1
  source: RejectedSource
  before: number
  /** Highest log offset kept before this file. */
  offset: number | null
}>

/** What the wire holds for an event or a count; every field may be missing in a damaged line. */
export type Line = Readonly<{
  file?: number
  source?: string
  before?: number
  counted?: number
  arrived?: string
  reason?: string
  explanation?: string
  partition?: number
  offset?: number | null
  event?: string
  base64?: string
}>

const LF = 0x0a
/** The third byte of a line: `{"f`, `{"a`, `{"c`. */
const KIND_AT = 2
const KIND_EVENT = 0x61
const KIND_COUNT = 0x63

const strictText = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function headingLine(heading: Heading): string {
  return `${JSON.stringify(heading)}\n`
}

export function eventLine(record: RejectedRecord): string {
  return (
    `{"arrived":"${rfc3339(record.arrivalUs)}","reason":${JSON.stringify(record.reason)}` +
    `,"explanation":${JSON.stringify(reasonText(record.reason))}${placeText(record)}` +
    `,${payload(record.bytes)}}\n`
  )
}

/** `counted` events of one reason, the last of which is `record`. */
export function countLine(counted: number, record: RejectedRecord): string {
  return (
    `{"counted":${counted},"arrived":"${rfc3339(record.arrivalUs)}"` +
    `,"reason":${JSON.stringify(record.reason)}${placeText(record)}}\n`
  )
}

function placeText({ partition, offset }: RejectedRecord): string {
  const partitionText = partition === undefined ? '' : `,"partition":${partition}`
  return offset === undefined ? partitionText : `${partitionText},"offset":${offset}`
}

/** Events in complete lines: one for each event line, `counted` for each count line. */
export function countEvents(lines: Uint8Array): number {
  let events = 0
  for (const line of wholeLines(lines)) {
    if (line[KIND_AT] === KIND_EVENT) events += 1
    else if (line[KIND_AT] === KIND_COUNT) events += parseLine(line).counted ?? 0
  }
  return events
}

/** The lines in `bytes`, each without its LF; a last one without LF is not whole. */
export function* wholeLines(bytes: Uint8Array): Generator<Uint8Array> {
  let start = 0
  for (let end = bytes.indexOf(LF); end !== -1; end = bytes.indexOf(LF, start)) {
    yield bytes.subarray(start, end)
    start = end + 1
  }
}

/** Parses a line; throws SyntaxError on bytes that are not one JSON object. */
export function parseLine(bytes: Uint8Array): Line {
  const line: unknown = JSON.parse(strictText.decode(bytes))
  if (typeof line !== 'object' || line === null) throw new SyntaxError('a line is an object')
  return line
}

export function lineBytes(line: Line): Uint8Array {
  if (line.base64 !== undefined) return Buffer.from(line.base64, 'base64')
  return Buffer.from(line.event ?? '', 'utf8')
}

/** Text where it is UTF-8 and escaping does not more than double it, else base64. */
function payload(bytes: Uint8Array): string {
  try {
    const text = JSON.stringify(strictText.decode(bytes))
    if (text.length <= 2 * bytes.length + 2) return `"event":${text}`
  } catch {
    // Not UTF-8: a rejected event may be any bytes.
  }
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  return `"base64":"${view.toString('base64')}"`
}

/** `2026-11-22T10:00:00.000001Z`: microseconds, which Date cannot print. */
function rfc3339(us: number): string {
  const wholeMs = Math.floor(us / 1000)
  const micros = String(us - wholeMs * 1000).padStart(3, '0')
  return `${new Date(wholeMs).toISOString().slice(0, -1)}${micros}Z`
}
