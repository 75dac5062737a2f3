/**
 * `GET /v1/time`: the collector's time, and how long it recognises repeats. The SDK asks it before
 * it sends, since clocks of devices are wrong. Open to every page: it tells nothing else.
 */
import { otherMethod } from './read-answer.ts'
import type { ReadAnswer, ReadRequest, ReadRoute } from './read-route.ts'

export type TimeParts = Readonly<{
  /** Microseconds since the epoch. */
  nowUs: () => number
  dedupeHorizonMs: () => number
}>

const METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS']
const EVERY_PAGE = { 'access-control-allow-origin': '*', 'cache-control': 'no-store' }
const PREFLIGHT_SECONDS = '86400'

export function timeRoute(parts: TimeParts): ReadRoute {
  return {
    prefix: '/v1/time',
    isExact: true,
    access: 'open',
    answer: (request) => answerTime(parts, request),
  }
}

function answerTime(
  { nowUs, dedupeHorizonMs }: TimeParts,
  { method, headers }: ReadRequest,
): ReadAnswer {
  if (method === 'GET' || method === 'HEAD') {
    const body = { nowMs: Math.floor(nowUs() / 1000), dedupeHorizonMs: dedupeHorizonMs() }
    return { status: 200, headers: EVERY_PAGE, body: JSON.stringify(body) }
  }
  if (method !== 'OPTIONS') return otherMethod(METHODS, EVERY_PAGE)
  // Tools of a page may add headers to every request (`traceparent`), which asks for a preflight.
  const asked = headers['access-control-request-headers']
  return {
    status: 204,
    headers: {
      ...EVERY_PAGE,
      allow: METHODS.join(', '),
      'access-control-max-age': PREFLIGHT_SECONDS,
      ...(typeof asked === 'string' ? { 'access-control-allow-headers': asked } : {}),
    },
    body: null,
  }
}
