/**
 * `GET /v1/click?…&to=URL`: an event in the parameters of a link (`address-event.ts`), then a
 * redirect to `to`.
 *
 * A shopper is never stranded: once `to` is allowed, the answer is the redirect, whatever becomes
 * of the event. It waits until the event is durable, but for `clickWaitMs` at most. What leaves
 * before that, or is refused, is counted as unstored.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Counted, countAddressEvent } from './address-event.ts'
import { refusalAnswer, writeAnswer } from './answer.ts'
import type { IngestParts } from './ingest.ts'
import { isUnseen } from './no-person.ts'
import type { Redirects } from './redirects.ts'
import type { RefusalCode } from './refusal.ts'

export const CLICK_PATH = '/v1/click'
const FOUND = 302
/** For monitors and tests: people only see where they get to. */
const STORED_HEADER = 'X-Click-Stored'

export type ClickParts = IngestParts & Readonly<{ redirects: Redirects }>

/** `code`: why the request is refused whatever it asks for. Returns the status. Never rejects. */
export async function answerClick(
  parts: ClickParts,
  request: IncomingMessage,
  response: ServerResponse,
  code: RefusalCode | null,
): Promise<number> {
  request.resume()
  const location = parts.redirects.locationOf(targetOf(request.url ?? ''))
  const isLast = parts.isClosing() || code !== null
  if (location === null) {
    const answer = refusalAnswer('redirect-not-allowed', [], isLast)
    if (!response.destroyed) writeAnswer(response, answer)
    return answer.status
  }
  const became =
    code === null
      ? await firstOf(countAddressEvent(parts, request, 'click'), parts.limits.clickWaitMs)
      : 'refused'
  const isLost = became === 'late' || (became === 'refused' && !isUnseen(request))
  if (isLost) parts.meter.collect.clicksUnstored += 1
  const headers = ['Location', location, 'Content-Length', '0', 'Cache-Control', 'no-store']
  headers.push(STORED_HEADER, became === 'stored' ? 'yes' : 'no')
  if (isLast) headers.push('Connection', 'close')
  if (!response.destroyed) response.writeHead(FOUND, headers).end()
  return FOUND
}

/** Of several the last counts, as with the fields of the event. */
function targetOf(url: string): string {
  const cut = url.indexOf('?')
  return cut === -1 ? '' : (new URLSearchParams(url.slice(cut + 1)).getAll('to').at(-1) ?? '')
}

async function firstOf(
  counting: Promise<Counted>,
  waitMs: number,
): Promise<Counted['became'] | 'late'> {
  const late = Promise.withResolvers<'late'>()
  const timer = setTimeout(() => late.resolve('late'), waitMs)
  const first = await Promise.race([counting.then(({ became }) => became), late.promise])
  clearTimeout(timer)
  return first
}
