/** `status`: of a running process, and of one that is not what it seems. */

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { Status } from '../../src/pipeline.ts'
import { expectSchema } from '../dashboard/api/openapi.ts'
import { runInside } from './support/terminal.ts'

/** 2026-01-01T00:00:00Z */
const NOW_US = 1_767_225_600_000_000

const HEALTHY: Status = {
  ledger: { received: 12_345, stored: 12_300, duplicates: 20, rejected: 5, waiting: 20 },
  freshness: {
    committedUntilUs: NOW_US - 1_500_000,
    lastCommitUs: NOW_US - 400_000,
    secondsBehind: 1.5,
  },
  others: null,
  log: { id: 'log-1', start: 10, end: 12_340, bytes: 67_108_864 },
  nextOffset: 12_320,
  tables: {
    events: { rows: 12_300, files: 14, bytes: 524_288, snapshotId: '123' },
    metrics: { rows: 50, files: 1, bytes: 2048, snapshotId: '124' },
  },
  dedupe: { horizonMs: 3_600_000, trueHorizonMs: 3_600_000, ids: 12_300, bytes: 33_554_432 },
  clicksUnstored: 0,
  memory: { rssBytes: 314_572_800 },
  outlook: {
    clockSteps: [
      { atUs: NOW_US, byMs: 7_869_600_000 },
      { atUs: NOW_US - 5_000_000, byMs: -7_201_000 },
    ],
    disk: { freeBytes: 85_899_345_920, bytesPerDay: 1_288_490_189, daysLeft: 66 },
  },
  state: 'running',
  healthy: true,
  problems: [],
  notices: [],
}

async function serve(context: TestContext, status: number, body: unknown): Promise<string> {
  const server = createServer((request, response) => {
    const isStatus = request.url === '/v1/status'
    response.writeHead(isStatus ? status : 404, { connection: 'close' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  context.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('a healthy process is shown with its whole ledger', async (t) => {
  const url = await serve(t, 200, HEALTHY)
  const ran = await runInside(['status', '--url', url])
  assert.equal(ran.exitCode, 0)
  assert.deepEqual(ran.stdout.split('\n'), [
    `Running at ${url}: healthy`,
    'ledger     12,345 received = 12,300 stored + 20 duplicates + 5 rejected + 20 waiting',
    'freshness  the tables hold what arrived until 2025-12-31 23:59:58 UTC, 1.5 s behind, ' +
      'last commit 2025-12-31 23:59:59 UTC',
    'log        log-1, offsets 10 to 12,340, 64.0 MiB on disk',
    'events     12,300 rows in 14 files (512.0 KiB), snapshot 123',
    'metrics    50 rows in 1 file (2.0 KiB), snapshot 124',
    'disk       80.0 GiB free: lasts 66 days at the rate of the last day, 1.2 GiB a day',
    'clock      set ahead by 91 d 2 h to 2026-01-01 00:00:00 UTC; back by 2 h 0 min to ' +
      '2025-12-31 23:59:55 UTC ' +
      '(or the machine was suspended); nothing is dropped within an hour after it',
    'repeats    recognised for 1 h 0 min at least (dedupe.horizon is 1 h 0 min); 12,300 ' +
      'ids in 32.0 MiB',
    'memory     300.0 MiB',
    '',
  ])
})

test('of Flink the job, its checkpoint and the windows are shown, and no size of the log', async (t) => {
  const { id, start, end } = HEALTHY.log
  const { horizonMs, trueHorizonMs } = HEALTHY.dedupe
  const job: NonNullable<Status['job']> = {
    ...{ id: '62e0b295b66a64390cd6b0e4d8a43237', state: 'RUNNING', restarts: 1 },
    ...{ checkpoints: { completed: 1_234, failed: 2 }, watermarkLagSeconds: 12.3 },
    lastCheckpoint: {
      ...{ id: 1_236, completedUs: NOW_US, ageSeconds: 3.2 },
      ...{ durationMs: 410, bytes: 12_897_484 },
    },
  }
  const windows = {
    ...{ closed: 50, closedUntilUs: NOW_US, amended: 3, lateEvents: 7 },
    open: { windows: 4, events: 1_800 },
  }
  const dedupe = { horizonMs, trueHorizonMs, ids: 12_300 }
  const flink = { ...HEALTHY, log: { id, start, end }, dedupe, job, windows }
  const linesOf = async (status: Status): Promise<readonly string[]> => {
    expectSchema('components/schemas/Status', status, 'the status')
    const { stdout } = await runInside(['status', '--url', await serve(t, 200, status)])
    const shown = /^(?:log|windows|job|checkpoint|repeats) /
    return stdout.split('\n').filter((line) => shown.test(line))
  }
  assert.deepEqual(await linesOf(flink), [
    'log        log-1, offsets 10 to 12,340',
    'windows    50 closed until 2026-01-01 00:00:00 UTC, 3 amended for 7 late events, ' +
      '4 open with 1,800 events',
    'job        62e0b295b66a64390cd6b0e4d8a43237 is RUNNING, 1 restart, watermark 12.3 s behind',
    'checkpoint 1236 completed 3.2 s ago in 0.4 s, 12.3 MiB; 1,234 completed and 2 failed',
    'repeats    recognised for 1 h 0 min at least (dedupe.horizon is 1 h 0 min); about 12,300 ids',
  ])
  const starting = {
    ...flink,
    dedupe: { horizonMs, trueHorizonMs },
    job: { id: 'a', state: 'CREATED' },
  }
  assert.deepEqual((await linesOf(starting)).slice(2), [
    'job        a is CREATED',
    'repeats    recognised for 1 h 0 min at least (dedupe.horizon is 1 h 0 min)',
  ])
  const lost = await linesOf({ ...flink, job: null })
  assert.equal(lost[2], 'job        the cluster has no such job')
})

test('clicks that were not durable in time are shown once there are any', async (t) => {
  const ran = await runInside([
    'status',
    '--url',
    await serve(t, 200, { ...HEALTHY, clicksUnstored: 1_234 }),
  ])
  assert.match(
    ran.stdout,
    /^clicks {5}1,234 clicks-unstored since the start: redirected before durable$/m,
  )
})

test('--json is the status as it is, and says that something runs', async (t) => {
  const ran = await runInside(['status', '--json', '--url', await serve(t, 200, HEALTHY)])
  assert.deepEqual(JSON.parse(ran.stdout), { running: true, ...HEALTHY })
})

test('what is wrong is said, and makes the exit code 1', async (t) => {
  const problems = ['the tables are 80 s behind: events come faster than they are committed']
  const url = await serve(t, 200, { ...HEALTHY, healthy: false, problems })
  const ran = await runInside(['status', '--url', url])
  assert.equal(ran.exitCode, 1)
  assert.match(ran.stdout, /: NOT healthy\n/)
  assert.match(ran.stdout, /\nproblem {4}the tables are 80 s behind/)
})

test('a refusal and a stranger are told apart from nobody', async (t) => {
  const refused = await serve(t, 401, {
    error: { code: 'key-missing', message: 'A key is needed.' },
  })
  const ran = await runInside(['status', '--url', refused])
  assert.equal(ran.exitCode, 2)
  assert.ok(ran.stderr.includes(`${refused} answered 401: A key is needed.`))
  const stranger = await runInside(['status', '--url', await serve(t, 200, { hello: 'world' })])
  assert.equal(stranger.exitCode, 2)
  assert.match(stranger.stderr, /not as campaign-metrics/)
  const nobody = await runInside(['status', '--url', 'http://127.0.0.1:1'])
  assert.equal(nobody.exitCode, 3)
})
