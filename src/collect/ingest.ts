/**
 * `POST /v1/events`, at `node:http` level: the path every event takes.
 *
 *     admit (headers) -> read (chunks) -> [inflate] -> accept (inspect, append, keep) -> answer
 *
 * Fastify's router, hooks and body parsing would cost more than all of it (measured for 1 MB
 * bodies: half of the throughput). One pass over the headers, no copy of the body, no object per
 * event.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { freeBytes } from '../runtime.ts'
import { type AcceptParts, accept, type Outcome } from './accept.ts'
import { type Answer, refusalAnswer, writeAnswer, writeRefusal } from './answer.ts'
import { type BodyCoding, type BodyType, bodyCoding, bodyType } from './body-form.ts'
import type { Connections } from './connections.ts'
import { createInflater, type Inflater } from './inflate.ts'
import type { KeyCheck } from './keys.ts'
import { headBytes } from './memory-budget.ts'
import { isUnseen } from './no-person.ts'
import type { OriginRules } from './origin.ts'
import type { PageSender, PageSenders } from './page-sender.ts'
import { type RefusalCode, refusal } from './refusal.ts'
import type { RefusalLog } from './refusal-log.ts'
import { readBody, type Upload, type UploadFailure } from './upload.ts'

export type IngestParts = AcceptParts &
  Readonly<{
    keys: KeyCheck
    origins: OriginRules
    pageSenders: PageSenders
    refusals: RefusalLog
    connections: Connections
    isClosing: () => boolean
    nowMs: () => number
  }>

/**
 * `awaitsContinue`: the client waits for `100 Continue` before it sends the body. Never rejects.
 */
type Ingest = (
  request: IncomingMessage,
  response: ServerResponse,
  awaitsContinue: boolean,
) => Promise<void>

/**
 * `heldBytes`: taken for the request, beside its body. `page`: the sender has a page key.
 * `isUnseen`: what it sends is read, and not counted.
 */
type Admission = Readonly<{
  type: BodyType
  coding: BodyCoding
  heldBytes: number
  page: PageSender | null
  isUnseen: boolean
}>
type Refused = Extract<Outcome, { failure: UploadFailure }>

/** nginx's number for a client that went away before its answer; only the meter sees it. */
const CLIENT_GONE = 499
const NOT_COUNTED: Outcome = { body: '{"accepted":0,"rejected":[]}', accepted: 0 }
const ALLOW = ['Allow', 'POST, OPTIONS']

export function createIngest(parts: IngestParts): Ingest {
  const { limits, budget, connections, meter, nowMs } = parts
  const inflate = createInflater(limits.bodyBytesMax, limits.inflationsMax, budget)

  return async (request, response, awaitsContinue) => {
    const startMs = nowMs()
    const admission = admit(parts, request)
    let status: number
    if ('failure' in admission) {
      status = refuse(parts, request, response, admission, awaitsContinue)
    } else {
      if (awaitsContinue) response.writeContinue()
      const upload = await readBody(request, limits.bodyBytesMax, budget, (stop) =>
        connections.setUpload(request.socket, stop),
      )
      meter.collect.bodyBytes += upload.bytes
      const outcome = await takeBody(parts, inflate, upload, admission)
      budget.release(admission.heldBytes)
      status =
        'body' in outcome
          ? confirm(parts, request, response, outcome.body)
          : refuse(parts, request, response, outcome, false)
    }
    const answers = meter.collect.eventAnswers
    answers[status] = (answers[status] ?? 0) + 1
    meter.requestSeconds.observe((nowMs() - startMs) / 1000)
  }
}

/** OPTIONS (a browser's preflight), and methods that are not allowed. Returns the status. */
export function answerOther(
  parts: IngestParts,
  request: IncomingMessage,
  response: ServerResponse,
): number {
  const close = parts.isClosing()
  let code: RefusalCode = 'method-not-allowed'
  if (request.method === 'OPTIONS') {
    const isPreflight = request.headers.origin !== undefined
    const allowed = isPreflight ? parts.origins.preflightHeaders(request.headers) : ALLOW
    if (allowed !== null) {
      response.writeHead(204, [...allowed, ...(close ? ['Connection', 'close'] : [])]).end()
      return 204
    }
    code = 'origin-not-allowed'
  }
  parts.refusals.note(code, request)
  const answer = refusalAnswer(code, ALLOW, close)
  writeRefusal(request, response, answer, parts.limits)
  return answer.status
}

