/**
 * The hardest input we can make, in every form a request can take, with restarts in between; then
 * three readers that share no code with the product say what stands in the tables.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { type Accepted, postAccepted, waitUntilSettled } from '../support/client.ts'
import { openFolder } from '../support/folder.ts'
import { readPointers, writePointers } from '../support/lake.ts'
import { type Product, runCommand, startProduct } from '../support/product.ts'
import { openRandom } from '../support/random.ts'
import { checkTables, openInputFile, runReader, skipReaders } from '../support/readers.ts'
import { type Item, listBadItems, listEdgeItems, openHardInput } from './hard-input.ts'

const SEED = Number(process.env.INTEROP_SEED ?? 20_260_301)
const EVENTS_PER_SESSION = 1_500
/** 9,224 events of 1e9 are more than 2^63 millionths. */
const OVERFLOWING = 9_300
/** So many windows of billions, each a few millionths apart. */
const BILLIONS = 40

const nowMs = Date.now()
const random = openRandom(SEED)
const folder = await openFolder({
  commitInterval: '500ms',
  retention: { events: '0', metrics: '0' },
})
const input = await openInputFile(folder)
const hard = openHardInput(random, nowMs, `h${SEED}`)
const sums = { sent: 0, rejected: 0 }
let running: Product | null = null

after(async () => {
  await running?.kill()
  await folder.close()
})

test(`seed ${SEED}: every event of every request gets the verdict of the rules`, async () => {
  running = await startProduct(folder)
  await sendInRequests(running, [...listBadItems(random, nowMs), ...listEdgeItems(nowMs, 'edge')])
  await sendInRequests(running, rejectedFirst())
  await sendInRequests(running, makeItems(EVENTS_PER_SESSION))
})

test('a window passes 9.0e9 and 2^63 millionths exactly, and refunds bring it back', async () => {
  const product = running as Product
  const big = (id: string, revenue: string, campaign: string): Item =>
    plain(`{"event_id":"${id}","user_id":"u","campaign_id":"${campaign}",
      "event_type":"conversion","timestamp":"${windowTime()}","revenue":${revenue}}`)
  const items: Item[] = []
  for (let at = 0; at < OVERFLOWING; at += 1) {
    items.push(big(`over-${at}`, '1e9', 'over'), big(`under-${at}`, '-1e9', 'under'))
  }
  await send(product, items, 'lines')
  // Each lands in a commit of its own: a sum that is read back as a DOUBLE would lose it.
  for (let at = 0; at < 6; at += 1) {
    await send(product, [big(`drop-${at}`, '0.000001', 'over'), big(`sub-${at}`, '-5e-7', 'under')])
    await waitUntilSettled(product.url)
  }
  const refunds = items.slice(0, 400).map((_, at) => big(`refund-${at}`, '-1e9', 'over'))
  await send(product, [...refunds, big('last-drop', '0.000001', 'over')])
})

test('windows of billions hold every millionth: sums near 4.4e9 and 8.9e9', async () => {
  const items: Item[] = []
  for (let at = 0; at < 4 * BILLIONS; at += 1)
    items.push(...['low', 'high'].map((name) => billion(name, at, '1e9')))
  for (let at = 0; at < 4 * BILLIONS; at += 1) items.push(billion('high', at, '1e9'))
  for (let at = 0; at < BILLIONS; at += 1) {
    items.push(billion('low', at, `400000000.0000${10 + at}`))
    items.push(billion('high', at, `900000000.0000${10 + at}`))
  }
  await send(running as Product, items, 'lines')
})

test('late events, repeats and new payloads of known ids come after stop and kill', async () => {
  const first = running as Product
  await waitUntilSettled(first.url)
  assert.deepEqual(await first.stop(), { code: 0, signal: null })
  const second = await startProduct(folder)
  running = second
  await sendInRequests(second, makeItems(EVENTS_PER_SESSION))
  await send(second, oneMillionthMore(), 'lines')
  await waitUntilSettled(second.url)
  await second.kill()
  const third = await startProduct(folder)
  running = third
  await sendInRequests(third, makeItems(EVENTS_PER_SESSION))
  await send(third, oneMillionthMore(), 'lines')
  await waitUntilSettled(third.url)
})

test('an event over 5 minutes past its arrival is rejected, whatever its offset', async () => {
  const product = running as Product
  const dates = [
    new Date(Date.now() + 6 * 60_000).toISOString(),
    '2099-01-01T00:00:00Z',
    '9999-12-31T23:59:59.999999-23:59',
  ]
  const lines = dates.map(
    (date, at) =>
      `{"event_id":"future-${at}","user_id":"u","campaign_id":"c","event_type":"click",` +
      `"timestamp":"${date}"}`,
  )
  const { accepted, rejected } = await postAccepted(product.url, lines.join('\n'))
  assert.equal(accepted, 0)
  assert.deepEqual(
    rejected.map(({ index }) => index),
    [0, 1, 2],
  )
  for (const { reason } of rejected) assert.match(reason, /^timestamp:/)
  sums.sent += dates.length
  sums.rejected += dates.length
})

test('PyIceberg finds both tables equal to the input, and the ledger says the same', {
  skip: skipReaders,
}, async () => {
  const ledger = await waitUntilSettled((running as Product).url)
  const summary = await checkTables(folder, [input.path])
  assert.equal(ledger.stored, summary.rawRows)
  assert.equal(ledger.duplicates, summary.duplicates)
  assert.equal(ledger.rejected, sums.rejected)
  assert.equal(ledger.received, sums.sent)
  assert.ok(summary.duplicates > 100 && summary.metricsRows > 500)
})

