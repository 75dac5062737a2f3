/**
 * A file of last year's events in another program's words: one command, and both tables hold what
 * PyIceberg and a plain count of the same events give.
 */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { waitUntilSettled } from '../support/client.ts'
import { openFolder } from '../support/folder.ts'
import { type Product, runCommand, startProduct } from '../support/product.ts'
import { checkTables, skipReaders } from '../support/readers.ts'

const ROWS = 100_000
const START_MS = Date.UTC(2025, 0, 1)
const TYPES = ['impression', 'impression', 'impression', 'click', 'conversion'] as const
const WINDOW_MS = 300_000
/** Rows run through 364 days, 3 windows of each and 11 campaigns, which have no divisor in common. */
const WINDOWS = 364 * 3 * 11
const COMMAND_LIMIT_MS = 600_000
const folder = await openFolder()
let product: Product

before(async () => {
  product = await startProduct(folder)
  await folder.configure({ listen: new URL(product.url).host })
})

after(async () => {
  await product.kill()
  await folder.close()
})

/** The same rows as the CSV of another program, and as events for the count. */
function lastYear(): Readonly<{ csv: string; events: string }> {
  const rows = ['order_no,"visitor",utm_campaign,kind,occurred_at,total,note']
  const events = []
  for (let row = 0; row < ROWS; row++) {
    const [id, user] = [String(row).padStart(8, '0'), `u${row % 1000}`]
    const kind = TYPES[row % TYPES.length] ?? 'click'
    const campaign = `campaign, "${row % 11}"`
    const atMs = START_MS + (row % 364) * 86_400_000 + (row % 3) * WINDOW_MS + (row % WINDOW_MS)
    const revenue = kind === 'conversion' ? ((row % 10_000) / 100).toFixed(2) : null
    rows.push(
      `${id},${user},"${campaign.replaceAll('"', '""')}",${kind},${atMs},${revenue ?? ''},` +
        `"line ${row}\r\nand, the next"`,
    )
    events.push(
      JSON.stringify({
        ...{ event_id: id, user_id: user, campaign_id: campaign, event_type: kind },
        ...{ timestamp: new Date(atMs).toISOString(), revenue: revenue && Number(revenue) },
      }),
    )
  }
  return { csv: `\ufeff${rows.join('\r\n')}\r\n`, events: `${events.join('\n')}\n` }
}

test('a year as CSV is in both tables after one command, and after a second one once', {
  skip: skipReaders,
}, async (t) => {
  const { csv, events } = lastYear()
  const [path, sent] = ['last-year.csv', 'events.ndjson'].map((name) => join(folder.path, name))
  assert.ok(path !== undefined && sent !== undefined)
  await writeFile(path, csv)
  await writeFile(sent, events)
  const send = [
    ...['send', path, '--map', 'event_id=order_no', '--map', 'user_id=visitor'],
    ...['--map', 'campaign_id=utm_campaign', '--map', 'event_type=kind'],
    ...['--map', 'timestamp=occurred_at', '--map', 'revenue=total', '--time-format', 'epoch-ms'],
  ]
  const limitMs = COMMAND_LIMIT_MS
  const first = await runCommand(folder, send, { limitMs })
  assert.equal(first.exit.code, 0, first.stderr)
  assert.match(first.stderr, /Sent 100,000 events .* 100,000 accepted, 0 rejected/)
  assert.match(first.stderr, /What is sent again before .* UTC, in .* counts once/)
  t.diagnostic(first.stderr)
  assert.equal((await waitUntilSettled(product.url)).stored, ROWS)
  const once = await checkTables(folder, [sent])
  const second = await runCommand(folder, send, { limitMs })
  assert.equal(second.exit.code, 0, second.stderr)
  const ledger = await waitUntilSettled(product.url)
  assert.deepEqual([ledger.stored, ledger.duplicates, ledger.rejected], [ROWS, ROWS, 0])
  const twice = await checkTables(folder, [sent, sent])
  const counts = { events: ROWS, rejected: 0, rawRows: ROWS, metricsRows: WINDOWS }
  assert.deepEqual(once, { ...counts, duplicates: 0 })
  assert.deepEqual(twice, { ...counts, duplicates: ROWS })
})
