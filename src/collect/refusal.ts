/**
 * Every answer that is not a success: a closed table of codes, statuses and what the sender can do.
 * On the wire: `{"error":{"code":"log-full","message":"…"}}`, with `Retry-After` where waiting
 * helps.
 */
import { LIMITS } from '../event.ts'

export type Refusal = Readonly<{
  status: number
  message: string
  /** Seconds for `Retry-After`. */
  retryAfter?: number
}>

/** How a part of the API writes a refusal, as JSON text. */
export type RefusalBody = (refused: Readonly<{ code: string } & Refusal>) => string

export type RefusalCode =
  | 'body-empty'
  | 'body-unsplittable'
  | 'body-compression'
  | 'http-syntax'
  | 'key-missing'
  | 'key-wrong'
  | 'key-not-for-writing'
  | 'key-not-for-reading'
  | 'key-not-for-pages'
  | 'origin-missing'
  | 'redirect-not-allowed'
  | 'rate-limited'
  | 'session-over'
  | 'origin-not-allowed'
  | 'host-not-allowed'
  | 'not-found'
  | 'method-not-allowed'
  | 'request-timeout'
  | 'body-too-large'
  | 'body-over-limit'
  | 'event-too-large'
  | 'too-many-events'
  | 'content-type'
  | 'content-encoding'
  | 'too-busy'
  | 'too-many-connections'
  | 'too-many-answers'
  | 'log-busy'
  | 'head-too-large'
  | 'internal'
  | 'log-away'
  | 'log-full'
  | 'log-failed'
  | 'log-misplaced'
  | 'tables-misplaced'
  | 'rejected-failed'
  | 'closing'

