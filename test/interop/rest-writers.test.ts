/**
 * PyIceberg commits through the REST catalog of the running product, which takes traffic and
 * commits each second. What is safe lands within seconds, the metrics follow in the same commit,
 * and what is not is refused with the reason. Killed at any step, a commit is whole or not there.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { CLIENT_COMMIT_STEPS } from '../../src/table.ts'
import { get, postAccepted, readStatus, waitUntilSettled } from '../support/client.ts'
import { type Folder, openFolder } from '../support/folder.ts'
import { type Product, runCommand, startProduct } from '../support/product.ts'
import { until } from '../support/until.ts'
import { pythonReaders } from './python.ts'

const { python, skip } = pythonReaders()
const PROGRAM = join(import.meta.dirname, 'other-writer.py')
const EVENTS = 'campaign_events'
const METRICS = 'campaign_metrics'
const AT = '2026-11-20T10:01:00'
const KEY = 'tables-key-0123456789'
const READ = 'read-key-0123456789'
/** Where it takes seconds: a program that needs ten of them meets conflicts on a busy machine. */
const LANDS_WITHIN_SECONDS = 120

type Action = readonly (string | number)[]
type Done = Readonly<{ attempts: number; seconds: number; result: unknown }>

async function act(
  product: Product,
  actions: readonly Action[],
  key = KEY,
): Promise<readonly Done[]> {
  const words = actions.map((action) => JSON.stringify(action))
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1', CATALOG_KEY: key }
  const given = [PROGRAM, `${product.url}/iceberg`, ...words]
  const { stdout } = await promisify(execFile)(python!, given, { env })
  return JSON.parse(stdout) as readonly Done[]
}

async function result(product: Product, action: Action, key = KEY): Promise<unknown> {
  return (await act(product, [action], key))[0]?.result
}

async function openPlace(t: TestContext, keys: object = { tables: [KEY] }): Promise<Folder> {
  const folder = await openFolder({ keys, commitInterval: '1s' })
  t.after(() => folder.close())
  return folder
}

async function start(
  t: TestContext,
  folder: Folder,
  environment: Readonly<Record<string, string>> = {},
): Promise<Product> {
  const product = await startProduct(folder, { environment })
  t.after(() => product.kill())
  return product
}

/** Impressions by ten users, half of each campaign, in one window. */
function lines(prefix: string, count: number): string {
  const all = Array.from({ length: count }, (_, at) => ({
    event_id: `${prefix}-${at}`,
    user_id: `u-${at % 10}`,
    campaign_id: at % 2 === 0 ? 'even' : 'odd',
    event_type: 'impression',
    timestamp: `${AT}Z`,
  }))
  return all.map((event) => JSON.stringify(event)).join('\n')
}

