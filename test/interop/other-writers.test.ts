/**
 * Another program beside the product, and while it is stopped: PyIceberg changes the tables through
 * the SQL catalog. What is only metadata is carried on, changed rows are named, what would be
 * undone is refused, and `adopt` takes the tables as they are.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { postAccepted, readStatus, waitUntilSettled } from '../support/client.ts'
import { type Folder, openFolder } from '../support/folder.ts'
import { expectRefusal, type Product, runCommand, startProduct } from '../support/product.ts'
import { until } from '../support/until.ts'
import { pythonReaders } from './python.ts'

const { python, skip } = pythonReaders()
const PROGRAM = join(import.meta.dirname, 'other-writer.py')
const EVENTS = 'campaign_events'
const METRICS = 'campaign_metrics'
const AT = '2026-11-20T10:01:00'

type Action = readonly (string | number)[]
type Done = Readonly<{ attempts: number; seconds: number; result: unknown }>

async function others(folder: Folder, ...actions: readonly Action[]): Promise<readonly Done[]> {
  const words = actions.map((action) => JSON.stringify(action))
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' }
  const run = promisify(execFile)
  const { stdout } = await run(python!, [PROGRAM, folder.reader.uri, ...words], { env })
  return JSON.parse(stdout) as readonly Done[]
}

/** The result of one action that only reads. */
async function asked(folder: Folder, ...action: Action): Promise<unknown> {
  const [done] = await others(folder, action)
  return done?.result
}

async function openPlace(t: TestContext): Promise<Folder> {
  const folder = await openFolder()
  t.after(() => folder.close())
  return folder
}

async function start(t: TestContext, folder: Folder): Promise<Product> {
  const product = await startProduct(folder)
  t.after(() => product.kill())
  return product
}

/** Impressions, half of each campaign, by ten users, in one window. */
async function send(product: Product, prefix: string, count = 100): Promise<void> {
  const lines = Array.from({ length: count }, (_, at) =>
    JSON.stringify({
      event_id: `${prefix}-${at}`,
      user_id: `u-${at % 10}`,
      campaign_id: at % 2 === 0 ? 'even' : 'odd',
      event_type: 'impression',
      timestamp: `${AT}Z`,
    }),
  )
  await postAccepted(product.url, lines.join('\n'))
  await waitUntilSettled(product.url)
}

/** Tags both tables, so that the snapshots stay however long the test takes. */
async function sendTagged(product: Product, folder: Folder, batch: string): Promise<void> {
  await send(product, batch)
  await others(folder, ['tag', EVENTS, batch], ['tag', METRICS, batch])
}

async function filled(t: TestContext, batches: readonly string[]): Promise<Folder> {
  const folder = await openPlace(t)
  const product = await start(t, folder)
  for (const batch of batches) await sendTagged(product, folder, batch)
  assert.deepEqual(await product.stop(), { code: 0, signal: null })
  return folder
}

async function verifies(folder: Folder): Promise<boolean> {
  const { exit, stderr } = await runCommand(folder, ['verify'])
  assert.equal(stderr, '')
  return exit.code === 0
}

async function adopt(folder: Folder, ...words: readonly string[]): Promise<string> {
  const { exit, stdout, stderr } = await runCommand(folder, ['adopt', ...words])
  assert.equal(exit.code, 0, stdout + stderr)
  return stdout
}

/** Starts after an adoption: healthy, nothing read again, new events stored and counted. */
async function goesOn(t: TestContext, folder: Folder, rows: number): Promise<void> {
  assert.equal(await verifies(folder), true)
  const product = await start(t, folder)
  await send(product, 'after')
  const { healthy, tables } = (await readStatus(product.url)) as unknown as Readonly<{
    healthy: boolean
    tables: Readonly<{ events: Readonly<{ rows: number }> }>
  }>
  assert.deepEqual({ healthy, rows: tables.events.rows }, { healthy: true, rows: rows + 100 })
  assert.deepEqual(await product.stop(), { code: 0, signal: null })
  assert.equal(await verifies(folder), true)
}

