/** The collector's view of the engine: a body in, the rejected events and the accepted lines out. */

import {
  type BodyForm,
  parseEvent,
  type RejectionReason,
  splitBody,
  type Unsplittable,
} from '../event.ts'

/** `index` counts the events of the body from 0; `start` and `end` are its byte range in the body. */
export type RejectedEvent = Readonly<{
  index: number
  reason: RejectionReason
  start: number
  end: number
}>

export type Inspection = Readonly<{
  /** Events in the body, rejected ones included. */
  count: number
  rejected: readonly RejectedEvent[]
  /** The accepted events as NDJSON, each ended by LF; raw LF and CR inside an event are spaces. */
  lines: Uint8Array
}>

export type Inspector = {
  /** `body` is one body in any number of chunks. */
  inspect(body: readonly Uint8Array[], form: BodyForm, arrivalUs: number): Inspection | Unsplittable
}

export async function openInspector(): Promise<Inspector> {
  return { inspect: inspectPlainly }
}

function inspectPlainly(
  body: readonly Uint8Array[],
  form: BodyForm,
  arrivalUs: number,
): Inspection | Unsplittable {
  const bytes = Buffer.concat(body)
  const spans = splitBody(bytes, form)
  if ('unsplittable' in spans) return spans
  const rejected: RejectedEvent[] = []
  const lines: Uint8Array[] = []
  for (const [index, { start, end }] of spans.entries()) {
    const event = bytes.subarray(start, end)
    const verdict = parseEvent(event, arrivalUs)
    if ('reason' in verdict) rejected.push({ index, reason: verdict.reason, start, end })
    else
      lines.push(
        event.map((byte) => (byte === 10 || byte === 13 ? 32 : byte)),
        LF,
      )
  }
  return { count: spans.length, rejected, lines: Buffer.concat(lines) }
}

const LF = Buffer.from('\n')
