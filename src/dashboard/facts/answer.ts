/** Answers as bytes: JSON, a CSV file, or why there is none. */
import type { ErrorAnswer } from '../../dashboard-definition.ts'
import type { FactsAnswer } from './message.ts'

const JSON_TYPE = 'application/json'
const CSV_TYPE = 'text/csv; charset=utf-8'

const ERRORS = {
  'bad-query': { status: 400, retryAfterSeconds: null },
  'range-too-large': { status: 400, retryAfterSeconds: null },
  'not-found': { status: 404, retryAfterSeconds: null },
  failed: { status: 500, retryAfterSeconds: null },
  starting: { status: 503, retryAfterSeconds: 1 },
  busy: { status: 503, retryAfterSeconds: 1 },
} as const

export type ErrorCode = keyof typeof ERRORS

export function jsonAnswer(answer: object): FactsAnswer {
  return { status: 200, contentType: JSON_TYPE, body: encode(JSON.stringify(answer)) }
}

export function csvAnswer(text: string, fileName: string): FactsAnswer {
  return {
    status: 200,
    contentType: CSV_TYPE,
    headers: { 'content-disposition': `attachment; filename="${fileName}"` },
    body: encode(text),
  }
}

export function errorAnswer(code: ErrorCode, message: string): FactsAnswer {
  const { status, retryAfterSeconds } = ERRORS[code]
  const body: ErrorAnswer = { error: { code, message } }
  return {
    status,
    contentType: JSON_TYPE,
    ...(retryAfterSeconds === null
      ? {}
      : { headers: { 'retry-after': String(retryAfterSeconds) } }),
    body: encode(JSON.stringify(body)),
    ...(code === 'failed' ? { fault: message } : {}),
  }
}

/** In memory of its own, so that it can be handed to another thread. */
function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
