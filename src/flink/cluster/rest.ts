/**
 * One request to a Flink REST interface (JobManager or SQL Gateway): JSON in, JSON out, a limit on
 * time, errors by name.
 */

import { reasonOf } from '../../runtime.ts'
import { FlinkError, rootCause } from '../error.ts'

export type FlinkRequest = Readonly<{
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  body?: unknown
  timeoutMs?: number
  /** The answer is an array: it comes as `{ list }`. */
  isList?: boolean
}>

/** An object as Flink's answers are: every field may be missing. */
export type Answer = Readonly<Record<string, unknown>>

const TIMEOUT_MS = 30_000
const ANSWER_BYTES_MAX = 32 * 1024 * 1024

/**
 * Throws FlinkError: `unreachable`, `refused` (with Flink's own root cause and the HTTP status in
 * its facts) or `answer`.
 */
export async function askFlink(
  base: string,
  path: string,
  { method = 'GET', body, timeoutMs = TIMEOUT_MS, isList = false }: FlinkRequest = {},
): Promise<Answer> {
  const url = `${base.replace(/\/+$/, '')}${path}`
  const { status, text } = await exchange(url, method, body, timeoutMs)
  const answer = readAnswer(text, url, status, isList)
  if (status < 400) return answer
  const why = rootCause(errorsIn(answer) ?? text)
  throw new FlinkError('refused', { method, url, status, why })
}

async function exchange(
  url: string,
  method: string,
  body: unknown,
  timeoutMs: number,
): Promise<Readonly<{ status: number; text: string }>> {
  try {
    const response = await fetch(url, {
      method,
      headers: { 'content-type': 'application/json' },
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: response.status, text: await readText(response, url) }
  } catch (cause) {
    if (cause instanceof FlinkError) throw cause
    throw new FlinkError('unreachable', { url, why: fetchFailure(cause) }, cause)
  }
}

async function readText(response: Response, url: string): Promise<string> {
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of response.body ?? []) {
    length += piece.length
    if (length > ANSWER_BYTES_MAX) {
      const fault = `The answer of ${url} is longer than ${ANSWER_BYTES_MAX} bytes`
      throw new FlinkError('answer', { url, fault })
    }
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}

function readAnswer(text: string, url: string, status: number, isList: boolean): Answer {
  try {
    const answer: unknown = text === '' ? {} : JSON.parse(text)
    if (isObject(answer)) return answer
    if (isList && Array.isArray(answer)) return { list: answer }
  } catch {
    // Reported below, with what came.
  }
  if (status >= 400) return {}
  const start = JSON.stringify(text.slice(0, 80))
  const fault = `${url} answered ${start}, which is not a JSON object`
  throw new FlinkError('answer', { url, status, fault })
}

/** The last of `errors` holds the trace; the first is a heading. */
function errorsIn(answer: Answer): string | null {
  const { errors } = answer
  if (!Array.isArray(errors)) return null
  const texts = errors.filter((one): one is string => typeof one === 'string' && one !== '')
  return texts.at(-1) ?? null
}

function isObject(value: unknown): value is Answer {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The object in a field; an empty one when it is missing. */
export function objectIn(answer: Answer, field: string): Answer {
  const value = answer[field]
  return isObject(value) ? value : {}
}

export function stringIn(answer: Answer, field: string): string {
  const value = answer[field]
  if (typeof value === 'string') return value
  throw new FlinkError('answer', { field, fault: `Flink's answer has no "${field}"` })
}

/** The objects of an array field; none when it is missing. */
export function objectsIn(answer: Answer, field: string): readonly Answer[] {
  const value = answer[field]
  return Array.isArray(value) ? value.filter(isObject) : []
}

/** `fetch` only says that it failed; its cause says why. */
function fetchFailure(error: unknown): string {
  const inner = error instanceof Error && error.cause instanceof Error ? reasonOf(error.cause) : ''
  return inner === '' ? reasonOf(error) : `${reasonOf(error)} (${inner})`
}
