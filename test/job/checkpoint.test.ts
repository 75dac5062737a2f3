/** Where the job goes on: from its own snapshot summaries, never past a log that does not fit them (F11, F20). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  readCheckpoint,
  rejectedKeptUntil,
  resumeFrom,
  writeCheckpoint,
} from '../../src/job/checkpoint.ts'

const KEPT = {
  logId: 'log-a',
  nextOffset: 90,
  logBase: 10,
  arrivedUs: 1_700_000_000_000_000,
  stored: 70,
  duplicates: 25,
  rejected: 5,
  offsets: null,
}

test('a checkpoint survives the snapshot summary', () => {
  const summary = writeCheckpoint(KEPT)
  assert.equal(summary['campaign-metrics.next-offset'], '90')
  assert.deepEqual(readCheckpoint({ ...summary, 'total-records': '70' }), KEPT)
})

test('a table without a commit of the job has no checkpoint', () => {
  assert.equal(readCheckpoint({ 'total-records': '0' }), null)
})

test('a summary with an unreadable count is refused, not taken for zero', () => {
  for (const bad of ['', ' ', '1.5', 'x', '9007199254740993']) {
    const summary = { ...writeCheckpoint(KEPT), 'campaign-metrics.stored': bad }
    assert.throws(() => readCheckpoint(summary), { code: 'checkpoint-unreadable' })
  }
})

test('the first start takes the events that are in the log already', () => {
  const start = resumeFrom(null, { id: 'log-a', start: 0, end: 500, partitions: null }, false)
  assert.equal(start.nextOffset, 0)
  assert.equal(start.logBase, 0)
})

test('empty tables refuse a log whose first events are in other tables, unless the user says so', () => {
  const log = { id: 'log-a', start: 40, end: 500, partitions: null }
  assert.throws(() => resumeFrom(null, log, false), { code: 'other-tables', message: /--new-log/ })
  const start = resumeFrom(null, log, true)
  assert.equal(start.nextOffset, 40)
  assert.equal(start.logBase, -40)
})

test('the same log goes on at the offset after the last committed event', () => {
  assert.deepEqual(
    resumeFrom(KEPT, { id: 'log-a', start: 0, end: 90, partitions: null }, false),
    KEPT,
  )
})

test('a recreated log is refused, and taken with the base that keeps the ledger closed when the user says so', () => {
  const other = { id: 'log-b', start: 0, end: 7, partitions: null }
  assert.throws(() => resumeFrom(KEPT, other, false), { code: 'other-log', message: /--new-log/ })
  const taken = resumeFrom(KEPT, other, true)
  assert.equal(taken.nextOffset, 0)
  assert.equal(taken.logBase, 100)
})

test('a log that lost its end, or the events still to be taken, is refused', () => {
  assert.throws(
    () => resumeFrom(KEPT, { id: 'log-a', start: 0, end: 89, partitions: null }, true),
    {
      code: 'log-too-short',
    },
  )
  assert.throws(
    () => resumeFrom(KEPT, { id: 'log-a', start: 91, end: 200, partitions: null }, true),
    {
      code: 'log-trimmed',
    },
  )
})

test('rejected events kept beyond the checkpoint are known again; offsets of a log that is gone hide none', () => {
  assert.equal(rejectedKeptUntil(KEPT, { total: 7, lastOffset: 95 }), 95)
  const taken = resumeFrom(KEPT, { id: 'log-b', start: 0, end: 7, partitions: null }, true)
  assert.equal(rejectedKeptUntil(taken, { total: 5, lastOffset: 88 }), -1)
  assert.equal(rejectedKeptUntil(KEPT, { total: 0, lastOffset: null }), -1)
})
