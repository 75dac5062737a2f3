/** What of a partition are events, where transactions were committed and taken back. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32c } from '@node-rs/crc32'
import { PartitionQueue } from '../../../src/log/kafka/partition-queue.ts'
import { ARRIVAL_MS, BASE_OFFSET, goldenBatches, RECORDS } from './golden.ts'

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

test('a batch with its sender’s time is told apart, and does not decide when it came', () => {
  const queue = new PartitionQueue('topic', 0, BASE_OFFSET, BASE_OFFSET)
  const dated = goldenBatches('none')
  const foreign = withSenderTime(goldenBatches('none'), BASE_OFFSET + RECORDS)
  for (const records of [dated, foreign]) {
    queue.put({ partition: 0, errorCode: 0, lastStableOffset: 0, aborted: [], records })
  }
  assert.deepEqual([queue.arrivalMs, queue.hasSenderTime], [ARRIVAL_MS, false])
  assert.equal(queue.take(BASE_OFFSET)?.hasSenderTime, false)
  assert.deepEqual([queue.arrivalMs, queue.hasSenderTime], [ARRIVAL_MS, true])
  const lines = queue.take(BASE_OFFSET + RECORDS)
  assert.deepEqual([lines?.hasSenderTime, lines?.count], [true, RECORDS])
})

/** The batch as a topic with CreateTime keeps it, and dated fifty minutes ahead. */
function withSenderTime(batch: Buffer, baseOffset: number): Buffer {
  batch.writeBigInt64BE(BigInt(baseOffset), 0)
  batch.writeInt16BE(batch.readInt16BE(21) & ~(1 << 3), 21)
  batch.writeBigInt64BE(BigInt(ARRIVAL_MS + 3_000_000), 35)
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17)
  return batch
}
