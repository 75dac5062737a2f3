/**
 * Reading ends where the topic is no longer the log: with `topic-replaced`, not with a lost end.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connection } from '@platformatic/kafka'
import type { KafkaPlace } from '../../../src/log/event-log.ts'
import type { Cluster, View } from '../../../src/log/kafka/cluster.ts'
import { Fetcher } from '../../../src/log/kafka/fetcher.ts'
import { Merge } from '../../../src/log/kafka/merge.ts'
import { PartitionQueue } from '../../../src/log/kafka/partition-queue.ts'

const PLACE: KafkaPlace = {
  kind: 'kafka',
  brokers: ['localhost:9092'],
  topic: 'campaign_events',
  partitions: 1,
  replication: 1,
  tls: null,
  sasl: null,
}
const FIRST = '11111111-1111-4111-8111-111111111111'
const SECOND = '22222222-2222-4222-8222-222222222222'
const LOG_ID = `kafka:cluster/${FIRST}`
const OFFSET_OUT_OF_RANGE = 1

function viewOf(topicId: string): View {
  return {
    clusterId: 'cluster',
    controller: 1,
    brokers: new Map([[1, { host: 'localhost', port: 9092 }]]),
    topic: { id: topicId, leaders: [1], replication: 1 },
  }
}

/**
 * A broker that answers each fetch with this error and lists offset 0 as start and end; it counts
 * requests.
 */
function openBroker(errorCode: number): { connection: Connection; requests: () => number } {
  let requests = 0
  const answer = {
    errorCode: 0,
    partitions: [
      { partition: 0, errorCode, lastStableOffset: -1, aborted: [], records: Buffer.alloc(0) },
    ],
  }
  const listed = { topics: [{ partitions: [{ partitionIndex: 0, offset: 0n }] }] }
  const send = (...args: unknown[]): void => {
    requests += 1
    const done = args.at(-1) as (error: null, answer: unknown) => void
    setImmediate(() => done(null, { ...answer, ...listed }))
  }
  return { connection: { send } as unknown as Connection, requests: () => requests }
}

/**
 * A reader at offset 40 of the first topic; metadata changes from `before` to `after` when asked
 * for.
 */
async function failureOf(before: string, after: string) {
  const broker = openBroker(OFFSET_OUT_OF_RANGE)
  let view = viewOf(before)
  const cluster: Cluster = {
    place: PLACE,
    view: () => view,
    async refresh() {
      view = viewOf(after)
      return view
    },
    to: async () => broker.connection,
    close: async () => {},
  }
  const merge = new Merge()
  merge.add(new PartitionQueue(PLACE.topic, 0, 40, 40))
  const fetcher = new Fetcher(cluster, merge, LOG_ID, { steadyMs: () => 0, onStalled: () => {} })
  await fetcher.arrived.wait(1_000)
  await fetcher.close()
  const { failure } = fetcher
  assert(failure !== null)
  return { code: failure.code, facts: failure.facts, requests: broker.requests() }
}

const REPLACED = {
  code: 'topic-replaced',
  facts: { before: LOG_ID, now: `kafka:cluster/${SECOND}` },
}

test('a topic made anew before the request is not read at the offsets of the old one', async () => {
  assert.deepEqual(await failureOf(SECOND, SECOND), { ...REPLACED, requests: 0 })
})

test('an offset out of range of a topic made anew is told as such, not as a lost end', async () => {
  assert.deepEqual(await failureOf(FIRST, SECOND), { ...REPLACED, requests: 1 })
})
