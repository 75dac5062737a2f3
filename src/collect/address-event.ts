/**
 * An event in an address, from the request to what became of it: the way of the pixel and of the
 * click link. From `accept` on it is the way of every other event, so it is durable before it
 * counts as stored, and events that are asked for at once share a sync of the log.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { accept } from './accept.ts'
import type { IngestParts } from './ingest.ts'
import { headBytes } from './memory-budget.ts'
import { isUnseen } from './no-person.ts'
import type { PageSender } from './page-sender.ts'
import { readQueryEvent } from './query-event.ts'
import type { RefusalCode } from './refusal.ts'
import type { UploadFailure } from './upload.ts'

export type Counted =
  | Readonly<{ became: 'stored' | 'rejected' | 'unseen' }>
  | Refused
  /** It came without a page key. */
  | Readonly<{ became: 'keyless'; failure: RefusalCode }>

/** `retryAfter`: seconds, where the refusal itself does not know them. */
type Refused = Readonly<{ became: 'refused'; failure: UploadFailure; retryAfter?: number }>

/** Whoever has not told who they are. */
const ANONYMOUS = 'anonymous'
const US_PER_MS = 1000

/** Whether a request's target is this path, with or without parameters. */
export function isAtPath(url: string | undefined, path: string): boolean {
  return url === path || (url?.startsWith(`${path}?`) ?? false)
}

/** `type`: of the event, where the address names none. Never rejects. */
export async function countAddressEvent(
  parts: IngestParts,
  request: IncomingMessage,
  type: 'impression' | 'click',
): Promise<Counted> {
  try {
    if (isUnseen(request)) return { became: 'unseen' }
    const { headers, url = '' } = request
    const writer = parts.keys.writerOf(headers, url)
    if (typeof writer === 'string') return keyless(parts, request, writer)
    const { pageKey } = writer
    if (pageKey === null) return keyless(parts, request, 'key-not-for-pages')
    const sender = parts.pageSenders.of(pageKey, request)
    return await withinMemory(parts, request, () => store(parts, url, sender, type))
  } catch (cause) {
    parts.warn('an event in an address failed inside the collector', cause)
    return { became: 'refused', failure: 'internal' }
  }
}

function keyless(
  { refusals }: IngestParts,
  request: IncomingMessage,
  failure: RefusalCode,
): Counted {
  // Whatever was wrong with the key, this message names the setting to change.
  refusals.note('key-not-for-pages', request)
  return { became: 'keyless', failure }
}

async function withinMemory(
  { limits, budget }: IngestParts,
  request: IncomingMessage,
  work: () => Promise<Counted>,
): Promise<Counted> {
  const heldBytes = limits.requestBytes + headBytes(request)
  if (!budget.take(heldBytes)) return { became: 'refused', failure: 'too-busy' }
  try {
    return await work()
  } finally {
    budget.release(heldBytes)
  }
}

async function store(
  parts: IngestParts,
  url: string,
  sender: PageSender,
  type: string,
): Promise<Counted> {
  const { bytes, hasMacro } = readQueryEvent(url, {
    event_id: randomUUID(),
    user_id: ANONYMOUS,
    event_type: type,
    timestamp: new Date(parts.log.stampUs() / US_PER_MS).toISOString(),
  })
  const page: PageSender = hasMacro
    ? { ...sender, verdict: (event) => sender.verdict(event, 'macro') }
    : sender
  const outcome = await accept(parts, [bytes], 'json', page)
  if ('failure' in outcome) return { became: 'refused', ...outcome }
  return { became: outcome.accepted === 1 ? 'stored' : 'rejected' }
}
