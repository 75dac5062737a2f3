/**
 * `GET /v1/pixel.gif`: an event in the parameters of a picture's address (`address-event.ts`).
 *
 * The answer is always a GIF, since a browser shows anything else as a broken picture; its status
 * tells the truth: 200 taken, 400 rejected (and kept under `rejected/`), and what a POST gets.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Counted, countAddressEvent } from './address-event.ts'
import type { IngestParts } from './ingest.ts'
import { type RefusalCode, refusal, refusalHeaders } from './refusal.ts'

export const PIXEL_PATH = '/v1/pixel.gif'
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

/** `code`: why the request is refused whatever it asks for. Returns the status. Never rejects. */
export async function answerPixel(
  parts: IngestParts,
  request: IncomingMessage,
  response: ServerResponse,
  code: RefusalCode | null,
): Promise<number> {
  request.resume()
  const counted: Counted =
    code === null
      ? await countAddressEvent(parts, request, 'impression')
      : { became: 'refused', failure: code }
  const status = statusOf(counted)
  const isBusy = 'failure' in counted && counted.failure === 'too-busy'
  if (isBusy && parts.connections.isBehind(request.socket)) {
    request.socket.destroy()
    return status
  }
  const headers = [...HEADERS, ...failureHeaders(counted)]
  const isLast = parts.isClosing() || code !== null
  if (isLast) headers.push('Connection', 'close')
  if (!response.destroyed) response.writeHead(status, headers).end(GIF)
  return status
}

function statusOf(counted: Counted): number {
  if (!('failure' in counted)) return counted.became === 'rejected' ? 400 : 200
  return counted.failure === 'aborted' ? 400 : refusal(counted.failure).status
}

function failureHeaders(counted: Counted): readonly string[] {
  if (!('failure' in counted) || counted.failure === 'aborted') return []
  const fixed = Object.entries(refusalHeaders(counted.failure)).flat()
  const wait = counted.became === 'refused' ? counted.retryAfter : undefined
  return wait === undefined ? fixed : [...fixed, 'Retry-After', String(wait)]
}
