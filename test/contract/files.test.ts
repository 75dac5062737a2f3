/**
 * A file of last year's events in another program's words: one command, and both tables hold what
 * a plain count of the same rows gives.
 */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { waitUntilSettled } from '../support/client.ts'
import { openFolder } from '../support/folder.ts'
import { type Product, runCommand, startProduct } from '../support/product.ts'

const ROWS = 100_000
const START_MS = Date.UTC(2025, 0, 1)
const TYPES = ['impression', 'impression', 'impression', 'click', 'conversion'] as const
const WINDOW_MS = 300_000
const folder = await openFolder()
const path = join(folder.path, 'last-year.csv')
/** Campaign and window → impressions, clicks, conversions, cents. */
const expected = new Map<string, [number, number, number, number]>()
let product: Product

before(async () => {
  product = await startProduct(folder)
  await folder.configure({ listen: new URL(product.url).host })
  await writeFile(path, csvOfLastYear())
})

after(async () => {
  await product.kill()
  await folder.close()
})

function csvOfLastYear(): string {
  const rows = ['order_no,"visitor",utm_campaign,kind,occurred_at,total,note']
  for (let row = 0; row < ROWS; row++) {
    const kind = TYPES[row % TYPES.length] ?? 'click'
    const campaign = `campaign, "${row % 7}"`
    // Every day of the year, three windows of each.
    const atMs = START_MS + (row % 364) * 86_400_000 + (row % 3) * WINDOW_MS + (row % WINDOW_MS)
    const cents = kind === 'conversion' ? row % 10_000 : 0
    const total = kind === 'conversion' ? (cents / 100).toFixed(2) : ''
    rows.push(
      `${String(row).padStart(8, '0')},u${row % 1000},"${campaign.replaceAll('"', '""')}",${kind},` +
        `${atMs},${total},"line ${row}\r\nand, the next"`,
    )
    const key = `${campaign}|${atMs - (atMs % WINDOW_MS)}`
    const sums = expected.get(key) ?? [0, 0, 0, 0]
    sums[['impression', 'click', 'conversion'].indexOf(kind)] =
      (sums[['impression', 'click', 'conversion'].indexOf(kind)] ?? 0) + 1
    sums[3] += cents
    expected.set(key, sums)
  }
  return `\ufeff${rows.join('\r\n')}\r\n`
}

const SEND = [
  ...['send', path, '--map', 'event_id=order_no', '--map', 'user_id=visitor'],
  ...['--map', 'campaign_id=utm_campaign', '--map', 'event_type=kind'],
  ...['--map', 'timestamp=occurred_at', '--map', 'revenue=total', '--time-format', 'epoch-ms'],
]

test('a year as CSV is in both tables after one command, and after a second one once', async () => {
  const first = await runCommand(folder, SEND)
  assert.equal(first.exit.code, 0, first.stderr)
  assert.match(first.stderr, /Sent 100,000 events .* 100,000 accepted, 0 rejected/)
  assert.match(first.stderr, /What is sent again before .* UTC, in .* counts once/)
  assert.equal((await waitUntilSettled(product.url)).stored, ROWS)
  const second = await runCommand(folder, SEND)
  assert.equal(second.exit.code, 0, second.stderr)
  const ledger = await waitUntilSettled(product.url)
  assert.deepEqual([ledger.stored, ledger.duplicates, ledger.rejected], [ROWS, ROWS, 0])

  const windows = await runCommand(folder, [
    'query',
    'select campaign_id, epoch_ms(window_start)::varchar as at, impressions::integer as i, ' +
      'clicks::integer as c, conversions::integer as v, round(revenue * 100)::integer as cents ' +
      'from campaign_metrics',
    '--json',
  ])
  type Window = { campaign_id: string; at: string; i: number; c: number; v: number; cents: number }
  const found = (JSON.parse(windows.stdout) as Window[]).map(
    ({ campaign_id, at, i, c, v, cents }) => [`${campaign_id}|${at}`, [i, c, v, cents]] as const,
  )
  assert.equal(found.length, expected.size)
  for (const [key, sums] of found) assert.deepEqual(sums, expected.get(key), key)
  const ids = await runCommand(folder, [
    'query',
    'select count(*)::integer as n, count(distinct event_id)::integer as ids, min(event_id) as low, ' +
      'max(event_id) as high from campaign_events',
    '--json',
  ])
  assert.deepEqual(JSON.parse(ids.stdout), [
    { n: ROWS, ids: ROWS, low: '00000000', high: '00099999' },
  ])
})

test("README's line sends its file", async () => {
  const readme = await readFile(join(import.meta.dirname, '../../README.md'), 'utf8')
  const line = /^npx campaign-metrics (send orders\.csv(?:.*\\\n)*.*)$/m.exec(readme)?.[1] ?? ''
  const words = line.replaceAll('\\\n', ' ').split(/ +/)
  const orders = join(folder.path, 'orders.csv')
  await writeFile(
    orders,
    'order_no,customer,paid_at,total,utm_campaign\n0042,ann,1735689600123,49.90,readme\n',
  )
  const run = await runCommand(
    folder,
    words.map((word) => (word === 'orders.csv' ? orders : word)),
  )
  assert.equal(run.exit.code, 0, run.stderr)
  await waitUntilSettled(product.url)
  const { stdout } = await runCommand(folder, [
    'query',
    'select event_id, user_id, event_type, epoch_ms(timestamp)::varchar as at, revenue from ' +
      "campaign_events where campaign_id = 'readme'",
    '--json',
  ])
  const [id, user, atMs] = ['0042', 'ann', '1735689600123']
  assert.deepEqual(JSON.parse(stdout), [
    { event_id: id, user_id: user, event_type: 'conversion', at: atMs, revenue: 49.9 },
  ])
})
