/** The traffic of the screenshots: a shop whose day has its busy and its quiet hours. */
import { setTimeout as sleep } from 'node:timers/promises'
import { makeTraffic } from '../src/demo-traffic.ts'
import { postAccepted, waitUntilSettled } from '../test/support/client.ts'
import { openRandom } from '../test/support/random.ts'

type Shop = Readonly<{
  historyMs: number
  /** At the busiest; the time of the day decides how much of it is sent. */
  eventsPerSecond: number
}>

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const US_PER_MS = 1000
const CAMPAIGNS = 16
const SEED = 20
const CHUNKS_PER_SECOND = 6
const HISTORY_BODY_CHARACTERS = 2_000_000
const SETTLE_LIMIT_MS = 10 * MINUTE_MS

/**
 * The share of its traffic that a product has at a time: busiest about now, quiet half a day
 * before, never quite even.
 */
function shareAt(ageMs: number): number {
  const wave = 0.72 + 0.2 * Math.cos((2 * Math.PI * ageMs) / (24 * HOUR_MS))
  const ripples =
    0.05 * Math.sin(ageMs / (11 * MINUTE_MS)) + 0.03 * Math.sin(ageMs / (4 * MINUTE_MS))
  return wave + ripples
}

export type Traffic = Generator<Readonly<{ lines: string; sentMs: number }>>

/**
 * The past and what follows, thinned out line by line, so that ratios stay what they are. It does
 * not end.
 */
export function* makeShop(nowMs: number, { historyMs, eventsPerSecond }: Shop): Traffic {
  const random = openRandom(SEED)
  const decoder = new TextDecoder()
  const chunks = makeTraffic({
    seed: SEED,
    startUs: (nowMs - historyMs) * US_PER_MS,
    eventsPerSecond,
    chunkEvents: eventsPerSecond / CHUNKS_PER_SECOND,
    campaigns: CAMPAIGNS,
    lateShare: 0,
  })
  for (const { bytes, sentUs } of chunks) {
    const sentMs = sentUs / US_PER_MS
    const share = shareAt(nowMs - sentMs)
    const lines = decoder.decode(bytes).split('\n').slice(0, -1)
    const kept = lines.filter(() => random.chance(share))
    yield { lines: kept.map((line) => `${line}\n`).join(''), sentMs }
  }
}

/** As fast as it goes, until it has caught up with the present. */
export async function sendHistory(url: string, traffic: Traffic): Promise<void> {
  let sent = 0
  let isPast = true
  while (isPast) {
    let body = ''
    while (isPast && body.length < HISTORY_BODY_CHARACTERS) {
      const { lines, sentMs } = takeNext(traffic)
      body += lines
      isPast = sentMs < Date.now()
    }
    sent += (await postAccepted(url, body)).accepted
  }
  await waitUntilSettled(url, SETTLE_LIMIT_MS)
  console.log(`${sent.toLocaleString('en')} events of the past are in the tables`)
}

/** Goes on where the history ends, as time passes. */
export async function sendLive(url: string, traffic: Traffic, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { lines, sentMs } = takeNext(traffic)
    await sleep(Math.max(0, sentMs - Date.now()))
    await postAccepted(url, lines)
  }
}

function takeNext(traffic: Traffic): Readonly<{ lines: string; sentMs: number }> {
  const { value, done } = traffic.next()
  if (done) throw new Error('screenshots: the traffic has ended')
  return value
}
