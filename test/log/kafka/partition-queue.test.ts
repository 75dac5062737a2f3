/** What of a partition are events, where transactions were committed and taken back. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PartitionQueue } from '../../../src/log/kafka/partition-queue.ts'
import { goldenBatches } from './golden.ts'

/** Producer 7 begins at 100 and aborts at 105; 8 commits; 7 begins again at 106 and commits. */
const ABORTED = [{ producerId: 7n, firstOffset: 100 }]

function read(from: number): { texts: string[]; position: number } {
  const queue = new PartitionQueue('topic', 0, from, 110)
  const records = goldenBatches('transactions')
  queue.put({ partition: 0, errorCode: 0, lastStableOffset: 110, aborted: ABORTED, records })
  const texts: string[] = []
  for (let next = queue.take(from); next !== null; next = queue.take(from)) {
    for (const text of next.bytes.toString().slice(0, -1).split('\n')) texts.push(text)
  }
  return { texts, position: queue.position }
}

test('batches of an aborted transaction and control batches are no events, all others are', () => {
  assert.deepEqual(read(100), { texts: ['"c"', '"d"', '"f"', '"g"'], position: 110 })
})

test('reading that begins inside of an aborted transaction leaves the rest of it out', () => {
  assert.deepEqual(read(104), { texts: ['"f"', '"g"'], position: 110 })
})

test('a marker at the end is passed over, so that nothing seems to wait', () => {
  const queue = new PartitionQueue('topic', 0, 100, 109)
  const records = goldenBatches('transactions')
  queue.put({ partition: 0, errorCode: 0, lastStableOffset: 109, aborted: ABORTED, records })
  assert.equal(queue.isBehind, false)
})
