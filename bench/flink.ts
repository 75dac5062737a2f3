/**
 * The job on Flink, on services of this machine: a topic is filled, the job is submitted on it, and
 * the raw table says when all is in.
 *
 *   decode     only reads and decodes the topic, and discards it: the reference
 *   dedup      job.sql as it is; goal 90,000 events/s
 *   no dedup   without asking whether an id came before: what the rest costs; goal 130,000
 *   freshness  events over HTTP at a steady rate, until a reader of the raw table can see them;
 *              goal p99 <= checkpoint interval + 2 s
 *
 * Beside the rate stands the CPU time of an event, by process and by thread of the task manager.
 *
 * usage: node bench/flink.ts [--only decode,dedup,no-dedup,freshness] [--events 3000000]
 *          [--from 1] [--rate 5000] [--seconds 60] [--seed 1] [--parallelism 1]
 *          [--state rocksdb|hashmap] [--horizon 1h]
 *
 * `--from`: the rate `once running` and the costs begin when so many rows are stored, as with
 * `--events 25000000 --from 20000000` where the state is large. `freshness` says every five minutes
 * what has grown; with `--seconds 3600 --horizon 20m --parallelism 2` ids expire, as they do after
 * a day of the defaults.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { flinkJobOptions, makeJobSql, openCluster, openGatewaySession } from '../src/flink.ts'
import type { Status } from '../src/pipeline.ts'
import { readLake } from '../src/table.ts'
import { setUp } from '../test/parity/parity-run.ts'
import {
  type DistributedSide,
  flinkFields,
  openFlinkSide,
} from '../test/stack/support/distributed-side.ts'
import { openFlinkStack } from '../test/stack/support/flink-stack.ts'
import { type Product, startProduct } from '../test/support/product.ts'
import { runLoad, type Sighting } from './support/children.ts'
import { fillTopic, ROUND_EVENTS } from './support/fill-topic.ts'
import { describeMachine, readMemory, readThreads, readUsedSeconds } from './support/machine.ts'
import { visibility } from './support/visibility.ts'

const OCCURRENCE =
  'ROW_NUMBER() OVER (PARTITION BY UNHEX(SUBSTRING(SHA256(event_id), 1, 32)) ORDER BY proc ASC)'
/** Reads each record as job.sql does, up to the end that the topic has at the start. */
const DECODE = `INSERT INTO discarded SELECT
  event_id, user_id, campaign_id, event_type, \`timestamp\`, revenue, platform, country, device_type
  FROM json_events /*+ OPTIONS(
    'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset') */`
const DISCARDED = `CREATE TEMPORARY TABLE discarded (
  event_id STRING, user_id STRING, campaign_id STRING, event_type STRING, \`timestamp\` STRING,
  revenue STRING, platform STRING, country STRING, device_type STRING
) WITH ('connector' = 'blackhole')`
const MEASURED = ['taskmanager', 'jobmanager', 'kafka', 's3']
const SHOWN_US = 0.2
const POLL_MS = 1_000
const CHECKPOINT_MS = 5_000
const WATCH_MS = 100
const PACED_EVENTS = 50
const WARM_SECONDS_MAX = 60
const REPORT_MS = 300_000

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'decode,dedup,no-dedup,freshness' },
    rate: { type: 'string', default: '5000' },
    seconds: { type: 'string', default: '60' },
    events: { type: 'string', default: '3000000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    parallelism: { type: 'string', default: '1' },
    state: { type: 'string', default: 'rocksdb' },
    horizon: { type: 'string', default: '1h' },
  },
})
const events = Math.ceil(Number(values.events) / ROUND_EVENTS) * ROUND_EVENTS

const measures = values.only.split(',')

const stack = await openFlinkStack(measures.includes('freshness') ? ['trino'] : [])
try {
  console.log(`machine   ${describeMachine()}`)
  if (measures.includes('decode')) await decode()
  if (measures.includes('dedup')) await run('dedup', (statement) => statement, 90_000)
  if (measures.includes('no-dedup')) await run('no dedup', withoutDedup, 130_000)
  if (measures.includes('freshness')) await freshness()
} finally {
  await stack.close()
}

