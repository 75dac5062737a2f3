/**
 * PyIceberg as a client that commits through the REST catalog of a running product, and the traffic
 * beside it: for the tables on disk, on S3, and beside Flink.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { CLIENT_COMMIT_STEPS } from '../../src/table.ts'
import { postAccepted, readStatus, waitUntilSettled } from '../support/client.ts'
import type { Folder } from '../support/folder.ts'
import { type Product, runCommand, startProduct } from '../support/product.ts'
import { until } from '../support/until.ts'
import { pythonReaders } from './python.ts'

const { python, skip: reason } = pythonReaders()
/** Why the tests cannot run here, or false. */
export const skip: string | false = reason
const PROGRAM = join(import.meta.dirname, 'other-writer.py')
export const EVENTS = 'campaign_events'
export const METRICS = 'campaign_metrics'
export const AT = '2026-11-20T10:01:00'
export const KEY = 'tables-key-0123456789'
/** Where it takes seconds: a program that needs ten of them meets conflicts on a busy machine. */
const LANDS_WITHIN_SECONDS = 120

export type Action = readonly (string | number)[]
export type Done = Readonly<{ attempts: number; seconds: number; result: unknown }>

/** What PyIceberg finds in its environment, such as keys of S3. */
type Environment = Readonly<Record<string, string>>

export async function act(
  product: Product,
  actions: readonly Action[],
  key: string = KEY,
  environment: Environment = {},
): Promise<readonly Done[]> {
  const words = actions.map((action) => JSON.stringify(action))
  const env = { ...process.env, ...environment, PYTHONDONTWRITEBYTECODE: '1', CATALOG_KEY: key }
  const given = [PROGRAM, `${product.url}/iceberg`, ...words]
  const { stdout } = await promisify(execFile)(python!, given, { env })
  return JSON.parse(stdout) as readonly Done[]
}

export async function result(
  product: Product,
  action: Action,
  key: string = KEY,
  environment: Environment = {},
): Promise<unknown> {
  return (await act(product, [action], key, environment))[0]?.result
}

/** Each lands, and how long it took is reported. */
export async function actTimed(
  t: TestContext,
  product: Product,
  actions: readonly Action[],
  environment: Environment = {},
): Promise<void> {
  const done = await act(product, actions, KEY, environment)
  for (const [index, { attempts, seconds }] of done.entries()) {
    const [what] = actions[index]!
    t.diagnostic(`${what}: ${seconds} s, attempt ${attempts}`)
    assert.ok(seconds < LANDS_WITHIN_SECONDS, `${what} took ${seconds} s`)
  }
}

/** Impressions by ten users, half of each campaign, in the window of one moment. */
export function lines(prefix: string, count: number, timestamp = `${AT}Z`): string {
  const all = Array.from({ length: count }, (_, at) => ({
    event_id: `${prefix}-${at}`,
    user_id: `u-${at % 10}`,
    campaign_id: at % 2 === 0 ? 'even' : 'odd',
    event_type: 'impression',
    timestamp,
  }))
  return all.map((event) => JSON.stringify(event)).join('\n')
}

const BATCH = 50
const PACE_MS = 100

/**
 * Sends 50 events every 100 ms until it is told to stop; returns how many were accepted. The time
 * of the events may move on with each batch.
 */
export function openTraffic(
  product: Product,
  timestampOf: (batch: number) => string = () => `${AT}Z`,
): { stop(): Promise<number> } {
  const ending = new AbortController()
  const sent = (async () => {
    let batches = 0
    for (; !ending.signal.aborted; batches++) {
      await postAccepted(product.url, lines(`t${batches}`, BATCH, timestampOf(batches)))
      await sleep(PACE_MS)
    }
    return batches * BATCH
  })()
  // Told by `stop`; a test that fails before that has a reason of its own.
  sent.catch(() => {})
  return {
    stop() {
      ending.abort()
      return sent
    },
  }
}

export async function verifies(folder: Folder): Promise<void> {
  const { exit, stdout, stderr } = await runCommand(folder, ['verify'])
  assert.deepEqual([exit.code, stderr], [0, ''], stdout)
}

