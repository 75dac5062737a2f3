/** A heartbeat is no event for anybody, and is left out wherever it stands in the topic. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32c } from '@node-rs/crc32'
import { parseEvent } from '../../../src/event.ts'
import { countBatches } from '../../../src/log/kafka/event-count.ts'
import { HEARTBEAT_VALUE } from '../../../src/log/kafka/heartbeat.ts'
import { heartbeatBatch, holdsHeartbeats } from '../../../src/log/kafka/heartbeat-writer.ts'
import { PartitionQueue } from '../../../src/log/kafka/partition-queue.ts'
import { batchHeader, CODECS, compressLz4 } from '../../../src/log/kafka/record-batch.ts'
import { RecordWriter } from '../../../src/log/kafka/record-writer.ts'

const HEARTBEAT = '{"event_type":"campaign-metrics/heartbeat"}'
const ARRIVAL_MS = 1_795_341_600_123

/** As a broker keeps it: with its place, and its own time. */
function appended(batch: Buffer, baseOffset: number): Buffer {
  batch.writeBigInt64BE(BigInt(baseOffset), 0)
  batch.writeInt16BE(batch.readInt16BE(21) | (1 << 3), 21)
  batch.writeBigInt64BE(BigInt(ARRIVAL_MS), 35)
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17)
  return batch
}

function batchOf(values: readonly string[], baseOffset: number, isCompressed = false): Buffer {
  const writer = new RecordWriter()
  for (const value of values) {
    const bytes = Buffer.from(value)
    writer.add(Buffer.from('k'), 0, 1, bytes, 0, bytes.length)
  }
  const records = isCompressed ? compressLz4(writer.bytes) : writer.bytes
  const head = {
    codec: isCompressed ? CODECS.lz4 : CODECS.none,
    timestampMs: 1,
    producerId: 5n,
    producerEpoch: 0,
    baseSequence: 0,
    recordCount: values.length,
  }
  return appended(Buffer.concat([batchHeader(head, records), records]), baseOffset)
}

function heartbeatAt(offset: number): Buffer {
  return appended(Buffer.concat(heartbeatBatch(1)), offset)
}

/** Offset and text of what the engine is given, and where the queue then stands. */
function readAll(records: Buffer, end: number) {
  const queue = new PartitionQueue('topic', 0, 0, end)
  queue.put({ partition: 0, errorCode: 0, lastStableOffset: end, aborted: [], records })
  const lines: (readonly [number, string])[] = []
  for (let next = queue.take(0); next !== null; next = queue.take(0)) {
    const { bytes, count, deltas, baseOffset } = next
    const texts = bytes.toString().split('\n').slice(0, -1)
    assert.equal(texts.length, count)
    for (const [line, text] of texts.entries()) {
      lines.push([baseOffset + (deltas?.[line] ?? line), text])
    }
  }
  return { lines, position: queue.position }
}

test('a heartbeat is JSON that can never be an event', () => {
  assert.equal(HEARTBEAT_VALUE.toString(), HEARTBEAT)
  const parsed = parseEvent(HEARTBEAT_VALUE, ARRIVAL_MS * 1000)
  assert.deepEqual(parsed, { reason: 'event-id-missing' })
})

test('alone or among events it is left out, and each event keeps its offset', () => {
  const records = Buffer.concat([
    heartbeatAt(0),
    batchOf(['"a"', '"b"'], 1),
    heartbeatAt(3),
    batchOf(['"c"', HEARTBEAT, '"d"', '"e"'], 4),
    batchOf([HEARTBEAT], 8, true),
  ])
  assert.deepEqual(readAll(records, 9), {
    lines: [
      [1, '"a"'],
      [2, '"b"'],
      [4, '"c"'],
      [6, '"d"'],
      [7, '"e"'],
    ],
    position: 9,
  })
})

test('what only looks like one is kept', () => {
  const values = [` ${HEARTBEAT.slice(0, -1)}`, `${HEARTBEAT} `, HEARTBEAT.replace('h', 'H')]
  const { lines } = readAll(batchOf(values, 0), 3)
  assert.deepEqual(
    lines.map(([, text]) => text),
    values,
  )
})

test('it holds no event for the counter, before and behind what was taken', () => {
  const records = Buffer.concat([
    heartbeatAt(0),
    batchOf(['"a"', '"b"'], 1),
    heartbeatAt(3),
    batchOf([HEARTBEAT], 4, true),
    batchOf(['"c"'], 5),
    heartbeatAt(6),
  ])
  const counted = (taken: number) =>
    countBatches({ records, aborted: [] }, { until: 0, withoutEvent: 0 }, taken)
  assert.deepEqual(counted(0), { count: { until: 1, withoutEvent: 1 }, metEnd: 3 })
  assert.deepEqual(counted(3), { count: { until: 5, withoutEvent: 3 }, metEnd: 6 })
  assert.deepEqual(counted(6), { count: { until: 7, withoutEvent: 4 }, metEnd: null })
})

test('heartbeats of any process are told from everything else that came', () => {
  const two = Buffer.concat([heartbeatAt(7), heartbeatAt(8)])
  assert.equal(holdsHeartbeats(two, 7, 9), true)
  assert.equal(holdsHeartbeats(two, 8, 9), true)
  // The answer may begin before what was asked for, and may be cut short.
  assert.equal(holdsHeartbeats(Buffer.concat([batchOf(['"a"'], 6), two]), 7, 9), true)
  assert.equal(holdsHeartbeats(two, 7, 10), false)
  assert.equal(holdsHeartbeats(two.subarray(0, -1), 7, 9), false)
  assert.equal(holdsHeartbeats(Buffer.alloc(0), 7, 8), false)
  for (const values of [['"a"'], [HEARTBEAT, '"a"'], [HEARTBEAT, HEARTBEAT]]) {
    const other = Buffer.concat([heartbeatAt(0), batchOf(values, 1)])
    assert.equal(holdsHeartbeats(other, 0, 1 + values.length), false, values.join())
  }
})
