/**
 * The job on Flink, on services of this machine: a topic is filled, the job is submitted on it, and
 * the raw table says when all is in.
 *
 *   dedup      job.sql as it is; goal 30,000 events/s
 *   no dedup   without asking whether an id came before: what the rest costs; goal 60,000
 *   freshness  events over HTTP at a steady rate, until a reader of the raw table can see them;
 *              goal p99 <= checkpoint interval + 2 s
 *
 * usage: node bench/flink.ts [--only dedup,no-dedup,freshness] [--events 3000000] [--rate 5000]
 *          [--seconds 60] [--seed 1] [--parallelism 1] [--state rocksdb|hashmap]
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { flinkJobOptions, makeJobSql, openGatewaySession } from '../src/flink.ts'
import { readLake } from '../src/table.ts'
import { setUp } from '../test/parity/parity-run.ts'
import {
  type DistributedSide,
  flinkFields,
  openFlinkSide,
} from '../test/stack/support/distributed-side.ts'
import { openFlinkStack } from '../test/stack/support/flink-stack.ts'
import { startProduct } from '../test/support/product.ts'
import { runLoad, type Sighting } from './support/children.ts'
import { fillTopic, ROUND_EVENTS } from './support/fill-topic.ts'
import { describeMachine } from './support/machine.ts'
import { visibility } from './support/visibility.ts'

const OCCURRENCE =
  'ROW_NUMBER() OVER (PARTITION BY UNHEX(SUBSTRING(SHA256(event_id), 1, 32)) ORDER BY proc ASC)'
const POLL_MS = 1_000
const CHECKPOINT_MS = 5_000
const WATCH_MS = 100
const PACED_EVENTS = 50

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'dedup,no-dedup,freshness' },
    rate: { type: 'string', default: '5000' },
    seconds: { type: 'string', default: '60' },
    events: { type: 'string', default: '3000000' },
    seed: { type: 'string', default: '1' },
    parallelism: { type: 'string', default: '1' },
    state: { type: 'string', default: 'rocksdb' },
  },
})
const events = Math.ceil(Number(values.events) / ROUND_EVENTS) * ROUND_EVENTS

const measures = values.only.split(',')

const stack = await openFlinkStack(measures.includes('freshness') ? ['trino'] : [])
try {
  console.log(`machine   ${describeMachine()}`)
  if (measures.includes('dedup')) await run('dedup', (statement) => statement, 30_000)
  if (measures.includes('no-dedup')) await run('no dedup', withoutDedup, 60_000)
  if (measures.includes('freshness')) await freshness()
} finally {
  await stack.close()
}

async function run(name: string, change: (statement: string) => string, goal: number) {
  const place = await stack.place(4)
  await fillTopic(place.topic, events, Number(values.seed))
  const submittedMs = performance.now()
  const jobId = await submit(place, change)
  const first = await storedAtLeast(place, 1)
  const last = await storedAtLeast(place, events)
  const fromSubmission = (events * 1000) / (last.atMs - submittedMs)
  const running = ((last.rows - first.rows) * 1000) / (last.atMs - first.atMs)
  console.log(
    `${name.padEnd(9)} ${rate(fromSubmission)} events/s from submission, ${rate(running)} once ` +
      `running, goal ${rate(goal)}`,
  )
  await stack.cancel(jobId)
}

/** The whole way, with the product as `setup` and `start` make it. */
async function freshness(): Promise<void> {
  const { stack: services } = stack.services
  const fields = flinkFields(services)
  const side = await openFlinkSide(services, 'freshness', {
    commitInterval: `${CHECKPOINT_MS / 1000}s`,
    flink: { ...fields, checkpointInterval: `${CHECKPOINT_MS / 1000}s`, watermarkDelay: '10s' },
  })
  await setUp(side)
  const product = await startProduct(side.folder, { environment: side.environment })
  const rate = Number(values.rate)
  const seed = Number(values.seed)
  const shape = { url: product.url, eventsPerBody: PACED_EVENTS, connections: 16, rate }
  // Until the code is compiled, and the first windows have closed.
  const warm = await runLoad({ ...shape, seed: seed + 1, events: rate * Number(values.seconds) })
  const watched = new AbortController()
  const sightings: Sighting[] = []
  const watching = watch(side, sightings, watched.signal)
  const load = await runLoad({
    ...shape,
    seed,
    events: rate * Number(values.seconds),
    trace: true,
  })
  while ((sightings.at(-1)?.[1] ?? 0) < warm.events + load.events) await sleep(WATCH_MS)
  watched.abort()
  await watching
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
    for (const statement of makeJobSql(options, 'skip').statements) {
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