export type Status = Readonly<{
  healthy: boolean
  problems: readonly string[]
  notices: readonly string[]
  others: Readonly<Record<'events' | 'metrics', Readonly<Record<string, number>>>>
  ledger: Readonly<{ stored: number; duplicates: number; waiting: number }>
  tables: Readonly<{ events: Readonly<{ rows: number }> }>
}>

export async function status(product: Product): Promise<Status> {
  return (await readStatus(product.url)) as unknown as Status
}

export async function start(
  t: TestContext,
  folder: Folder,
  environment: Environment = {},
): Promise<Product> {
  const product = await startProduct(folder, { environment })
  t.after(() => product.kill())
  return product
}

/**
 * Beside commits of ours each kind of change lands, the metrics follow in the same commit, and a
 * restart goes on from there.
 */
export async function checkEachKindLands(t: TestContext, folder: Folder): Promise<void> {
  const product = await start(t, folder)
  await postAccepted(product.url, lines('first', 1000))
  await waitUntilSettled(product.url)
  const traffic = openTraffic(product)
  await actTimed(t, product, [
    ['tag', EVENTS, 'kept'],
    ['set', EVENTS, 'owner', 'growth'],
    ['add-column', EVENTS, 'note'],
    ['delete', EVENTS, "user_id == 'u-3'"],
    ['append', 'x', 1000, 'even', AT],
    ['expire', EVENTS],
    ['expire', METRICS],
  ])
  const sent = (await traffic.stop()) + 1000
  await waitUntilSettled(product.url)
  const { healthy, problems, notices, others, ledger, tables } = await status(product)
  assert.deepEqual({ healthy, problems, notices }, { healthy: true, problems: [], notices: [] })
  assert.equal(ledger.stored, sent)
  const removed = sent + 1000 - tables.events.rows
  assert.ok(removed >= 100, `${removed} rows removed`)
  // Rows that a rewritten file keeps count as removed and added.
  const { events, metrics } = others
  assert.equal((events.removedRows ?? 0) - (events.addedRows ?? 0), removed - 1000)
  assert.deepEqual(metrics, { addedRows: 0, removedRows: 0 })
  await verifies(folder)
  assert.equal(await result(product, ['rows', EVENTS]), tables.events.rows)
  const properties = (await result(product, ['properties', EVENTS])) as Record<string, string>
  assert.equal(properties.owner, 'growth')
  assert.deepEqual(await result(product, ['refs', EVENTS]), ['kept', 'main'])
  assert.deepEqual(await product.stop(), { code: 0, signal: null })
  const shown = await runCommand(folder, ['status'])
  assert.equal(shown.exit.code, 0, shown.stdout + shown.stderr)
  const again = await start(t, folder)
  await postAccepted(again.url, lines('last', 100))
  await waitUntilSettled(again.url)
  assert.equal((await status(again)).tables.events.rows, tables.events.rows + 100)
  await again.stop()
  await verifies(folder)
}

/** Killed at a step of a client's delete: all of it is there afterwards, or nothing. */
export async function checkKilledAt(
  t: TestContext,
  folder: Folder,
  step: (typeof CLIENT_COMMIT_STEPS)[number],
): Promise<void> {
  const product = await start(t, folder, { CAMPAIGN_METRICS_KILL_AT: step })
  await postAccepted(product.url, lines('first', 100))
  await waitUntilSettled(product.url)
  const failure = String(await result(product, ['try', 'delete', EVENTS, "user_id == 'u-3'"]))
  assert.match(failure, /Connection/)
  assert.equal((await product.exited).signal, 'SIGKILL')
  const again = await start(t, folder)
  await until(async () => (await status(again)).healthy)
  const rows = step === 'client-committed' ? 90 : 100
  assert.equal((await status(again)).tables.events.rows, rows)
  await postAccepted(again.url, lines('second', 10))
  await waitUntilSettled(again.url)
  assert.equal((await status(again)).tables.events.rows, rows + 10)
  await again.stop()
  await verifies(folder)
}
