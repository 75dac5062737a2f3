/** The commands beside a running product and after its end: what they print and how they exit. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { readStatus, waitUntilSettled } from '../support/client.ts'
import { eventLines } from '../support/events.ts'
import { openFolder } from '../support/folder.ts'
import { type Product, type Run, runCommand, startProduct } from '../support/product.ts'

const ROWS = 1_000
const folder = await openFolder()
const path = join(folder.path, 'events.ndjson')
let product: Product

before(async () => {
  product = await startProduct(folder)
  await folder.configure({ listen: new URL(product.url).host })
  const lines = eventLines('sent', ROWS, { timestamp: '2026-11-01T10:01:00Z', revenue: 0.1 })
  await writeFile(path, `${[...lines, 'not an event'].join('\n')}\n`)
})

after(async () => {
  await product.kill()
  await folder.close()
})

async function run(...words: readonly string[]): Promise<Run> {
  return await runCommand(folder, words)
}

test('send delivers a file, reports what was rejected, and can be run again', async () => {
  const first = await run('send', path)
  assert.match(first.stdout + first.stderr, /1[.,]?000/)
  assert.match(first.stdout + first.stderr, /reject/i)
  assert.equal((await waitUntilSettled(product.url)).stored, ROWS)
  await run('send', path)
  const ledger = await waitUntilSettled(product.url)
  assert.equal(ledger.stored, ROWS)
  assert.equal(ledger.duplicates, ROWS)
})

test('send reads standard input', async () => {
  const lines = eventLines('piped', 10, { timestamp: '2026-11-01T10:01:00Z' }).join('\n')
  const sent = await runCommand(folder, ['send', '-'], { input: `${lines}\n` })
  assert.equal(sent.exit.code, 0, sent.stdout + sent.stderr)
  assert.equal((await waitUntilSettled(product.url)).stored, ROWS + 10)
})

test('query answers over both tables, as a table, CSV and JSON', async () => {
  const sql = 'select count(*)::integer as n from campaign_events'
  assert.match((await run('query', sql)).stdout, /1010/)
  assert.equal((await run('query', sql, '--csv')).stdout.replaceAll('\r', ''), 'n\n1010\n')
  assert.deepEqual(JSON.parse((await run('query', sql, '--json')).stdout), [{ n: 1010 }])
  const metrics =
    'select clicks::integer as clicks, revenue, ctr_percent, cvr_percent from campaign_metrics'
  assert.deepEqual(JSON.parse((await run('query', metrics, '--json')).stdout), [
    { clicks: 1010, revenue: 100, ctr_percent: null, cvr_percent: 0 },
  ])
})

test('a wrong query is an error with the reason, not a stack', async () => {
  const { exit, stdout, stderr } = await run('query', 'select nothing from nowhere')
  assert.notEqual(exit.code, 0)
  assert.match(stdout + stderr, /nowhere/)
  assert.doesNotMatch(stdout + stderr, /^\s+at .+:\d+:\d+\)?$/m)
})

test('a query cannot write to the tables', async () => {
  for (const sql of [
    'delete from campaign_events',
    'drop view campaign_events',
    'create table x (a int)',
  ]) {
    await run('query', sql)
  }
  const { stdout } = await run(
    'query',
    'select count(*)::integer as n from campaign_events',
    '--json',
  )
  assert.deepEqual(JSON.parse(stdout), [{ n: 1010 }])
})

test('status shows the ledger as text and as JSON, as the running product has it', async () => {
  const text = await run('status')
  assert.equal(text.exit.code, 0, text.stderr)
  assert.match(text.stdout, /duplicate/i)
  const { stdout } = await run('status', '--json')
  const { ledger } = JSON.parse(stdout) as { ledger: unknown }
  assert.deepEqual(ledger, (await readStatus(product.url)).ledger)
})

test('rejected lists what was rejected with its reason', async () => {
  const { exit, stdout } = await run('rejected')
  assert.equal(exit.code, 0)
  assert.match(stdout, /not an event/)
})

test('ctrl-C leaves everything in the tables; the commands work without the process', async () => {
  const lines = eventLines('last', 10, { timestamp: '2026-11-01T10:01:00Z' }).join('\n')
  await runCommand(folder, ['send', '-'], { input: lines })
  assert.deepEqual(await product.stop('SIGINT'), { code: 0, signal: null })
  const { stdout } = await run(
    'query',
    'select count(*)::integer as n from campaign_events',
    '--json',
  )
  assert.deepEqual(JSON.parse(stdout), [{ n: 1020 }])
  const verify = await run('verify')
  assert.equal(verify.exit.code, 0, verify.stdout + verify.stderr)
  const status = await run('status', '--json')
  const { ledger } = JSON.parse(status.stdout) as { ledger: { stored: number; waiting: number } }
  assert.equal(ledger.stored, 1020)
  assert.equal(ledger.waiting, 0)
})

test('send to nobody says that nobody listens and what to do', async () => {
  const { exit, stdout, stderr } = await run('send', path, '--patience', '1')
  assert.ok(exit.code !== 0 && exit.code !== null)
  assert.match(stdout + stderr, /start/)
  assert.doesNotMatch(stdout + stderr, /^\s+at .+:\d+:\d+\)?$/m)
})

test('unknown words are refused with a hint', async () => {
  const { exit, stdout, stderr } = await run('qurey', 'select 1')
  assert.ok(exit.code !== 0 && exit.code !== null)
  assert.match(stdout + stderr, /query/)
})
