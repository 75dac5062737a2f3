/**
 * Trino's client protocol, as far as it is needed to run a statement and to stream what it answers.
 *
 *     POST /v1/statement ─► { id, nextUri }               again and again, until there is none:
 *     GET  nextUri       ─► { columns?, data?, nextUri? } Trino keeps the request up to a second
 *     DELETE nextUri     ─► ends a statement that is not wanted any more
 *
 * The official `trino-client` parses answers with JSON.parse, which rounds BIGINT past 2^53; so the
 * protocol is spoken here. Trino makes a page when it is asked for, so a result larger than memory
 * flows through.
 */
import { strict as assert } from 'node:assert'
import { setTimeout as sleep } from 'node:timers/promises'
import { networkReason, parseExact } from '../../runtime.ts'
import type { SqlPort, SqlRow } from '../dialect.ts'
import { QueryError } from '../error.ts'
import type { TrinoColumn } from './cell.ts'

export type TrinoPlace = Readonly<{
  /** The coordinator, such as `https://trino.example.org:8443`. */
  url: string
  user: string
  /** Sent over https only. */
  password: string | null
  /** Trino's name of the catalog with our tables; null is `lake`. */
  catalog: string | null
}>

export type TrinoResult = Readonly<{
  /** Empty for statements without a result. */
  columns: readonly TrinoColumn[]
  /** Can be gone through once; ends the statement when it is left early. */
  pages: AsyncIterable<readonly SqlRow[]>
  /** Ends a statement whose pages are not wanted any more. */
  close(): Promise<void>
}>

export type TrinoClient = Omit<SqlPort, 'rows'> &
  Readonly<{
    /**
     * Starts one statement and waits for its columns. Throws QueryError, or the signal's reason.
     */
    start(sql: string, signal?: AbortSignal): Promise<TrinoResult>
    /** All rows of a result that is known to be small. */
    rows(sql: string, signal?: AbortSignal): Promise<readonly SqlRow[]>
  }>

const DEFAULT_CATALOG = 'lake'
const SCHEMA = 'campaigns'
/** Trino answers within a second or two, with nothing new if need be; past this it hangs. */
const REQUEST_TIMEOUT_MS = 60_000
/** Trino asks its clients to come back after 502, 503 and 504, and after 429. */
const BUSY_STATUS: ReadonlySet<number> = new Set([429, 502, 503, 504])
const TRIES_MAX = 8
const RETRY_DELAY_MS = 100
/** A starting Trino polls its nodes every five seconds (its DiscoveryNodeManager). */
const NODE_TRIES_MAX = 20
const NODE_DELAY_MS = 500
const REASON_LENGTH_MAX = 2_000

type Answer = Readonly<{
  id: string
  columns?: readonly TrinoColumn[]
  data?: readonly SqlRow[]
  nextUri?: string
  error?: Readonly<{ message: string; errorName: string; errorType: string }>
}>

/** Makes no request yet. Throws QueryError `trino-address`. */
export function openTrinoClient(place: TrinoPlace): TrinoClient {
  const catalog = place.catalog ?? DEFAULT_CATALOG
  const origin = originOf(place)
  const headers = headersOf(place, catalog)

  async function send(method: string, address: string, body: string | null, signal?: AbortSignal) {
    for (let tries = 1; ; tries++) {
      const answer = await sendOnce(place, method, address, { headers, body }, signal)
      if (answer.kind === 'text') return parseAnswer(place, answer.text)
      // A POST that broke off may have started its statement: only what Trino refused is sent
      // again.
      const mayRetry = answer.kind === 'busy' || method === 'GET'
      if (!mayRetry || tries >= TRIES_MAX) {
        throw new QueryError('trino-unreachable', { url: place.url, reason: answer.reason }, answer)
      }
      await pause(RETRY_DELAY_MS * 2 ** (tries - 1), signal)
    }
  }

  function checked(answer: Answer): Answer {
    if (answer.error !== undefined) throw errorOf(answer.error, answer.id)
    if (answer.nextUri !== undefined) checkAddress(place, origin, answer.nextUri)
    return answer
  }

  async function end(nextUri: string | undefined): Promise<void> {
    if (nextUri === undefined) return
    // Without an answer Trino ends an abandoned statement by itself, after query.client.timeout.
    await fetch(nextUri, {
      method: 'DELETE',
      headers,
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    }).catch(() => undefined)
  }

  /**
   * A Trino that has just started has no node for the tables' catalog until its next poll of the
   * nodes. A statement that meets this has failed before any part of it ran, so it may run again.
   */
  async function whenNodesAreKnown<T>(run: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await run()
      } catch (error) {
        const isEarly = error instanceof QueryError && error.code === 'trino-no-nodes'
        if (!isEarly || tries >= NODE_TRIES_MAX) throw error
        await pause(NODE_DELAY_MS, signal)
      }
    }
  }

  async function startOnce(sql: string, signal?: AbortSignal): Promise<TrinoResult> {
    let answer = checked(await send('POST', `${origin}/v1/statement`, sql, signal))
    const next = async (): Promise<void> => {
      const before = answer.nextUri as string
      try {
        answer = checked(await send('GET', before, null, signal))
      } catch (error) {
        await end(before)
        answer = { id: answer.id }
        throw error
      }
    }
    while (answer.columns === undefined && answer.nextUri !== undefined) await next()
    const columns = answer.columns ?? []

    async function* pages(): AsyncGenerator<readonly SqlRow[]> {
      let isDone = false
      try {
        for (;;) {
          if (answer.data !== undefined && answer.data.length > 0) yield answer.data
          if (answer.nextUri === undefined) break
          await next()
        }
        isDone = true
      } finally {
        if (!isDone) await end(answer.nextUri)
      }
    }

    return { columns, pages: pages(), close: () => end(answer.nextUri) }
  }

  const start: TrinoClient['start'] = (sql, signal) =>
    whenNodesAreKnown(() => startOnce(sql, signal), signal)

  async function rowsOnce(sql: string, signal?: AbortSignal): Promise<readonly SqlRow[]> {
    const result = await startOnce(sql, signal)
    const rows: SqlRow[] = []
    for await (const page of result.pages) rows.push(...page)
    return rows
  }

  return {
    start,
    async *pages(sql, parameters) {
      assert.deepEqual(parameters, {}, 'lists of values stand in the text')
      yield* (await start(sql)).pages
    },
    rows: (sql, signal) => whenNodesAreKnown(() => rowsOnce(sql, signal), signal),
  }
}

