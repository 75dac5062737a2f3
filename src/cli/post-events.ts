/**
 * One batch of events to the collector, tried again until it is answered: 429, 503 and broken
 * connections are waited out with growing pauses. Sending again is safe, since an `event_id` counts
 * once.
 */

import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { pause, systemCode } from '../runtime.ts'
import { CliError } from './error.ts'
import type { Collector } from './options.ts'

export type PostAnswer = Readonly<{
  accepted: number
  /** The first of them only, when there are many. */
  rejected: readonly Readonly<{ index: number; reason: string }>[]
  rejectedCount: number
}>

export type PostOptions = Readonly<{
  gzip: boolean
  /** For how long in a row to try again before giving up. */
  patienceMs: number
  /** Aborted when the user wants to stop; a request under way is still finished. */
  signal: AbortSignal
  /** Called once for each wait, with its reason. */
  onWait: (reason: string, waitMs: number) => void
}>

/**
 * A collector that was there will come back; one that never answered is more likely not started.
 */
export const PATIENCE_MS = { first: 5000, later: 60_000 }
const ANSWER_TIMEOUT_MS = 60_000
const PAUSE_FIRST_MS = 200
const PAUSE_MAX_MS = 10_000
const RETRY_STATUSES = [408, 429, 500, 502, 503, 504]
const compress = promisify(gzip)

/**
 * Posts NDJSON. Throws CliError: `unreachable` when patience ends, `refused` when trying again is
 * of no use.
 */
export async function postEvents(
  collector: Collector,
  lines: Uint8Array,
  options: PostOptions,
): Promise<PostAnswer> {
  const body = options.gzip ? await compress(lines) : lines
  const giveUpMs = performance.now() + options.patienceMs
  for (let attempt = 0; ; attempt++) {
    const outcome = await tryPost(collector, body, options.gzip)
    if ('answer' in outcome) return outcome.answer
    const pauseMs = Math.min(
      PAUSE_MAX_MS,
      Math.max(outcome.retryAfterMs, PAUSE_FIRST_MS * 2 ** attempt),
    )
    if (performance.now() + pauseMs > giveUpMs) {
      const hint = outcome.answered
        ? ''
        : ' Start it with `campaign-metrics start`, or correct the address.'
      const reason = outcome.reason.replace(/\.$/, '')
      throw new CliError(
        'unreachable',
        `${collector.url}: ${reason}.${hint} Sending the same events again later is safe`,
      )
    }
    options.onWait(outcome.reason, pauseMs)
    await pause(pauseMs, options.signal)
    if (options.signal.aborted)
      throw new CliError(
        'interrupted',
        'interrupted before the last batch was answered; sending the same events again is safe',
      )
  }
}

type Outcome = { answer: PostAnswer } | { reason: string; retryAfterMs: number; answered: boolean }

async function tryPost(collector: Collector, body: Uint8Array, isGzip: boolean): Promise<Outcome> {
  let response: Response
  let text: string
  try {
    response = await fetch(`${collector.url}/v1/events`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-ndjson',
        ...(isGzip ? { 'content-encoding': 'gzip' } : {}),
        ...authorization(collector),
      },
      body: body as Uint8Array<ArrayBuffer>,
      redirect: 'error',
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    })
    text = await response.text()
  } catch (cause) {
    return { reason: connectionReason(cause), retryAfterMs: 0, answered: false }
  }
  if (response.status === 200) return { answer: readAnswer(collector, text) }
  const reason = `answered ${response.status}: ${refusalText(text)}`
  if (!RETRY_STATUSES.includes(response.status)) {
    throw new CliError('refused', `${collector.url} ${reason}`)
  }
  const retryAfterMs = Number(response.headers.get('retry-after') ?? 0) * 1000 || 0
  return { reason, retryAfterMs, answered: true }
}

/** There is one Authorization; where a proxy takes it, the key has a header of its own. */
export function authorization({ key, proxyAuthorization }: Collector): Record<string, string> {
  if (proxyAuthorization === undefined) {
    return key === undefined ? {} : { authorization: `Bearer ${key}` }
  }
  return {
    authorization: proxyAuthorization,
    ...(key === undefined ? {} : { 'x-api-key': key }),
  }
}

function readAnswer(collector: Collector, text: string): PostAnswer {
  try {
    const { accepted, rejected, rejectedCount } = JSON.parse(text) as Partial<PostAnswer>
    if (Number.isInteger(accepted) && Array.isArray(rejected)) {
      return {
        accepted: accepted as number,
        rejected,
        rejectedCount: Number.isInteger(rejectedCount)
          ? (rejectedCount as number)
          : rejected.length,
      }
    }
  } catch {
    // Not JSON: the error below says so.
  }
  throw new CliError(
    'refused',
    `${collector.url} answered, but not as a campaign-metrics collector; check the address`,
  )
}

/** The message of a refusal as the collector words it, else the start of what came. */
export function refusalText(text: string): string {
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown } }
    if (typeof error?.message === 'string') return error.message
  } catch {
    // Not ours: a proxy's page perhaps.
  }
  return text.slice(0, 100).replace(/\s+/g, ' ')
}

/** `fetch failed` hides what it was. */
function connectionReason(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (cause instanceof Error && cause.name === 'TimeoutError') {
    return `no answer within ${ANSWER_TIMEOUT_MS / 1000} s`
  }
  const code = systemCode(cause)
  if (code === 'ECONNREFUSED') return 'nothing listens there (ECONNREFUSED)'
  return `the connection failed (${code ?? String(cause)})`
}
