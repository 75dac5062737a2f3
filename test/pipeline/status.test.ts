/** What is called wrong, and what is not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type StatusInput, statusOf } from '../../src/pipeline/status.ts'

const HOUR_US = 3_600_000_000
const FIGURES = { rows: 0, files: 0, bytes: 0, snapshotId: null }

/** Two of five events are in the tables; the others have waited for an hour. */
const WAITING: Omit<StatusInput, 'state'> = {
  figures: {
    nextOffset: 2,
    logBase: 0,
    stored: 2,
    duplicates: 0,
    rejected: 0,
    committedUntilUs: HOUR_US,
    tables: { events: FIGURES, metrics: FIGURES },
    wholeFromUs: null,
    lastCommit: null,
  },
  stalled: null,
  dedupeHorizonMs: 1,
  log: { id: 'log-a', start: 0, end: 5, bytes: 0 },
  rejectedBefore: 1,
  outlook: { clockSteps: [], disk: null },
  rejectedCountsOnly: false,
  botsCountsOnly: false,
  waitingSinceUs: HOUR_US,
  failure: null,
  unreadable: null,
  advancedUs: 2 * HOUR_US,
  noticed: [],
  remarks: [],
  clicksUnstored: 0,
  nowUs: 2 * HOUR_US,
  rssBytes: 0,
}

test('a full disk is said as long as it holds commits up', () => {
  const stalled = 'writing FILE failed'
  const { problems } = statusOf({ ...WAITING, stalled, nowUs: HOUR_US, state: 'running' })
  assert.deepEqual(problems, ['writing FILE failed'])
})

test('events that wait for an hour are a problem of a process that runs', () => {
  const { healthy, ledger, problems } = statusOf({ ...WAITING, state: 'running' })
  assert.equal(healthy, false)
  assert.match(problems.join(), /3600 s behind/)
  assert.deepEqual(ledger, { received: 6, stored: 2, duplicates: 0, rejected: 1, waiting: 3 })
})

test('only where commits go on are events said to come too fast; else what is true', () => {
  const behind = (more: Partial<StatusInput>) =>
    statusOf({ ...WAITING, state: 'running', ...more }).problems
  assert.deepEqual(behind({}), [
    'the tables are 3600 s behind: events come faster than they are committed',
  ])
  assert.deepEqual(behind({ advancedUs: HOUR_US }), [
    'the tables are 3600 s behind: nothing has been committed for 3600 s, though events wait',
  ])
  const stalled = 'no Flink job fills the tables'
  assert.deepEqual(behind({ stalled }), [stalled, 'the tables are 3600 s behind'])
  assert.deepEqual(behind({ unreadable: 'a transaction is open' }), [
    'a transaction is open',
    'the tables are 3600 s behind',
  ])
})

test('events that wait for the next start are none: nothing runs that could be too slow', () => {
  const { healthy, ledger, state } = statusOf({ ...WAITING, state: 'stopped' })
  assert.equal(healthy, true)
  assert.equal(state, 'stopped')
  assert.equal(ledger.waiting, 3)
})

test('a full share of bots is a notice, and nothing is wrong', () => {
  const status = statusOf({ ...WAITING, botsCountsOnly: true, state: 'stopped' })
  assert.deepEqual([status.healthy, status.problems], [true, []])
  assert.match(status.notices.join(), /bots have filled their share of rejectedMax/)
})

test('without an engine that keeps event ids here, the horizon is the configured one', () => {
  const { dedupe, problems } = statusOf({ ...WAITING, dedupeHorizonMs: 5_000, state: 'stopped' })
  assert.deepEqual(dedupe, { horizonMs: 5_000, trueHorizonMs: 5_000 })
  assert.deepEqual(problems, [])
})

test('the job on a cluster has ages as of now, and its ids are those of the dedupe', () => {
  const lastCheckpoint = {
    ...{ id: 9, durationMs: 200, bytes: 4096 },
    completedUs: 2 * HOUR_US - 3_500_000,
  }
  const watermarkUs = 2 * HOUR_US - 12_000_000
  const job = { id: 'a', state: 'RUNNING', restarts: 1, ids: 24, lastCheckpoint, watermarkUs }
  const told = statusOf({ ...WAITING, figures: { ...WAITING.figures, job }, state: 'running' })
  assert.deepEqual(told.job, {
    ...{ id: 'a', state: 'RUNNING', restarts: 1, watermarkUs, watermarkLagSeconds: 12 },
    lastCheckpoint: { ...lastCheckpoint, ageSeconds: 3.5 },
  })
  assert.equal(told.dedupe.ids, 24)
})

test('what an engine or a log does not tell is absent, not zero', () => {
  const { bytes: _, ...log } = WAITING.log
  const told = JSON.parse(JSON.stringify(statusOf({ ...WAITING, log, state: 'running' })))
  assert.deepEqual(Object.keys(told.log), ['id', 'start', 'end'])
  for (const name of ['job', 'windows']) assert.ok(!(name in told), name)
  const bare = { ...WAITING.figures, job: { id: 'a', state: 'CREATED' } }
  const starting = statusOf({ ...WAITING, figures: bare, state: 'running' })
  assert.deepEqual(starting.job, { id: 'a', state: 'CREATED' })
  const none = statusOf({
    ...WAITING,
    figures: { ...WAITING.figures, job: null },
    state: 'running',
  })
  assert.equal(none.job, null)
})

test('a horizon that memory has made shorter is a problem', () => {
  const dedupe = { horizonMs: 5_000, trueHorizonMs: 2_000, ids: 9, bytes: 90 }
  const figures = { ...WAITING.figures, dedupe }
  const status = statusOf({ ...WAITING, figures, state: 'stopped' })
  assert.deepEqual(status.dedupe, dedupe)
  assert.match(status.problems.join(), /recognised for 2 s only, dedupe.horizon asks for 5 s/)
})