async function run(name: string, change: (statement: string) => string, goal: number) {
  const place = await stack.place(4)
  await fillTopic(place.topic, events, Number(values.seed))
  const submittedMs = performance.now()
  const jobId = await submit(place, change)
  const first = await storedAtLeast(place, Number(values.from))
  const used = await cpuSeconds()
  const last = await storedAtLeast(place, events)
  const costs = costsPerEvent(used, await cpuSeconds(), last.rows - first.rows)
  const fromSubmission = (events * 1000) / (last.atMs - submittedMs)
  const running = ((last.rows - first.rows) * 1000) / (last.atMs - first.atMs)
  console.log(
    `${name.padEnd(9)} ${rate(fromSubmission)} events/s from submission, ${rate(running)} once ` +
      `running, goal ${rate(goal)}`,
  )
  for (const line of costs) console.log(line)
  await stack.cancel(jobId)
}

/** Ends by itself at the end of the topic. */
async function decode(): Promise<void> {
  const place = await stack.place(4)
  await fillTopic(place.topic, events, Number(values.seed))
  const used = await cpuSeconds()
  const jobId = await submit(place, (statement) =>
    statement.includes('EXECUTE STATEMENT SET') ? DECODE : statement,
  )
  const startedMs = performance.now()
  const cluster = openCluster(`http://${stack.services.stack.address('jobmanager', 8081)}`)
  const state = await cluster.awaitEnd(jobId)
  if (state !== 'FINISHED') throw new Error(`the job that only decodes is ${state}`)
  const perSecond = (events * 1000) / (performance.now() - startedMs)
  console.log(`${'decode'.padEnd(9)} ${rate(perSecond)} events/s from submission`)
  for (const line of costsPerEvent(used, await cpuSeconds(), events)) console.log(line)
}

/** The whole way, with the product as `setup` and `start` make it. */
async function freshness(): Promise<void> {
  const { stack: services } = stack.services
  const fields = flinkFields(services)
  const side = await openFlinkSide(services, 'freshness', {
    commitInterval: `${CHECKPOINT_MS / 1000}s`,
    dedupe: { horizon: values.horizon },
    flink: {
      ...fields,
      parallelism: Number(values.parallelism),
      checkpointInterval: `${CHECKPOINT_MS / 1000}s`,
      watermarkDelay: '10s',
    },
  })
  await setUp(side)
  const product = await startProduct(side.folder, { environment: side.environment })
  const rate = Number(values.rate)
  const seed = Number(values.seed)
  const shape = { url: product.url, eventsPerBody: PACED_EVENTS, connections: 16, rate }
  // Until the code is compiled, and the first windows have closed.
  const warmSeconds = Math.min(Number(values.seconds), WARM_SECONDS_MAX)
  const warm = await runLoad({ ...shape, seed: seed + 1, events: rate * warmSeconds })
  const watched = new AbortController()
  const sightings: Sighting[] = []
  const watching = watch(side, sightings, watched.signal)
  const reporting = reportSizes(product, watched.signal)
  const load = await runLoad({
    ...shape,
    seed,
    events: rate * Number(values.seconds),
    trace: true,
  })
  while ((sightings.at(-1)?.[1] ?? 0) < warm.events + load.events) await sleep(WATCH_MS)
  watched.abort()
  await Promise.all([watching, reporting])
  const { p50, p99, max } = visibility(load, warm.events, sightings)
  console.log(
    `freshness p50 ${seconds(p50)}, p99 ${seconds(p99)}, max ${seconds(max)} at ${rate} ` +
      `events/s, goal p99 <= ${seconds(CHECKPOINT_MS + 2_000)}`,
  )
  await product.stop()
  await side.close()
}

/** Rows of the raw table, as a reader who looks it up in the catalog sees them. */
async function watch(
  side: DistributedSide,
  sightings: Sighting[],
  signal: AbortSignal,
): Promise<void> {
  const lake = {
    warehouse: stack.services.warehouseAt(String(side.fields.warehouse)),
    catalog: stack.services.catalog(side.database),
  }
  while (!signal.aborted) {
    const { events } = await readLake(lake)
    const rows = Number(events.summary['total-records'] ?? 0)
    if (rows !== sightings.at(-1)?.[1]) {
      sightings.push([performance.timeOrigin + performance.now(), rows])
    }
    await sleep(WATCH_MS)
  }
}

