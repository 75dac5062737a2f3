/**
 * The job on Flink, on services of this machine: a topic is filled, the job is submitted on it, and the raw table says when all is in.
 *
 *   dedup      job.sql as it is                          goal 30,000 events/s
 *   no dedup   the same without asking whether an id came before: what the rest of it costs, goal 60,000
 *
 * usage: node bench/flink.ts [--events 3000000] [--seed 1] [--parallelism 1]
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { flinkJobOptions, makeJobSql, openGatewaySession } from '../src/flink.ts'
import { openFlinkStack } from '../test/stack/support/flink-stack.ts'
import { fillTopic, ROUND_EVENTS } from './support/fill-topic.ts'
import { describeMachine } from './support/machine.ts'

const OCCURRENCE = 'ROW_NUMBER() OVER (PARTITION BY event_id ORDER BY proc ASC)'
const POLL_MS = 1_000

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '3000000' },
    seed: { type: 'string', default: '1' },
    parallelism: { type: 'string', default: '1' },
  },
})
const events = Math.ceil(Number(values.events) / ROUND_EVENTS) * ROUND_EVENTS

const stack = await openFlinkStack()
try {
  console.log(`machine   ${describeMachine()}`)
  await run('dedup', (statement) => statement, 30_000)
  await run('no dedup', withoutDedup, 60_000)
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
    `${name.padEnd(9)} ${rate(fromSubmission)} events/s from submission, ${rate(running)} once running, goal ${rate(goal)}`,
  )
  await stack.cancel(jobId)
}

type Place = Awaited<ReturnType<typeof stack.place>>

async function submit(place: Place, change: (statement: string) => string): Promise<string> {
  const options = flinkJobOptions({
    log: place.topic,
    warehouse: place.lake.warehouse,
    catalog: place.lake.catalog,
    dedupe: { horizonMs: 3_600_000 },
    windowUs: 300_000_000,
    rejectedDirectory: place.rejectedDirectory,
    flink: {
      parallelism: Number(values.parallelism),
      checkpointIntervalMs: 5_000,
      watermarkDelayMs: 10_000,
      idleTimeoutMs: 10_000,
      stateBackend: 'hashmap',
      rejectedDirectory: place.rejectedDirectory,
    },
  })
  const address = stack.services.stack.address('sql-gateway', 8083)
  const session = await openGatewaySession({ url: `http://${address}`, properties: {} })
  try {
    let jobId: string | null = null
    for (const statement of makeJobSql(options).statements) {
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