/** Sends 50 events every 100 ms until it is told to stop; returns how many were accepted. */
function openTraffic(product: Product): { stop(): Promise<number> } {
  const ending = new AbortController()
  const sent = (async () => {
    let batches = 0
    for (; !ending.signal.aborted; batches++) {
      await postAccepted(product.url, lines(`t${batches}`, 50))
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    return batches * 50
  })()
  return {
    stop() {
      ending.abort()
      return sent
    },
  }
}

async function verifies(folder: Folder): Promise<void> {
  const { exit, stdout, stderr } = await runCommand(folder, ['verify'])
  assert.deepEqual([exit.code, stderr], [0, ''], stdout)
}

type Status = Readonly<{
  healthy: boolean
  problems: readonly string[]
  notices: readonly string[]
  others: unknown
  ledger: Readonly<{ stored: number; duplicates: number }>
  tables: Readonly<{ events: Readonly<{ rows: number }> }>
}>

async function status(product: Product): Promise<Status> {
  return (await readStatus(product.url)) as unknown as Status
}

test('beside commits each second, each kind of change lands, and the metrics follow', {
  skip,
}, async (t) => {
  const folder = await openPlace(t)
  const product = await start(t, folder)
  await postAccepted(product.url, lines('first', 1000))
  await waitUntilSettled(product.url)
  const traffic = openTraffic(product)
  const actions: readonly Action[] = [
    ['tag', EVENTS, 'kept'],
    ['set', EVENTS, 'owner', 'growth'],
    ['add-column', EVENTS, 'note'],
    ['delete', EVENTS, "user_id == 'u-3'"],
    ['append', 'x', 1000, 'even', AT],
    ['expire', EVENTS],
    ['expire', METRICS],
  ]
  const done = await act(product, actions)
  for (const [index, { attempts, seconds }] of done.entries()) {
    const [what] = actions[index]!
    t.diagnostic(`${what}: ${seconds} s, attempt ${attempts}`)
    assert.ok(seconds < LANDS_WITHIN_SECONDS, `${what} took ${seconds} s`)
  }
  const sent = (await traffic.stop()) + 1000
  await waitUntilSettled(product.url)
  const { healthy, problems, notices, others, ledger, tables } = await status(product)
  assert.deepEqual({ healthy, problems, notices }, { healthy: true, problems: [], notices: [] })
  assert.equal(ledger.stored, sent)
  const removed = sent + 1000 - tables.events.rows
  assert.ok(removed >= 100, `${removed} rows removed`)
  // Rows that a rewritten file keeps count as removed and added.
  const { events, metrics } = others as Record<string, Record<string, number>>
  assert.equal((events?.removedRows ?? 0) - (events?.addedRows ?? 0), removed - 1000)
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
})

test('an event whose row a client appended is a duplicate, also after a kill', {
  skip,
}, async (t) => {
  const folder = await openPlace(t)
  const product = await start(t, folder)
  await postAccepted(product.url, lines('first', 10))
  await waitUntilSettled(product.url)
  await act(product, [['append', 'x', 20, 'even', AT]])
  await postAccepted(product.url, lines('x', 5))
  await waitUntilSettled(product.url)
  assert.equal((await status(product)).ledger.duplicates, 5)
  await act(product, [['delete', EVENTS, "event_id == 'x-7'"]])
  await product.kill()
  const again = await start(t, folder)
  await postAccepted(again.url, lines('x', 5))
  await waitUntilSettled(again.url)
  const { ledger, tables } = await status(again)
  assert.deepEqual([ledger.duplicates, tables.events.rows], [10, 29])
  await again.stop()
  await verifies(folder)
})

const REFUSED: readonly (readonly [Action, RegExp])[] = [
  [['delete', METRICS, "campaign_id == 'odd'"], /computed from campaign_events/],
  [['rename', EVENTS, 'user_id', 'visitor'], /user_id was renamed to visitor/],
  [['drop', METRICS, 'cvr_percent'], /cvr_percent \(field id 9\) was dropped/],
  [['add-required', EVENTS, 'consent'], /consent is required/],
  [['move-first', EVENTS, 'revenue'], /another order/],
  [['set', METRICS, 'campaign-metrics.window', 'PT1H'], /set by campaign-metrics alone/],
  [['unset', EVENTS, 'write.metadata.delete-after-commit.enabled'], /left as it is/],
  [['set', EVENTS, 'write.data.path', '/tmp/elsewhere'], /left as it is/],
  [['to', EVENTS, 'first'], /moves forward only.*adopt/],
]

test('what these tables do not take is refused with the reason, and nothing changes', {
  skip,
}, async (t) => {
  const folder = await openPlace(t, { tables: [KEY], read: [READ] })
  const product = await start(t, folder)
  const settle = () =>
    until(async () => {
      const { text } = await get(product.url, '/v1/status', { authorization: `Bearer ${KEY}` })
      return JSON.parse(text).ledger.waiting === 0
    })
  await postAccepted(product.url, lines('first', 100))
  await settle()
  await act(product, [['tag', EVENTS, 'first']])
  await postAccepted(product.url, lines('second', 100))
  await settle()
  const before = await result(product, ['snapshot', EVENTS])
  const tried = await act(
    product,
    REFUSED.map(([action]) => ['try', ...action]),
  )
  for (const [index, [action, says]] of REFUSED.entries()) {
    assert.match(String(tried[index]?.result), says, action.join(' '))
    assert.match(String(tried[index]?.result), /^BadRequestError: BadRequestException/)
  }
  assert.match(
    String(await result(product, ['try', 'tag', EVENTS, 'no'], READ)),
    /^ForbiddenError: ForbiddenException: .*keys\.tables/,
  )
  assert.equal(await result(product, ['snapshot', EVENTS]), before)
  assert.deepEqual(await result(product, ['refs', EVENTS], READ), ['first', 'main'])
  await product.stop()
  await verifies(folder)
})

test('DuckDB inserts; its DELETE, which writes delete files, is refused', { skip }, async (t) => {
  const folder = await openPlace(t)
  const product = await start(t, folder)
  await postAccepted(product.url, lines('first', 100))
  await waitUntilSettled(product.url)
  const table = `lake.campaigns.${EVENTS}`
  const script = join(import.meta.dirname, 'rest_writes_duckdb.py')
  const statements = [
    `INSERT INTO ${table} SELECT 'd-' || i, 'u', 'even', 'click', TIMESTAMP '2026-11-20 10:02:00',
       1.5, NULL, NULL, NULL FROM range(30) AS ids(i)`,
    `DELETE FROM ${table} WHERE user_id = 'u-3'`,
  ]
  const given = [script, `${product.url}/iceberg`, KEY, ...statements]
  const { stdout } = await promisify(execFile)(python!, given)
  const [inserted, deleted] = JSON.parse(stdout) as readonly unknown[]
  assert.equal(inserted, null)
  assert.match(String(deleted), /delete files.*copy-on-write/s)
  assert.equal((await status(product)).tables.events.rows, 130)
  await product.stop()
  await verifies(folder)
})

for (const step of CLIENT_COMMIT_STEPS) {
  test(`kill -9 at ${step}: all of a client's delete, or nothing`, { skip }, async (t) => {
    const folder = await openPlace(t)
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
  })
}
