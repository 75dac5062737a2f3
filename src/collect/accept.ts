/**
 * From the bytes of a body to its answer: inspect, append, keep.
 *
 * **Append first, then keep.** A request is answered 200 when its accepted events are durable in
 * the log *and* its rejected ones are durable under `rejected/`. If `append` fails, nothing is kept
 * and nothing is counted: the client sends the whole body again. If `keep` fails after it, the
 * answer is 503 and the client sends the body again too: the log then holds the accepted events
 * twice, which the job counts as duplicates, and the rejected ones are kept once. Either way
 * received = stored + duplicate + rejected + waiting, since received is what the log took and what
 * was kept.
 *
 * A body refused as a whole (4xx) is not received: none of its events is counted or kept anywhere.
 */
import type { Inspection, Inspector } from '../engine.ts'
import {
  REJECTION_REASONS,
  type RejectionReason,
  reasonText,
  SENDER_REASONS,
  type Unsplittable,
} from '../event.ts'
import { type EventLog, LogError, type LogErrorCode } from '../log.ts'
import type { Meter } from '../meter.ts'
import type { RejectedStore } from '../rejected.ts'
import { createSlicer } from './body-bytes.ts'
import { type BodyType, bodyForm, withoutMark } from './body-form.ts'
import type { CollectLimits } from './limits.ts'
import type { MemoryBudget } from './memory-budget.ts'
import type { PageSender } from './page-sender.ts'
import type { RefusalCode } from './refusal.ts'
import type { UploadFailure } from './upload.ts'

export type AcceptParts = Readonly<{
  log: Pick<EventLog, 'stampUs' | 'append'>
  inspector: Inspector
  rejected: Pick<RejectedStore, 'keep'>
  meter: Meter
  limits: CollectLimits
  budget: MemoryBudget
  warn: (message: string, cause: unknown) => void
  /**
   * The start of the oldest day that the tables keep, for an event that arrives then; microseconds
   * since the epoch.
   */
  keptFromUs: (arrivalUs: number) => number
  /** False while catalog or tables are missing: nobody knows then whether they will be found. */
  areTablesInPlace: () => boolean
}>

/**
 * `body`: of the answer 200. `retryAfter`: seconds, where the refusal itself does not know them.
 */
export type Outcome = Readonly<
  { body: string; accepted: number } | { failure: UploadFailure; retryAfter?: number }
>

/** `bytes`: the event as it was sent. */
type Refused = Readonly<{ index: number; reason: RejectionReason; bytes: Uint8Array }>

/** A body after its inspection: `lines` holds the accepted events, each ended by LF. */
type Judged = Readonly<{
  accepted: number
  lines: readonly Uint8Array[]
  rejected: readonly Refused[]
}>

/** Each reason's text as JSON, encoded once. */
const REASON_JSON: ReadonlyMap<RejectionReason, string> = new Map(
  [...REJECTION_REASONS, ...SENDER_REASONS].map(({ code }) => [
    code,
    JSON.stringify(reasonText(code)),
  ]),
)

const LF = 0x0a

const UNSPLITTABLE: Readonly<Record<Unsplittable['unsplittable'], RefusalCode>> = {
  empty: 'body-empty',
  'too-many': 'too-many-events',
  'not-array': 'body-unsplittable',
  unclosed: 'body-unsplittable',
  trailing: 'body-unsplittable',
}

/** `page`: the sender has a page key; null = it may send any event. */
export async function accept(
  parts: AcceptParts,
  body: readonly Uint8Array[],
  type: BodyType,
  page: PageSender | null,
): Promise<Outcome> {
  const { log, inspector, limits, budget } = parts
  const chunks = withoutMark(body)
  const form = bodyForm(type, chunks)
  if (form === 'body-empty' || form === 'body-unsplittable') return { failure: form }
  const arrivalUs = log.stampUs()
  const inspection = inspector.inspect(chunks, form, arrivalUs, parts.keptFromUs(arrivalUs))
  if ('unsplittable' in inspection) return { failure: UNSPLITTABLE[inspection.unsplittable] }
  const isTooLarge = form === 'object' && inspection.rejected[0]?.reason === 'too-large'
  if (isTooLarge) return { failure: 'event-too-large' }
  const waitSeconds = page?.charge(inspection.count) ?? 0
  if (waitSeconds > 0) return { failure: 'rate-limited', retryAfter: Math.ceil(waitSeconds) }

  const judged = judge(chunks, inspection, page)
  const rejectedBytes = judged.rejected.length * limits.rejectionBytes
  if (!budget.take(rejectedBytes)) return { failure: 'too-busy' }
  try {
    return await store(parts, judged, arrivalUs)
  } finally {
    budget.release(rejectedBytes)
  }
}