const RUNNING: readonly Readonly<{ what: string; actions: readonly Action[] }>[] = [
  { what: 'a tag', actions: [['tag', EVENTS, 'kept']] },
  { what: 'a branch of the metrics', actions: [['branch', METRICS, 'kept']] },
  {
    what: 'a property set and removed',
    actions: [
      ['set', EVENTS, 'k', '1'],
      ['unset', EVENTS, 'k'],
    ],
  },
  { what: 'statistics of a snapshot', actions: [['statistics', EVENTS]] },
  { what: 'a column of the events', actions: [['add-column', EVENTS, 'note']] },
  { what: 'a nested column of the metrics', actions: [['add-nested', METRICS, 'nested']] },
]

test('metadata that another program changes beside the product is carried on, also at a start', {
  skip,
}, async (t) => {
  const folder = await openPlace(t)
  const product = await start(t, folder)
  await send(product, 'first')
  for (const [index, { what, actions }] of RUNNING.entries()) {
    const done = await others(folder, ...actions)
    await send(product, `b${index}`)
    assert.ok(done.length > 0, what)
  }
  assert.deepEqual(await others(folder, ['set', METRICS, 'k', 'kept']).then((all) => all.length), 1)
  await send(product, 'last')
  assert.deepEqual(await product.stop(), { code: 0, signal: null })
  assert.deepEqual(await asked(folder, 'refs', EVENTS), ['kept', 'main'])
  assert.deepEqual(await asked(folder, 'refs', METRICS), ['kept', 'main'])
  const properties = (await asked(folder, 'properties', METRICS)) as Record<string, string>
  assert.equal(properties.k, 'kept')
  const columns = (await asked(folder, 'columns', EVENTS)) as Record<string, number>
  assert.deepEqual([columns.event_id, columns.note], [800, 0])
  assert.equal(((await asked(folder, 'columns', METRICS)) as Record<string, number>).nested, 0)
  await goesOn(t, folder, 800)
})

test('values of a column that another program added survive our maintenance and commits', {
  skip,
}, async (t) => {
  const folder = await filled(t, ['first'])
  await others(folder, ['add-column', EVENTS, 'note'], ['append-with', 'note', 'n', 'even', AT])
  const product = await start(t, folder)
  await send(product, 'second')
  await product.stop()
  const columns = (await asked(folder, 'columns', EVENTS)) as Record<string, number>
  assert.deepEqual([columns.event_id, columns.note], [201, 1])
})

const REFUSED: readonly Readonly<{
  what: string
  act: Action
  says: RegExp
  undo: readonly Action[]
}>[] = [
  {
    what: 'a column of ours renamed',
    act: ['rename', EVENTS, 'user_id', 'visitor'],
    says: /user_id was renamed to visitor.*Rename visitor to user_id/,
    undo: [['rename', EVENTS, 'visitor', 'user_id']],
  },
  {
    what: 'a column of ours dropped',
    act: ['drop', METRICS, 'cvr_percent'],
    says: /cvr_percent \(field id 9\) was dropped.*SetCurrentSchemaUpdate\(schema_id=0\)/,
    undo: [['set-schema', METRICS, 0]],
  },
  {
    what: 'our columns in another order',
    act: ['move-first', EVENTS, 'revenue'],
    says: /another order.*SetCurrentSchemaUpdate\(schema_id=0\)/,
    undo: [['set-schema', EVENTS, 0]],
  },
  {
    what: 'a new column that is required',
    act: ['add-required', EVENTS, 'consent'],
    says: /consent is required.*Make consent optional/,
    undo: [
      ['optional', EVENTS, 'consent'],
      ['drop', EVENTS, 'consent'],
    ],
  },
  {
    what: 'the size of a window',
    act: ['set', METRICS, 'campaign-metrics.window', 'PT1H'],
    says: /campaign-metrics\.window.*et it back/,
    undo: [['set', METRICS, 'campaign-metrics.window', 'PT5M']],
  },
  {
    what: 'the writer removed',
    act: ['unset', EVENTS, 'campaign-metrics.writer'],
    says: /campaign-metrics\.writer.*et it back/,
    undo: [['set', EVENTS, 'campaign-metrics.writer', 'embedded']],
  },
]

