/**
 * A topic from before the first start to the one that replaces it: what somebody else wrote into it
 * (F20), records among it that are no events (F19), late events to the microsecond at the edges of
 * windows that have closed (F18), another topic of its name (F11).
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Stack } from '../../deploy/stack/stack.ts'
import { checkUntilRight } from '../parity/check-side.ts'
import { type Model, openModel } from '../parity/model.ts'
import { expectVerified, setUp } from '../parity/parity-run.ts'
import { listRejected } from '../parity/rejected-list.ts'
import { post } from '../support/client.ts'
import { eventLine } from '../support/events.ts'
import { expectRefusal, runCommand, startProduct } from '../support/product.ts'
import type { DistributedSide } from './support/distributed-side.ts'
import { onFlinkSide, onKafkaSide } from './support/on-side.ts'
import { deleteTopic, produce, withAdmin } from './support/topic.ts'

const PARTITIONS = 4
const WINDOW_MS = 300_000
const HOUR_MS = 3_600_000
const LISTED_LIMIT_MS = 120_000
const SETUP_LIMIT_MS = 180_000
const POLL_MS = 1_000
/** None of them is something that Flink's JSON format would coerce. */
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

test('Kafka with the embedded engine: others fill it, late events, a topic made anew', () =>
  onKafkaSide('topic', liveThrough))

test('Kafka with Flink: others fill it, late events, a topic made anew', () =>
  onFlinkSide('topic', liveThrough))

async function liveThrough(stack: Stack, side: DistributedSide): Promise<void> {
  const model = openModel()
  await fillFromOutside(stack, side, model)
  await setUp(side)
  const product = await startProduct(side.folder, { environment: side.environment })
  try {
    await expectRight(side, model)
    await expectListed(side)
    await sendAtEdges(product.url, side, model)
    await expectVerified(side)
  } finally {
    await product.stop()
  }
  await deleteTopic(stack, side.topic)
  await expectRefused(side)
}

/** Before the product sees it for the first time. */
async function fillFromOutside(stack: Stack, side: DistributedSide, model: Model): Promise<void> {
  await withAdmin(stack, (admin) =>
    admin.createTopics({
      topics: [side.topic],
      partitions: PARTITIONS,
      replicas: 1,
      configs: [{ name: 'message.timestamp.type', value: 'LogAppendTime' }],
    }),
  )
  const timestamp = new Date(Date.now() - HOUR_MS).toISOString()
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    const records = BAD_RECORDS.filter((_, at) => at % PARTITIONS === partition)
    const mixed = records.flatMap((record, at) => {
      const good = eventLine({ event_id: `good-${partition}-${at}`, timestamp })
      addTo(model, [good])
      return [record, good]
    })
    await produce(stack, side.topic, mixed, partition)
  }
}

/** Two rounds: the first closes every window, the second is late to the microsecond. */
async function sendAtEdges(url: string, side: DistributedSide, model: Model): Promise<void> {
  const startMs = Math.floor((Date.now() - 2 * HOUR_MS) / WINDOW_MS) * WINDOW_MS
  const at = (ms: number, micros: string): string =>
    `${new Date(ms).toISOString().slice(0, -1)}${micros}Z`
  const edges = [0, 1, 2, 3].map((window) => startMs + window * WINDOW_MS)
  await send(
    url,
    model,
    'first',
    edges.map((edgeMs) => at(edgeMs, '500')),
  )
  await expectRight(side, model)
  const late = edges.flatMap((edgeMs) => [
    at(edgeMs - 1, '999'),
    at(edgeMs, '000'),
    at(edgeMs, '001'),
    at(edgeMs - 1, '9999'),
  ])
  await send(url, model, 'late', late)
  await expectRight(side, model)
}

async function expectRight(side: DistributedSide, model: Model): Promise<void> {
  await checkUntilRight(side, model)
}

/** Each bad record once, with a reason, and with its place in the topic. */
async function expectListed(side: DistributedSide): Promise<void> {
  const deadline = AbortSignal.timeout(LISTED_LIMIT_MS)
  for (;;) {
    const listed = await listRejected(side)
    const texts = listed.map(({ bytes }) => bytes.toString('utf8')).sort()
    if (texts.length >= BAD_RECORDS.length || deadline.aborted) {
      assert.deepEqual(texts, [...BAD_RECORDS].sort())
      for (const { explanation, offset } of listed) {
        assert.match(explanation, /^[a-z_]+: ./)
        assert.notEqual(offset, null)
      }
      return
    }
    await sleep(POLL_MS)
  }
}

/** By `setup`, or by `start` where that lets it pass. */
async function expectRefused(side: DistributedSide): Promise<void> {
  const { environment } = side
  const again = await runCommand(side.folder, ['setup'], { environment, limitMs: SETUP_LIMIT_MS })
  const isSetUp = again.exit.code === 0
  const refused = isSetUp ? await expectRefusal(side.folder, { environment }) : again
  assert.notEqual(refused.exit.code, 0)
  const said = refused.stdout + refused.stderr
  assert.match(said, /another one.*deleted and made anew/)
  // Where Flink is the engine, a job's state hangs on the topic: other tables are the way on.
  assert.match(said, /--new-log|name another warehouse/)
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
  addTo(model, lines)
}

function addTo(model: Model, lines: readonly string[]): void {
  model.add(lines.map((line) => ({ bytes: Buffer.from(line), blame: null, breaksArray: false })))
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
