/**
 * Superset's REST interface, signed in: reading what is there, importing a bundle, removing charts.
 *
 *     POST /api/v1/security/login        user, password     ─►  access token
 *     GET  /api/v1/security/csrf_token/  with the token     ─►  CSRF token and its cookie
 *
 * Changes carry all three.
 */
import { networkReason } from '../../runtime.ts'
import { SupersetError } from './error.ts'

export type SupersetPlace = Readonly<{
  /** The address of its start page. */
  url: string
  user: string
  password: string
}>

export type Json = Readonly<Record<string, unknown>>

export type SupersetClient = Readonly<{
  /** Empty if it does not tell. */
  version: string
  /** Whether it processes Jinja in datasets: its feature flag ENABLE_TEMPLATE_PROCESSING. */
  hasTemplates: boolean
  /** The `result` of an answer; null for 404. */
  read(path: string): Promise<Json | null>
  /** The rows of a list whose column equals a value. */
  list(
    kind: 'database' | 'dataset' | 'chart',
    column: string,
    value: string | number,
  ): Promise<readonly Json[]>
  /**
   * Databases, datasets, charts and dashboards of a bundle, each made, or overwritten by its UUID.
   */
  importAssets(archive: Uint8Array, passwords: Readonly<Record<string, string>>): Promise<void>
  removeChart(id: number): Promise<void>
}>

const VERSION_MIN = '5.0.0'
const REQUEST_TIMEOUT_MS = 120_000
const REASON_LENGTH_MAX = 1_000

/** Signs in. Throws SupersetError. */
export async function openSuperset(place: SupersetPlace): Promise<SupersetClient> {
  const base = baseOf(place)
  const token = await signIn(place, base)
  const bearer = { authorization: `Bearer ${token}` }

  async function read(path: string): Promise<Json | null> {
    const response = await request(place, `${base}${path}`, { headers: bearer })
    if (response.status === 404) return null
    const answer = await answerOf(place, response, `answer ${path}`)
    return (answer.result ?? {}) as Json
  }

  /** A CSRF token belongs to the cookie that came with it, and is valid for one change. */
  async function changing(): Promise<Record<string, string>> {
    const response = await request(place, `${base}/api/v1/security/csrf_token/`, {
      headers: bearer,
    })
    const cookies = response.headers.getSetCookie().map((cookie) => cookie.split(';')[0] ?? '')
    const { result } = await answerOf(place, response, 'give a CSRF token')
    return { ...bearer, 'x-csrftoken': String(result), cookie: cookies.join('; '), referer: base }
  }

  return {
    ...(await readFeatures(place, base)),
    read,
    async list(kind, column, value) {
      const filter = `(filters:!((col:${column},opr:eq,value:${risonText(value)})),page_size:100)`
      const found = await read(`/api/v1/${kind}/?q=${encodeURIComponent(filter)}`)
      return (found ?? []) as unknown as readonly Json[]
    },
    async importAssets(archive, passwords) {
      const form = new FormData()
      form.set('bundle', new Blob([new Uint8Array(archive)]), 'campaign_metrics.zip')
      form.set('passwords', JSON.stringify(passwords))
      const response = await request(place, `${base}/api/v1/assets/import/`, {
        method: 'POST',
        headers: await changing(),
        body: form,
      })
      await answerOf(place, response, 'import the dashboard')
    },
    async removeChart(id) {
      const response = await request(place, `${base}/api/v1/chart/${id}`, {
        method: 'DELETE',
        headers: await changing(),
      })
      await answerOf(place, response, `remove the chart ${id}`)
    },
  }
}

function baseOf({ url }: SupersetPlace): string {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new SupersetError('not-superset', { url, reason: 'it is no http address' })
  }
  return url.replace(/\/+$/, '')
}

async function signIn(place: SupersetPlace, base: string): Promise<string> {
  const { url, user, password } = place
  const response = await request(place, `${base}/api/v1/security/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: user, password, provider: 'db', refresh: false }),
  })
  if (response.status === 401) throw new SupersetError('sign-in', { url, user })
  const { access_token: token } = await answerOf(place, response, 'sign in')
  if (typeof token === 'string') return token
  throw new SupersetError('not-superset', { url, reason: 'it gives no access token' })
}

/** From the page of the sign-in form, which has them as JSON in an attribute. */
async function readFeatures(
  place: SupersetPlace,
  base: string,
): Promise<Pick<SupersetClient, 'version' | 'hasTemplates'>> {
  const response = await request(place, `${base}/login/`, {})
  const page = (await response.text()).replaceAll(/&#34;|&quot;/g, '"')
  const version = /"version_string"\s*:\s*"([^"]*)/.exec(page)?.[1] ?? ''
  // A custom build may have no version; if it lacks something, a later request will fail.
  if (/^\d/.test(version) && compareVersions(version, VERSION_MIN) < 0) {
    throw new SupersetError('old-version', { url: place.url, version, needed: VERSION_MIN })
  }
  return { version, hasTemplates: /"ENABLE_TEMPLATE_PROCESSING"\s*:\s*true/.test(page) }
}

function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split(/[^\d]+/).map(Number))
  for (let index = 0; index < 3; index++) {
    const difference = (left?.[index] || 0) - (right?.[index] || 0)
    if (difference !== 0) return difference
  }
  return 0
}

async function request(
  place: SupersetPlace,
  address: string,
  init: RequestInit,
): Promise<Response> {
  try {
    return await fetch(address, {
      ...init,
      redirect: 'manual',
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    })
  } catch (error) {
    throw new SupersetError('unreachable', { url: place.url, reason: networkReason(error) }, error)
  }
}

/** `what` completes "did not …". */
async function answerOf(place: SupersetPlace, response: Response, what: string): Promise<Json> {
  const { url, user } = place
  const text = await response.text()
  const answer = jsonOf(text)
  if (response.ok && answer !== null) return answer
  const reason = `HTTP ${response.status} ${refusalOf(answer, text)}`.trim()
  if (response.status === 401 || response.status === 403) {
    throw new SupersetError('forbidden', { url, user, what, reason })
  }
  if (answer === null) throw new SupersetError('not-superset', { url, reason })
  throw new SupersetError('refused', { url, what, reason })
}

function jsonOf(text: string): Json | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Json) : null
  } catch {
    return null
  }
}

/**
 * Its errors are `{message}`, or `{errors: [{message, extra: {…what is wrong with each file…}}]}`.
 */
function refusalOf(answer: Json | null, text: string): string {
  if (answer === null) return text.trim().slice(0, 200)
  const { errors, message } = answer
  const reason = Array.isArray(errors) ? errors.map(errorText).join('; ') : (message ?? answer)
  return (typeof reason === 'string' ? reason : JSON.stringify(reason)).slice(0, REASON_LENGTH_MAX)
}

function errorText(error: Readonly<{ message?: string; extra?: Json }>): string {
  const files = Object.entries(error.extra ?? {}).filter(([name]) => name.includes('.yaml'))
  const details = files.map(([name, faults]) => `${name}: ${JSON.stringify(faults)}`)
  return [error.message ?? '', ...details].filter((text) => text !== '').join(' ')
}

function risonText(value: string | number): string {
  if (typeof value === 'number') return String(value)
  return `'${value.replaceAll('!', '!!').replaceAll("'", "!'")}'`
}
