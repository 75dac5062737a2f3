/**
 * What the tests of quiet traffic look at: windows of twenty seconds, the ledger, and where the
 * topic ends.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Stack } from '../../../deploy/stack/stack.ts'
import { readStatus } from '../../support/client.ts'
import { runCommand } from '../../support/product.ts'
import { until } from '../../support/until.ts'
import { askTrino } from './ask-trino.ts'
import type { DistributedSide } from './distributed-side.ts'
import { withAdmin } from './topic.ts'

export const WINDOW_MS = 20_000
/** As the configuration file has it. */
export const WINDOW = '20s'
/** Of `flinkFields`: the delay, the idle timeout and a checkpoint. */
export const BOUND_MS: number = 1_000 + 2_000 + 2_000
/** For a busy machine. */
export const GRACE_MS = 30_000
export const LIMIT_MS = 300_000
const SETUP_LIMIT_MS = 600_000

/** `url`: of a process that collects, and leads or not. */
export type Running = Readonly<{ stack: Stack; side: DistributedSide; url: string }>

export const windowOf = (ms: number): number => Math.floor(ms / WINDOW_MS) * WINDOW_MS

export async function sleepUntil(ms: number): Promise<void> {
  await sleep(Math.max(0, ms - Date.now()))
}

export async function setUp({ folder, environment }: DistributedSide): Promise<void> {
  const made = await runCommand(folder, ['setup'], { environment, limitMs: SETUP_LIMIT_MS })
  assert.equal(made.exit.code, 0, made.stdout + made.stderr)
}

/** Clicks of the window that begins then, as the metrics have them; null without a row. */
export async function clicksAt(
  { stack }: Pick<Running, 'stack'>,
  startMs: number,
): Promise<number | null> {
  const start = new Date(startMs).toISOString().slice(0, 19).replace('T', ' ')
  const sql = `SELECT clicks FROM campaign_metrics WHERE window_start = TIMESTAMP '${start}'`
  const [row, second] = await askTrino(stack.address('trino'), sql)
  assert.equal(second, undefined, `the window of ${start} stands twice`)
  return row === undefined ? null : Number(row[0])
}

export async function awaitLedger(
  { url }: Pick<Running, 'url'>,
  expected: Readonly<Record<string, number>>,
): Promise<void> {
  let last = {}
  const isSo = async () => {
    last = (await readStatus(url)).ledger
    return Object.entries(expected).every(([name, value]) => Reflect.get(last, name) === value)
  }
  await until(isSo, LIMIT_MS).catch(() => assert.deepEqual(last, expected))
}

/** Where Flink is the engine, no event waits for its window to close either. */
export async function expectEqual({ side }: Pick<Running, 'side'>): Promise<void> {
  const { environment } = side
  const verify = await runCommand(side.folder, ['verify', '--json'], {
    environment,
    limitMs: LIMIT_MS,
  })
  assert.equal(verify.exit.code, 0, verify.stdout + verify.stderr)
  const found = JSON.parse(verify.stdout) as { openWindows: { events: number } | null }
  assert.equal(found.openWindows?.events ?? 0, 0, verify.stdout)
}

/** Records of all kinds in the topic. */
export async function endsOf(
  { stack, side }: Pick<Running, 'stack' | 'side'>,
  partitions: number,
): Promise<number> {
  const asked = Array.from({ length: partitions }, (_, partitionIndex) => {
    return { partitionIndex, timestamp: -1n }
  })
  const listed = await withAdmin(stack, (admin) =>
    admin.listOffsets({ topics: [{ name: side.topic, partitions: asked }] }),
  )
  return (listed[0]?.partitions ?? []).reduce((sum, { offset }) => sum + Number(offset), 0)
}

/** Once all windows are closed: nobody writes anything more. */
export async function expectStill(
  running: Pick<Running, 'stack' | 'side'>,
  partitions: number,
): Promise<void> {
  const still = await endsOf(running, partitions)
  await sleep(2 * WINDOW_MS)
  assert.equal(await endsOf(running, partitions), still)
}
