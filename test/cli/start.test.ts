/** `start` and the commands beside it, as processes of their own. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { DASHBOARD } from '../../src/dashboard-definition/definition.ts'
import { makeTraffic } from '../../src/demo-traffic.ts'
import { readStatus, waitUntilSettled } from '../support/client.ts'
import { type Folder, openFolder } from '../support/folder.ts'
import { expectRefusal, type Product, runCommand, startProduct } from '../support/product.ts'

type Running = Readonly<{ folder: Folder; product: Product }>

async function running(t: TestContext, words: readonly string[] = []): Promise<Running> {
  const folder = await openFolder()
  t.after(() => folder.close())
  const product = await startProduct(folder, { arguments: words })
  t.after(() => product.kill())
  return { folder, product }
}

/** A file of `events` events, of which `bad` more are none. */
async function trafficFile(folder: Folder, events: number, bad: number): Promise<string> {
  const path = join(folder.path, 'events.ndjson')
  const options = { seed: 7, startUs: Date.now() * 1000, eventsPerSecond: 1000, repeatShare: 0 }
  const chunks = [...makeTraffic({ ...options, events, lateShare: 0.01 })]
  const garbage = Buffer.from('{"event_id":""}\n'.repeat(bad))
  await writeFile(path, Buffer.concat([...chunks.map(({ bytes }) => bytes), garbage]))
  return path
}

test('start prints page, address, tables and a command that sends an event as it is', async (t) => {
  const { folder, product } = await running(t)
  const said = product.output()
  assert.ok(said.startsWith(`${DASHBOARD.title}: ${product.url}/\n`), said)
  assert.ok(said.includes(`\ncampaign-metrics listens on ${product.url}\n`), said)
  assert.ok(said.includes(folder.warehousePath) && said.includes(folder.catalogPath))
  const curl = /curl [\s\S]*?\n.*'\n/.exec(said)?.[0] ?? ''
  if (spawnSync('curl', ['--version']).status !== 0) return t.skip('no curl here')
  const sent = spawnSync('sh', ['-c', curl], { encoding: 'utf8' })
  assert.deepEqual(JSON.parse(sent.stdout), { accepted: 1, rejected: [] }, curl + sent.stderr)
})

test('ctrl-C stops it with exit code 0 and everything accepted in the tables', async (t) => {
  const { folder, product } = await running(t)
  const file = await trafficFile(folder, 5000, 0)
  const sent = await runCommand(folder, ['send', file, '--url', product.url])
  assert.equal(sent.exit.code, 0, sent.stderr)
  const exit = await product.stop('SIGINT')
  assert.deepEqual(exit, { code: 0, signal: null }, product.output())
  assert.match(product.output(), /Stopped in .*; all accepted events are in the tables\./)
  const sql = 'select count(*) as events, count(distinct event_id) as ids from campaign_events'
  const query = await runCommand(folder, ['query', sql, '--json'])
  assert.deepEqual(JSON.parse(query.stdout), [{ events: 5000, ids: 5000 }])
})

test('send, status, query, verify and rejected work beside a running start', async (t) => {
  const { folder, product } = await running(t)
  const beside = (words: readonly string[]) => runCommand(folder, words)
  const file = await trafficFile(folder, 3000, 2)
  const url = ['--url', product.url]

  const sent = await beside(['send', file, ...url])
  assert.equal(sent.exit.code, 1, 'two events were rejected')
  assert.ok(sent.stderr.includes(`${file}:3001: event_id: `), sent.stderr)
  assert.equal((await beside(['send', file, '--gzip', ...url])).exit.code, 1, 'again is safe')
  await waitUntilSettled(product.url)

  const status = await beside(['status', '--json', ...url])
  assert.equal(status.exit.code, 0, status.stdout)
  const { running: isRunning, ledger } = JSON.parse(status.stdout)
  assert.equal(isRunning, true)
  assert.deepEqual(ledger, {
    received: 6004,
    stored: 3000,
    duplicates: 3000,
    rejected: 4,
    waiting: 0,
  })

  const verify = await beside(['verify'])
  assert.equal(verify.exit.code, 0, verify.stdout + verify.stderr)
  assert.match(verify.stdout, /windows? over 3,000 events: campaign_metrics equals the raw table/)
  const csv = await beside([
    'query',
    '--csv',
    'select sum(impressions + clicks + conversions)::int as n from campaign_metrics',
  ])
  assert.equal(csv.stdout, 'n\r\n3000\r\n')

  const rejected = await beside(['rejected', '--json'])
  const kept = rejected.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.equal(kept.length, 4)
  assert.equal(kept[0].event, '{"event_id":""}')
  const listed = await beside(['rejected'])
  assert.match(listed.stdout, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC {2}\S/, 'times as in `status`')
  const replayed = await beside(['rejected', '--replay', ...url])
  assert.equal(replayed.exit.code, 1, 'still wrong')
  assert.match(replayed.stderr, /Sent 4 rejected events again: 0 accepted, 4 rejected once more/)
  assert.equal((await readStatus(product.url)).ledger.rejected, 8)
})

test('status reads the disk when nothing runs, and says so', async (t) => {
  const { folder, product } = await running(t)
  const file = await trafficFile(folder, 100, 1)
  await runCommand(folder, ['send', file, '--url', product.url])
  await product.stop()
  await folder.configure({ listen: '127.0.0.1:1' })
  const text = await runCommand(folder, ['status'])
  assert.equal(text.exit.code, 0, text.stdout + text.stderr)
  assert.match(text.stdout, /^Nothing is running here; this is what stands on the disk: healthy\n/)
  assert.match(
    text.stdout,
    /\nledger +101 received = 100 stored \+ 0 duplicates \+ 1 rejected \+ 0 waiting\n/,
  )
  const json = await runCommand(folder, ['status', '--json'])
  assert.equal(JSON.parse(json.stdout).running, false)
})

test('--demo makes traffic at its rate, and the tables agree afterwards', async (t) => {
  const { folder, product } = await running(t, ['--demo', '1000'])
  while ((await readStatus(product.url)).ledger.received < 1000) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  assert.deepEqual(await product.stop(), { code: 0, signal: null }, product.output())
  const verify = await runCommand(folder, ['verify'])
  assert.equal(verify.exit.code, 0, verify.stdout + verify.stderr)
  const sql = 'select count(distinct campaign_id) > 10 as many from campaign_events'
  const query = await runCommand(folder, ['query', sql, '--json'])
  assert.deepEqual(JSON.parse(query.stdout), [{ many: true }])
})

test('a port or a folder in use is an error that says what to do', async (t) => {
  const { product, folder } = await running(t)
  const again = await expectRefusal(folder)
  assert.equal(again.exit.code, 4)
  assert.match(again.stderr, /^campaign-metrics: .+/)
  assert.equal(again.stderr.trim().split('\n').length, 1, again.stderr)
  const other = await openFolder({ listen: new URL(product.url).host })
  t.after(() => other.close())
  const taken = await expectRefusal(other)
  assert.equal(taken.exit.code, 4)
  assert.match(taken.stderr, /^campaign-metrics: .*(in use|listens)/i)
})
