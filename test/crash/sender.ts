/**
 * A client that never gives up: it sends one body after the other and repeats each until it is
 * answered, across any number of deaths of the product. What it got an answer for must be in the
 * tables once; what it did not, it sends again.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { openHardInput } from '../interop/hard-input.ts'
import { type Accepted, openAgent, post } from '../support/client.ts'
import { openRandom } from '../support/random.ts'
import type { InputFile } from '../support/readers.ts'

/** Where the product listens at the moment; null while it is down. */
export type Address = { url: string | null }

export type Sender = Readonly<{
  /** Sends no further body; resolves once the last one is answered. */
  finish(): Promise<Sent>
}>

export type Sent = Readonly<{
  requests: number
  events: number
  rejected: number
  /** Requests whose first attempt got no answer: the dangerous ones. */
  repeated: number
}>

const EVENTS_MAX = 50
const PAUSE_MS = 25
const RETRY_MS = 10

/** Ids of one sender are never another's, so the order in the input file decides which one wins. */
export function startSender(
  options: Readonly<{ name: string; seed: number; address: Address; input: InputFile }>,
): Sender {
  const random = openRandom(options.seed)
  const hard = openHardInput(random, Date.now(), options.name)
  const agent = openAgent()
  const sent = { requests: 0, events: 0, rejected: 0, repeated: 0 }
  let finishing = false

  const sendUntilAnswered = async (): Promise<void> => {
    const items = Array.from({ length: 1 + random.below(EVENTS_MAX) }, () => hard.makeItem())
    const request = hard.makeRequest(items)
    const encoding = request.encoding === undefined ? {} : { encoding: request.encoding }
    for (let attempt = 0; ; attempt += 1) {
      const { url } = options.address
      const answer =
        url === null
          ? null
          : await post(url, request.body, { type: request.type, agent, ...encoding }).catch(
              () => null,
            )
      if (answer?.status === 200) {
        const { accepted, rejected } = JSON.parse(answer.text) as Accepted
        if (accepted + rejected.length !== items.length) {
          throw new Error(`${items.length} events were sent, but: ${answer.text}`)
        }
        await options.input.add(items.map((item) => item.bytes))
        sent.requests += 1
        sent.events += items.length
        sent.rejected += rejected.length
        if (attempt > 0) sent.repeated += 1
        return
      }
      if (answer !== null && answer.status !== 429 && answer.status !== 503) {
        throw new Error(`unexpected answer ${answer.status}: ${answer.text}`)
      }
      await sleep(RETRY_MS)
    }
  }
  const done = (async (): Promise<void> => {
    while (!finishing) {
      await sendUntilAnswered()
      await sleep(random.below(PAUSE_MS * 2))
    }
    agent.destroy()
  })()
  // A failure is reported by finish(); until then it must not end the test run by itself.
  done.catch(() => {})
  return {
    finish: async () => {
      finishing = true
      await done
      return sent
    },
  }
}