test('DuckDB reads both tables by their metadata location and finds the same', {
  skip: skipReaders,
}, async () => {
  const run = await runReader(folder, 'duckdb-reader.py', [folder.catalogPath, input.path])
  assert.equal(run.exit.code, 0, run.stdout + run.stderr)
})

test('PyIceberg row filters on every column return what a full scan returns', {
  skip: skipReaders,
}, async () => {
  const run = await runReader(folder, 'row-filters.py', [folder.reader.uri])
  assert.equal(run.exit.code, 0, run.stdout + run.stderr)
})

test('verify passes beside the running product and after its end', async () => {
  const beside = await runCommand(folder, ['verify'])
  assert.equal(beside.exit.code, 0, beside.stdout + beside.stderr)
  await running?.stop()
  running = null
  const alone = await runCommand(folder, ['verify'])
  assert.equal(alone.exit.code, 0, alone.stdout + alone.stderr)
})

test('verify exits with 1 and names the window once a metrics row was changed', {
  skip: skipReaders,
}, async () => {
  const pointers = readPointers(folder.catalogPath)
  const tampered = await runReader(folder, 'tamper.py', [folder.reader.uri, 'change-metrics-row'])
  assert.equal(tampered.exit.code, 0, tampered.stderr)
  const { window_start } = JSON.parse(tampered.stdout) as { window_start: string }
  const verify = await runCommand(folder, ['verify'])
  assert.equal(verify.exit.code, 1, verify.stdout + verify.stderr)
  const [day, time] = window_start.split('T')
  assert.match(verify.stdout + verify.stderr, new RegExp(`${day}.${time?.slice(0, 5)}`))
  writePointers(folder.catalogPath, pointers)
})

test('verify exits with 1 once a raw file was dropped, and with 0 once it is back', {
  skip: skipReaders,
}, async () => {
  const pointers = readPointers(folder.catalogPath)
  const tampered = await runReader(folder, 'tamper.py', [folder.reader.uri, 'drop-raw-file'])
  assert.equal(tampered.exit.code, 0, tampered.stderr)
  const verify = await runCommand(folder, ['verify'])
  assert.equal(verify.exit.code, 1, verify.stdout + verify.stderr)
  writePointers(folder.catalogPath, pointers)
  const restored = await runCommand(folder, ['verify'])
  assert.equal(restored.exit.code, 0, restored.stdout + restored.stderr)
})

function makeItems(count: number): readonly Item[] {
  return Array.from({ length: count }, () => hard.makeItem())
}

/** A rejected event does not occupy its id: the corrected one that follows is stored. */
function rejectedFirst(): readonly Item[] {
  const event = (timestamp: string): string =>
    '{"event_id":"again","user_id":"u","campaign_id":"c","event_type":"click",' +
    `"timestamp":"${timestamp}"}`
  const bad: Item = { ...plain(event('yesterday')), blame: 'timestamp' }
  return [bad, plain(event(new Date(nowMs).toISOString()))]
}

/** After a restart a window is read back before it changes: what it then loses, shows. */
function oneMillionthMore(): readonly Item[] {
  return Array.from({ length: 2 * BILLIONS }, (_, at) =>
    billion(at % 2 === 0 ? 'low' : 'high', at >> 1, '0.000001'),
  )
}

let billions = 0

function billion(name: string, at: number, revenue: string): Item {
  billions += 1
  return plain(`{"event_id":"billion-${billions}","user_id":"u",
    "campaign_id":"${name}-${at % BILLIONS}","event_type":"conversion",
    "timestamp":"${windowTime()}","revenue":${revenue}}`)
}

function plain(json: string): Item {
  return { bytes: Buffer.from(json.replaceAll(/\s+/g, ' ')), blame: null, breaksArray: false }
}

/** A moment in the window that closed an hour ago. */
function windowTime(): string {
  return new Date(nowMs - 3_600_000).toISOString()
}

async function sendInRequests(product: Product, items: readonly Item[]): Promise<void> {
  for (let at = 0; at < items.length; ) {
    const many = random.chance(0.3) ? 1 : 1 + random.below(60)
    await send(product, items.slice(at, at + many))
    at += many
  }
}

async function send(product: Product, items: readonly Item[], form?: 'lines'): Promise<void> {
  const request = hard.makeRequest(items, form)
  const answer = await postAccepted(product.url, request.body, {
    type: request.type,
    ...(request.encoding === undefined ? {} : { encoding: request.encoding }),
  })
  expectVerdicts(items, answer, request.form)
  await input.add(items.map((item) => item.bytes))
  sums.sent += items.length
  sums.rejected += items.filter((item) => item.blame !== null).length
}

function expectVerdicts(items: readonly Item[], answer: Accepted, form: string): void {
  const expected = items.flatMap((item, index) => (item.blame === null ? [] : [index]))
  const told = new Map(answer.rejected.map(({ index, reason }) => [index, reason]))
  const wrong = items.flatMap((item, index) => {
    const reason = told.get(index)
    const blamed =
      item.blame === 'event' || item.blame === null || reason?.startsWith(`${item.blame}:`)
    if ((reason !== undefined) === (item.blame !== null) && blamed) return []
    return [`${form}[${index}] blame ${item.blame}, told ${reason}: ${item.bytes.subarray(0, 300)}`]
  })
  assert.deepEqual(wrong, [])
  assert.deepEqual([...told.keys()], expected)
  assert.equal(answer.accepted, items.length - expected.length)
}