/** Decides from the headers alone whether the body may be sent. */
function admit(parts: IngestParts, request: IncomingMessage): Admission | Refused {
  const { headers, url = '' } = request
  const writer = parts.keys.writerOf(headers, url)
  if (typeof writer === 'string') return { failure: writer }
  const page = writer.pageKey === null ? null : parts.pageSenders.of(writer.pageKey, request)
  if (page !== null) {
    if (headers.origin === undefined) return { failure: 'origin-missing' }
    const waitSeconds = page.waitSeconds()
    if (waitSeconds > 0) return { failure: 'rate-limited', retryAfter: Math.ceil(waitSeconds) }
  }
  const form = formOf(parts, request)
  if (typeof form === 'string') return { failure: form }
  const heldBytes = parts.limits.requestBytes + headBytes(request)
  if (!parts.budget.take(heldBytes)) return { failure: 'too-busy' }
  return { ...form, heldBytes, page, isUnseen: page !== null && isUnseen(request) }
}

function formOf(
  { limits }: IngestParts,
  { headers }: IncomingMessage,
): Pick<Admission, 'type' | 'coding'> | RefusalCode {
  const type = bodyType(headers['content-type'])
  if (type === null) return 'content-type'
  const coding = bodyCoding(headers['content-encoding'])
  // Node decodes `chunked` and leaves any other transfer coding as it is.
  const transfer = headers['transfer-encoding']
  if (coding === null || (transfer !== undefined && transfer.toLowerCase() !== 'chunked')) {
    return 'content-encoding'
  }
  const length = headers['content-length']
  if (length !== undefined && Number(length) > limits.bodyBytesMax) return 'body-too-large'
  return { type, coding }
}

/** From the upload to the outcome; releases the body's bytes. */
async function takeBody(
  parts: IngestParts,
  inflate: Inflater,
  upload: Upload,
  { type, coding, page, isUnseen }: Admission,
): Promise<Outcome> {
  let body = upload
  try {
    if (body.failure === null && coding !== 'identity') {
      body = await inflate(upload, coding)
      parts.meter.collect.inflatedBytes += body.bytes
    }
    if (body.failure !== null) return { failure: body.failure }
    return isUnseen ? NOT_COUNTED : await accept(parts, body.chunks, type, page)
  } catch (cause) {
    parts.warn('a request failed inside the collector', cause)
    return { failure: 'internal' }
  } finally {
    parts.budget.release(body.heldBytes)
    for (const chunk of body.chunks) freeBytes(chunk)
  }
}

function confirm(
  parts: IngestParts,
  request: IncomingMessage,
  response: ServerResponse,
  body: string,
): number {
  if (response.destroyed) return CLIENT_GONE
  const headers = parts.origins.corsHeaders(request.headers)
  writeAnswer(response, { status: 200, body, headers, close: parts.isClosing() })
  return 200
}

function refuse(
  parts: IngestParts,
  request: IncomingMessage,
  response: ServerResponse,
  { failure, retryAfter }: Refused,
  awaitsContinue: boolean,
): number {
  if (failure === 'aborted' || response.destroyed) return CLIENT_GONE
  parts.refusals.note(failure, request)
  // A refusal that has to wait would itself take memory.
  if (failure === 'too-busy' && parts.connections.isBehind(request.socket)) {
    request.socket.destroy()
    return refusal(failure).status
  }
  const cors = parts.origins.corsHeaders(request.headers)
  const headers = retryAfter === undefined ? cors : [...cors, 'Retry-After', String(retryAfter)]
  const answer: Answer = refusalAnswer(failure, headers, parts.isClosing())
  // The rest of the body will not come, or cannot be parsed.
  const isLast = awaitsContinue || failure === 'request-timeout' || failure === 'http-syntax'
  if (isLast) writeAnswer(response, { ...answer, close: true })
  else writeRefusal(request, response, answer, parts.limits)
  return answer.status
}
