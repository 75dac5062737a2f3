/**
 * `POST /iceberg/v1/oauth/tokens`: the OAuth2 flow "client credentials" (RFC 6749, 4.4) for Iceberg
 * clients that are configured with `credential=` instead of `token=`. The client secret is one of
 * `keys.read` or `keys.tables`, and the token has its rights; a client id is accepted and ignored.
 * Secret and id come in the form, or as HTTP Basic.
 *
 * The token is the key itself: it was sent here a moment ago, it needs no second check where it is
 * used, and it ends when the key leaves the configuration. Clients are told that it lasts a year,
 * so that they do not ask for a newer one by the flow "token exchange", which is not offered.
 */
import type { KeyCheck } from './keys.ts'
import type { ReadAnswer, ReadRequest, ReadRoute } from './read-route.ts'
import { type RefusalBody, refusal, refusalBody } from './refusal.ts'

const PATH = '/iceberg/v1/oauth/tokens'
const FORM_BYTES_MAX = 64 * 1024
const FORM_TYPE = /^application\/x-www-form-urlencoded *(?:;|$)/i
const BASIC = /^basic +([\w+/-]+=*) *$/i
const LIFETIME_SECONDS = 365 * 86_400
/** Where reading needs no key, clients still want a token to send. */
const NO_KEY_NEEDED = 'none-needed'
const ONE_OF = 'one of keys.read or keys.tables'
const HEADERS = { 'cache-control': 'no-store', pragma: 'no-cache' }

/** The codes of RFC 6749, 5.2. */
type OAuthCode =
  | 'invalid_client'
  | 'invalid_request'
  | 'unauthorized_client'
  | 'unsupported_grant_type'

export function tokenRoute(
  keys: KeyCheck,
  refusalBodyOf: (target: string) => RefusalBody,
): ReadRoute {
  const write = refusalBodyOf(PATH)
  return {
    prefix: PATH,
    access: 'open',
    bodyBytesMax: FORM_BYTES_MAX,
    refusalBody: write,
    answer(request) {
      if (request.path.replace(/\/+$/, '') !== PATH) return refused('not-found', write)
      if (request.method === 'POST') return issueToken(keys, request)
      return refused('method-not-allowed', write)
    },
  }
}

function issueToken(keys: KeyCheck, { headers, body }: ReadRequest): ReadAnswer {
  if (!FORM_TYPE.test(String(headers['content-type'] ?? ''))) {
    return failed('invalid_request', 'send the parameters as application/x-www-form-urlencoded')
  }
  const form = new URLSearchParams(Buffer.from(body).toString())
  const grant = form.get('grant_type')
  if (grant === null) return failed('invalid_request', 'grant_type is missing')
  if (grant !== 'client_credentials') {
    return failed('unsupported_grant_type', `only client_credentials is offered, not ${grant}`)
  }
  const basic = secretInHeader(headers.authorization)
  const secret = basic ?? form.get('client_secret') ?? ''
  const code = keys.mayReadBy(secret)
  if (code === 'key-not-for-reading') {
    return failed('unauthorized_client', `this is a write key: client_secret is ${ONE_OF}`)
  }
  if (code !== null) {
    const what = secret === '' ? 'client_secret is missing' : 'client_secret is not known here'
    // RFC 6749, 5.2: a client that tried HTTP Basic is told that this is what was wrong.
    const challenge = basic === null ? {} : { 'www-authenticate': 'Basic realm="iceberg"' }
    return failed('invalid_client', `${what}: it is ${ONE_OF}`, challenge)
  }
  const token = {
    access_token: secret === '' ? NO_KEY_NEEDED : secret,
    token_type: 'bearer',
    issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    expires_in: LIFETIME_SECONDS,
  }
  return { status: 200, headers: HEADERS, body: JSON.stringify(token) }
}

/** The password of HTTP Basic; a secret in the header counts, and one in the form then does not. */
function secretInHeader(authorization: string | string[] | undefined): string | null {
  const encoded = BASIC.exec(String(authorization ?? ''))?.[1]
  if (encoded === undefined) return null
  const pair = Buffer.from(encoded, 'base64').toString()
  return decodeForm(pair.slice(pair.indexOf(':') + 1))
}

/** RFC 6749, 2.3.1: both halves are form-encoded; clients that do not encode are understood too. */
function decodeForm(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function failed(
  code: OAuthCode,
  description: string,
  more: Readonly<Record<string, string>> = {},
): ReadAnswer {
  return {
    status: code === 'invalid_client' ? 401 : 400,
    headers: { ...HEADERS, ...more },
    body: JSON.stringify({ error: code, error_description: description }),
  }
}

function refused(code: 'not-found' | 'method-not-allowed', write: RefusalBody): ReadAnswer {
  const headers = code === 'not-found' ? HEADERS : { ...HEADERS, allow: 'POST' }
  return { status: refusal(code).status, headers, body: refusalBody(code, write) }
}
