/**
 * A server that counts impressions at a steady rate until its standard input ends, then sends what
 * waits and ends by itself. Each line it prints is a `Sample`.
 * usage: node --expose-gc server-app.ts URL CAMPAIGN QUEUE-EVENTS EVENTS-A-SECOND ready|never
 */
import { createTracker } from '../../sdk/src/index.ts'

export type Sample = Readonly<{
  calls: number
  /** After a full collection of garbage. */
  heapBytes: number
  counts: ReturnType<ReturnType<typeof createTracker>['counts']>
  isLast: boolean
}>

const [url = '', campaign = '', queueEvents, rate, waits] = process.argv.slice(2)
const TURN_MS = 10
const SAMPLE_MS = 500

const metrics = createTracker({
  url,
  queueEvents: Number(queueEvents),
  queueBytes: Number.MAX_SAFE_INTEGER,
})
const perMs = Number(rate) / 1_000
let calls = 0
let isOver = false
process.stdin.on('end', () => {
  isOver = true
})
process.stdin.resume()

const samples = setInterval(() => print(false), SAMPLE_MS)
let turnMs = performance.now()
let due = 0
while (!isOver) {
  await new Promise((resolve) => setTimeout(resolve, TURN_MS))
  const nowMs = performance.now()
  due += (nowMs - turnMs) * perMs
  turnMs = nowMs
  for (; due >= 1; due--) {
    if (waits === 'ready') await metrics.ready()
    metrics.impression({ campaign_id: campaign, event_id: `${campaign}-${calls}`, user_id: 'u' })
    calls++
  }
}
while (metrics.counts().waiting > 0) {
  await metrics.flush()
  await new Promise((resolve) => setTimeout(resolve, TURN_MS))
}
clearInterval(samples)
print(true)

function print(isLast: boolean): void {
  globalThis.gc?.()
  const { heapUsed: heapBytes } = process.memoryUsage()
  const sample: Sample = { calls, heapBytes, counts: metrics.counts(), isLast }
  console.log(JSON.stringify(sample))
}
