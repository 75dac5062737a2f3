/**
 * `GET /v1/pixel.gif`: an event in the parameters of a picture's address. It takes the way of every
 * other event (`accept`), so it is durable before the answer, and pictures asked for at once share
 * a sync of the log.
 *
 * The answer is always a GIF, since a browser shows anything else as a broken picture; its status
 * tells the truth: 200 taken, 400 rejected (and kept under `rejected/`), and what a POST gets. HEAD
 * and prefetches are answered and not counted: nobody has seen the picture.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { accept } from './accept.ts'
import type { IngestParts } from './ingest.ts'
import { headBytes } from './memory-budget.ts'
import type { PageSender } from './page-sender.ts'
import { readQueryEvent } from './query-event.ts'
import { type RefusalCode, refusal, refusalHeaders } from './refusal.ts'
import type { UploadFailure } from './upload.ts'

type Answered = Readonly<{ status: number; failure?: UploadFailure; retryAfter?: number }>

const PIXEL_PATH = '/v1/pixel.gif'
/** One transparent point. */
const GIF = Buffer.from('R0lGODlhAQABAIABAP///wAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==', 'base64')
const HEADERS = [
  'Content-Type',
  'image/gif',
  'Content-Length',
  String(GIF.length),
  'Cache-Control',
  'no-store',
  'Access-Control-Allow-Origin',
  '*',
  'Cross-Origin-Resource-Policy',
  'cross-origin',
]
/** Whoever has not told who they are. */
const ANONYMOUS = 'anonymous'
const US_PER_MS = 1000
const PREFETCH_HEADERS = ['sec-purpose', 'purpose', 'x-moz'] as const

export function isPixelUrl(url: string | undefined): boolean {
  return url === PIXEL_PATH || (url?.startsWith(`${PIXEL_PATH}?`) ?? false)
}

/** `code`: why the request is refused whatever it asks for. Returns the status. Never rejects. */
export async function answerPixel(
  parts: IngestParts,
  request: IncomingMessage,
  response: ServerResponse,
  code: RefusalCode | null,
): Promise<number> {
  request.resume()
  const answered = code === null ? await count(parts, request) : refused(code)
  if (answered.failure === 'too-busy' && parts.connections.isBehind(request.socket)) {
    request.socket.destroy()
    return answered.status
  }
  const headers = [...HEADERS, ...failureHeaders(answered)]
  const isLast = parts.isClosing() || code !== null
  if (isLast) headers.push('Connection', 'close')
  if (!response.destroyed) response.writeHead(answered.status, headers).end(GIF)
  return answered.status
}

async function count(parts: IngestParts, request: IncomingMessage): Promise<Answered> {
  const { headers, method, url = '' } = request
  if (method === 'HEAD' || isPrefetch(request)) return { status: 200 }
  const writer = parts.keys.writerOf(headers, url)
  if (typeof writer === 'string') return refused(writer)
  if (writer.pageKey === null) return refused('key-not-for-pages')
  const heldBytes = parts.limits.requestBytes + headBytes(request)
  if (!parts.budget.take(heldBytes)) return refused('too-busy')
  try {
    return await store(parts, url, parts.pageSenders.of(writer.pageKey, request))
  } catch (cause) {
    parts.warn('a pixel failed inside the collector', cause)
    return refused('internal')
  } finally {
    parts.budget.release(heldBytes)
  }
}

async function store(parts: IngestParts, url: string, sender: PageSender): Promise<Answered> {
  const { bytes, hasMacro } = readQueryEvent(url, {
    event_id: randomUUID(),
    user_id: ANONYMOUS,
    event_type: 'impression',
    timestamp: new Date(parts.log.stampUs() / US_PER_MS).toISOString(),
  })
  const page: PageSender = hasMacro ? { ...sender, verdict: () => 'macro' } : sender
  const outcome = await accept(parts, [bytes], 'json', page)
  if ('body' in outcome) return { status: outcome.accepted === 1 ? 200 : 400 }
  return { ...refused(outcome.failure), ...outcome }
}

function refused(failure: UploadFailure): Answered {
  return { status: failure === 'aborted' ? 400 : refusal(failure).status, failure }
}

function failureHeaders({ failure, retryAfter }: Answered): readonly string[] {
  if (failure === undefined || failure === 'aborted') return []
  const fixed = Object.entries(refusalHeaders(failure)).flat()
  return retryAfter === undefined ? fixed : [...fixed, 'Retry-After', String(retryAfter)]
}

/** `prefetch;prerender` too: the page is shown later, or never. */
function isPrefetch({ headers }: IncomingMessage): boolean {
  return PREFETCH_HEADERS.some((name) => String(headers[name] ?? '').startsWith('prefetch'))
}
