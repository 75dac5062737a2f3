/** What is asked of the JobManager, and when; an HTTP server answers as Flink 2.1 does. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { openCluster } from '../../../src/flink.ts'

type Answer = (path: string, body: string) => unknown

async function serve(t: TestContext, answer: Answer): Promise<string> {
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const piece of request) body += piece
    response.end(JSON.stringify(answer(`${request.method} ${request.url}`, body) ?? {}))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  t.after(() => server.closeAllConnections())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function overview(state: string, running: number): unknown {
  return { jobs: [{ jid: 'a', name: 'job', state, tasks: { running, total: 9 } }] }
}

/** A job that recovers: not one task runs, then some, then all. */
const RECOVERING = [overview('RESTARTING', 0), overview('RUNNING', 4), overview('RUNNING', 9)]

async function stop(t: TestContext, backend: string) {
  let asked = 0
  const stops: { asked: number; body: Record<string, unknown> }[] = []
  const url = await serve(t, (path, body) => {
    if (path === 'GET /jobs/overview') {
      asked += 1
      return RECOVERING[asked - 1]
    }
    if (path === 'POST /jobs/a/stop') {
      stops.push({ asked, body: JSON.parse(body) })
      return { 'request-id': 'r' }
    }
    if (path === 'GET /jobs/a/savepoints/r') {
      return { status: { id: 'COMPLETED' }, operation: { location: 'file:/s' } }
    }
    if (path === 'GET /jobs/a/checkpoints/config') return { state_backend: 'HashMapStateBackend' }
    return path === 'GET /jobmanager/config' ? [] : undefined
  })
  assert.equal(await openCluster(url).stopWithSavepoint('a', backend), 'file:/s')
  return stops
}

test('a job is stopped once all of its tasks run', async (t) => {
  const stops = await stop(t, 'hashmap')
  assert.deepEqual(stops, [{ asked: 3, body: { drain: false, formatType: 'NATIVE' } }])
})

test('for another backend the savepoint is in the form that both read', async (t) => {
  const [first] = await stop(t, 'rocksdb')
  assert.equal(first?.body.formatType, 'CANONICAL')
})

test('a job that has ended is not stopped', async (t) => {
  const url = await serve(t, (path) => {
    assert.equal(path, 'GET /jobs/overview')
    return overview('FAILED', 0)
  })
  await assert.rejects(openCluster(url).stopWithSavepoint('a', 'hashmap'), /ended by itself/)
})

test('slots are counted, unless the cluster makes task managers as they are needed', async (t) => {
  let settings: unknown = [{ key: 'rest.port', value: '8081' }]
  const url = await serve(t, (path) =>
    path === 'GET /jobmanager/config' ? settings : { 'slots-total': 3, 'slots-available': 1 },
  )
  assert.deepEqual(await openCluster(url).readSlots(), { total: 3, free: 1 })
  settings = [{ key: 'kubernetes.cluster-id', value: 'flink' }]
  assert.equal(await openCluster(url).readSlots(), null)
})

test('an attempt is of a job whose tasks all run, and tells restarts and begun checkpoints', async (t) => {
  let running = 9
  const checkpoints = {
    counts: { restored: 2, total: 41 },
    latest: { completed: { id: 40, external_path: 'file:/c' } },
    history: [{ id: 41, status: 'IN_PROGRESS' }, { id: 40 }],
  }
  const url = await serve(t, (path) => {
    if (path === 'GET /jobs/overview') return overview('RUNNING', running)
    return path === 'GET /jobs/a/checkpoints' ? checkpoints : undefined
  })
  const attempt = { jobId: 'a', restored: 2, newestCheckpoint: 41 }
  assert.deepEqual(await openCluster(url).readAttempt('a'), attempt)
  assert.equal(await openCluster(url).readAttempt('b'), null)
  running = 8
  assert.equal(await openCluster(url).readAttempt('a'), null)
})
