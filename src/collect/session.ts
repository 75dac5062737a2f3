/**
 * Sessions: what a browser holds after it has signed in with a read key, because event streams,
 * links and downloads cannot send a header.
 *
 *     Cookie: campaign_metrics_session=v1.KEYID.EXPIRY.MAC
 *
 *     KEYID    which key that may read: 12 characters of a hash of it
 *     EXPIRY   seconds since 1970
 *     MAC      HMAC-SHA256 of what stands before it, keyed by that key, in base64url
 *
 * The server stores nothing, so a session survives a restart, and ends when it expires or when its
 * key leaves the configuration. Signing out removes the cookie from the browser; only removing the
 * key ends a stolen session earlier. A session is accepted wherever a read key is; writing never
 * looks at cookies, and neither does changing the tables.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'

export type Session = Readonly<{ token: string; maxAgeSeconds: number }>

export type Sessions = Readonly<{
  /** For one of the read keys. */
  issue(key: string): Session
  /** For a request's `Cookie` header: null = it has no session. One valid session is enough. */
  holds(cookies: string | undefined): boolean | null
}>

export const SESSION_COOKIE = 'campaign_metrics_session'

const LIFETIME_SECONDS = 30 * 86_400
const US_PER_SECOND = 1_000_000
const KEY_ID_CHARACTERS = 12
const TOKEN = /^(v1\.([\w-]{12})\.(\d{1,12}))\.([\w-]{43})$/

export function createSessions(readKeys: readonly string[], nowUs: () => number): Sessions {
  const keys = readKeys.map((key) => ({ key, id: idOf(key) }))
  const nowSeconds = () => Math.floor(nowUs() / US_PER_SECOND)

  function isValid(token: string): boolean {
    const [, claim = '', id, expiry, sent = ''] = TOKEN.exec(token) ?? []
    if (Number(expiry) <= nowSeconds()) return false
    let found = 0
    for (const known of keys) {
      if (known.id === id) found |= Number(isEqual(sent, macOf(known.key, claim)))
    }
    return found === 1
  }

  return {
    issue(key) {
      const claim = `v1.${idOf(key)}.${nowSeconds() + LIFETIME_SECONDS}`
      return { token: `${claim}.${macOf(key, claim)}`, maxAgeSeconds: LIFETIME_SECONDS }
    },
    holds(cookies) {
      const tokens = tokensIn(cookies)
      return tokens.length === 0 ? null : tokens.some(isValid)
    },
  }
}

/** Several, when other ports or paths of this host have set the cookie too. */
function tokensIn(cookies: string | undefined): string[] {
  if (cookies === undefined) return []
  const mark = `${SESSION_COOKIE}=`
  return cookies
    .split(';')
    .map((cookie) => cookie.trim())
    .filter((cookie) => cookie.startsWith(mark))
    .map((cookie) => cookie.slice(mark.length))
}

function idOf(key: string): string {
  return macOf(key, 'campaign-metrics key id').slice(0, KEY_ID_CHARACTERS)
}

function macOf(key: string, text: string): string {
  return createHmac('sha256', key).update(text).digest('base64url')
}

/** Both are 43 characters of ASCII. */
function isEqual(sent: string, right: string): boolean {
  return timingSafeEqual(Buffer.from(sent), Buffer.from(right))
}
