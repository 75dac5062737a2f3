/** How many offsets hold no event, behind a reader elsewhere that tells only its offset. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { beginning, countBatches } from '../../../src/log/kafka/event-count.ts'
import { goldenBatches } from './golden.ts'

/**
 *   100 a, b of an aborted transaction │ 102 c │ 103 d │ 104 e, aborted │ 105 marker │ 106 f
 *   │ 107, 108 markers │ 109 g
 */
const records = goldenBatches('transactions')
const aborted = [{ producerId: 7n, firstOffset: 100 }]

function countedTo(taken: number, from = { until: 100, withoutEvent: 0 }) {
  return countBatches({ records, aborted }, from, taken)
}

test('what holds no event is counted up to the first event that is not taken', () => {
  const at = (until: number, withoutEvent: number, metEnd: number | null) => {
    return { count: { until, withoutEvent }, metEnd }
  }
  assert.deepEqual(countedTo(100), at(102, 2, 103))
  assert.deepEqual(countedTo(103), at(103, 2, 104))
  // The reader stays at 104, behind the last event that it was given: nothing waits there.
  assert.deepEqual(countedTo(104), at(106, 4, 107))
  assert.deepEqual(countedTo(107), at(109, 6, 110))
  assert.deepEqual(countedTo(110), at(110, 6, null))
})

test('counting goes on where it was left, with the same sum', () => {
  let count = { until: 100, withoutEvent: 0 }
  for (let taken = 100; taken <= 110; taken += 1) ({ count } = countedTo(taken, count))
  assert.deepEqual(count, { until: 110, withoutEvent: 6 })
})

test('what was compacted out of a batch holds no event', () => {
  // Records 50, 52 and 55 of a batch that ends at 59.
  const batches = { records: goldenBatches('compacted'), aborted: [] }
  const { count } = countBatches(batches, { until: 50, withoutEvent: 0 }, 60)
  assert.deepEqual(count, { until: 60, withoutEvent: 7 })
})

test('what was gone before anything was taken holds no event; what was gone later did', () => {
  assert.deepEqual(beginning(null, null, 500), { until: 500, withoutEvent: 500 })
  assert.deepEqual(beginning({ until: 300, withoutEvent: 7 }, 900, 500), {
    until: 500,
    withoutEvent: 7,
  })
})

test('over what was removed unread nothing is counted, until that was allowed', () => {
  const count = { until: 300, withoutEvent: 7 }
  assert.deepEqual(beginning(count, 400, 500), { until: 400, withoutEvent: 7 })
})
