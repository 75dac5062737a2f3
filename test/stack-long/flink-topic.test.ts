/**
 * A topic that others write to and change, under Flink: transactions, more partitions, and records
 * that retention removes before they were read. The embedded engine's side of the same is in
 * kafka-log.test.ts and kafka-job.test.ts.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Stack } from '../../deploy/stack/stack.ts'
import { type KafkaPlace, readConsumerLag } from '../../src/log.ts'
import { addPartitions, openOutsideProducer } from '../stack/kafka/broker.ts'
import type { DistributedSide } from '../stack/support/distributed-side.ts'
import { cancelJobs } from '../stack/support/flink-jobs.ts'
import { onFlinkSide } from '../stack/support/on-side.ts'
import { produce, setTimestampType, withAdmin } from '../stack/support/topic.ts'
import { post, postAccepted, readStatus } from '../support/client.ts'
import { eventLine, eventLines } from '../support/events.ts'
import { runCommand, startProduct } from '../support/product.ts'
import { until } from '../support/until.ts'

const SETUP_LIMIT_MS = 300_000
const SETTLE_LIMIT_MS = 180_000
/** No window ends in the middle of a test: a heartbeat would move the offsets that are named. */
const TWO_PARTITIONS = { kafka: { partitions: 2 }, window: '1d' }

type Ledger = Readonly<{
  received: number
  stored: number
  duplicates: number
  rejected: number
  waiting: number
}>

function placeOf(stack: Stack, side: DistributedSide): KafkaPlace {
  const brokers = [stack.address('kafka')]
  const { topic } = side
  return { kind: 'kafka', brokers, topic, partitions: 2, replication: 1, tls: null, sasl: null }
}

async function setUp({ folder, environment }: DistributedSide): Promise<void> {
  const made = await runCommand(folder, ['setup'], { environment, limitMs: SETUP_LIMIT_MS })
  assert.equal(made.exit.code, 0, made.stdout + made.stderr)
}

async function ledgerAt(url: string): Promise<Ledger> {
  return ((await readStatus(url)) as unknown as { ledger: Ledger }).ledger
}

async function problemsAt(url: string): Promise<string> {
  return String((await readStatus(url)).problems)
}