/** What grows with time, at once and every five minutes. */
async function reportSizes({ url, pid }: Product, signal: AbortSignal): Promise<void> {
  const startMs = performance.now()
  while (!signal.aborted) {
    const { job, dedupe, tables } = (await (await fetch(`${url}/v1/status`)).json()) as Status
    const minutes = ((performance.now() - startMs) / 60_000).toFixed(0)
    const { durationMs = 0, bytes = 0 } = job?.lastCheckpoint ?? {}
    const services = await Promise.all(
      MEASURED.map(async (name) => [name, (await stack.services.stack.state(name)).pid] as const),
    )
    const memory = [...services, ['start', pid] as const].map(
      ([name, its]) => `${name} ${its === null ? '?' : mib(readMemory(its).residentBytes)}`,
    )
    console.log(
      `  ${minutes.padStart(3)} min  ${rate(dedupe.ids ?? 0)} ids, checkpoint ${mib(bytes)} in ` +
        `${seconds(durationMs)}, ${tables.events.files} raw files, ${mib(tables.events.bytes)}, ` +
        `resident: ${memory.join(', ')}`,
    )
    await sleep(REPORT_MS, undefined, { signal }).catch(() => {})
  }
}

function mib(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(0)} MiB`
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

type Place = Awaited<ReturnType<typeof stack.place>>

async function submit(place: Place, change: (statement: string) => string): Promise<string> {
  const options = flinkJobOptions({
    log: place.topic,
    warehouse: place.lake.warehouse,
    catalog: place.lake.catalog,
    dedupe: { horizonMs: 3_600_000 },
    retention: { eventsMs: 0, metricsMs: 0, readersMs: 3_600_000, readersMaxBytes: 4 * 2 ** 30 },
    windowUs: 300_000_000,
    rejectedDirectory: place.rejectedDirectory,
    flink: {
      parallelism: Number(values.parallelism),
      checkpointIntervalMs: CHECKPOINT_MS,
      watermarkDelayMs: 10_000,
      idleTimeoutMs: 10_000,
      stateBackend: values.state === 'hashmap' ? 'hashmap' : 'rocksdb',
      rejectedDirectory: place.rejectedDirectory,
    },
  })
  const address = stack.services.stack.address('sql-gateway', 8083)
  const session = await openGatewaySession({ url: `http://${address}`, properties: {} })
  try {
    let jobId: string | null = null
    // Submitted past the supervision, which commits the offsets that a job begins at.
    for (const statement of [DISCARDED, ...makeJobSql(options, 'skip').statements]) {
      jobId = (await session.execute(change(statement))).jobId ?? jobId
    }
    if (jobId === null) throw new Error('the gateway did not say the id of the job')
    return jobId
  } finally {
    await session.close()
  }
}

/** A number of the row in place of the question whether it is the first of its id: every row is. */
function withoutDedup(statement: string): string {
  return statement.replace(OCCURRENCE, '1')
}

type Used = ReadonlyMap<string, ReadonlyMap<string, number>>

/** By service and thread; of threads that have ended, the sum. */
async function cpuSeconds(): Promise<Used> {
  const used = new Map<string, ReadonlyMap<string, number>>()
  for (const name of MEASURED) {
    const { pid } = await stack.services.stack.state(name)
    if (pid === null) throw new Error(`${name} does not run`)
    const threads = readThreads(pid)
    const living = [...threads.values()].reduce((sum, seconds) => sum + seconds, 0)
    used.set(name, new Map([...threads, ['ended', readUsedSeconds(pid) - living]]))
  }
  return used
}

/** Services, and under them their threads by the first word of their name. */
function costsPerEvent(before: Used, after: Used, count: number): string[] {
  const lines: string[] = []
  for (const [service, threads] of after) {
    const parts = new Map<string, number>()
    for (const [thread, seconds] of threads) {
      const usedUs = ((seconds - (before.get(service)?.get(thread) ?? 0)) * 1e6) / count
      const kind = thread.replace(/[\d#/].*/, '').trim()
      parts.set(kind, (parts.get(kind) ?? 0) + usedUs)
    }
    const ordered = [...parts].sort(([, a], [, b]) => b - a)
    const sum = ordered.reduce((all, [, one]) => all + one, 0)
    const named = ordered.filter(([, one]) => one >= SHOWN_US).map(([kind, one]) => [kind, us(one)])
    lines.push(
      `  ${service.padEnd(12)} ${us(sum)}  ${named.map((one) => one.join(' ')).join(', ')}`,
    )
  }
  return lines
}

function us(value: number): string {
  return `${value.toFixed(1)} µs`
}

async function storedAtLeast(place: Place, rows: number) {
  for (;;) {
    const found = await place.stored()
    if (found >= rows) return { rows: found, atMs: performance.now() }
    await sleep(POLL_MS)
  }
}

function rate(perSecond: number): string {
  return Math.round(perSecond).toLocaleString('en')
}
