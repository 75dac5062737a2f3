/**
 * The long version of test/stack/flink-parallelism.test.ts: a million events through 1 → 2 → 4 → 1,
 * on six partitions and two task managers, and each process is killed once on the way.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Stack } from '../../deploy/stack/stack.ts'
import { awaitParallelism, changeParallelism } from '../stack/support/change-parallelism.ts'
import type { DistributedSide } from '../stack/support/distributed-side.ts'
import { type SnapshotWatch, watchSnapshots } from '../stack/support/doubled-windows.ts'
import { type Running, runFault } from '../stack/support/fault-run.ts'
import { onFlinkSide } from '../stack/support/on-side.ts'

const EVENTS = Number(process.env.LONG_EVENTS ?? 1_000_000)
const SECOND = 'taskmanager#2'
const AWAY_MS = 3_000
/** After each change of the parallelism these are killed, one after the other. */
const STEPS = [
  { parallelism: 2, kills: ['taskmanager', 'sql-gateway', 'kafka'] },
  { parallelism: 4, kills: [SECOND, 's3', 'jobmanager'] },
  { parallelism: 1, kills: ['postgres', 'trino', 'start'] },
] as const

test(`${EVENTS} events through 1 → 2 → 4 → 1, each process killed once`, (t) =>
  onFlinkSide(
    'long',
    async (stack, side) => {
      await stack.start(SECOND)
      const watch = watchSnapshots(stack.address('trino'))
      try {
        await run(t, stack, side, watch)
      } finally {
        await watch.end().catch(() => {})
        await stack.stop(SECOND)
      }
    },
    { kafka: { partitions: 6 } },
  ))

async function run(
  t: TestContext,
  stack: Stack,
  side: DistributedSide,
  watch: SnapshotWatch,
): Promise<void> {
  const kills = STEPS.flatMap((step) => [...step.kills])
  const between = Math.ceil(EVENTS / (STEPS.length + kills.length))
  const report = await runFault(
    side,
    async (running) => {
      for (const step of STEPS) {
        await changeParallelism(stack, side, running, step.parallelism)
        await running.traffic.more(between)
        for (const name of step.kills) {
          const startMs = performance.now()
          await kill(stack, running, name)
          await awaitParallelism(stack, step.parallelism)
          await running.traffic.more(between)
          t.diagnostic(`${name} killed: ${Math.round((performance.now() - startMs) / 1000)} s`)
        }
      }
    },
    { eventsPerSecond: 5_000, lateShare: 0.01 },
  )
  const snapshots = await watch.end()
  t.diagnostic(JSON.stringify({ ...report, snapshots: snapshots.count }))
  assert.ok(report.events >= EVENTS)
  assert.deepEqual(snapshots.doubled, [])
}

async function kill(stack: Stack, { killProduct }: Running, name: string): Promise<void> {
  if (name === 'start') return await killProduct()
  await stack.kill(name, 'SIGKILL')
  await sleep(AWAY_MS)
  await stack.start(name)
}