function judge(
  chunks: readonly Uint8Array[],
  { count, rejected, lines }: Inspection,
  page: PageSender | null,
): Judged {
  const slice = createSlicer(chunks)
  const faulty = rejected.map(({ index, reason, start, end }) => {
    const bytes = slice(start, end)
    return { index, reason: page?.verdict(bytes, reason) ?? reason, bytes }
  })
  const judged: Judged = { accepted: count - rejected.length, lines, rejected: faulty }
  return page === null ? judged : judgeByPage(judged, page)
}

/** Takes out of the good events those that its sender may not send. */
function judgeByPage({ accepted, lines, rejected }: Judged, page: PageSender): Judged {
  const faulty = new Set(rejected.map(({ index }) => index))
  const refused: Refused[] = []
  const kept: Uint8Array[] = []
  const bytes = Buffer.concat(lines)
  let start = 0
  for (let index = 0; start < bytes.length; index++) {
    if (faulty.has(index)) continue
    const end = bytes.indexOf(LF, start)
    const event = bytes.subarray(start, end)
    const reason = page.verdict(event, null)
    if (reason === null) kept.push(bytes.subarray(start, end + 1))
    else refused.push({ index, reason, bytes: event })
    start = end + 1
  }
  if (refused.length === 0) return { accepted, lines, rejected }
  const all = [...rejected, ...refused].sort((a, b) => a.index - b.index)
  return { accepted: kept.length, lines: [Buffer.concat(kept)], rejected: all }
}

async function store(
  parts: AcceptParts,
  { accepted, lines, rejected }: Judged,
  arrivalUs: number,
): Promise<Outcome> {
  const { log, limits, meter } = parts
  if (!parts.areTablesInPlace()) return { failure: 'tables-misplaced' }
  if (accepted > 0) {
    try {
      await log.append(lines, accepted, arrivalUs)
    } catch (cause) {
      return { failure: appendRefusal(parts, cause) }
    }
  }
  if (rejected.length > 0) {
    const failure = await keep(parts, rejected, arrivalUs)
    if (failure !== null) return { failure }
  }
  meter.collect.accepted += accepted
  return { body: answerBody(accepted, rejected, limits.answerRejectionsMax), accepted }
}

async function keep(
  parts: AcceptParts,
  rejected: readonly Refused[],
  arrivalUs: number,
): Promise<RefusalCode | null> {
  try {
    await parts.rejected.keep(rejected.map(({ reason, bytes }) => ({ bytes, reason, arrivalUs })))
  } catch (cause) {
    parts.warn('rejected events could not be kept', cause)
    return 'rejected-failed'
  }
  const counts = parts.meter.collect.rejected
  for (const { reason } of rejected) counts[reason] = (counts[reason] ?? 0) + 1
  return null
}

/** `internal`: the log should never refuse an append so. */
const REFUSAL_OF: Readonly<Record<LogErrorCode, RefusalCode>> = {
  busy: 'log-busy',
  full: 'log-full',
  closed: 'closing',
  unavailable: 'log-away',
  'topic-missing': 'log-away',
  denied: 'log-away',
  'topic-unfit': 'log-away',
  misplaced: 'log-misplaced',
  'lock-lost': 'log-misplaced',
  io: 'log-failed',
  damaged: 'log-failed',
  'topic-replaced': 'log-failed',
  locked: 'internal',
  'too-large': 'internal',
  trimmed: 'internal',
  'beyond-end': 'internal',
  unsupported: 'internal',
}

function appendRefusal(parts: AcceptParts, cause: unknown): RefusalCode {
  const refusal = cause instanceof LogError ? REFUSAL_OF[cause.code] : 'internal'
  if (refusal === 'internal') parts.warn('the log refused an append', cause)
  return refusal
}

/**
 * `{"accepted":98,"rejected":[{"index":3,"reason":"timestamp: …"}]}`. When there are very many
 * rejections, only the first are listed and `"rejectedCount"` gives their number; without it the
 * list is complete.
 */
function answerBody(accepted: number, rejected: readonly Refused[], listed: number): string {
  if (rejected.length === 0) return `{"accepted":${accepted},"rejected":[]}`
  const list = rejected
    .slice(0, listed)
    .map(({ index, reason }) => `{"index":${index},"reason":${REASON_JSON.get(reason)}}`)
  const total = rejected.length > listed ? `,"rejectedCount":${rejected.length}` : ''
  return `{"accepted":${accepted},"rejected":[${list.join(',')}]${total}}`
}
