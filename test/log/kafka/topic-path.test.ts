/**
 * From the batches of a topic to the job's decisions: every record is decided once, in an order
 * that keeps each partition's own, as the plain reference parser and a Map of ids decide it; also
 * when the job is killed and goes on from a checkpoint.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDedupeMemory } from '../../../src/embedded/dedupe.ts'
import { loadIdSets, openRowBatch, type RowBatch } from '../../../src/engine.ts'
import { KEEPS_ALL_US, parseEvent, type RejectionReason } from '../../../src/event.ts'
import { Merge, type MergedBatches } from '../../../src/log/kafka/merge.ts'
import { PartitionQueue } from '../../../src/log/kafka/partition-queue.ts'
import { openRandom, type Random } from '../../support/random.ts'
import { type RandomPartition, randomPartition, type TopicRecord } from './random-topic.ts'

const FIRST_MS = Date.UTC(2026, 10, 22, 10)
const HORIZON_US = 3_600_000_000

type Decision = Readonly<{ stored: number; duplicates: number; rejected: number }>
type Kept = Readonly<{ partition: number; offset: number; reason: RejectionReason; hex: string }>

/** What a restart goes on from. */
type Saved = Readonly<{ offsets: readonly number[]; ids: readonly string[] }>

function openTopic(random: Random, partitions: readonly RandomPartition[], saved: Saved | null) {
  const merge = new Merge()
  for (const [partition, { end, records }] of partitions.entries()) {
    const from = saved?.offsets[partition] ?? Math.min(records[0]?.offset ?? 0, end)
    merge.add(new PartitionQueue('t', partition, from, end))
  }
  /**
   * One answer of the broker for one partition: from the batch that holds the offset, cut anywhere
   * behind it.
   */
  function fetch(partition: number): void {
    const queue = merge.queues[partition]
    const topic = partitions[partition]
    if (queue === undefined || topic === undefined || queue.fetchOffset >= topic.end) return
    const { aborted, boundaries, bytes, end } = topic
    const starts = boundaries.map((at) => Number(bytes.readBigInt64BE(at)))
    const index = starts.findLastIndex((start) => start <= queue.fetchOffset)
    const at = boundaries[Math.max(0, index)] ?? 0
    const whole = boundaries[Math.max(0, index) + 1] ?? bytes.length
    const cut = whole + random.below(bytes.length - whole + 1)
    const records = Buffer.from(bytes.subarray(at, cut))
    queue.put({ partition, errorCode: 0, lastStableOffset: end, aborted, records })
  }
  return { merge, fetch }
}

async function openBatch(ids: readonly string[]): Promise<RowBatch> {
  const memory = openDedupeMemory({
    horizonUs: HORIZON_US,
    bytesMax: 64 << 20,
    openSet: await loadIdSets(),
  })
  const batch = await openRowBatch({ windowUs: 300_000_000, seed: 7n, recentIds: memory })
  const hashes = batch.hashIds(ids.map((id) => Buffer.from(id)))
  memory.remember(hashes, ids.length, FIRST_MS * 1000)
  return batch
}

/** Decides one record after the other, with the reference parser and a set of ids. */
function openModel(ids: readonly string[]) {
  const seen = new Set(ids)
  return {
    ids: seen,
    decide(partition: number, { arrivalMs, offset, value }: TopicRecord, kept: Kept[]) {
      const event = parseEvent(value, arrivalMs * 1000)
      if ('reason' in event) {
        kept.push({ partition, offset, reason: event.reason, hex: value.toString('hex') })
        return 'rejected'
      }
      if (seen.has(event.eventId)) return 'duplicates'
      seen.add(event.eventId)
      return 'stored'
    },
  }
}

for (let seed = 1; seed <= 40; seed += 1) {
  test(`every record of a topic is decided once, as by the model (seed ${seed})`, async () => {
    const random = openRandom(seed)
    const partitions = Array.from({ length: 1 + random.below(4) }, () =>
      randomPartition(random, { batches: 5 + random.below(40), firstMs: FIRST_MS, stepMsMax: 40 }),
    )
    const expected = partitions.map(({ records }) => [...records])
    let saved: Saved | null = null
    let lastMs = 0
    for (let lives = 1 + random.below(3); lives > 0; lives -= 1) {
      const { merge, fetch } = openTopic(random, partitions, saved)
      const batch = await openBatch(saved?.ids ?? [])
      const model = openModel(saved?.ids ?? [])
      const framesMax = lives === 1 ? Number.POSITIVE_INFINITY : random.below(60)
      for (let frames = 0; frames < framesMax; frames += 1) {
        const merged = nextFrame(random, merge, fetch)
        if (merged === null) break
        assert(merged.arrivalMs >= lastMs, 'frames come in the order of arrival')
        lastMs = merged.arrivalMs
        hold(batch, merged, model, expected)
        saved = { offsets: merged.origin.offsets, ids: [...model.ids] }
      }
    }
    assert.deepEqual(
      expected.map((records) => records.length),
      partitions.map(() => 0),
      'no record is left',
    )
    assert.deepEqual(
      saved?.offsets.map((offset, at) => offset <= (partitions[at]?.end ?? 0)),
      partitions.map(() => true),
    )
  })
}

/**
 * Null at the end of the topic. Time does not pass, so that a partition that is behind is always
 * waited for.
 */
function nextFrame(
  random: Random,
  merge: Merge,
  fetch: (partition: number) => void,
): MergedBatches | null {
  for (;;) {
    if (random.chance(0.3)) fetch(random.below(merge.queues.length))
    const merged = merge.next(0)
    if (merged !== null) return merged
    const behind = merge.queues.filter(({ isBehind }) => isBehind)
    if (behind.length === 0) return null
    fetch(random.pick(behind).partition)
  }
}

/** Holds what the engine makes of a frame against the model, record by record. */
function hold(
  batch: RowBatch,
  { arrivalMs, bytes, count, origin }: MergedBatches,
  model: ReturnType<typeof openModel>,
  expected: readonly TopicRecord[][],
): void {
  const keptByModel: Kept[] = []
  const decided = { stored: 0, duplicates: 0, rejected: 0 }
  for (let line = 0; line < count; line += 1) {
    const { partition, offset } = origin.placeOf(line)
    const record = expected[partition]?.shift()
    assert(record !== undefined, `partition ${partition} has no record left`)
    assert.equal(offset, record.offset)
    assert.equal(arrivalMs, record.arrivalMs)
    decided[model.decide(partition, record, keptByModel)] += 1
  }
  const lines = Buffer.from(bytes)
  const added = batch.add(bytes, {
    arrivalUs: arrivalMs * 1000,
    keptFromUs: KEEPS_ALL_US,
    dedupeUs: arrivalMs * 1000,
  })
  const kept: Kept[] = added.rejected.map(({ index, reason, start, end }) => ({
    ...origin.placeOf(index),
    reason,
    hex: Buffer.from(origin.originalOf(index) ?? lines.subarray(start, end)).toString('hex'),
  }))
  const { stored, duplicates } = added
  const engine: Decision = { stored, duplicates, rejected: added.rejected.length }
  assert.deepEqual(engine, decided)
  assert.deepEqual(kept.map(trimmedHex), keptByModel.map(trimmedHex))
}

/** The engine's span leaves white space around an event out. */
function trimmedHex(kept: Kept): Kept {
  const hex = kept.hex.replace(/^(?:20|09|0a|0d)+/, '')
  const text = Buffer.from(hex, 'hex')
    .toString('latin1')
    .replace(/[ \t\n\r]+$/, '')
  return { ...kept, hex: Buffer.from(text, 'latin1').toString('hex') }
}
