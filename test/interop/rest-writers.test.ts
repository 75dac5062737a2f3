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
import { get, postAccepted, waitUntilSettled } from '../support/client.ts'
import { type Folder, openFolder } from '../support/folder.ts'
import type { Product } from '../support/product.ts'
import { until } from '../support/until.ts'
import { pythonReaders } from './python.ts'
import {
  type Action,
  AT,
  act,
  checkEachKindLands,
  checkKilledAt,
  EVENTS,
  KEY,
  lines,
  METRICS,
  result,
  skip,
  start,
  status,
  verifies,
} from './rest-writing.ts'

const { python } = pythonReaders()
const READ = 'read-key-0123456789'

async function openPlace(t: TestContext, keys: object = { tables: [KEY] }): Promise<Folder> {
  const folder = await openFolder({ keys, commitInterval: '1s' })
  t.after(() => folder.close())
  return folder
}

test('beside commits each second, each kind of change lands, and the metrics follow', {
  skip,
}, async (t) => {
  await checkEachKindLands(t, await openPlace(t))
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

/** Impressions and clicks of one day, as the page shows them: all, with a filter, broken down. */
async function figuresOf({ url }: Product): Promise<readonly (readonly [number, number])[]> {
  const day = AT.slice(0, 10)
  const range = `from=${day}&to=${day}&zone=UTC&compare=none`
  const paths = ['summary?', 'summary?device=&', 'breakdown?by=device&']
  const answers = await Promise.all(
    paths.map(async (path) => {
      const asked = `/api/v1/${path}${range}`
      const { status, text } = await get(url, asked, { authorization: `Bearer ${KEY}` })
      assert.equal(status, 200, text)
      return JSON.parse(text)
    }),
  )
  return answers.map(({ figures, totals }) => {
    const { impressions, clicks } = figures ?? totals
    return [impressions, clicks] as const
  })
}

test('the page shows rows that a client added, changed or removed, with filters as without', {
  skip,
}, async (t) => {
  const product = await start(t, await openPlace(t))
  const expectFigures = (impressions: number, clicks: number): Promise<void> =>
    until(async () => {
      const expected = Array.from({ length: 3 }, () => [impressions, clicks])
      assert.deepEqual(await figuresOf(product), expected)
      return true
    })
  // Large enough for files of cells.
  await postAccepted(product.url, lines('first', 5000))
  await waitUntilSettled(product.url)
  await expectFigures(5000, 0)
  await act(product, [['append', 'x', 20, 'even', AT]])
  await expectFigures(5000, 20)
  await act(product, [['delete', EVENTS, "user_id == 'u-3'"]])
  await expectFigures(4500, 20)
  // As many rows as there were.
  await act(product, [['overwrite', EVENTS, "event_id == 'x-7'"]])
  await expectFigures(4500, 20)
  await postAccepted(product.url, lines('second', 100))
  await waitUntilSettled(product.url)
  await expectFigures(4600, 20)
  await product.stop()
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
    await checkKilledAt(t, await openPlace(t), step)
  })
}
