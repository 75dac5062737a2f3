/**
 * Quiet traffic: heartbeats close the windows that the last events are in, and are seen nowhere
 * else; events dated into a silence are in the metrics all the same.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Stack } from '../../deploy/stack/stack.ts'
import { openHeartbeatWriter, readTopicExtent } from '../../src/log.ts'
import { post, postAccepted, readStatus } from '../support/client.ts'
import { eventLine, eventLines } from '../support/events.ts'
import { startProduct } from '../support/product.ts'
import { until } from '../support/until.ts'
import { askTrino } from './support/ask-trino.ts'
import { onFlinkSide, onKafkaSide } from './support/on-side.ts'
import {
  awaitLedger,
  BOUND_MS,
  clicksAt,
  endsOf,
  expectEqual,
  expectStill,
  GRACE_MS,
  LIMIT_MS,
  setUp,
  sleepUntil,
  WINDOW,
  WINDOW_MS,
  windowOf,
} from './support/quiet.ts'
import { produce } from './support/topic.ts'

const FIELDS = { window: WINDOW, kafka: { partitions: 2 } }

/** Commits that replaced rows of the metrics. */
async function amendments(stack: Stack): Promise<number> {
  const sql =
    `SELECT count(*) FROM "campaign_metrics$snapshots" WHERE ` +
    `element_at(summary, 'campaign-metrics.amended-until') IS NOT NULL`
  const [row] = await askTrino(stack.address('trino'), sql)
  return Number(row?.[0])
}

test('quiet traffic closes its last window in time, and events of a silence are amended', () =>
  onFlinkSide(
    'quiet',
    async (stack, side) => {
      await setUp(side)
      const product = await startProduct(side.folder, { environment: side.environment })
      const running = { stack, side, url: product.url }
      try {
        // The job runs once a first event is stored.
        await postAccepted(product.url, eventLine({ event_id: 'first' }))
        await awaitLedger(running, { received: 1, stored: 1, waiting: 0 })

        const sentMs = Date.now()
        const startMs = windowOf(sentMs)
        const timestamp = new Date(sentMs).toISOString()
        await postAccepted(product.url, `${eventLines('last', 20, { timestamp }).join('\n')}\n`)
        const endMs = startMs + WINDOW_MS
        await sleepUntil(endMs)
        await until(async () => (await clicksAt(running, startMs)) !== null, LIMIT_MS)
        const lateMs = Date.now() - endMs
        assert(lateMs < BOUND_MS + GRACE_MS, `in the metrics ${lateMs} ms after its end`)
        const clicks = (await clicksAt(running, startMs)) ?? 0
        assert(clicks === 20 || clicks === 21, `${clicks} clicks`)

        // A record that is no event moves nothing but the topic: its window and the silent ones
        // before it close without a row.
        const silentMs = startMs + WINDOW_MS
        await sleepUntil(silentMs + 2 * WINDOW_MS)
        const before = await endsOf(running, 2)
        await produce(stack, side.topic, ['{'], 0)
        const badMs = Date.now()
        await until(async () => (await endsOf(running, 2)) >= before + 3, LIMIT_MS)
        await awaitLedger(running, { received: 22, stored: 21, rejected: 1, waiting: 0 })

        // Dated into the first silent window: Flink drops it.
        const silent = eventLines('silent', 3, { timestamp: new Date(silentMs + 1).toISOString() })
        await postAccepted(product.url, `${silent.join('\n')}\n`)
        await until(async () => (await clicksAt(running, silentMs)) === 3, LIMIT_MS)
        assert((await amendments(stack)) > 0, 'the window was amended')
        await expectEqual(running)

        const late = eventLine({ event_id: 'late', timestamp })
        await postAccepted(product.url, late)
        await until(async () => (await clicksAt(running, startMs)) === clicks + 1, LIMIT_MS)
        await expectEqual(running)
        await awaitLedger(running, { received: 26, stored: 25, rejected: 1, duplicates: 0 })

        // Once all is closed, the topic is left alone.
        await sleepUntil(windowOf(badMs) + 3 * WINDOW_MS)
        await sleep(2 * WINDOW_MS)
        await expectStill(running, 2)
        assert.equal((await readStatus(product.url)).healthy, true)
      } finally {
        await product.stop()
      }
    },
    FIELDS,
  ))

test('the embedded engine leaves heartbeats out, and its ledger closes', () =>
  onKafkaSide(
    'heartbeats',
    async (stack, side) => {
      await setUp(side)
      const product = await startProduct(side.folder, { environment: side.environment })
      const running = { stack, side, url: product.url }
      try {
        const place = {
          ...({ kind: 'kafka', brokers: [stack.address('kafka')], topic: side.topic } as const),
          ...{ partitions: 2, replication: 1, tls: null, sasl: null },
        }
        const { id } = await readTopicExtent(place)
        const writer = await openHeartbeatWriter(place, id, Date.now)
        const beat = async () => {
          const written = await writer.write()
          assert.deepEqual(written.map(({ partition }) => partition).toSorted(), [0, 1])
        }
        const onlyHeartbeatsIn = async (write: () => Promise<unknown>): Promise<boolean> => {
          const before = await writer.ends()
          await write()
          return await writer.areHeartbeats(before, await writer.ends())
        }
        assert.equal(await onlyHeartbeatsIn(beat), true)
        assert.equal(await onlyHeartbeatsIn(async () => {}), true)
        const bad = () => produce(stack, side.topic, ['{'], 0)
        assert.equal(await onlyHeartbeatsIn(() => Promise.all([beat(), bad()])), false)
        await postAccepted(product.url, `${eventLines('one', 10).join('\n')}\n`)
        await beat()
        await produce(stack, side.topic, ['{', ...eventLines('two', 5)], 1)
        await beat()
        await writer.close()
        const whole = { received: 17, stored: 15, rejected: 2, duplicates: 0, waiting: 0 }
        await awaitLedger(running, whole)
        assert.equal((await post(product.url, eventLine({ event_id: 'after' }))).status, 200)
        await awaitLedger(running, { ...whole, received: 18, stored: 16 })
        await expectEqual(running)
      } finally {
        await product.stop()
      }
    },
    { kafka: { partitions: 2 } },
  ))
