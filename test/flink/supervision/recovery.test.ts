import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  flinkCommitIn,
  recoverFrom,
  submittedAfter,
} from '../../../src/flink/supervision/recovery.ts'

const DIRECTORY = 'file:///checkpoints'
const none = { commits: [], noted: null, directory: DIRECTORY, rows: 0, rebuilt: null }
/** Checkpoint `id`, and the thirty numbers that may have passed since: first every third. */
const LATER: readonly number[] = [
  ...[0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30],
  ...[1, 2, 4, 5, 7, 8, 10, 11, 13, 14, 16, 17, 19, 20, 22, 23, 25, 26, 28, 29],
]
const chk = (job: string, id: number): string[] =>
  LATER.map((later) => `${DIRECTORY}/${job}/chk-${id + later}`)

test('empty tables begin anew; filled ones that Flink never wrote are refused', () => {
  assert.deepEqual(recoverFrom(none), { kind: 'fresh' })
  assert.equal(recoverFrom({ ...none, rows: 1 }).kind, 'refused')
})

test('the newest commit of either table names its checkpoint; older ones are never tried', () => {
  const commits = [
    { jobId: 'a', checkpointId: 7 },
    { jobId: 'b', checkpointId: 9 },
  ]
  const found = recoverFrom({ ...none, rows: 5, commits })
  assert.deepEqual(found, { kind: 'restore', paths: chk('b', 9) })
})

test('of three checkpoints in a row one is found within four tries, however idle the job was', () => {
  const commits = [{ jobId: 'a', checkpointId: 100 }]
  const found = recoverFrom({ ...none, rows: 5, commits })
  assert(found.kind === 'restore')
  assert.equal(new Set(found.paths).size, 31)
  for (let newest = 100; newest <= 111; newest++) {
    const kept = [newest - 2, newest - 1, newest].map((id) => `${DIRECTORY}/a/chk-${id}`)
    const tries = 1 + found.paths.findIndex((path) => kept.includes(path))
    assert(tries >= 1 && tries <= 4, `${newest}: ${tries}`)
  }
})

test('what was seen after the newest commit comes first', () => {
  const commits = [{ jobId: 'a', checkpointId: 7 }]
  const paths = (
    noted: Readonly<{ jobId: string; after: string | null; checkpointId: number }>,
  ) => {
    const found = recoverFrom({ ...none, rows: 5, commits, noted: { ...noted, path: 'seen' } })
    return found.kind === 'restore' ? found.paths : found.kind
  }
  const fromTables = chk('a', 7)
  assert.deepEqual(paths({ jobId: 'a', after: null, checkpointId: 8 }), ['seen', ...fromTables])
  // A job that was put back to a's checkpoint and has committed nothing yet.
  assert.deepEqual(paths({ jobId: 'b', after: 'a', checkpointId: 8 }), ['seen', ...fromTables])
  // Seen before the newest commit: going on from there would append its rows again.
  assert.deepEqual(paths({ jobId: 'a', after: null, checkpointId: 6 }), fromTables)
  // A note from before somebody else went on.
  assert.deepEqual(paths({ jobId: 'x', after: 'y', checkpointId: 99 }), fromTables)
})

test('a job that has not committed yet goes on from what was noted of it', () => {
  const noted = { jobId: 'a', after: null, checkpointId: 3, path: 'seen' }
  assert.deepEqual(recoverFrom({ ...none, noted }), { kind: 'restore', paths: ['seen'] })
})

test('without a checkpoint directory filled tables are refused', () => {
  const commits = [{ jobId: 'a', checkpointId: 7 }]
  assert.equal(recoverFrom({ ...none, rows: 5, commits, directory: null }).kind, 'refused')
})

test("a commit is read from Flink's own keys, and from no other writer's snapshot", () => {
  const summary = { 'flink.job-id': 'a', 'flink.max-committed-checkpoint-id': '12' }
  assert.deepEqual(flinkCommitIn(summary), { jobId: 'a', checkpointId: 12 })
  assert.equal(flinkCommitIn({ operation: 'replace' }), null)
  assert.equal(flinkCommitIn({ ...summary, 'flink.max-committed-checkpoint-id': 'x' }), null)
})

test('behind the mark of a rebuilt state a job begins anew, and goes on from its own alone', () => {
  const rebuilt = { id: 'rebuilt-1' }
  const filled = { ...none, rows: 5, rebuilt }
  assert.deepEqual(recoverFrom(filled), { kind: 'fresh' })
  const noted = { jobId: 'b', after: 'rebuilt-1', checkpointId: 3, path: 'seen' }
  assert.deepEqual(recoverFrom({ ...filled, noted }), { kind: 'restore', paths: ['seen'] })
  // Noted of jobs before the mark.
  for (const after of [null, 'a', 'rebuilt-0']) {
    assert.deepEqual(recoverFrom({ ...filled, noted: { ...noted, after } }), { kind: 'fresh' })
  }
  const commits = [{ jobId: 'b', checkpointId: 2 }]
  const found = recoverFrom({ ...filled, commits, noted: { ...noted, jobId: 'a', after: 'z' } })
  assert.deepEqual(found, { kind: 'restore', paths: chk('b', 2) })
  assert.equal(submittedAfter({ commits: [], rebuilt }), 'rebuilt-1')
  assert.equal(submittedAfter({ commits, rebuilt }), 'b')
  assert.equal(submittedAfter({ commits: [], rebuilt: null }), null)
})