for (const { what, act, says, undo } of REFUSED) {
  test(`${what}: events wait, and what undoes it is named; undone, it goes on`, {
    skip,
  }, async (t) => {
    const folder = await openPlace(t)
    const product = await start(t, folder)
    await send(product, 'first')
    await others(folder, act)
    const problems = async (): Promise<string> =>
      (((await readStatus(product.url)) as Record<string, unknown>).problems as string[]).join()
    await until(async () => says.test(await problems()))
    const waiting = JSON.stringify({
      event_id: 'waiting',
      user_id: 'u',
      campaign_id: 'even',
      event_type: 'click',
      timestamp: `${AT}Z`,
    })
    await postAccepted(product.url, waiting)
    assert.match(await problems(), says)
    await others(folder, ...undo)
    await waitUntilSettled(product.url)
    await until(async () => (await problems()) === '')
    await product.stop()
    await others(folder, act)
    const { stdout, stderr } = await expectRefusal(folder)
    assert.match(stdout + stderr, says)
    await others(folder, ...undo)
    await goesOn(t, folder, 101)
  })
}

test('rows appended beside the product stay, are named, and are adopted on request', {
  skip,
}, async (t) => {
  const folder = await openPlace(t)
  const product = await start(t, folder)
  await send(product, 'first')
  await others(folder, ['append', 'x', 30, 'even', AT], ['append', 'y', 20, 'new', AT])
  await send(product, 'second')
  const {
    healthy,
    notices,
    others: rows,
    ledger,
  } = (await readStatus(product.url)) as Record<string, unknown>
  assert.equal(healthy, true)
  assert.match(String(notices), /append.*20 rows added.*adopt/)
  assert.deepEqual(rows, {
    events: { addedRows: 50, removedRows: 0 },
    metrics: { addedRows: 0, removedRows: 0 },
  })
  assert.deepEqual(ledger, { received: 200, stored: 200, duplicates: 0, rejected: 0, waiting: 0 })
  assert.match(product.output(), /another program changed rows of campaign_events/)
  await product.kill()
  const again = await start(t, folder)
  await send(again, 'third')
  const { exit, stderr } = await runCommand(folder, ['adopt'])
  assert.equal(exit.code, 4, 'while it runs')
  assert.match(stderr, /in use by process \d+/)
  assert.match(await adopt(folder, '--dry-run'), /2 windows of campaign_metrics would be/)
  await again.stop()
  assert.equal(await verifies(folder), false)
  assert.match(await adopt(folder), /2 windows of campaign_metrics recomputed/)
  assert.match(await adopt(folder), /Nothing to adopt/)
  await goesOn(t, folder, 350)
})

test('what is appended between two runs, or right before a kill, is gone on from', {
  skip,
}, async (t) => {
  const folder = await filled(t, ['first'])
  await others(folder, ['append', 'x', 30, 'even', AT])
  const product = await start(t, folder)
  await send(product, 'second')
  assert.match(String((await readStatus(product.url)).notices), /30 rows added/)
  await others(folder, ['append', 'y', 1, 'even', AT])
  await product.kill()
  await (await start(t, folder)).stop()
  await adopt(folder)
  await goesOn(t, folder, 231)
})

test('rows that another program removes beside the product stay out', { skip }, async (t) => {
  const folder = await openPlace(t)
  const product = await start(t, folder)
  for (const batch of ['first', 'second']) await send(product, batch)
  await others(
    folder,
    ['delete', EVENTS, "user_id == 'u-3'"],
    ['delete', METRICS, "campaign_id == 'odd'"],
    ['overwrite', EVENTS, "campaign_id == 'even'"],
  )
  await send(product, 'third')
  await until(async () => /adopt/.test(String((await readStatus(product.url)).notices)))
  await product.stop()
  assert.equal(await verifies(folder), false)
  await adopt(folder)
  await goesOn(t, folder, 280)
})

