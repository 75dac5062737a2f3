/** The form of the dashboard's answers: headers for browsers, errors as JSON, and 304. */
import { hash } from 'node:crypto'
import { orNotModified, type ReadAnswer } from '../../collect.ts'
import type { ErrorAnswer } from '../../dashboard-definition.ts'

/** Nothing from other origins, nothing inline, not in a frame. */
export const BROWSER_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; " +
    "object-src 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
}

const READ_METHODS: readonly string[] = ['GET', 'HEAD']

/** `retryAfter` is in seconds; null if waiting does not help. */
const ERRORS = {
  'not-found': { status: 404, retryAfter: null },
  'method-not-allowed': { status: 405, retryAfter: null },
  'too-busy': { status: 503, retryAfter: 1 },
  'too-many-streams': { status: 503, retryAfter: 5 },
  'facts-failed': { status: 503, retryAfter: 5 },
  closing: { status: 503, retryAfter: 5 },
} as const

export function errorAnswer(code: keyof typeof ERRORS, message: string): ReadAnswer {
  const { status, retryAfter } = ERRORS[code]
  const body: ErrorAnswer = { error: { code, message } }
  return {
    status,
    headers: {
      ...BROWSER_HEADERS,
      'cache-control': 'no-store',
      ...(retryAfter === null ? {} : { 'retry-after': String(retryAfter) }),
    },
    body: JSON.stringify(body),
  }
}

/** null if the method is allowed. */
export function refuseMethod(method: string): ReadAnswer | null {
  if (READ_METHODS.includes(method)) return null
  const refused = errorAnswer('method-not-allowed', 'Here one can only read: GET or HEAD.')
  return { ...refused, headers: { ...refused.headers, allow: READ_METHODS.join(', ') } }
}

export function jsonAnswer(body: string | Uint8Array, sentTags: string | undefined): ReadAnswer {
  const answer = { status: 200, headers: BROWSER_HEADERS, body }
  return orNotModified(answer, `W/"${contentHash(body)}"`, sentTags)
}

export function contentHash(body: string | Uint8Array): string {
  return hash('sha256', body, 'base64url').slice(0, 22)
}
