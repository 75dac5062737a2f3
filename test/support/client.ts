/**
 * The sender's side: posts bodies over `node:http`, retries what was not answered, and asks the
 * product for its ledger. An answer is only what the server said; a broken connection is `null`,
 * for the sender cannot know whether the events were kept.
 */
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

export type Answer = Readonly<{
  status: number
  headers: Readonly<Record<string, string | string[] | undefined>>
  text: string
}>

export type Accepted = Readonly<{
  accepted: number
  rejected: readonly Readonly<{ index: number; reason: string }>[]
}>

export type Ledger = Readonly<{
  received: number
  stored: number
  duplicates: number
  rejected: number
  waiting: number
}>

export type PostOptions = Readonly<{
  type?: string
  encoding?: string
  headers?: Readonly<Record<string, string>>
  agent?: Agent
  path?: string
  method?: string
}>

const ANSWER_LIMIT_MS = 60_000
const SETTLE_LIMIT_MS = 120_000

export function openAgent(): Agent {
  return new Agent({ keepAlive: true, maxSockets: 1 })
}

/** One request; rejects when the connection breaks before the answer is whole. */
export function post(
  url: string,
  body: string | Uint8Array,
  options: PostOptions = {},
): Promise<Answer> {
  return send(new URL(options.path ?? '/v1/events', url), body, {
    method: 'POST',
    agent: options.agent,
    headers: {
      'content-type': options.type ?? 'application/x-ndjson',
      ...(options.encoding === undefined ? {} : { 'content-encoding': options.encoding }),
      ...options.headers,
    },
  })
}

export function get(
  url: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return send(new URL(path, url), '', { method: 'GET', agent: undefined, headers })
}

/** Any method at all, for what a browser asks beforehand. */
export function ask(
  url: string,
  path: string,
  method: string,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  return send(new URL(path, url), '', { method, agent: undefined, headers })
}

/** The parsed answer of a request that must have been accepted. */
export async function postAccepted(
  url: string,
  body: string | Uint8Array,
  options: PostOptions = {},
): Promise<Accepted> {
  const answer = await post(url, body, options)
  if (answer.status !== 200) throw new Error(`expected 200, got ${answer.status}: ${answer.text}`)
  return JSON.parse(answer.text) as Accepted
}

export async function readStatus(
  url: string,
): Promise<Readonly<{ ledger: Ledger; nextOffset?: number } & Record<string, unknown>>> {
  const answer = await get(url, '/v1/status')
  if (answer.status !== 200) throw new Error(`status answered ${answer.status}: ${answer.text}`)
  return JSON.parse(answer.text)
}

/** Waits until everything that was answered is in both tables. */
export async function waitUntilSettled(
  url: string,
  limitMs: number = SETTLE_LIMIT_MS,
): Promise<Ledger> {
  const deadline = AbortSignal.timeout(limitMs)
  for (;;) {
    const { ledger } = await readStatus(url)
    if (ledger.waiting === 0) return ledger
    if (deadline.aborted) throw new Error(`still waiting: ${JSON.stringify(ledger)}`)
    await sleep(20)
  }
}

function send(
  url: URL,
  body: string | Uint8Array,
  options: Readonly<{
    method: string
    agent: Agent | undefined
    headers: Readonly<Record<string, string>>
  }>,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length
    const outgoing = request(
      url,
      {
        method: options.method,
        agent: options.agent ?? false,
        headers: {
          ...(options.method === 'POST' ? { 'content-length': length } : {}),
          ...options.headers,
        },
        timeout: ANSWER_LIMIT_MS,
      },
      (incoming) => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.on('error', reject)
        incoming.on('end', () => {
          if (!incoming.complete) return reject(new Error('the answer was cut short'))
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            text: Buffer.concat(chunks).toString('utf8'),
          })
        })
      },
    )
    outgoing.on('error', reject)
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer in ${ANSWER_LIMIT_MS} ms`)))
    outgoing.end(body)
  })
}
