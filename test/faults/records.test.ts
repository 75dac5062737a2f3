/**
 * F18: late events exactly at the edges of windows that have closed. F19: records that others wrote to the topic past the
 * collector, and that are no events: none stops the job, none vanishes, and the events around them are stored.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Stack } from '../../deploy/stack/stack.ts'
import type { Item } from '../interop/hard-input.ts'
import { checkUntilRight } from '../parity/check-side.ts'
import { type Model, openModel } from '../parity/model.ts'
import { expectVerified, setUp } from '../parity/parity-run.ts'
import { listRejected } from '../parity/rejected-list.ts'
import type { DistributedSide } from '../stack/support/distributed-side.ts'
import { onFlinkSide, onKafkaSide } from '../stack/support/on-side.ts'
import { produce } from '../stack/support/topic.ts'
import { post } from '../support/client.ts'
import { eventLine } from '../support/events.ts'
import { startProduct } from '../support/product.ts'

const WINDOW_MS = 300_000
const HOUR_MS = 3_600_000
const REJECTED_LIMIT_MS = 120_000
const POLL_MS = 2_000
/** What a record may be instead of an event; none of it is something that Flink's JSON format would coerce. */
const BAD_RECORDS: readonly string[] = [
  'not JSON at all',
  '{"event_id":"cut',
  '[]',
  '42',
  '{}',
  bad({ user_id: undefined }),
  bad({ campaign_id: null }),
  bad({ event_type: 'view' }),
  bad({ timestamp: 'yesterday' }),
  bad({ timestamp: '2099-01-01T00:00:00Z' }),
  bad({ timestamp: '1999-12-31T23:59:59Z' }),
  bad({ revenue: 1e10 }),
]

test('Kafka with the embedded engine: late events at the edges of closed windows are in the window that they belong to', () =>
  onKafkaSide('edges', (_, side) => sendAtEdges(side)))

test('Kafka with Flink: late events at the edges of closed windows are in the window that they belong to', () =>
  onFlinkSide('edges', (_, side) => sendAtEdges(side)))

test('Kafka with the embedded engine: bad records past the collector are listed, and the events around them stored', () =>
  onKafkaSide('records', (stack, side) => mixBadRecords(stack, side)))

test('Kafka with Flink: bad records past the collector are listed, and the events around them stored', () =>
  onFlinkSide('records', (stack, side) => mixBadRecords(stack, side)))

/** Two rounds: the first closes every window, the second is late to the microsecond. */
async function sendAtEdges(side: DistributedSide): Promise<void> {
  const startMs = Math.floor((Date.now() - 2 * HOUR_MS) / WINDOW_MS) * WINDOW_MS
  const at = (ms: number, micros: string): string =>
    `${new Date(ms).toISOString().slice(0, -1)}${micros}Z`
  const model = openModel()
  await setUp(side)
  const product = await startProduct(side.folder, { environment: side.environment })
  try {
    const first = [0, 1, 2, 3].map((window) => at(startMs + window * WINDOW_MS, '500'))
    await send(product.url, model, 'first', first)
    await side.flush()
    await checkUntilRight(side, model)
    const late = [0, 1, 2, 3].flatMap((window) => {
      const edgeMs = startMs + window * WINDOW_MS
      return [at(edgeMs - 1, '999'), at(edgeMs, '000'), at(edgeMs, '001'), at(edgeMs - 1, '9999')]
    })
    await send(product.url, model, 'late', late)
    await side.flush()
    await checkUntilRight(side, model)
    await expectVerified(side)
  } finally {
    await product.stop()
  }
}

async function mixBadRecords(stack: Stack, side: DistributedSide): Promise<void> {
  const model = openModel()
  await setUp(side)
  const product = await startProduct(side.folder, { environment: side.environment })
  try {
    const timestamp = new Date(Date.now() - HOUR_MS).toISOString()
    for (const [at, record] of BAD_RECORDS.entries()) {
      const good = eventLine({ event_id: `good-${at}`, timestamp })
      model.add([item(good)])
      await produce(stack, side.topic, [record, good], at % 4)
    }
    await side.flush()
    await checkUntilRight(side, model)
    await expectVerified(side)
    await expectListed(side, BAD_RECORDS)
  } finally {
    await product.stop()
  }
}

/** Each once, with a reason, and with its place in the topic. */
async function expectListed(side: DistributedSide, records: readonly string[]): Promise<void> {
  const deadline = AbortSignal.timeout(REJECTED_LIMIT_MS)
  for (;;) {
    const listed = (await listRejected(side)).filter(({ bytes }) => !side.isFlush(bytes))
    const texts = listed.map(({ bytes }) => bytes.toString('utf8')).sort()
    if (texts.length >= records.length || deadline.aborted) {
      assert.deepEqual(texts, [...records].sort())
      for (const { explanation, offset } of listed) {
        assert.match(explanation, /^[a-z_]+: ./)
        assert.notEqual(offset, null)
      }
      return
    }
    await sleep(POLL_MS)
  }
}

async function send(
  url: string,
  model: Model,
  name: string,
  timestamps: readonly string[],
): Promise<void> {
  const lines = timestamps.map((timestamp, at) =>
    eventLine({ event_id: `${name}-${at}`, timestamp, revenue: 0.1 }),
  )
  const answer = await post(url, lines.join('\n'))
  assert.equal(answer.status, 200, answer.text)
  model.add(lines.map(item))
}

function item(line: string): Item {
  return { bytes: Buffer.from(line), blame: null, breaksArray: false }
}

function bad(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({
    event_id: `bad-${Object.keys(fields)[0]}-${Object.values(fields)[0]}`,
    user_id: 'u',
    campaign_id: 'c',
    event_type: 'click',
    timestamp: '2026-01-01T00:00:00Z',
    ...fields,
  })
}
