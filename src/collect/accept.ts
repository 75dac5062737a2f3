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
import { REJECTION_REASONS, type RejectionReason, reasonText, type Unsplittable } from '../event.ts'
import { type EventLog, LogError, type LogErrorCode } from '../log.ts'
import type { Meter } from '../meter.ts'
import type { RejectedStore } from '../rejected.ts'
import { createSlicer } from './body-bytes.ts'
import { type BodyType, bodyForm, withoutMark } from './body-form.ts'
import type { CollectLimits } from './limits.ts'
import type { MemoryBudget } from './memory-budget.ts'
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

/** `body`: of the answer 200. */
export type Outcome = Readonly<{ body: string } | { failure: UploadFailure }>

/** Each reason's text as JSON, encoded once. */
const REASON_JSON: ReadonlyMap<RejectionReason, string> = new Map(
  REJECTION_REASONS.map(({ code }) => [code, JSON.stringify(reasonText(code))]),
)

const UNSPLITTABLE: Readonly<Record<Unsplittable['unsplittable'], RefusalCode>> = {
  empty: 'body-empty',
  'too-many': 'too-many-events',
  'not-array': 'body-unsplittable',
  unclosed: 'body-unsplittable',
  trailing: 'body-unsplittable',
}

export async function accept(
  parts: AcceptParts,
  body: readonly Uint8Array[],
  type: BodyType,
): Promise<Outcome> {
  const { log, inspector, limits, budget } = parts
  const chunks = withoutMark(body)
  const form = bodyForm(type, chunks)
  if (form === 'body-empty' || form === 'body-unsplittable') return { failure: form }
  const arrivalUs = log.stampUs()
  const inspection = inspector.inspect(chunks, form, arrivalUs, parts.keptFromUs(arrivalUs))
  if ('unsplittable' in inspection) return { failure: UNSPLITTABLE[inspection.unsplittable] }
  const { rejected } = inspection
  const isTooLarge = form === 'object' && rejected[0]?.reason === 'too-large'
  if (isTooLarge) return { failure: 'event-too-large' }

  const rejectedBytes = rejected.length * limits.rejectionBytes
  if (!budget.take(rejectedBytes)) return { failure: 'too-busy' }
  try {
    return await store(parts, chunks, inspection, arrivalUs)
  } finally {
    budget.release(rejectedBytes)
  }
}

async function store(
  parts: AcceptParts,
  chunks: readonly Uint8Array[],
  { count, rejected, lines }: Inspection,
  arrivalUs: number,
): Promise<Outcome> {
  const { log, limits, meter } = parts
  const accepted = count - rejected.length
  if (!parts.areTablesInPlace()) return { failure: 'tables-misplaced' }
  if (accepted > 0) {
    try {
      await log.append(lines, accepted, arrivalUs)
    } catch (cause) {
      return { failure: appendRefusal(parts, cause) }
    }
  }
  if (rejected.length > 0) {
    const failure = await keep(parts, chunks, rejected, arrivalUs)
    if (failure !== null) return { failure }
  }
  meter.collect.accepted += accepted
  return { body: answerBody(accepted, rejected, limits.answerRejectionsMax) }
}

async function keep(
  parts: AcceptParts,
  chunks: readonly Uint8Array[],
  rejected: Inspection['rejected'],
  arrivalUs: number,
): Promise<RefusalCode | null> {
  const slice = createSlicer(chunks)
  const records = rejected.map(({ start, end, reason }) => ({
    bytes: slice(start, end),
    reason,
    arrivalUs,
  }))
  try {
    await parts.rejected.keep(records)
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
function answerBody(accepted: number, rejected: Inspection['rejected'], listed: number): string {
  if (rejected.length === 0) return `{"accepted":${accepted},"rejected":[]}`
  const list = rejected
    .slice(0, listed)
    .map(({ index, reason }) => `{"index":${index},"reason":${REASON_JSON.get(reason)}}`)
  const total = rejected.length > listed ? `,"rejectedCount":${rejected.length}` : ''
  return `{"accepted":${accepted},"rejected":[${list.join(',')}]${total}}`
}
