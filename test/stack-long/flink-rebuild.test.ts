/**
 * State that is lost is read again from the topic on a real Flink: with repeats and late events in
 * the backlog, with offsets of Flink's groups ahead of the tables, and killed on the way.
 */
import assert from 'node:assert/strict'
import { readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Stack } from '../../deploy/stack/stack.ts'
import { beginAt, type KafkaPlace, readConsumerLag } from '../../src/log.ts'
import type { DistributedSide } from '../stack/support/distributed-side.ts'
import { cancelJobs } from '../stack/support/flink-jobs.ts'
import { onFlinkSide } from '../stack/support/on-side.ts'
import { produce } from '../stack/support/topic.ts'
import { postAccepted, readStatus } from '../support/client.ts'
import { eventLines } from '../support/events.ts'
import { type Product, runCommand, startProduct } from '../support/product.ts'
import { until } from '../support/until.ts'

const SETUP_LIMIT_MS = 300_000
const SETTLE_LIMIT_MS = 300_000
const MINUTE_MS = 60_000

type Ledger = Readonly<Record<string, number>>

async function awaitLedger(product: Product, expected: Ledger): Promise<void> {
  let ledger: unknown = null
  await until(async () => {
    ledger = (await readStatus(product.url)).ledger
    return JSON.stringify(ledger) === JSON.stringify(expected)
  }, SETTLE_LIMIT_MS).catch(async () => {
    assert.deepEqual(ledger, expected, String((await readStatus(product.url)).problems))
  })
}

async function awaitWindows(
  { folder, environment }: DistributedSide,
  count: number,
): Promise<void> {
  const words = ['query', '--json', 'SELECT count(*) AS windows FROM campaign_metrics']
  await until(async () => {
    const { stdout } = await runCommand(folder, words, { environment })
    return Number(/"windows":\s*"?(\d+)/.exec(stdout)?.[1]) === count
  }, SETTLE_LIMIT_MS)
}

/** The checkpoints of the job that has run last. */
async function loseCheckpoints({ folder }: DistributedSide): Promise<void> {
  const note = join(folder.path, 'data/rejected/flink-checkpoint.json')
  const { path } = JSON.parse(await readFile(note, 'utf8'))
  await rm(dirname(fileURLToPath(path)), { recursive: true })
}

function placeOf(stack: Stack, { topic }: DistributedSide): KafkaPlace {
  const brokers = [stack.address('kafka')]
  return { kind: 'kafka', brokers, topic, partitions: 2, replication: 1, tls: null, sasl: null }
}

test('lost state is read again from the topic: each event once, each window right', () =>
  onFlinkSide(
    'rebuild',
    async (stack, side) => {
      const { environment, folder, topic } = side
      const place = placeOf(stack, side)
      const made = await runCommand(folder, ['setup'], { environment, limitMs: SETUP_LIMIT_MS })
      assert.equal(made.exit.code, 0, made.stdout + made.stderr)
      const agoOf = (minutes: number) => {
        return { timestamp: new Date(Date.now() - minutes * MINUTE_MS).toISOString() }
      }
      // Windows of five minutes: the first is closed before the state is lost, the second is not.
      const closed = agoOf(20)
      const open = agoOf(10)
      const body = (lines: readonly string[]): string => `${lines.join('\n')}\n`

      let product = await startProduct(folder, { environment })
      try {
        await postAccepted(product.url, body(eventLines('closed', 100, closed)))
        await postAccepted(product.url, body(eventLines('first', 200, open)))
        await produce(stack, topic, ['{'], 0)
        const first = { received: 301, stored: 300, duplicates: 0, rejected: 1, waiting: 0 }
        await awaitLedger(product, first)
        await awaitWindows(side, 1)
        await product.stop()
        await cancelJobs(stack)

        // Repeats, within the backlog and of what is stored; new events; late ones of a closed window.
        await produce(stack, topic, eventLines('first', 50, open))
        await produce(stack, topic, eventLines('new', 300, open))
        await produce(stack, topic, eventLines('new', 100, open))
        await produce(stack, topic, eventLines('late', 20, closed))
        // Flink notes offsets before the commit of their rows: all of this counts as read there.
        const { partitions } = await readConsumerLag(place, `campaign-metrics-${topic}`)
        const ends = partitions.map(({ end }) => end)
        await beginAt(place, `campaign-metrics-${topic}`, ends)
        await beginAt(place, `campaign-metrics-${topic}-lines`, ends)
        await loseCheckpoints(side)

        const rebuilding = { environment, arguments: ['--rebuild-state'] }
        product = await startProduct(folder, rebuilding)
        const isSubmitted = () => product.output().includes('submitted the Flink job')
        await until(isSubmitted, SETTLE_LIMIT_MS)
        await product.kill()
        await cancelJobs(stack)
        product = await startProduct(folder, { environment })
        const second = { received: 771, stored: 620, duplicates: 150, rejected: 1, waiting: 0 }
        await awaitLedger(product, second)
        await product.stop()

        // Once more, from a state that was rebuilt itself.
        await cancelJobs(stack)
        await produce(stack, topic, eventLines('late', 20, closed))
        await produce(stack, topic, eventLines('last', 30, open))
        product = await startProduct(folder, rebuilding)
        await awaitLedger(product, { ...second, received: 821, stored: 650, duplicates: 170 })
        await awaitWindows(side, 2)
        const verified = await runCommand(folder, ['verify'], { environment, limitMs: 180_000 })
        assert.equal(verified.exit.code, 0, verified.stdout + verified.stderr)
      } finally {
        await product.stop()
      }
    },
    { kafka: { partitions: 2 } },
  ))
