/**
 * The parallelism of the job is changed up and down by configuration while traffic goes on, over
 * two task managers: nothing is lost or counted twice, not in any snapshot that was ever committed.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setUp } from '../parity/parity-run.ts'
import { readStatus } from '../support/client.ts'
import { runCommand, startProduct } from '../support/product.ts'
import { until } from '../support/until.ts'
import { awaitParallelism, changeParallelism } from './support/change-parallelism.ts'
import { watchSnapshots } from './support/doubled-windows.ts'
import { runFault } from './support/fault-run.ts'
import { runningJobs } from './support/flink-jobs.ts'
import { onFlinkSide } from './support/on-side.ts'

const EVENTS_BETWEEN = 2_000
const SECOND = 'taskmanager#2'
const SIX_PARTITIONS = { kafka: { partitions: 6 } }

test('1 → 2 → 4 → 1 under traffic: each event once, no window twice in any snapshot', (t) =>
  onFlinkSide(
    'parallel',
    async (stack, side) => {
      await stack.start(SECOND)
      const watch = watchSnapshots(stack.address('trino'))
      try {
        const report = await runFault(
          side,
          async (running) => {
            for (const parallelism of [2, 4, 1]) {
              await changeParallelism(stack, side, running, parallelism)
              await watch.another()
              await running.traffic.more(EVENTS_BETWEEN)
            }
          },
          { eventsPerSecond: 1_000, lateShare: 0.02 },
        )
        const snapshots = await watch.end()
        t.diagnostic(JSON.stringify({ ...report, snapshots: snapshots.count }))
        assert.deepEqual(snapshots.doubled, [])
      } finally {
        await watch.end().catch(() => {})
        await stack.stop(SECOND)
      }
    },
    SIX_PARTITIONS,
  ))

test('more parallelism than slots: setup refuses, start reports, the job that runs goes on', () =>
  onFlinkSide('slots', async (stack, side) => {
    await setUp(side)
    const [before] = await runningJobs(stack)
    const flink = side.fields.flink as Readonly<Record<string, unknown>>
    await side.folder.configure({ ...side.fields, flink: { ...flink, parallelism: 64 } })
    const { environment } = side
    const refused = await runCommand(side.folder, ['setup'], { environment, limitMs: 180_000 })
    assert.notEqual(refused.exit.code, 0)
    assert.match(refused.stdout, /has 2 task slots, and flink.parallelism is 64: start more/)

    const product = await startProduct(side.folder, { environment })
    try {
      await until(async () => {
        const { problems } = await readStatus(product.url)
        return /has 2 task slots, and flink.parallelism is 64/.test(JSON.stringify(problems))
      })
      assert.equal((await fetch(`${product.url}/healthz`)).status, 503)
      assert.deepEqual(
        (await runningJobs(stack)).map(({ jid }) => jid),
        [before?.jid],
      )
    } finally {
      await product.stop()
    }
    await awaitParallelism(stack, 1)
  }))
