/**
 * The load generator: a process of its own that sends and measures, given one JSON argument, and
 * prints one line of JSON.
 *
 * With a rate it is an open loop: request n is due at start + n / rate, whether or not earlier ones
 * were answered, and its latency counts from when it was due. Without a rate each connection sends
 * as soon as it is answered (for throughput only; latencies then mean little).
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { openBodies } from './bodies.ts'
import { openConnection } from './connection.ts'
import { type Percentiles, percentiles } from './histogram.ts'

export type LoadOptions = Readonly<{
  url: string
  seed: number
  events: number
  eventsPerBody: number
  connections: number
  /** Events per second; 0 = as fast as it is answered. */
  rate: number
  /**
   * Keep, for each answer, when it was due, how many events were sent until it came, and when it
   * came.
   */
  trace?: boolean
}>

export type LoadReport = Readonly<{
  events: number
  requests: number
  bytes: number
  startedMs: number
  /** First request to last answer. */
  elapsedMs: number
  refused: number
  latencyMs: Percentiles
  /**
   * For each answer; the events sent until it came are an upper bound of its offset.
   */
  trace: readonly (readonly [dueMs: number, sentEvents: number, answeredMs: number])[]
}>

const PAUSE_AFTER_REFUSAL_MS = 20

if (import.meta.main) {
  const options = JSON.parse(process.argv[2] ?? '{}') as LoadOptions
  process.stdout.write(`${JSON.stringify(await runLoad(options))}\n`)
}

async function runLoad(options: LoadOptions): Promise<LoadReport> {
  const { eventsPerBody, rate } = options
  const total = Math.ceil(options.events / eventsPerBody)
  const latencies: number[] = []
  const trace: [number, number, number][] = []
  const sums = { begun: 0, refused: 0, bytes: 0 }
  const connections = await Promise.all(
    Array.from({ length: options.connections }, () => openConnection(options.url)),
  )
  // Performance's clock never steps; its origin makes it comparable with other processes.
  const clock = (): number => performance.timeOrigin + performance.now()
  const startedMs = clock()
  const dueMs = (request: number): number =>
    rate === 0 ? clock() : startedMs + (request * eventsPerBody * 1000) / rate

  await Promise.all(
    connections.map(async (connection, at) => {
      const bodies = openBodies(options.seed * 1000 + at, eventsPerBody)
      while (sums.begun < total) {
        const request = sums.begun
        sums.begun += 1
        const due = dueMs(request)
        const earlyMs = due - clock()
        // Never before it is due: a late timer counts against the product, an early one would
        // flatter it.
        if (earlyMs > 0) await sleep(Math.ceil(earlyMs))
        const body = bodies.next(Date.now())
        sums.bytes += body.length
        while ((await connection.send(body)) !== 200) {
          sums.refused += 1
          await sleep(PAUSE_AFTER_REFUSAL_MS)
        }
        const answeredMs = clock()
        latencies.push(answeredMs - due)
        if (options.trace) trace.push([due, sums.begun * eventsPerBody, answeredMs])
      }
    }),
  )
  const elapsedMs = clock() - startedMs
  for (const connection of connections) connection.close()
  return {
    events: total * eventsPerBody,
    requests: total,
    bytes: sums.bytes,
    startedMs,
    elapsedMs,
    refused: sums.refused,
    latencyMs: percentiles(latencies),
    trace,
  }
}
