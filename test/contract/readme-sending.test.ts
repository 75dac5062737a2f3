/** README's "Send events" where there is no browser: each of its lines, run as it stands there. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { pythonReaders } from '../interop/python.ts'
import { waitUntilSettled } from '../support/client.ts'
import { openFolder } from '../support/folder.ts'
import { type Product, runCommand, startProduct } from '../support/product.ts'
import { commandWords, installSdk, readmeLines } from '../support/sending-guide.ts'

const DOCUMENTED_URL = 'http://127.0.0.1:8088'
const LIMITS = { timeout: 300_000 }
const run = promisify(execFile)
const folder = await openFolder()
const { python, skip: skipPython } = pythonReaders()
let product: Product

before(async () => {
  product = await startProduct(folder)
  await folder.configure({ listen: new URL(product.url).host })
})

after(async () => {
  await product.kill()
  await folder.close()
})

function documented(lead: string): string {
  return readmeLines(lead).replaceAll(DOCUMENTED_URL, product.url)
}

/** Of the events of a user, in the order of their types. */
async function stored(user: string): Promise<readonly unknown[]> {
  await waitUntilSettled(product.url)
  const { stdout, stderr } = await runCommand(folder, [
    'query',
    'select event_id, campaign_id, event_type, epoch_ms(timestamp)::double as at, revenue, country ' +
      `from campaign_events where user_id = '${user}' order by event_type`,
    '--json',
  ])
  assert.notEqual(stdout, '', stderr)
  return JSON.parse(stdout)
}

const isNow = (at: unknown, sinceMs: number): boolean =>
  typeof at === 'number' && at >= sinceMs - 1000 && at <= Date.now() + 1000

test("README's first event is stored as it stands there", async () => {
  const { stdout } = await run('sh', ['-c', documented('Send events')], LIMITS)
  assert.deepEqual(JSON.parse(stdout), { accepted: 1, rejected: [] })
  const at = Date.UTC(2026, 10, 22, 10, 15)
  const spring = { event_id: 'e-1', campaign_id: 'spring', event_type: 'click' }
  const rows = await stored('u-1')
  assert.deepEqual(rows, [{ ...spring, at, revenue: 0, country: 'DE' }])
})

test("README's lines for Node send a click and a conversion", async () => {
  const since = Date.now()
  await installSdk(folder.path)
  const program = join(folder.path, 'shop.mjs')
  await writeFile(program, documented('**From Node**').replaceAll('u-1', 'u-node'))
  await run(process.execPath, [program], LIMITS)
  type Row = Readonly<{ event_id: string; event_type: string; at: number; revenue: number }>
  const rows = (await stored('u-node')) as readonly Row[]
  assert.deepEqual(
    rows.map(({ event_type, revenue }) => [event_type, revenue]),
    [
      ['click', 0],
      ['conversion', 49.9],
    ],
  )
  assert.equal(rows[1]?.event_id, 'conversion-1017')
  assert.ok(rows.every(({ at }) => isNow(at, since)))
})

test("README's lines for Python send a conversion", { skip: skipPython }, async () => {
  const since = Date.now()
  await run(python ?? '', ['-c', documented('**From Python**')], LIMITS)
  const [row, ...others] = (await stored('u-2')) as readonly Record<string, unknown>[]
  assert.deepEqual(others, [])
  assert.deepEqual([row?.event_id, row?.revenue], ['conversion-1018', 19.9])
  assert.ok(isNow(row?.at, since))
})

test("README's line for a file sends its rows", async () => {
  const rows = 'order_no,customer,paid_at,total,utm_campaign\n0042,ann,1735689600123,49.90,spring\n'
  await writeFile(join(folder.path, 'orders.csv'), rows)
  const { exit, stderr } = await runCommand(folder, commandWords(documented('**A file**')))
  assert.equal(exit.code, 0, stderr)
  const order = { event_id: '0042', campaign_id: 'spring', event_type: 'conversion' }
  const at = Date.UTC(2025, 0, 1) + 123
  assert.deepEqual(await stored('ann'), [{ ...order, at, revenue: 49.9, country: null }])
})