/** Throws the signal's reason. */
async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await sleep(ms, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted())
}

function originOf({ url, password }: TrinoPlace): string {
  if (!URL.canParse(url)) throw new QueryError('trino-address', { url, reason: 'it is no address' })
  const { protocol, origin } = new URL(url)
  if (protocol !== 'http:' && protocol !== 'https:') {
    const reason = 'it must begin with http:// or https://'
    throw new QueryError('trino-address', { url, reason })
  }
  if (password !== null && protocol !== 'https:') {
    const reason = 'a password is sent over https only (Trino, too, takes none otherwise)'
    throw new QueryError('trino-address', { url, reason })
  }
  return origin
}

/** The password goes to no other address than the one that was configured. */
function checkAddress({ url }: TrinoPlace, origin: string, nextUri: string): void {
  const named = URL.canParse(nextUri) ? new URL(nextUri).origin : nextUri
  if (named === origin) return
  const reason =
    `its answers lead to ${named}. Behind a proxy Trino needs ` +
    'http-server.process-forwarded=true; otherwise name the address that it names itself'
  throw new QueryError('trino-address', { url, reason })
}

function headersOf(place: TrinoPlace, catalog: string): Record<string, string> {
  const credentials = Buffer.from(`${place.user}:${place.password}`).toString('base64')
  return {
    'content-type': 'text/plain; charset=utf-8',
    'user-agent': 'campaign-metrics',
    'x-trino-user': place.user,
    'x-trino-source': 'campaign-metrics',
    'x-trino-catalog': catalog,
    'x-trino-schema': SCHEMA,
    'x-trino-time-zone': 'UTC',
    // Without it timestamps are cut to milliseconds.
    'x-trino-client-capabilities': 'PARAMETRIC_DATETIME',
    ...(place.password === null ? {} : { authorization: `Basic ${credentials}` }),
  }
}

type Sent =
  | Readonly<{ kind: 'text'; text: string }>
  | Readonly<{ kind: 'busy' | 'broken'; reason: string; cause?: unknown }>

async function sendOnce(
  place: TrinoPlace,
  method: string,
  address: string,
  { headers, body }: Readonly<{ headers: Record<string, string>; body: string | null }>,
  signal: AbortSignal | undefined,
): Promise<Sent> {
  const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS)
  try {
    const response = await fetch(address, {
      method,
      headers,
      body,
      redirect: 'error',
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    })
    const text = await response.text()
    if (response.ok) return { kind: 'text', text }
    const reason = `HTTP ${response.status} ${text.trim().slice(0, 200)}`.trim()
    if (BUSY_STATUS.has(response.status)) return { kind: 'busy', reason }
    if (response.status === 401 || response.status === 403) {
      throw new QueryError('trino-sign-in', { url: place.url, user: place.user, reason })
    }
    throw new QueryError('trino-answer', { url: place.url, reason })
  } catch (error) {
    if (error instanceof QueryError) throw error
    signal?.throwIfAborted()
    return { kind: 'broken', reason: networkReason(error), cause: error }
  }
}

function parseAnswer(place: TrinoPlace, text: string): Answer {
  let answer: unknown
  try {
    // Exact parsing costs several times as much, and few answers have such numbers.
    answer = LONG_NUMBER.test(text) ? parseExact(text) : JSON.parse(text)
  } catch (error) {
    throw new QueryError('trino-answer', { url: place.url, reason: 'no JSON' }, error)
  }
  if (typeof (answer as Answer | null)?.id !== 'string') {
    throw new QueryError('trino-answer', { url: place.url, reason: 'no id of a query' })
  }
  return answer as Answer
}

/**
 * A number of 16 digits or more may stand here, or in a text that looks like it. Trino writes
 * BIGINT as whole numbers and DOUBLE always with a point or an exponent, so the two are told apart.
 */
const LONG_NUMBER = /[[,:]\s*-?\d{16}/

/** Files that expiry or a merge took away while the statement ran. */
const MISSING_FILE = /^ICEBERG_(CANNOT_OPEN_SPLIT|MISSING_METADATA|MISSING_DATA|INVALID_METADATA)$/

/** Said by the planner and by the scheduler of Trino: the catalog has no active node. */
function isWithoutNodes({ message, errorName }: NonNullable<Answer['error']>): boolean {
  return errorName === 'NO_NODES_AVAILABLE' || message === 'nodes is empty'
}

function errorOf(error: NonNullable<Answer['error']>, query: string): QueryError {
  const reason = error.message.slice(0, REASON_LENGTH_MAX)
  if (isWithoutNodes(error)) return new QueryError('trino-no-nodes', { query, reason }, error)
  if (MISSING_FILE.test(error.errorName)) return new QueryError('files-expired', { reason }, error)
  if (error.errorType === 'USER_ERROR') return new QueryError('sql-refused', { reason }, error)
  if (error.errorType === 'INSUFFICIENT_RESOURCES') {
    return new QueryError('trino-resources', { reason }, error)
  }
  return new QueryError('trino-failed', { query, reason }, error)
}
