/**
 * Sends the requests of a parity run one after the other, and holds each answer against what its
 * events deserve.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { HardRequest, Item } from '../interop/hard-input.ts'
import { type Accepted, openAgent, post } from '../support/client.ts'

const RETRY_MS = 50
/** A collector that takes nothing for so long is stuck. */
const PATIENCE_MS = 60_000

/**
 * Resolves to the number of events sent; a request that is refused for now (503) is sent again,
 * unchanged.
 */
export async function sendRequests(
  url: string,
  requests: Iterable<HardRequest>,
  onSent: (events: number) => void,
): Promise<number> {
  const agent = openAgent()
  let events = 0
  try {
    for (const request of requests) {
      expectVerdicts(request.items, await sendOne(url, request, agent))
      events += request.items.length
      onSent(request.items.length)
    }
    return events
  } finally {
    agent.destroy()
  }
}

async function sendOne(
  url: string,
  { body, type, encoding }: HardRequest,
  agent: ReturnType<typeof openAgent>,
): Promise<Accepted> {
  const deadline = AbortSignal.timeout(PATIENCE_MS)
  for (;;) {
    const options = { type, agent, ...(encoding === undefined ? {} : { encoding }) }
    const answer = await post(url, body, options)
    if (answer.status === 200) return JSON.parse(answer.text) as Accepted
    if (answer.status !== 503 || deadline.aborted) {
      throw new Error(`expected 200, got ${answer.status}: ${answer.text}`)
    }
    await sleep(RETRY_MS)
  }
}

function expectVerdicts(items: readonly Item[], answer: Accepted): void {
  const told = new Map(answer.rejected.map(({ index, reason }) => [index, reason]))
  const wrong = items.flatMap(({ blame, bytes }, index) => {
    const reason = told.get(index)
    const isRight = blame === null ? reason === undefined : isBlamed(reason, blame)
    return isRight ? [] : [`blame ${blame}, told ${reason}: ${bytes.subarray(0, 300)}`]
  })
  if (wrong.length > 0) throw new Error(`wrong verdicts:\n${wrong.join('\n')}`)
  if (answer.accepted + told.size !== items.length) {
    throw new Error(`${items.length} events were sent, but: ${JSON.stringify(answer)}`)
  }
}

export function isBlamed(reason: string | undefined, blame: string): boolean {
  return reason !== undefined && (blame === 'event' || reason.startsWith(`${blame}:`))
}
