/** F11: the topic is not the one that the tables were filled from. F20: what it held before the first start. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Stack } from '../../deploy/stack/stack.ts'
import { checkUntilRight } from '../parity/check-side.ts'
import { openModel } from '../parity/model.ts'
import { expectVerified, setUp } from '../parity/parity-run.ts'
import type { DistributedSide } from '../stack/support/distributed-side.ts'
import { onFlinkSide, onKafkaSide } from '../stack/support/on-side.ts'
import { deleteTopic, produce, withAdmin } from '../stack/support/topic.ts'
import { post, waitUntilSettled } from '../support/client.ts'
import { eventLines } from '../support/events.ts'
import { expectRefusal, runCommand, startProduct } from '../support/product.ts'

const PAST = { timestamp: new Date(Date.now() - 3_600_000).toISOString() }
const SETUP_LIMIT_MS = 180_000

test('Kafka with the embedded engine: a topic made anew is refused, by name, with the way on', () =>
  onKafkaSide('recreated', async (stack, side) => {
    await setUp(side)
    await sendAndSettle(side, eventLines('first', 50, PAST))
    await deleteTopic(stack, side.topic)
    await setUp(side)
    await produce(stack, side.topic, eventLines('second', 10, PAST))

    const refused = await expectRefusal(side.folder, { environment: side.environment })
    const said = refused.stdout + refused.stderr
    assert.notEqual(refused.exit.code, 0)
    assert.match(said, new RegExp(side.topic))
    assert.match(said, /--new-log/)

    const model = openModel()
    for (const name of ['first', 'second'])
      addLines(model, eventLines(name, name === 'first' ? 50 : 10, PAST))
    const product = await startProduct(side.folder, {
      environment: side.environment,
      arguments: ['--new-log'],
    })
    try {
      await waitUntilSettled(product.url)
      await checkUntilRight(side, model)
      await expectVerified(side)
    } finally {
      await product.stop()
    }
  }))

test('Kafka with Flink: a topic made anew is refused, by name, with the way on', () =>
  onFlinkSide('recreated', async (stack, side) => {
    await setUp(side)
    const model = openModel()
    addLines(model, eventLines('first', 50, PAST))
    const product = await startProduct(side.folder, { environment: side.environment })
    await sendLines(product.url, eventLines('first', 50, PAST))
    await side.flush()
    await checkUntilRight(side, model)
    await product.stop()

    await deleteTopic(stack, side.topic)
    const again = await runCommand(side.folder, ['setup'], {
      environment: side.environment,
      limitMs: SETUP_LIMIT_MS,
    })
    const refused =
      again.exit.code === 0
        ? await expectRefusal(side.folder, { environment: side.environment })
        : again
    assert.notEqual(refused.exit.code, 0)
    assert.match(refused.stdout + refused.stderr, new RegExp(side.topic))
  }))

test('Kafka with the embedded engine: events that a topic holds before the first start are taken', () =>
  onKafkaSide('existing', async (stack, side) => {
    await expectExistingTaken(stack, side)
  }))

test('Kafka with Flink: events that a topic holds before the first start are taken', () =>
  onFlinkSide('existing', async (stack, side) => {
    await expectExistingTaken(stack, side)
  }))

/** The topic is somebody else's, and filled, before the product sees it for the first time. */
async function expectExistingTaken(stack: Stack, side: DistributedSide): Promise<void> {
  await withAdmin(stack, (admin) =>
    admin.createTopics({
      topics: [side.topic],
      partitions: 4,
      replicas: 1,
      configs: [{ name: 'message.timestamp.type', value: 'LogAppendTime' }],
    }),
  )
  const model = openModel()
  addLines(model, eventLines('existing', 100, PAST))
  for (let partition = 0; partition < 4; partition += 1) {
    const lines = eventLines('existing', 100, PAST).filter((_, at) => at % 4 === partition)
    await produce(stack, side.topic, lines, partition)
  }
  await setUp(side)
  const product = await startProduct(side.folder, { environment: side.environment })
  try {
    await side.flush()
    await checkUntilRight(side, model)
    await expectVerified(side)
  } finally {
    await product.stop()
  }
}

async function sendAndSettle(side: DistributedSide, lines: readonly string[]): Promise<void> {
  const product = await startProduct(side.folder, { environment: side.environment })
  try {
    await sendLines(product.url, lines)
    await waitUntilSettled(product.url)
  } finally {
    await product.stop()
  }
}

async function sendLines(url: string, lines: readonly string[]): Promise<void> {
  const answer = await post(url, lines.join('\n'))
  assert.equal(answer.status, 200, answer.text)
}

function addLines(model: ReturnType<typeof openModel>, lines: readonly string[]): void {
  model.add(lines.map((line) => ({ bytes: Buffer.from(line), blame: null, breaksArray: false })))
}
