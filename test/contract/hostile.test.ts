/**
 * Input that means harm (F21), and bad records between good ones (F19): said, kept, and harmless.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Accepted, postAccepted, waitUntilSettled } from '../support/client.ts'
import { eventLine, eventLines } from '../support/events.ts'
import { openFolder } from '../support/folder.ts'
import { type Product, type Run, runCommand, startProduct } from '../support/product.ts'
import { expectSettled } from '../support/settled.ts'

const folder = await openFolder()
let product: Product
const sums = { stored: 0, rejected: 0 }

before(async () => {
  product = await startProduct(folder)
})

after(async () => {
  await product.stop()
  await folder.close()
})

async function send(body: string | Uint8Array): Promise<Accepted> {
  const answer = await postAccepted(product.url, body)
  sums.stored += answer.accepted
  sums.rejected += answer.rejected.length
  return answer
}

async function query(sql: string, ...words: readonly string[]): Promise<Run> {
  await waitUntilSettled(product.url)
  const run = await runCommand(folder, ['query', sql, ...words])
  assert.equal(run.exit.code, 0, run.stderr)
  return run
}

async function rowsOf(sql: string): Promise<readonly Record<string, unknown>[]> {
  return JSON.parse((await query(sql, '--json')).stdout) as Record<string, unknown>[]
}

test('a __proto__ key changes nothing', async () => {
  const line = eventLine({ event_id: 'proto' })
  const evil = '"__proto__":{"event_type":"conversion","revenue":9},"constructor":{"prototype":1}'
  await send(line.replace('{', `{${evil},`))
  const rows = await rowsOf(
    "select event_type, revenue from campaign_events where event_id = 'proto'",
  )
  assert.deepEqual(rows, [{ event_type: 'click', revenue: 0 }])
})

test('of a key that comes twice the last one wins, also when written with escapes', async () => {
  const line = eventLine({ event_id: 'twice', revenue: 1 })
  await send(line.replace(/}$/, ',"revenue":2,"\\u0072evenue":3,"even\\u0074_type":"impression"}'))
  const rows = await rowsOf(
    "select event_type, revenue from campaign_events where event_id = 'twice'",
  )
  assert.deepEqual(rows, [{ event_type: 'impression', revenue: 3 }])
})

test('surrogates, control characters, 1e400 and deep nesting each have their reason', async () => {
  const bad = [
    eventLine({ event_id: 'x' }).replace('"x"', '"\\ud800"'),
    eventLine({ event_id: 'x', campaign_id: 'y' }).replace('"y"', '"a\u0001"'),
    eventLine({ event_id: 'x', revenue: 1 }).replace('"revenue":1', '"revenue":1e400'),
    eventLine({ event_id: 'x' }).replace(/}$/, `,"x":${'[1,'.repeat(10_000)}`),
    eventLine({ event_id: 'x' }).replace(/}$/, `,"x":${'{"a":'.repeat(64)}1${'}'.repeat(65)}`),
  ]
  const answer = await send(
    [eventLine({ event_id: 'before' }), ...bad, eventLine({ event_id: 'behind' })].join('\n'),
  )
  assert.equal(answer.accepted, 2)
  assert.deepEqual(
    answer.rejected.map(({ index }) => index),
    bad.map((_, at) => at + 1),
  )
  for (const { reason } of answer.rejected) assert.match(reason, /^\S.*: \S/)
})

test('-0 is stored as 0, NUL and every script come back as they were', async () => {
  const text = 'a\u0000b 🎯 حملة 黑五 e\u0301'
  await send(eventLine({ event_id: 'text', campaign_id: text }).replace(/}$/, ',"revenue":-0}'))
  const rows = await rowsOf(
    'select campaign_id, revenue, signbit(revenue) as negative from campaign_events where ' +
      "event_id = 'text'",
  )
  assert.deepEqual(rows, [{ campaign_id: text, revenue: 0, negative: false }])
})

test('a campaign that is a formula does not become one in the CSV', async () => {
  const formulas = ['=1+1', '+1+1', '-1+1', '@SUM(A1)', '\t=1', '\r=1']
  await send(
    formulas
      .map((campaign_id, at) => eventLine({ event_id: `formula-${at}`, campaign_id }))
      .join('\n'),
  )
  const { stdout } = await query(
    "select campaign_id from campaign_events where event_id like 'formula-%' order by event_id",
    '--csv',
  )
  const [, ...cells] = stdout.trimEnd().split('\n')
  assert.equal(cells.length >= formulas.length, true, stdout)
  for (const cell of cells) assert.doesNotMatch(cell, /^"?[=+\-@\t\r]/, `${cell} runs when opened`)
})

test('a campaign that is a path or HTML touches no file and stays text', async () => {
  const names = [
    '../../../../tmp/campaign-metrics-escape',
    '/etc/passwd',
    '<script>alert(1)</script>',
    'a"b\nc,d',
  ]
  await send(
    names.map((campaign_id, at) => eventLine({ event_id: `name-${at}`, campaign_id })).join('\n'),
  )
  const rows = await rowsOf(
    "select campaign_id from campaign_events where event_id like 'name-%' order by event_id",
  )
  assert.deepEqual(
    rows.map((row) => row.campaign_id),
    names,
  )
})

test('the terminal table shows no escape sequence of a sender', async () => {
  await send(eventLine({ event_id: 'ansi', campaign_id: '\u001b]0;owned\u0007\u001b[31mred' }))
  const { stdout } = await query("select campaign_id from campaign_events where event_id = 'ansi'")
  assert.ok(!stdout.includes('\u001b]0;'), JSON.stringify(stdout))
  assert.ok(!stdout.includes('\u001b[31m'), JSON.stringify(stdout))
})

test('every rejected event is kept unchanged with its reason, and can be sent again', async () => {
  const bytes = Buffer.concat([
    Buffer.from('{"event_id":"\u00e9 not utf-8: '),
    Buffer.from([0xff, 0xfe]),
    Buffer.from('"}\n{"event_id":"kept-as-text","user_id":7}'),
  ])
  const answer = await send(bytes)
  assert.equal(answer.accepted, 0)
  const { exit, stdout, stderr } = await runCommand(folder, ['rejected'])
  assert.equal(exit.code, 0, stderr)
  assert.match(stdout, /kept-as-text/)
  assert.match(stdout, /user_id/)
})

test('bad records among many stop nothing', async () => {
  const lines = eventLines('many', 500).flatMap((line, at) =>
    at % 5 === 0 ? [line, 'bad'] : [line],
  )
  const answer = await send(lines.join('\n'))
  assert.equal(answer.accepted, 500)
  assert.equal(answer.rejected.length, 100)
  await expectSettled(folder, product.url, sums)
})
