/**
 * Silences in which something happens: another process takes over as the leader, a partition is
 * added, a task manager is killed; with more parallel tasks than partitions, and with fewer. And an
 * embedded engine beside Flink on the same topic.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Stack } from '../../deploy/stack/stack.ts'
import { addPartitions } from '../stack/kafka/broker.ts'
import {
  type DistributedSide,
  flinkFields,
  openKafkaSide,
} from '../stack/support/distributed-side.ts'
import { onFlinkSide } from '../stack/support/on-side.ts'
import {
  awaitLedger,
  clicksAt,
  endsOf,
  expectEqual,
  expectStill,
  LIMIT_MS,
  setUp,
  sleepUntil,
  WINDOW,
  WINDOW_MS,
  windowOf,
} from '../stack/support/quiet.ts'
import { openSharedStack } from '../stack/support/shared-stack.ts'
import { postAccepted, readStatus } from '../support/client.ts'
import { eventLine, eventLines } from '../support/events.ts'
import { openFolder } from '../support/folder.ts'
import { type Product, startProduct } from '../support/product.ts'
import { until } from '../support/until.ts'

const SECOND = 'taskmanager#2'
const FIELDS = { window: WINDOW, kafka: { partitions: 2 } }

for (const { parallelism, partitions, flink } of [
  // After a restart the tasks without a partition hold the watermark up for the idle timeout: for
  // longer than it takes both tables to commit every checkpoint that the heartbeat waits for.
  {
    parallelism: 4,
    partitions: 2,
    flink: { parallelism: 4, idleTimeout: '60s', checkpointInterval: '1s' },
  },
  { parallelism: 2, partitions: 6, flink: { parallelism: 2 } },
]) {
  test(`${parallelism} tasks on ${partitions} partitions: a change of leader, a new partition, a crash`, async () => {
    const services = await openSharedStack(['kafka', 's3', 'postgres', 'jobmanager'])
    const more = { window: WINDOW, kafka: { partitions } }
    await services.start('taskmanager')
    await services.start(SECOND)
    try {
      await onFlinkSide('silence', (stack, side) => passSilences(stack, side, partitions), {
        ...more,
        flink: { ...flinkFields(services), ...flink },
      })
    } finally {
      await services.stop(SECOND)
    }
  })
}

async function passSilences(
  stack: Stack,
  side: DistributedSide,
  partitions: number,
): Promise<void> {
  const { environment } = side
  // Both processes name one folder for what the job rejects, as on a volume that they share.
  const flink = {
    ...(side.fields.flink as object),
    rejectedDirectory: join(side.folder.path, 'data/flink-rejected'),
  }
  const fields = { ...side.fields, flink }
  await side.folder.configure(fields)
  const otherFolder = await openFolder(fields)
  const started: Product[] = []
  const start = async (folder: typeof otherFolder): Promise<Product> => {
    const product = await startProduct(folder, { environment })
    started.push(product)
    return product
  }
  try {
    await setUp(side)
    const first = await start(side.folder)
    await postAccepted(first.url, eventLine({ event_id: 'first' }))
    await awaitLedger({ url: first.url }, { received: 1, stored: 1, waiting: 0 })
    const second = await start(otherFolder)
    const { url } = second

    const timestampMs = Date.now()
    const startMs = windowOf(timestampMs)
    const sendAt = async (name: string, count: number, ms: number): Promise<void> => {
      const timestamp = new Date(ms).toISOString()
      await postAccepted(url, `${eventLines(name, count, { timestamp }).join('\n')}\n`)
    }
    const awaitClicks = (ms: number, clicks: (found: number | null) => boolean): Promise<void> =>
      until(async () => clicks(await clicksAt({ stack }, ms)), LIMIT_MS)
    await sendAt('last', 20, timestampMs)
    await awaitClicks(startMs, (found) => found === 20 || found === 21)

    // In the silence the leader is killed between two heartbeats, and the other takes over. It
    // does not know when the last record came, and writes one at the end of the window.
    await first.kill()
    const before = await endsOf({ stack, side }, partitions)
    await until(
      async () => (await endsOf({ stack, side }, partitions)) >= before + partitions,
      LIMIT_MS,
    )
    const silentMs = startMs + WINDOW_MS
    await sendAt('silent', 3, silentMs + 1)
    await awaitClicks(silentMs, (found) => found === 3)
    await expectEqual({ side })

    const kafka = { kind: 'kafka', brokers: [stack.address('kafka')], topic: side.topic } as const
    const place = { ...kafka, partitions, replication: 1, tls: null, sasl: null } as const
    await addPartitions(place, partitions + 1)
    await sleepUntil(windowOf(Date.now()) + WINDOW_MS)

    // A job that is restored with a window that is open.
    const openMs = windowOf(Date.now())
    await sendAt('open', 40, openMs + 1)
    await awaitLedger({ url }, { stored: 64 })
    await stack.kill('taskmanager', 'SIGKILL')
    await stack.start('taskmanager')
    await awaitClicks(openMs, (found) => found === 40)
    // What would come twice, comes after.
    await sleepUntil(Date.now() + 4 * WINDOW_MS)
    assert.equal(await clicksAt({ stack }, openMs), 40)
    await sendAt('late', 1, openMs + 1)
    await awaitClicks(openMs, (found) => found === 41)
    await expectEqual({ side })
    await awaitLedger({ url }, { received: 65, stored: 65, rejected: 0, duplicates: 0, waiting: 0 })

    await sleepUntil(windowOf(Date.now()) + 3 * WINDOW_MS)
    await expectStill({ stack, side }, partitions + 1)
    assert.equal((await readStatus(url)).healthy, true)
  } finally {
    for (const product of started) await product.stop()
    await otherFolder.close()
  }
}

test('an embedded engine and Flink on one topic: Flink’s leader writes heartbeats, both are right', () =>
  onFlinkSide(
    'shared',
    async (stack, side) => {
      await setUp(side)
      const log = `kafka://${stack.address('kafka')}/${side.topic}`
      const beside = await openKafkaSide(stack, 'beside', { ...FIELDS, log })
      const started: Product[] = []
      try {
        await setUp(beside)
        for (const { folder, environment } of [side, beside]) {
          started.push(await startProduct(folder, { environment }))
        }
        const [flink, embedded] = started
        assert(flink !== undefined && embedded !== undefined)
        const timestampMs = Date.now()
        const timestamp = new Date(timestampMs).toISOString()
        for (const [name, { url }] of Object.entries({ flink, embedded })) {
          await postAccepted(url, `${eventLines(name, 10, { timestamp }).join('\n')}\n`)
        }
        const startMs = windowOf(timestampMs)
        await until(async () => (await clicksAt({ stack }, startMs)) === 20, LIMIT_MS)
        await sleepUntil(startMs + 5 * WINDOW_MS)
        await expectStill({ stack, side }, 2)
        assert((await endsOf({ stack, side }, 2)) >= 22, 'a heartbeat in each partition')

        const whole = { received: 20, stored: 20, rejected: 0, duplicates: 0, waiting: 0 }
        for (const { url } of started) await awaitLedger({ url }, whole)
        await postAccepted(embedded.url, eventLine({ event_id: 'late', timestamp }))
        await until(async () => (await clicksAt({ stack }, startMs)) === 21, LIMIT_MS)
        for (const { url } of started)
          await awaitLedger({ url }, { ...whole, received: 21, stored: 21 })
        for (const one of [side, beside]) await expectEqual({ side: one })
      } finally {
        for (const product of started) await product.stop()
        await beside.close()
      }
    },
    FIELDS,
  ))
