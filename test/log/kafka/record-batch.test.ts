/**
 * Batches as other programs write and read them: Kafka's Java client, and the JavaScript client
 * that we use for the rest.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Reader, readRecordsBatches } from '@platformatic/kafka'
import { OutgoingBatch } from '../../../src/log/kafka/outgoing-batch.ts'
import { decompress, type RecordBatch, readBatch } from '../../../src/log/kafka/record-batch.ts'
import { recordLines } from '../../../src/log/kafka/record-lines.ts'
import { ARRIVAL_MS, BASE_OFFSET, goldenBatches, goldenValue, RECORDS } from './golden.ts'

const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

function firstBatch(bytes: Buffer): RecordBatch {
  const batch = readBatch(bytes, 0)
  assert(batch !== null && typeof batch === 'object' && 'records' in batch)
  return batch
}

for (const [bits, codec] of CODECS.entries()) {
  test(`a batch that Java wrote with ${codec} gives its values, one a line`, () => {
    const batch = firstBatch(goldenBatches(codec))
    const { baseOffset, endOffset, recordCount, isLogAppendTime, maxTimestampMs } = batch
    assert.deepEqual(
      { baseOffset, endOffset, recordCount, isLogAppendTime, maxTimestampMs, codec: batch.codec },
      {
        baseOffset: BASE_OFFSET,
        endOffset: BASE_OFFSET + RECORDS,
        recordCount: RECORDS,
        isLogAppendTime: true,
        maxTimestampMs: ARRIVAL_MS,
        codec: bits,
      },
    )
    const records = decompress(batch.codec, batch.records)
    assert(records !== null)
    const lines = recordLines(records, recordCount)
    assert(lines !== null)
    const texts = lines.bytes.toString().slice(0, -1).split('\n')
    assert.equal(texts.length, RECORDS)
    for (const [i, text] of texts.entries()) {
      const value = goldenValue(i)
      if (value === null || value === '') {
        assert.equal(text, '?')
        assert.equal(lines.originals.get(i)?.length, 0)
      } else {
        assert.equal(text, value.replaceAll('\n', ' '))
        assert.equal(lines.originals.get(i)?.toString(), value.includes('\n') ? value : undefined)
      }
    }
  })
}

test('of a compacted batch each line knows its offset, and the batch ends where it ended', () => {
  const batch = firstBatch(goldenBatches('compacted'))
  assert.deepEqual([batch.baseOffset, batch.endOffset, batch.recordCount], [50, 60, 3])
  const lines = recordLines(batch.records, batch.recordCount)
  assert.deepEqual(lines?.deltas, [0, 2, 5])
  assert.equal(lines?.bytes.toString(), '{"at":50}\n{"at":52}\n{"at":55}\n')
})

test('a flipped bit anywhere behind the length is noticed, by the format or the checksum', () => {
  const whole = goldenBatches('gzip')
  for (let at = 16; at < whole.length; at += 7) {
    const flipped = Buffer.from(whole)
    flipped[at] = (flipped[at] ?? 0) ^ 0x10
    const batch = readBatch(flipped, 0)
    if (at === 16) assert.deepEqual(batch, { magic: 18 })
    else assert.equal(batch, 'wrong checksum', `byte ${at}`)
  }
})

test('a batch that is cut short is waited for, wherever it is cut', () => {
  const whole = goldenBatches('lz4')
  for (let length = 0; length < whole.length; length += 11) {
    assert.equal(readBatch(whole.subarray(0, length), 0), null)
  }
})

test('an older format is told by its number', () => {
  assert.deepEqual(readBatch(goldenBatches('format-1'), 0), { magic: 1 })
})

test('records that are not as many as the batch says are refused, not guessed', () => {
  const { records } = firstBatch(goldenBatches('compacted'))
  assert.equal(recordLines(Buffer.from(records), 4), null)
  assert.equal(recordLines(Buffer.from(records).subarray(0, -5), 3), null)
})

for (const [name, count] of [
  ['plain', 3],
  ['compressed', 3_000],
] as const) {
  test(`a ${name} batch of ours is what the JavaScript client reads`, () => {
    const batch = new OutgoingBatch(2, 0, ARRIVAL_MS)
    const events = Array.from({ length: count }, (_, i) => ({
      id: `id-${i}`,
      value: `{"event_id":"id-${i}","pad":"${'é'.repeat(i % 90)}"}`,
    }))
    for (const { id, value } of events) {
      const [key, line] = [Buffer.from(`"${id}"`), Buffer.from(`${value}\n`)]
      batch.records.add(key, 1, key.length - 1, line, 0, line.length - 1)
    }
    const producer = { id: 77n, epoch: 3, sequences: new Map([[2, 2 ** 31 - 1]]) }
    const bytes = Buffer.concat(batch.encoded(producer))
    const [read, ...more] = readRecordsBatches(Reader.from(bytes))
    assert.deepEqual(more, [])
    assert.equal(read?.producerId, 77n)
    assert.equal(read?.producerEpoch, 3)
    assert.equal(read?.firstSequence, 2 ** 31 - 1)
    assert.equal(read?.firstTimestamp, BigInt(ARRIVAL_MS))
    assert.equal(read?.attributes, name === 'plain' ? 0 : 3)
    const records = read?.records ?? []
    assert.deepEqual(
      records.map(({ key, value }) => ({ id: String(key), value: String(value) })),
      events,
    )
    assert.equal(producer.sequences.get(2), count - 1, 'sequences begin again after 2^31 - 1')
    assert.deepEqual(Buffer.concat(batch.encoded(producer)), bytes, 'sent again byte for byte')
  })
}
