/**
 * `/api/v1/session`: POST signs in with a read key, sent like any key; DELETE signs out.
 *
 * The cookie is `HttpOnly` (no script reads it) and `SameSite=Strict` (no other site's page sends it along). Another
 * site cannot sign a browser in either: its POST is refused for its Origin, and it may not set the key's header.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { KeyCheck } from './keys.ts'
import type { ReadAnswer, ReadRequest, ReadRoute } from './reading.ts'
import { type RefusalCode, refusal, refusalBody, refusalHeaders } from './refusal.ts'
import { SESSION_COOKIE } from './session.ts'

const PATH = '/api/v1/session'
const NO_STORE = { 'cache-control': 'no-store' }

export function signInRoute(keys: KeyCheck): ReadRoute {
  return {
    prefix: PATH,
    access: 'open',
    answer({ method, path, headers }: ReadRequest): ReadAnswer {
      if (path !== PATH) return refused('not-found')
      if (method === 'POST') return signIn(keys, headers)
      if (method === 'DELETE') return withCookie(cookie('', 0, headers))
      return refused('method-not-allowed', { allow: 'POST, DELETE' })
    },
  }
}

function signIn(keys: KeyCheck, headers: IncomingHttpHeaders): ReadAnswer {
  const signed = keys.signIn(headers)
  if ('refusal' in signed) return refused(signed.refusal)
  // Where no read key is configured, everybody is in.
  if (signed.session === null) return { status: 204, headers: NO_STORE, body: null }
  return withCookie(cookie(signed.session.token, signed.session.maxAgeSeconds, headers))
}

function withCookie(text: string): ReadAnswer {
  return { status: 204, headers: { ...NO_STORE, 'set-cookie': text }, body: null }
}

function cookie(token: string, maxAgeSeconds: number, headers: IncomingHttpHeaders): string {
  const fields = [
    `${SESSION_COOKIE}=${token}`,
    'HttpOnly',
    'SameSite=Strict',
    'Path=/',
    `Max-Age=${maxAgeSeconds}`,
  ]
  return [...fields, ...(isEncrypted(headers) ? ['Secure'] : [])].join('; ')
}

/** A proxy in front that speaks TLS says so; the first of several is the one the browser spoke to. */
function isEncrypted(headers: IncomingHttpHeaders): boolean {
  const [first = ''] = [headers['x-forwarded-proto'] ?? ''].flat()
  return first.split(',')[0]?.trim().toLowerCase() === 'https'
}

function refused(code: RefusalCode, more: Readonly<Record<string, string>> = {}): ReadAnswer {
  const pairs = refusalHeaders(code)
  const headers: Record<string, string> = { ...NO_STORE, ...more }
  for (let at = 0; at < pairs.length; at += 2) headers[pairs[at] ?? ''] = pairs[at + 1] ?? ''
  return { status: refusal(code).status, headers, body: refusalBody(code) }
}
