/** Where a job without state begins to read, and what it finds stored, on a real broker. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { findReach, type RebuildParts } from '../../src/flink/supervision/rebuild.ts'
import type { KafkaPlace } from '../../src/log.ts'
import type { DataFile } from '../../src/table.ts'
import { eventLines } from '../support/events.ts'
import { type Broker, openAdmin, openBroker } from './kafka/broker.ts'
import { produce } from './support/topic.ts'

let broker: Broker
before(async () => {
  broker = await openBroker()
})
after(() => broker.close())

const idsOf = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, at) => Buffer.from(`${prefix}-${at}`))

/** As if the tables had one file, with these ids. */
function partsOf(
  topic: KafkaPlace,
  stored: readonly Uint8Array[],
  taken: readonly number[],
): RebuildParts {
  return {
    topic,
    taken,
    committedMs: Date.now(),
    removedMs: null,
    horizonMs: 60_000,
    retention: { days: 0, sinceUs: 0, keptFromUs: 0 },
    filesSince: async () => [{} as DataFile],
    async *readIds() {
      yield stored
    },
    acceptRepeats: false,
    signal: new AbortController().signal,
    steadyMs: () => performance.now(),
  }
}

test('what is stored ends where the rows do, though the offsets of the group are ahead', async () => {
  const place = await broker.topic('reach', { partitions: 3 })
  await produce(broker.stack, place.topic, [...eventLines('a', 50), '{', 'no'], 0)
  await produce(broker.stack, place.topic, eventLines('b', 30), 1)
  // Repeats of what is stored, behind what is not.
  await produce(broker.stack, place.topic, [...eventLines('new', 5), ...eventLines('a', 20)], 0)
  const stored = [...idsOf('a', 50), ...idsOf('b', 10)]
  const found = await findReach(partsOf(place, stored, [77, 30, 0]))
  assert.deepEqual(found, { kind: 'found', from: [0, 0, 0], storedUntil: [50, 10, 0] })
})

test('a topic that begins too late is refused, unless repeats do not matter', async () => {
  const place = await broker.topic('short', { partitions: 1 })
  await produce(broker.stack, place.topic, eventLines('a', 50), 0)
  const admin = openAdmin(place)
  await admin.deleteRecords({
    topics: [{ name: place.topic, partitions: [{ partition: 0, offset: 20n }] }],
  })
  await admin.close()
  const parts = partsOf(place, idsOf('a', 40), [50])
  const refused = await findReach(parts)
  assert.equal(refused.kind, 'refused')
  assert.match('why' in refused ? refused.why : '', /partition 0 begins later, at offset 20\./)
  const accepted = await findReach({ ...parts, acceptRepeats: true })
  assert.deepEqual(accepted, { kind: 'found', from: [20], storedUntil: [40] })
})

test('where a client has removed rows since, ids do not tell what is stored: refused', async () => {
  const place = await broker.topic('removed', { partitions: 1 })
  await produce(broker.stack, place.topic, eventLines('a', 50), 0)
  const parts = partsOf(place, idsOf('a', 50), [50])
  const refused = await findReach({ ...parts, removedMs: Date.now() })
  assert.match('why' in refused ? refused.why : '', /removed rows of campaign_events at .*twice/)
  const long = await findReach({ ...parts, removedMs: Date.now() - 3_600_000 })
  assert.deepEqual(long, { kind: 'found', from: [0], storedUntil: [50] })
})
