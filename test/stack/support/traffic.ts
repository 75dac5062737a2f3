/**
 * Traffic that does not give up: bodies at an even pace, each sent again until it is answered,
 * whatever is down. Event time runs a minute a second, through hours that are over, so that windows
 * close and change all the time and all of them can be whole in the end. What was answered goes
 * into the model; ids of one sender are never another's.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Item } from '../../interop/hard-input.ts'
import { type HotTraffic, openHotTraffic } from '../../parity/hot-traffic.ts'
import type { Model } from '../../parity/model.ts'
import { openAgent, post } from '../../support/client.ts'
import { openRandom } from '../../support/random.ts'

/**
 * Where the collector listens at the moment; null while it is down. Once given up, nothing is sent
 * any more.
 */
export type Address = { url: string | null; isGivenUp?: boolean }

export type Sent = Readonly<{
  events: number
  /** Requests that were not answered with 200 at the first attempt. */
  repeated: number
  /** The longest time from a body's first attempt to its answer. */
  longestMs: number
}>

export type Traffic = Readonly<{
  sent(): Sent
  /** Resolves once so many more events are answered; rejects when a sender failed. */
  more(events: number): Promise<void>
  /** Sends no further body, and resolves once the last ones are answered. */
  finish(): Promise<Sent>
}>

export type TrafficOptions = Readonly<{
  seed: number
  address: Address
  model: Model
  /** For all senders together. */
  eventsPerSecond?: number
  /** Which part of the events is late, by up to an hour. */
  lateShare?: number
}>

const SENDERS = 2
const EVENTS_PER_SECOND = 2_000
const PACE_MS = 100
const LATE_SHARE = 0.005
const HOUR_MS = 3_600_000
/** Event time a second of traffic. */
const LAPSE = 60
const BEGIN_MS = 6 * HOUR_MS
const YOUNGEST_MS = 12 * 60_000
const RETRY_MS = 50
/** Longer than any fault lasts. */
const PATIENCE_MS = 180_000
const POLL_MS = 50

export function startTraffic(options: TrafficOptions): Traffic {
  const { seed, address, model, eventsPerSecond = EVENTS_PER_SECOND } = options
  const late = { share: options.lateShare ?? LATE_SHARE, uptoMs: HOUR_MS }
  const nowMs = Date.now()
  const begunMs = performance.now()
  const total = { events: 0, repeated: 0, longestMs: 0 }
  const batch = Math.ceil((eventsPerSecond / SENDERS) * (PACE_MS / 1000))
  let finishing = false

  const clockMs = (): number => {
    const lapsedMs = (performance.now() - begunMs) * LAPSE
    return Math.floor(nowMs - Math.max(BEGIN_MS - lapsedMs, YOUNGEST_MS))
  }
  const runSender = async (hot: HotTraffic): Promise<void> => {
    const agent = openAgent()
    try {
      for (let next = performance.now(); !finishing; next += PACE_MS) {
        const atMs = clockMs()
        const items = Array.from({ length: batch }, () => hot.makeItem(atMs))
        const sentAt = performance.now()
        const attempts = await sendUntilAnswered(address, items, agent)
        model.add(items)
        total.events += items.length
        if (attempts > 1) total.repeated += 1
        total.longestMs = Math.max(total.longestMs, Math.round(performance.now() - sentAt))
        next = Math.max(next, performance.now() - PACE_MS)
        await sleep(Math.max(0, next + PACE_MS - performance.now()))
      }
    } finally {
      agent.destroy()
    }
  }
  const senders = Array.from({ length: SENDERS }, (_, at) =>
    runSender(openHotTraffic(openRandom(seed + at), `t${seed}-${at}`, late)),
  )
  const done = Promise.all(senders)
  // A failure is reported by finish() or more(); until then it must not end the test run by itself.
  let failure: unknown = null
  done.catch((error: unknown) => {
    failure = error
    finishing = true
  })
  return {
    sent: () => ({ ...total }),
    more: async (events) => {
      const wanted = total.events + events
      while (total.events < wanted) {
        if (failure !== null) throw failure
        await sleep(POLL_MS)
      }
    },
    finish: async () => {
      finishing = true
      await done
      return { ...total }
    },
  }
}

async function sendUntilAnswered(
  address: Address,
  items: readonly Item[],
  agent: ReturnType<typeof openAgent>,
): Promise<number> {
  const body = Buffer.concat(items.flatMap(({ bytes }) => [bytes, Buffer.from('\n')]))
  const deadline = AbortSignal.timeout(PATIENCE_MS)
  for (let attempts = 1; ; attempts += 1) {
    const { url, isGivenUp } = address
    if (isGivenUp === true) throw new Error('given up before it was answered')
    const answer = url === null ? null : await post(url, body, { agent }).catch(() => null)
    if (answer?.status === 200) return attempts
    if (answer !== null && answer.status !== 503) {
      throw new Error(`unexpected answer ${answer.status}: ${answer.text}`)
    }
    if (deadline.aborted) {
      const last = answer === null ? 'no answer' : `${answer.status}: ${answer.text}`
      throw new Error(`not accepted after ${PATIENCE_MS / 1000} s: ${last}`)
    }
    await sleep(RETRY_MS)
  }
}
