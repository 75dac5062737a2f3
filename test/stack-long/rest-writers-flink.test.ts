/**
 * PyIceberg commits through the REST catalog beside a running job of Flink, which goes on: by
 * compare-and-swap, with the windows of changed rows amended soon after, and no window twice.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Stack } from '../../deploy/stack/stack.ts'
import {
  type Action,
  actTimed,
  EVENTS,
  KEY,
  lines,
  METRICS,
  openTraffic,
  result,
  status,
} from '../interop/rest-writing.ts'
import { askTrino } from '../stack/support/ask-trino.ts'
import { FLINK_SIDE_SERVICES, flinkFields } from '../stack/support/distributed-side.ts'
import { watchSnapshots } from '../stack/support/doubled-windows.ts'
import { runningJobs } from '../stack/support/flink-jobs.ts'
import { onFlinkSide } from '../stack/support/on-side.ts'
import { openSharedStack } from '../stack/support/shared-stack.ts'
import { postAccepted } from '../support/client.ts'
import { type Product, runCommand, startProduct } from '../support/product.ts'
import { until } from '../support/until.ts'

const SETUP_LIMIT_MS = 300_000
const HOUR_MS = 3_600_000
/** Event time of one batch of traffic: windows close every few seconds. */
const STEP_MS = 10_000
/** A user's rows are rewritten between two checkpoints, also where the machine is slow. */
const CHECKPOINTS = '10s'
/** From a commit to the amended windows: two checkpoints, and what Trino takes. */
const AMENDED_WITHIN_MS = 180_000

type FlinkRun = Readonly<{ id: string; restarts: number }>

/** The one job that runs, and how often Flink has started its tasks again. */
async function theJob(stack: Stack): Promise<FlinkRun> {
  const jobs = await runningJobs(stack)
  assert.equal(jobs.length, 1)
  const id = jobs[0]!.jid
  const address = stack.address('jobmanager')
  const answer = await fetch(`http://${address}/jobs/${id}/metrics?get=numRestarts`)
  const [metric] = (await answer.json()) as readonly { value: string }[]
  return { id, restarts: Number(metric?.value) }
}

async function settle(product: Product): Promise<void> {
  await until(async () => (await status(product)).ledger.waiting === 0, 120_000)
}

test('each kind of change lands beside Flink, and the windows of changed rows are amended', async (t) => {
  const stack = await openSharedStack(FLINK_SIDE_SERVICES)
  const more = {
    keys: { tables: [KEY] },
    flink: { ...flinkFields(stack), checkpointInterval: CHECKPOINTS },
  }
  await onFlinkSide('writers', (services, side) => writeBeside(t, services, side), more)
})

async function writeBeside(
  t: TestContext,
  stack: Stack,
  side: Parameters<Parameters<typeof onFlinkSide>[1]>[1],
): Promise<void> {
  const { environment, folder } = side
  const run = (words: readonly string[]) =>
    runCommand(folder, words, { environment, limitMs: SETUP_LIMIT_MS })
  const made = await run(['setup'])
  assert.equal(made.exit.code, 0, made.stdout + made.stderr)
  const product = await startProduct(folder, { environment })
  const trino = stack.address('trino')
  const beginMs = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 8 * HOUR_MS
  const textOf = (ms: number): string => new Date(ms).toISOString()
  /** All events of the campaign `solo` are deleted, and with them its window. */
  const solo = lines('solo', 20, textOf(beginMs)).replaceAll('"odd"', '"solo"')
  try {
    await postAccepted(product.url, lines('first', 1000, textOf(beginMs)))
    await postAccepted(product.url, solo)
    const traffic = openTraffic(product, (batch) => textOf(beginMs + batch * STEP_MS))
    const rowsOfSolo = async (): Promise<number> => {
      await sleep(1_000)
      const sql = "SELECT count(*) FROM campaign_metrics WHERE campaign_id = 'solo'"
      return Number((await askTrino(trino, sql).catch(() => []))[0]?.[0] ?? -1)
    }
    await until(async () => (await rowsOfSolo()) === 1, SETUP_LIMIT_MS)
    const job = await theJob(stack)
    const watch = watchSnapshots(trino)

    const at = textOf(beginMs + 61_000).slice(0, 19)
    const actions: readonly Action[] = [
      ['tag', EVENTS, 'kept'],
      ['set', EVENTS, 'owner', 'growth'],
      ['set', METRICS, 'owner', 'growth'],
      ['add-column', EVENTS, 'note'],
      ['add-column', METRICS, 'note'],
      ['delete', EVENTS, "user_id == 'u-3' or campaign_id == 'solo'"],
      ['append', 'x', 1000, 'even', at],
      ['expire-oldest', EVENTS],
    ]
    await actTimed(t, product, actions, environment)
    const landedMs = performance.now()
    await until(async () => (await rowsOfSolo()) === 0, AMENDED_WITHIN_MS)
    t.diagnostic(`amended after ${Math.round((performance.now() - landedMs) / 1000)} s`)

    /** Once it did not lose against a checkpoint. */
    const refusal = async (...action: Action): Promise<string> => {
      for (;;) {
        const said = String(await result(product, ['try', ...action], KEY, environment))
        if (!said.startsWith('CommitFailed')) return said
      }
    }
    assert.match(
      await refusal('delete', METRICS, "campaign_id == 'odd'"),
      /^BadRequestError.*computed from campaign_events/,
    )
    assert.match(await refusal('expire', METRICS), /^BadRequestError.*have to stay/)
    assert.match(
      await refusal('set', EVENTS, 'campaign-metrics.changed-spans', ''),
      /^BadRequestError.*campaign-metrics alone/,
    )

    await sleep(20_000)
    const sent = (await traffic.stop()) + 1020
    await settle(product)
    const verified = await run(['verify'])
    assert.equal(verified.exit.code, 0, verified.stdout + verified.stderr)
    const { doubled, count } = await watch.end()
    assert.deepEqual(doubled, [])
    assert.ok(count > 3, `${count} snapshots of the metrics`)
    assert.deepEqual(await theJob(stack), job, 'the job has gone on')

    await until(async () => (await status(product)).problems.length === 0)
    const { ledger, others, tables } = await status(product)
    assert.equal(ledger.stored, sent)
    assert.equal(ledger.duplicates, 0)
    const { addedRows = 0, removedRows = 0 } = others.events
    assert.equal(tables.events.rows, sent + addedRows - removedRows)
    const properties = await result(product, ['properties', EVENTS], KEY, environment)
    const { owner, 'campaign-metrics.changed-spans': left } = properties as Record<string, string>
    assert.deepEqual([owner, left], ['growth', undefined])
    const refs = await result(product, ['refs', EVENTS], KEY, environment)
    assert.deepEqual(refs, ['kept', 'main'])

    // Submitted again, the job fills tables that have a column more.
    await stack.kill('jobmanager', 'SIGKILL')
    await stack.start('jobmanager')
    await postAccepted(product.url, lines('last', 100, textOf(Date.now() - HOUR_MS)))
    await until(async () => (await status(product)).ledger.stored === sent + 100, SETUP_LIMIT_MS)
    const again = await run(['verify'])
    assert.equal(again.exit.code, 0, again.stdout + again.stderr)
  } finally {
    await product.stop()
  }
}
