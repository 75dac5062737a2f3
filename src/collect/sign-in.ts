/**
 * `/api/v1/session`: POST signs in with a read key, sent like any key; DELETE signs out.
 *
 * The cookie is `HttpOnly` (no script reads it) and `SameSite=Strict` (no other site's page sends
 * it along). Another site cannot sign a browser in either: its POST is refused for its Origin, and
 * it may not set the key's header.
 *
 * Behind a proxy the browser knows another name than the collector: a cookie is `Secure` when the
 * page was reached by TLS, and its path is that of `publicUrl` where the page was reached there.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { KeyCheck } from './keys.ts'
import type { ClientSide } from './proxy.ts'
import type { ReadAnswer, ReadRequest, ReadRoute } from './read-route.ts'
import { type RefusalCode, refusal, refusalBody, refusalHeaders } from './refusal.ts'
import { SESSION_COOKIE } from './session.ts'

const PATH = '/api/v1/session'
const NO_STORE = { 'cache-control': 'no-store' }

type SignInRequest = ReadRequest & Readonly<{ client: ClientSide }>

export type SignInRoute = Omit<ReadRoute, 'answer'> &
  Readonly<{ answer(request: SignInRequest): ReadAnswer }>

export function signInRoute(keys: KeyCheck, publicUrl: URL | null): SignInRoute {
  return {
    prefix: PATH,
    isExact: true,
    access: 'open',
    answer(request) {
      const { method } = request
      if (method === 'POST') return signIn(keys, request, publicUrl)
      if (method === 'DELETE') return withCookie(cookie('', 0, request, publicUrl))
      return refused('method-not-allowed', { allow: 'POST, DELETE' })
    },
  }
}

function signIn(keys: KeyCheck, request: SignInRequest, publicUrl: URL | null): ReadAnswer {
  const signed = keys.signIn(request.headers)
  if ('refusal' in signed) return refused(signed.refusal)
  // Where no read key is configured, everybody may read.
  if (signed.session === null) return { status: 204, headers: NO_STORE, body: null }
  const { token, maxAgeSeconds } = signed.session
  return withCookie(cookie(token, maxAgeSeconds, request, publicUrl))
}

function withCookie(text: string): ReadAnswer {
  return { status: 204, headers: { ...NO_STORE, 'set-cookie': text }, body: null }
}

function cookie(
  token: string,
  maxAgeSeconds: number,
  request: SignInRequest,
  publicUrl: URL | null,
): string {
  const page = pageOrigin(request, publicUrl)
  const isPublic = publicUrl !== null && page === publicUrl.origin
  const fields = [
    `${SESSION_COOKIE}=${token}`,
    'HttpOnly',
    'SameSite=Strict',
    `Path=${isPublic ? publicUrl.pathname : '/'}`,
    `Max-Age=${maxAgeSeconds}`,
  ]
  return [...fields, ...(page.startsWith('https:') ? ['Secure'] : [])].join('; ')
}

/**
 * As the browser knows it: every browser sends it with a POST. Otherwise it follows from what the
 * proxy reports, or from `publicUrl`.
 */
function pageOrigin({ headers, client }: SignInRequest, publicUrl: URL | null): string {
  const { origin } = headers as IncomingHttpHeaders
  if (origin !== undefined) return origin
  return client.scheme === undefined
    ? (publicUrl?.origin ?? '')
    : `${client.scheme}://${client.host}`
}

function refused(code: RefusalCode, more: Readonly<Record<string, string>> = {}): ReadAnswer {
  const headers = { ...NO_STORE, ...more, ...refusalHeaders(code) }
  return { status: refusal(code).status, headers, body: refusalBody(code) }
}