const STOPPED: readonly Readonly<{
  what: string
  act: readonly Action[]
  says: RegExp
  left: number
}>[] = [
  {
    what: 'all rows of the events removed',
    act: [['delete', EVENTS, 'revenue < 1']],
    says: /campaign_events was changed in snapshot \d+ \(delete,.*300 rows removed/,
    left: 0,
  },
  {
    what: 'the rows of one user removed',
    act: [['delete', EVENTS, "user_id == 'u-3'"]],
    says: /campaign_events was changed in snapshot \d+ \(overwrite,/,
    left: 270,
  },
  {
    what: 'a part of the events overwritten',
    act: [['overwrite', EVENTS, "campaign_id == 'odd'"]],
    says: /campaign_events was changed in snapshot \d+ \(/,
    left: 300,
  },
  {
    what: 'the events set back by one snapshot',
    act: [['to', EVENTS, 'second']],
    says: /campaign_events was set back to snapshot \d+ .*100 rows removed/,
    left: 200,
  },
  {
    what: 'the metrics alone set back by one snapshot',
    act: [['to', METRICS, 'second']],
    says: /campaign_metrics was set back to snapshot/,
    left: 300,
  },
  {
    what: 'both tables set back by two snapshots',
    act: [
      ['to', EVENTS, 'first'],
      ['to', METRICS, 'first'],
    ],
    says: /campaign_events was set back.*campaign_metrics was set back/,
    left: 100,
  },
  {
    what: 'the events set back, and rows appended on top',
    act: [
      ['to', EVENTS, 'second'],
      ['append', 'x', 7, 'even', AT],
    ],
    says: /campaign_events was set back/,
    left: 207,
  },
  {
    what: 'rows of the metrics removed',
    act: [['delete', METRICS, "campaign_id == 'odd'"]],
    says: /campaign_metrics was changed in snapshot \d+ \(/,
    left: 300,
  },
]

for (const { what, act, says, left } of STOPPED) {
  test(`${what} while stopped: named and refused, nothing undone; adopted, it goes on`, {
    skip,
  }, async (t) => {
    const folder = await filled(t, ['first', 'second', 'third'])
    await others(folder, ...act)
    const before = await asked(folder, 'snapshot', EVENTS)
    const refusal = await expectRefusal(folder)
    assert.match(refusal.stdout + refusal.stderr, says)
    assert.match(refusal.stdout + refusal.stderr, /campaign-metrics adopt/)
    const status = await runCommand(folder, ['status'])
    assert.equal(status.exit.code, 1)
    assert.match(status.stdout, says)
    await adopt(folder, '--dry-run')
    assert.equal(await asked(folder, 'snapshot', EVENTS), before, 'nothing was changed')
    await adopt(folder)
    assert.equal(await asked(folder, 'rows', EVENTS), left)
    await goesOn(t, folder, left)
  })
}

test('a delete beside commits that come all the time gets through', { skip }, async (t) => {
  const folder = await openPlace(t)
  const product = await start(t, folder)
  await send(product, 'first')
  const ending = new AbortController()
  const sending = (async () => {
    for (let batch = 0; !ending.signal.aborted; batch++) await send(product, `b${batch}`, 500)
  })()
  // The program itself gives up after two minutes.
  const deletes = [1, 2, 3].map((user) => ['delete', EVENTS, `user_id == 'u-${user}'`])
  await others(folder, ...deletes)
  ending.abort()
  await sending
  await product.stop()
  await adopt(folder)
  assert.equal(await verifies(folder), true)
})

test('a table that is set back beside the product: events wait until it is set again', {
  skip,
}, async (t) => {
  const folder = await openPlace(t)
  const product = await start(t, folder)
  for (const batch of ['first', 'second']) await sendTagged(product, folder, batch)
  await others(folder, ['to', EVENTS, 'first'])
  const problems = async (): Promise<string> => String((await readStatus(product.url)).problems)
  await until(async () => /set campaign_events back/.test(await problems()))
  await others(folder, ['to', EVENTS, 'second'])
  await until(async () => (await problems()) === '')
  await send(product, 'third')
  await product.stop()
  await goesOn(t, folder, 300)
})

test('kill -9 at any step of an adoption, and adopted again: nothing is lost or read twice', {
  skip,
}, async (t) => {
  for (const step of ['data-file-synced', 'metadata-written', 'pointers-swapped', 'committed']) {
    const folder = await filled(t, ['first', 'second'])
    await others(folder, ['to', EVENTS, 'first'])
    const environment = { CAMPAIGN_METRICS_KILL_AT: `${step}:1` }
    const killed = await runCommand(folder, ['adopt'], { environment })
    assert.equal(killed.exit.signal, 'SIGKILL', step)
    await adopt(folder)
    await goesOn(t, folder, 100)
  }
})
