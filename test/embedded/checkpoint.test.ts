/**
 * Where the job goes on: from its own snapshot summaries, never past a log that does not fit them
 * (F11, F20).
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  readCheckpoint,
  rejectedKeptUntil,
  resumeFrom,
  writeCheckpoint,
} from '../../src/embedded/checkpoint.ts'

const KEPT = {
  logId: 'log-a',
  nextOffset: 90,
  logBase: 10,
  arrivedUs: 1_700_000_000_000_000,
  dedupeUs: 1_699_999_000_000_000,
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

test('what is in the tables in part is told as long as the job stands there, and no longer', () => {
  const partial = { until: 400, fromDay: -3, stored: 40, commits: 2 }
  const summary = writeCheckpoint({ ...KEPT, partial })
  assert.deepEqual(readCheckpoint(summary), { ...KEPT, partial })
  // Keys that a snapshot does not name are carried over from the one before.
  const whole = { ...KEPT, nextOffset: 400 }
  assert.deepEqual(readCheckpoint({ ...summary, ...writeCheckpoint(whole) }), whole)
  for (const bad of ['', '90 400', '90 400 x 40 2', '90 400 1.5 40 2']) {
    const broken = { ...summary, 'campaign-metrics.partial': bad }
    assert.throws(() => readCheckpoint(broken), { code: 'checkpoint-unreadable' })
  }
})

test('a log that ends before what is in the tables in part is refused', () => {
  const partial = { until: 95, fromDay: 3, stored: 4, commits: 1 }
  const log = { id: 'log-a', start: 0, end: 94, partitions: null }
  assert.throws(() => resumeFrom({ ...KEPT, partial }, log, false), { code: 'log-too-short' })
  assert.equal(resumeFrom({ ...KEPT, partial }, { ...log, end: 95 }, false).partial, partial)
})

test('of another log nothing is in the tables in part', () => {
  const partial = { until: 95, fromDay: 3, stored: 4, commits: 1 }
  const log = { id: 'log-b', start: 0, end: 10, partitions: null }
  assert.equal(resumeFrom({ ...KEPT, partial }, log, true).partial, undefined)
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
  const counts = { stored: 0, duplicates: 0, rejected: 0 }
  const times = { arrivedUs: 0, dedupeUs: 0 }
  const place = { logId: 'log-a', nextOffset: 0, logBase: 0, offsets: null }
  assert.deepEqual(start, { ...place, ...times, ...counts })
})

test('empty tables refuse a log that began in other tables, unless the user says so', () => {
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
  const trimmed = { id: 'log-a', start: 90, end: 95, partitions: null }
  assert.deepEqual(resumeFrom(KEPT, trimmed, false), KEPT, 'all that was committed may be gone')
})

test('a recreated log is refused; if the user says so, its base keeps the ledger closed', () => {
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

test('rejections kept past the checkpoint are known again; offsets of a lost log hide none', () => {
  assert.equal(rejectedKeptUntil(KEPT, { total: 7, lastOffset: 95 }), 95)
  const taken = resumeFrom(KEPT, { id: 'log-b', start: 0, end: 7, partitions: null }, true)
  assert.equal(rejectedKeptUntil(taken, { total: 5, lastOffset: 88 }), -1)
  assert.equal(rejectedKeptUntil(KEPT, { total: 0, lastOffset: null }), -1)
})

const TOPIC = { ...KEPT, logId: 'kafka:c/t', offsets: [40, 50] }

function topic(...partitions: readonly (readonly [start: number, end: number])[]) {
  const extents = partitions.map(([start, end]) => ({ start, end }))
  return { id: 'kafka:c/t', start: 0, end: 0, partitions: extents }
}

test('the offsets of a topic survive the snapshot summary as one short text', () => {
  const summary = writeCheckpoint(TOPIC)
  assert.equal(summary['campaign-metrics.offsets'], '40,50')
  assert.deepEqual(readCheckpoint(summary), TOPIC)
  assert.equal('campaign-metrics.offsets' in writeCheckpoint(KEPT), false)
  for (const bad of ['', '1,', '1,x', '-1', '1.5', '9007199254740993']) {
    assert.throws(() => readCheckpoint({ ...summary, 'campaign-metrics.offsets': bad }), {
      code: 'checkpoint-unreadable',
    })
  }
})

test('the first start takes a topic from the first offsets it still holds', () => {
  const start = resumeFrom(null, topic([0, 7], [12, 12]), false)
  assert.deepEqual([start.nextOffset, start.logBase, start.offsets], [0, 0, [0, 12]])
})

test('a topic goes on at its offsets; a partition it has gained is taken from its start', () => {
  const start = resumeFrom(TOPIC, topic([0, 40], [10, 70], [0, 5]), false)
  assert.deepEqual(start, { ...TOPIC, offsets: [40, 50, 0] })
})

test('a topic that lost its end or events to be taken is refused, unless the user says so', () => {
  const short = topic([0, 39], [0, 60])
  const trimmed = topic([0, 60], [51, 60])
  assert.throws(() => resumeFrom(TOPIC, short, false), {
    code: 'partition-too-short',
    message: /offset 40 of partition 0.*ends there at 39.*--new-log/,
  })
  assert.throws(() => resumeFrom(TOPIC, trimmed, false), {
    code: 'partition-trimmed',
    message: /offset 50 of partition 1.*begins there at 51.*--new-log/,
  })
  assert.deepEqual(resumeFrom(TOPIC, short, true).offsets, [39, 50])
  assert.deepEqual(resumeFrom(TOPIC, trimmed, true).offsets, [40, 51])
})

test('a topic made anew is another log, and its offsets begin anew when the user says so', () => {
  const anew = { ...topic([0, 9], [0, 9]), id: 'kafka:c/u' }
  assert.throws(() => resumeFrom(TOPIC, anew, false), { code: 'other-log', message: /--new-log/ })
  const start = resumeFrom(TOPIC, anew, true)
  assert.deepEqual([start.nextOffset, start.logBase, start.offsets], [0, 100, [0, 0]])
})
