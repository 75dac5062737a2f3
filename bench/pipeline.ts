/**
 * Measures the whole product from outside, each measure on a fresh folder unless it says otherwise:
 *
 *   throughput   events over HTTP until all are committed to both tables; memory; CPU by thread
 *   latency      open loop at a rate: answer after fsync, and event -> visible in Iceberg
 *   start        start-up on the data of the throughput run
 *   single       requests of one event on many connections, the server on one core
 *   reference    the same bodies into a server that does nothing; the disk alone
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { get, post, readStatus } from '../test/support/client.ts'
import { eventLine } from '../test/support/events.ts'
import { type Folder, openFolder } from '../test/support/folder.ts'
import { type Product, runCommand, startProduct } from '../test/support/product.ts'
import { runLoad, startSink, startWatch } from './support/children.ts'
import type { Percentiles } from './support/histogram.ts'
import type { LoadReport } from './support/load.ts'
import { measureDisk, readMemory, readThreads } from './support/machine.ts'
import { visibility } from './support/visibility.ts'

export type BenchOptions = Readonly<{ events: number; rate: number; seconds: number; seed: number }>

/** 1 MB of events of about 240 bytes. */
const BULK_EVENTS = 4_200
const BULK_CONNECTIONS = 4
const PACED_EVENTS = 250
const PACED_CONNECTIONS = 16
const SINGLE_CONNECTIONS = 64
const SINGLE_REQUESTS = 60_000
const MEMORY_POLL_MS = 100
const SETTLE_LIMIT_MS = 300_000

export type Throughput = Readonly<{
  events: number
  bytesPerEvent: number
  /** From the first request until everything was answered. */
  answeredPerSecond: number
  /** From the first request until both tables held everything. */
  committedPerSecond: number
  refused: number
  /** In the raw table; every event has an id of its own, so nothing may be missing. */
  stored: number
  /** What an event takes in the raw table's files. */
  bytesPerRow: number
  /** What `verify` printed afterwards. */
  verified: string
  /** Largest resident set seen, less what the status says the memory of ids takes. */
  peakBytes: number
  peakWithoutIdsBytes: number
  /** Nanoseconds of CPU an event, by thread, the busiest first. */
  threads: readonly (readonly [name: string, nsPerEvent: number])[]
}>

type StatusOfTables = Readonly<{
  ledger: Readonly<{ stored: number }>
  tables: Readonly<{ events: Readonly<{ rows: number; bytes: number }> }>
}>

/** The default configuration, as a user has it; only the port is chosen. */
const DEFAULTS = { commitInterval: '1s' }

export async function measureThroughput(
  options: BenchOptions,
): Promise<Readonly<{ result: Throughput; folder: Folder }>> {
  const folder = await openFolder(DEFAULTS)
  const product = await startProduct(folder)
  try {
    const peak = watchMemory(product)
    const before = readThreads(product.pid)
    const load = await runLoad({
      url: product.url,
      seed: options.seed,
      events: options.events,
      eventsPerBody: BULK_EVENTS,
      connections: BULK_CONNECTIONS,
      rate: 0,
    })
    await waitUntilCommitted(product.url, load.events)
    const committedMs = performance.timeOrigin + performance.now()
    const threads = readThreads(product.pid)
    const { bytes: peakBytes, withoutIds } = await peak.stop()
    const { ledger, tables } = (await readStatus(product.url)) as unknown as StatusOfTables
    const verify = await runCommand(folder, ['verify'], { limitMs: SETTLE_LIMIT_MS })
    const result: Throughput = {
      events: load.events,
      bytesPerEvent: load.bytes / load.events,
      answeredPerSecond: (load.events * 1000) / load.elapsedMs,
      committedPerSecond: (load.events * 1000) / (committedMs - load.startedMs),
      refused: load.refused,
      stored: ledger.stored,
      bytesPerRow: tables.events.bytes / tables.events.rows,
      verified: verify.exit.code === 0 ? 'passed' : verify.stdout + verify.stderr,
      peakBytes,
      peakWithoutIdsBytes: withoutIds,
      threads: [...threads]
        .map(([name, seconds]) => {
          const used = seconds - (before.get(name) ?? 0)
          return [name, (used * 1e9) / load.events] as const
        })
        .filter(([, ns]) => ns >= 5)
        .sort((a, b) => b[1] - a[1]),
    }
    return { result, folder }
  } finally {
    await product.stop()
  }
}

export type Latency = Readonly<{
  rate: number
  /** What was really sent: less than the rate where the machine could not. */
  sentPerSecond: number
  ackMs: Percentiles
  visibleMs: Percentiles
}>

export async function measureLatency(options: BenchOptions): Promise<Latency> {
  const folder = await openFolder(DEFAULTS)
  const product = await startProduct(folder)
  try {
    // The first requests of a process compile its code; they are not part of the p99.
    await warmUp(product, options)
    const base = await readEndOffset(product.url)
    const watch = startWatch(folder.catalogPath)
    const load = await runLoad({
      url: product.url,
      seed: options.seed,
      events: options.rate * options.seconds,
      eventsPerBody: PACED_EVENTS,
      connections: PACED_CONNECTIONS,
      rate: options.rate,
      trace: true,
    })
    await waitUntilCommitted(product.url, base + load.events)
    await sleep(200)
    const sightings = await watch.stop()
    return {
      rate: options.rate,
      sentPerSecond: (load.events * 1000) / load.elapsedMs,
      ackMs: load.latencyMs,
      visibleMs: visibility(load, base, sightings),
    }
  } finally {
    await product.stop()
    await folder.close()
  }
}

