/** A job that is gone and that nobody submits is said, whatever keeps it from being submitted. */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { openFlinkJob } from '../../../src/flink.ts'
import { until } from '../../support/until.ts'

/**
 * What Flink's interfaces answer where there is no job; the gateway takes a request and never
 * answers it.
 */
async function openFlink(): Promise<Server & { url: string }> {
  const answers: Readonly<Record<string, unknown>> = {
    '/jobs/overview': { jobs: [] },
    '/overview': { 'slots-total': 1 },
  }
  const server = createServer((request, response) => {
    if (request.method !== 'GET') return
    response.end(JSON.stringify(answers[request.url ?? ''] ?? []))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return Object.assign(server, { url })
}

test('a cluster without the job, whose gateway hangs, is a problem after a while', async (t) => {
  const flink = await openFlink()
  t.after(() => flink.closeAllConnections())
  t.after(() => flink.close())
  let nowMs = 0
  const job = openFlinkJob({
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
    gateway: flink.url,
    rest: flink.url,
    readTables: async () => ({ commits: [], rows: 0, rebuilt: null }),
    state: { read: async () => null, write: async () => {} },
    note: { read: async () => null, write: async () => {} },
    withLock: (work) => work(),
    nowMs: () => nowMs,
    pollMs: 10,
  })
  job.watch()
  await until(() => {
    nowMs += 1_000
    return job.problem() !== null
  })
  assert.match(
    job.problem() ?? '',
    /the Flink job has not been seen running for \d+ s: the cluster has no such job/,
  )
  flink.closeAllConnections()
  flink.close()
  await job.close()
})
