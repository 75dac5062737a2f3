/**
 * A job that is gone and that nobody submits is reported, whatever keeps it from being submitted; so
 * is one that Flink calls running, and whose tasks wait for slots.
 */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { FlinkJobSettings } from '../../../src/flink/supervision/supervised-job.ts'
import { type FlinkJob, makeJobSql, openFlinkJob } from '../../../src/flink.ts'
import { until } from '../../support/until.ts'

type Answers = Readonly<Record<string, unknown>>

/** What Flink's interfaces answer; the gateway takes a request and never answers it. */
async function openFlink(t: TestContext, answers: Answers): Promise<Server & { url: string }> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET') return
    const [path = ''] = (request.url ?? '').split('?')
    response.end(JSON.stringify(answers[path] ?? []))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.closeAllConnections())
  t.after(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return Object.assign(server, { url })
}

function settingsAt(url: string, nowMs: () => number): FlinkJobSettings {
  return {
    kafka: { brokers: ['kafka:9092'], topic: 'events', tls: null, sasl: null },
    warehouse: { location: 's3://lake', endpoint: null, region: 'eu', pathStyle: false },
    catalog: { host: 'pg', port: 1, database: 'd', user: 'u', password: null, tls: false },
    parallelism: 1,
    checkpointIntervalMs: 5_000,
    watermarkDelayMs: 0,
    idleTimeoutMs: 1_000,
    dedupeHorizonMs: 3_600_000,
    retention: { days: 0, sinceUs: 0, keptFromUs: 0 },
    topic: {
      look: async () => ({ gaps: [], isBehind: false }),
      passGaps: async () => {},
      begin: async () => {},
      close: async () => {},
    },
    passGaps: false,
    rebuildState: false,
    whyNotRebuilt: async () => null,
    rebuild: () => assert.fail('the state is not rebuilt unasked'),
    whyForgotten: async () => null,
    windowUs: 300_000_000,
    stateBackend: 'hashmap',
    rejectedDirectory: '/rejected',
    gateway: url,
    rest: url,
    readTables: async () => ({ commits: [], rows: 0, rebuilt: null }),
    state: { read: async () => null, write: async () => {} },
    note: { read: async () => null, write: async () => {} },
    withLock: (work) => work(),
    nowMs,
    pollMs: 10,
  }
}

/** What is reported once a while has passed. */
async function problemOf(flink: Server & { url: string }): Promise<string> {
  let nowMs = 0
  const job: FlinkJob = openFlinkJob(settingsAt(flink.url, () => nowMs))
  job.watch()
  await until(() => {
    nowMs += 1_000
    return job.problem() !== null
  })
  const problem = job.problem() ?? ''
  flink.closeAllConnections()
  flink.close()
  await job.close()
  return problem
}

test('a cluster without the job, whose gateway hangs, is a problem after a while', async (t) => {
  const overview = { 'slots-total': 1, 'slots-available': 1 }
  const flink = await openFlink(t, { '/jobs/overview': { jobs: [] }, '/overview': overview })
  assert.match(
    await problemOf(flink),
    /the Flink job has not been seen running for \d+ s: the cluster has no such job/,
  )
})

test('a job whose tasks wait for slots is a problem, though Flink calls it running', async (t) => {
  const { name } = makeJobSql(settingsAt('', () => 0))
  const tasks = { running: 3, scheduled: 10, total: 13 }
  const flink = await openFlink(t, {
    '/jobs/overview': { jobs: [{ jid: 'a', name, state: 'RUNNING', tasks }] },
    '/jobs/a/checkpoints': {},
    '/jobs/a/exceptions': {
      exceptionHistory: { entries: [{ stacktrace: 'a.b.TimeoutException: heartbeat of x' }] },
    },
    '/overview': { 'slots-total': 4, 'slots-available': 0 },
  })
  const waits =
    "it is RUNNING, but 3 of its 13 tasks run; 0 of the cluster's 4 task slots are free, " +
    'TimeoutException: heartbeat of x'
  assert.match(
    await problemOf(flink),
    new RegExp(`the Flink job has not been seen running for \\d+ s: ${waits}$`),
  )
})