export type StartUp = Readonly<{ listeningMs: number; readyMs: number; verdict: string }>

/** Listening: the URL is printed. Ready: an event is answered and both tables can be asked for. */
export async function measureStart(folder: Folder): Promise<StartUp> {
  const started = performance.now()
  const product = await startProduct(folder)
  const listeningMs = performance.now() - started
  try {
    const event = eventLine({ event_id: `ready-${started}` })
    for (;;) {
      const answer = await post(product.url, event).catch(() => null)
      if (answer?.status === 200) break
      await sleep(5)
    }
    const readyMs = performance.now() - started
    return { listeningMs, readyMs, verdict: (await get(product.url, '/healthz')).text }
  } finally {
    await product.stop()
  }
}

export type Single = Readonly<{
  requestsPerSecond: number
  ackMs: Percentiles
  connections: number
}>

/** The server may use core 0 only; the load generator has core 1. */
export async function measureSingle(options: BenchOptions): Promise<Single> {
  const folder = await openFolder(DEFAULTS)
  const product = await startProduct(folder, { under: ['taskset', '-c', '0'] })
  try {
    await runLoad({ ...singleLoad(product.url, options), events: SINGLE_REQUESTS / 10, seed: 1 }, 1)
    return toSingle(await runLoad(singleLoad(product.url, options), 1))
  } finally {
    await product.stop()
    await folder.close()
  }
}

export type Reference = Readonly<{
  sinkEventsPerSecond: number
  sinkRequestsPerSecond: number
  diskMibPerSecond: number
}>

export async function measureReference(options: BenchOptions): Promise<Reference> {
  const folder = await openFolder()
  const diskMibPerSecond = measureDisk(folder.path)
  await folder.close()
  const bulk = await startSink()
  const load = await runLoad({
    url: bulk.url,
    seed: options.seed,
    events: options.events,
    eventsPerBody: BULK_EVENTS,
    connections: BULK_CONNECTIONS,
    rate: 0,
  })
  bulk.stop()
  const pinned = await startSink(0)
  const single = toSingle(await runLoad(singleLoad(pinned.url, options), 1))
  pinned.stop()
  return {
    sinkEventsPerSecond: (load.events * 1000) / load.elapsedMs,
    sinkRequestsPerSecond: single.requestsPerSecond,
    diskMibPerSecond,
  }
}

function singleLoad(url: string, options: BenchOptions) {
  return {
    url,
    seed: options.seed,
    events: SINGLE_REQUESTS,
    eventsPerBody: 1,
    connections: SINGLE_CONNECTIONS,
    rate: 0,
  }
}

function toSingle(load: LoadReport): Single {
  return {
    requestsPerSecond: (load.requests * 1000) / load.elapsedMs,
    ackMs: load.latencyMs,
    connections: SINGLE_CONNECTIONS,
  }
}

async function warmUp(product: Product, options: BenchOptions): Promise<void> {
  await runLoad({
    url: product.url,
    seed: options.seed + 7,
    events: options.rate * 3,
    eventsPerBody: PACED_EVENTS,
    connections: PACED_CONNECTIONS,
    rate: options.rate,
  })
  await waitUntilCommitted(product.url, options.rate * 3)
}

/** `events`: stored since ever. */
export async function waitUntilCommitted(url: string, events: number): Promise<void> {
  const deadline = AbortSignal.timeout(SETTLE_LIMIT_MS)
  for (;;) {
    const { ledger } = await readStatus(url)
    if (ledger.waiting === 0 && ledger.stored + ledger.duplicates >= events) return
    if (deadline.aborted) throw new Error(`not committed: ${JSON.stringify(ledger)}`)
    await sleep(20)
  }
}

async function readEndOffset(url: string): Promise<number> {
  const { ledger } = await readStatus(url)
  return ledger.stored + ledger.duplicates
}

/** Where the status says how large the memory of ids is, it is taken off. */
export function watchMemory(
  product: Pick<Product, 'pid' | 'url'>,
): Readonly<{ stop(): Promise<{ bytes: number; withoutIds: number }> }> {
  let bytes = 0
  const timer = setInterval(() => {
    bytes = Math.max(bytes, readMemory(product.pid).residentBytes)
  }, MEMORY_POLL_MS)
  return {
    stop: async () => {
      clearInterval(timer)
      const status = await readStatus(product.url)
      return { bytes, withoutIds: bytes - readIdBytes(status) }
    },
  }
}

function readIdBytes(status: Readonly<Record<string, unknown>>): number {
  const { dedupe } = status as { dedupe?: { memoryBytes?: number; bytes?: number } }
  return dedupe?.memoryBytes ?? dedupe?.bytes ?? 0
}