/** Resolves once the ledger is so; duplicates of Flink are known after twenty seconds. */
async function awaitLedger(url: string, expected: Ledger): Promise<void> {
  const deadline = performance.now() + SETTLE_LIMIT_MS
  for (;;) {
    const ledger = await ledgerAt(url)
    const isSame = JSON.stringify(ledger) === JSON.stringify(expected)
    if (isSame) return
    if (performance.now() > deadline) {
      assert.deepEqual(ledger, expected, await problemsAt(url))
    }
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

test('aborted and open transactions are left out, and new partitions read from their start', () =>
  onFlinkSide(
    'topic',
    async (stack, side) => {
      await setUp(side)
      const place = placeOf(stack, side)
      const { environment } = side
      const producer = openOutsideProducer(place, { transactionalId: side.topic, timeout: 600_000 })
      const begin = async (name: string, count: number) => {
        const transaction = await producer.beginTransaction()
        const messages = eventLines(name, count).map((line) => {
          return { topic: side.topic, partition: 0, value: Buffer.from(line) }
        })
        await transaction.send({ messages })
        return transaction
      }
      const product = await startProduct(side.folder, { environment })
      try {
        await postAccepted(product.url, `${eventLines('plain', 50).join('\n')}\n`)
        await (await begin('kept', 20)).commit()
        await (await begin('aborted', 100)).abort()
        const whole = { received: 70, stored: 70, duplicates: 0, rejected: 0, waiting: 0 }
        await awaitLedger(product.url, whole)

        const open = await begin('open', 10)
        await awaitLedger(product.url, { ...whole, received: 80, waiting: 10 })
        await open.abort()
        await awaitLedger(product.url, whole)
        const { stdout } = await runCommand(side.folder, ['status', '--json'], { environment })
        assert.deepEqual(JSON.parse(stdout).ledger, whole)

        await addPartitions(place, 4)
        const madeMs = performance.now()
        await produce(stack, side.topic, eventLines('two', 5), 2)
        await produce(stack, side.topic, eventLines('three', 5), 3)
        await awaitLedger(product.url, { ...whole, received: 80, stored: 80 })
        const seconds = (performance.now() - madeMs) / 1000
        assert(seconds < 60, `read, committed and seen after ${seconds.toFixed(1)} s`)
      } finally {
        await producer.close()
        await product.stop()
      }
    },
    TWO_PARTITIONS,
  ))

test('records that retention took unread stop the job, until it is told to go on', () =>
  onFlinkSide(
    'gap',
    async (stack, side) => {
      await setUp(side)
      const { environment } = side
      let product = await startProduct(side.folder, { environment })
      try {
        await produce(stack, side.topic, eventLines('read', 100), 0)
        const read = { received: 100, stored: 100, duplicates: 0, rejected: 0, waiting: 0 }
        await awaitLedger(product.url, read)
        // The ledger goes by one of the job's two sources.
        const lines = `campaign-metrics-${side.topic}-lines`
        await until(async () => {
          const { partitions } = await readConsumerLag(placeOf(stack, side), lines)
          return partitions[0]?.committed === 100
        })
        await product.stop()
        await cancelJobs(stack)

        await produce(stack, side.topic, eventLines('lost', 500), 0)
        await produce(stack, side.topic, eventLines('left', 30), 0)
        await withAdmin(stack, (admin) =>
          admin.deleteRecords({
            topics: [{ name: side.topic, partitions: [{ partition: 0, offset: 600n }] }],
          }),
        )
        product = await startProduct(side.folder, { environment })
        await until(async () => (await problemsAt(product.url)).includes('--new-log'), 120_000)
        assert.match(
          await problemsAt(product.url),
          /no longer holds 500 records of partition 0 \(offsets 100 to 599\): its retention/,
        )
        assert.equal((await ledgerAt(product.url)).stored, 100)
        await product.stop()

        product = await startProduct(side.folder, { environment, arguments: ['--new-log'] })
        await awaitLedger(product.url, { ...read, received: 130, stored: 130 })
        await until(async () => (await readStatus(product.url)).healthy === true, 120_000)
        // Once past the gap, the job that stops at the next one runs again.
        await until(
          () => (product.output().match(/submitted the Flink job/g) ?? []).length === 2,
          120_000,
        )
        await produce(stack, side.topic, eventLines('after', 10), 1)
        await awaitLedger(product.url, { ...read, received: 140, stored: 140 })
      } finally {
        await product.stop()
      }
    },
    TWO_PARTITIONS,
  ))

test('records with their senders’ time are rejected, and the next are stored', () =>
  onFlinkSide(
    'dated',
    async (stack, side) => {
      await setUp(side)
      const { environment, folder, topic } = side
      const product = await startProduct(folder, { environment })
      try {
        await postAccepted(product.url, `${eventLines('before', 20).join('\n')}\n`)
        const before = { received: 20, stored: 20, duplicates: 0, rejected: 0, waiting: 0 }
        await awaitLedger(product.url, before)
        await setTimestampType(stack, topic, 'CreateTime')
        await until(async () => (await problemsAt(product.url)).includes('was changed'))
        assert.match(await problemsAt(product.url), /message\.timestamp\.type is CreateTime/)

        const aheadMs = Date.now() + 3_000_000
        const ahead = eventLine({ event_id: 'a', timestamp: new Date(aheadMs).toISOString() })
        await produce(stack, topic, [ahead, '{'], 0, aheadMs)
        const rejected = { ...before, received: 22, rejected: 2 }
        await awaitLedger(product.url, rejected)
        const refused = await post(product.url, eventLine({ event_id: 'refused' }))
        assert.equal(refused.status, 503)

        await setTimestampType(stack, topic, 'LogAppendTime')
        await produce(stack, topic, eventLines('after', 10))
        await until(async () => (await readStatus(product.url)).healthy === true, SETTLE_LIMIT_MS)
        // The one that was answered 503 is in the topic, too.
        await awaitLedger(product.url, { ...before, received: 33, stored: 30, rejected: 3 })
        const list = await runCommand(folder, ['rejected', '--json'], { environment })
        assert.equal((list.stdout.match(/"reason":\s*"sender-time"/g) ?? []).length, 3)
      } finally {
        await product.stop()
      }
    },
    TWO_PARTITIONS,
  ))
