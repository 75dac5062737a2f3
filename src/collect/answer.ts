/**
 * Writes answers at `node:http` level, and makes sure that a refusal reaches a client that is still
 * sending: closing a socket with unread bytes resets it, and the client then reports a broken
 * connection instead of the 413. So the whole answer is sent first, then the rest of the body is
 * read and discarded for a while, then the connection is closed.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { CollectLimits } from './limits.ts'
import {
  type RefusalBody,
  type RefusalCode,
  refusal,
  refusalBody,
  refusalHeaders,
} from './refusal.ts'

/** A body with at most this much left is read to its end, and the connection is kept. */
const DRAIN_BYTES = 256 * 1024

export type Answer = Readonly<{
  status: number
  body: string
  /** Header pairs beside type and length. */
  headers: readonly string[]
  /** Asks the client to open a new connection for its next request. */
  close: boolean
}>

export function writeAnswer(response: ServerResponse, answer: Answer): void {
  writeHead(response, answer)
  response.end(answer.body)
}

export function refusalAnswer(
  code: RefusalCode,
  headers: readonly string[],
  close: boolean,
  write?: RefusalBody,
): Answer {
  return {
    status: refusal(code).status,
    body: refusalBody(code, write),
    headers: [...Object.entries(refusalHeaders(code)).flat(), ...headers],
    close,
  }
}

/** Answers a request whose body may still be coming. */
export function writeRefusal(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  limits: CollectLimits,
): void {
  if (request.complete || leavesLittle(request)) {
    writeAnswer(response, answer)
    return
  }
  writeHead(response, { ...answer, close: true })
  response.write(answer.body)
  linger(request, response, limits)
}

function writeHead(response: ServerResponse, { status, body, headers, close }: Answer): void {
  const pairs = ['Content-Type', 'application/json', 'Content-Length', String(body.length)]
  for (const header of headers) pairs.push(header)
  if (close) pairs.push('Connection', 'close')
  response.writeHead(status, pairs)
}

/** Before the next request Node itself reads the rest of a body that was not read. */
function leavesLittle({ headers }: IncomingMessage): boolean {
  const length = headers['content-length']
  if (length === undefined) return headers['transfer-encoding'] === undefined
  return Number(length) <= DRAIN_BYTES
}

/** The client knows from `Content-Length` that the answer is complete; `end()` closes. */
function linger(request: IncomingMessage, response: ServerResponse, limits: CollectLimits): void {
  let bytes = 0
  const timer = setTimeout(close, limits.lingerMs)
  function close(): void {
    clearTimeout(timer)
    response.end()
  }
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > limits.lingerBytes) close()
  })
  request.once('end', close)
  request.once('close', close)
}