const REFUSALS: Readonly<Record<RefusalCode, Refusal>> = {
  'body-empty': {
    status: 400,
    message: 'The body holds no event. Send one JSON object, a JSON array or NDJSON.',
  },
  'body-unsplittable': {
    status: 400,
    message:
      'The body cannot be split into events: it must be one whole JSON array (or one object) and ' +
      'nothing after it. Nothing of it was accepted. Send NDJSON, one event a line, as ' +
      'application/x-ndjson if parts of it may be damaged.',
  },
  'body-compression': {
    status: 400,
    message:
      'The body cannot be decompressed: it is damaged, cut short, or has bytes after its end. ' +
      'Nothing of it was accepted.',
  },
  'http-syntax': {
    status: 400,
    message: 'This is not a valid HTTP/1.1 request. Check the client, or a proxy in between.',
  },
  'redirect-not-allowed': {
    status: 400,
    message:
      'A click link needs `to`: a whole http or https URL in percent-encoding, without user ' +
      'information, whose origin is on the list `redirects` of the configuration.',
  },
  'key-missing': {
    status: 401,
    message: 'A key is needed: send `Authorization: Bearer KEY`, `X-Api-Key: KEY` or `?key=KEY`.',
  },
  'key-wrong': {
    status: 401,
    message: 'This key is not known here. See `keys` in the configuration.',
  },
  'key-not-for-writing': {
    status: 403,
    message: 'This key may not send events. Send them with one of `keys.write`.',
  },
  'key-not-for-reading': {
    status: 403,
    message: 'This key may only send events. Read with one of `keys.read`.',
  },
  'key-not-for-pages': {
    status: 403,
    message:
      'Pixels and click links are public: send one of `keys.page` as `?key=KEY`, and no other key.',
  },
  'origin-missing': {
    status: 403,
    message:
      'A key of `keys.page` sends from web pages: the request must have the Origin header of one. ' +
      'Servers and scripts send with one of `keys.write`.',
  },
  'session-over': {
    status: 401,
    message:
      'This session has ended, or its key has left the configuration. Sign in again with one of ' +
      '`keys.read`.',
  },
  'origin-not-allowed': {
    status: 403,
    message:
      'Pages of this origin may not send here. Add the origin to `cors` in the configuration.',
  },
  'host-not-allowed': {
    status: 403,
    message:
      'This collector answers on loopback only, to `localhost` or 127.0.0.1 in the Host header. ' +
      'To reach it by another name, set keys.write and keys.read.',
  },
  'not-found': {
    status: 404,
    message:
      'There is nothing here. The dashboard is at /, what can be asked in /api/v1/openapi.json; ' +
      'send events with POST /v1/events.',
  },
  'method-not-allowed': { status: 405, message: 'Not this method; see the Allow header.' },
  'request-timeout': {
    status: 408,
    message: 'The request did not arrive in time. Send smaller bodies over slow lines, then retry.',
  },
  'body-too-large': {
    status: 413,
    message: 'A body may hold 16 MiB after decompression. Send the events in several requests.',
  },
  'body-over-limit': {
    status: 413,
    message: 'The body is larger than this request may have.',
  },
  'event-too-large': {
    status: 413,
    message: 'An event may hold 32 KB. It was not accepted; sending it again is of no use.',
  },
  'too-many-events': {
    status: 413,
    message:
      `A body may hold ${LIMITS.bodyEventsMax.toLocaleString('en-US')} events. Send them ` +
      'in several requests.',
  },
  'content-type': {
    status: 415,
    message:
      'Send application/json, application/x-ndjson (or application/jsonl) or text/plain, in ' +
      'UTF-8: with charset=utf-8, charset=us-ascii, or without a charset.',
  },
  'content-encoding': {
    status: 415,
    message: 'Send the body as it is, or with one Content-Encoding: gzip or zstd.',
  },
  'too-busy': {
    status: 429,
    message: 'Too many bodies are under way at once. Wait, then send the same body again.',
    retryAfter: 1,
  },
  'rate-limited': {
    status: 429,
    message:
      'More events came with this key, or from this address, than `page.keyRate` and ' +
      '`page.addressRate` allow. Wait as long as Retry-After says, then send the same body again.',
  },
  'log-busy': {
    status: 429,
    message: 'The disk is behind. Wait, then send the same body again.',
    retryAfter: 1,
  },
  'head-too-large': { status: 431, message: 'The head of the request is over 64 KB.' },
  internal: {
    status: 500,
    message: 'This is a fault of the collector; its log says more. Sending again is safe.',
  },
  'log-full': {
    status: 503,
    message:
      'The log has reached its disk limit: events wait until they are in the tables. Send the ' +
      'same body again later; the operator finds the reason with `campaign-metrics status`.',
    retryAfter: 10,
  },
  'log-away': {
    status: 503,
    message:
      'Kafka does not take events now: the broker is away, or refuses them. Send the same body ' +
      'again in a moment; an event that it had taken all the same is recognised by its event_id. ' +
      'The operator finds the reason with `campaign-metrics status`.',
    retryAfter: 5,
  },
  'log-failed': {
    status: 503,
    message:
      'The log cannot be written, and nothing is accepted until a restart. Keep the events and ' +
      'send them again.',
    retryAfter: 60,
  },
  'log-misplaced': {
    status: 503,
    message:
      'The log is not where it was: its folder was removed or renamed. Keep the events and send ' +
      'them again; the operator finds what is missing with `campaign-metrics status`.',
    retryAfter: 30,
  },
  'tables-misplaced': {
    status: 503,
    message:
      'The catalog or the tables are not where they were. Keep the events and send them again; ' +
      'the operator finds what is missing with `campaign-metrics status`.',
    retryAfter: 30,
  },
  'rejected-failed': {
    status: 503,
    message:
      'Rejected events of this body could not be kept. Send the whole body again: what was ' +
      'accepted is recognised by its event_id.',
    retryAfter: 10,
  },
  'too-many-answers': {
    status: 503,
    message:
      'The answers that clients have not taken yet fill the memory there is for them. Read what ' +
      'was asked for, then again in a moment.',
    retryAfter: 1,
  },
  'too-many-connections': {
    status: 503,
    message:
      'Too many connections are open here. Ask again in a moment, over few connections that are ' +
      'kept; the operator raises `ulimit -n`.',
    retryAfter: 5,
  },
  closing: {
    status: 503,
    message: 'The collector is shutting down. Send the same body again in a moment.',
    retryAfter: 5,
  },
}

export function refusal(code: RefusalCode): Refusal {
  return REFUSALS[code]
}

/** `write`: where that part of the API has errors of its own. */
export function refusalBody(code: RefusalCode, write: RefusalBody = writeRefusalBody): string {
  return write({ code, ...REFUSALS[code] })
}

export const writeRefusalBody: RefusalBody = ({ code, message }) =>
  JSON.stringify({ error: { code, message } })

/** The headers of a refusal, beside type and length. */
export function refusalHeaders(code: RefusalCode): Readonly<Record<string, string>> {
  const { status, retryAfter } = refusal(code)
  return {
    ...(retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }),
    ...(status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {}),
  }
}
