/** docs/sending.md: its lines for data of other tools, and its first-party path, as they stand. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createContext, runInContext } from 'node:vm'
import { post, waitUntilSettled } from '../support/client.ts'
import { openFolder } from '../support/folder.ts'
import { type Product, runCommand, startProduct } from '../support/product.ts'
import { commandWords, guideLines } from '../support/sending-guide.ts'

const [WRITE_KEY, PAGE_KEY] = ['write-key-0123456789', 'page-key-0123456789']
const DOCUMENTED_URL = 'https://metrics.example'
const proxy = { trust: ['127.0.0.1'] }
const fields = { keys: { write: [WRITE_KEY], page: [PAGE_KEY] }, proxy }
const folder = await openFolder(fields)
let product: Product

before(async () => {
  product = await startProduct(folder)
  await folder.configure({ ...fields, listen: new URL(product.url).host })
})

after(async () => {
  await product.kill()
  await folder.close()
})

async function sendDocumented(section: string, file: string, content: string): Promise<void> {
  await writeFile(join(folder.path, file), content)
  const { exit, stderr } = await runCommand(folder, commandWords(guideLines(section, '')))
  assert.equal(exit.code, 0, stderr)
}

async function storedOf(campaign: string): Promise<unknown> {
  await waitUntilSettled(product.url)
  const { stdout, stderr } = await runCommand(folder, [
    'query',
    'select event_id as id, user_id as by, event_type as type, epoch_us(timestamp)::double as at, ' +
      `revenue, country from campaign_events where campaign_id = '${campaign}' order by event_id`,
    '--json',
  ])
  assert.notEqual(stdout, '', stderr)
  return JSON.parse(stdout)
}

test('a table of a Segment warehouse is sent by the documented command', async () => {
  const header = 'id,received_at,anonymous_id,user_id,event,timestamp,context_campaign_name,revenue'
  const row =
    'ajs-1,2025-01-01 00:00:09 UTC,a-1,,order_completed,2025-01-01 00:00:01.5 UTC,segment-csv,49.90'
  await sendDocumented('From Segment', 'order_completed.csv', `${header}\n${row}\n`)
  const at = Date.UTC(2025, 0, 1, 0, 0, 1, 500) * 1000
  assert.deepEqual(await storedOf('segment-csv'), [
    { id: 'ajs-1', by: 'a-1', type: 'conversion', at, revenue: 49.9, country: null },
  ])
})

test('the documented destination function of Segment sends what it names, and nothing else', async () => {
  class RetryError extends Error {}
  const parts = { fetch, RetryError, URL }
  const context = createContext(parts)
  runInContext(guideLines('From Segment', 'js').replaceAll(DOCUMENTED_URL, product.url), context)
  const onTrack = runInContext('onTrack', context)
  const common = { anonymousId: 'a-1', timestamp: '2025-01-01T00:00:00.000Z' }
  const withCampaign = { ...common, context: { campaign: { name: 'segment' } } }
  const settings = { apiKey: WRITE_KEY }
  const order = {
    ...{ ...withCampaign, messageId: 'm-1', event: 'Order Completed', userId: 'u-1' },
    properties: { order_id: '1017', revenue: 49.9 },
  }
  const click = {
    ...{ ...common, messageId: 'm-2', event: 'Promotion Clicked', context: {} },
    properties: { promotion_id: 'segment' },
  }
  const page = { ...withCampaign, messageId: 'm-3', event: 'Page Viewed', properties: {} }
  for (const event of [order, click, page, order]) await onTrack(event, settings)
  const at = Date.UTC(2025, 0, 1) * 1000
  assert.deepEqual(await storedOf('segment'), [
    { id: 'm-1', by: 'u-1', type: 'conversion', at, revenue: 49.9, country: null },
    { id: 'm-2', by: 'a-1', type: 'click', at, revenue: 0, country: null },
  ])
  context.fetch = async () => ({ status: 503 })
  await assert.rejects(onTrack(order, settings), RetryError)
  context.fetch = fetch
  await assert.rejects(onTrack(order, { apiKey: 'a-key-that-is-wrong' }), /401|403/)
})

test('a result of the documented query of GA4 is sent by the documented command', async () => {
  const header =
    'user_pseudo_id,event_timestamp,event_name,transaction_id,purchase_revenue,campaign,country,' +
    'device_type,platform'
  const row = '1234.5678,1735689600123456,purchase,T-1,49.9,ga4,Germany,mobile,web'
  const content = `${header}\n${row}\n${row.replace('T-1', 'T-2')}\n${row}\n`
  await sendDocumented('From Google Analytics 4', 'purchases.csv', content)
  const common = { by: '1234.5678', type: 'conversion', at: 1_735_689_600_123_456 }
  const rows = (await storedOf('ga4')) as readonly { id: string }[]
  assert.deepEqual(
    rows.map(({ id: _, ...others }) => others),
    Array.from({ length: 2 }, () => ({ ...common, revenue: 49.9, country: 'Germany' })),
  )
})

test('behind a first-party path a page of that host sends without an entry in cors', async () => {
  const event = {
    ...{ event_id: 'path-1', user_id: 'u', campaign_id: 'path', event_type: 'click' },
    timestamp: '2025-01-01T00:00:00Z',
  }
  const sendFrom = (origin: string) =>
    post(product.url, JSON.stringify(event), {
      path: `/v1/events?key=${PAGE_KEY}`,
      type: 'text/plain',
      headers: {
        ...{ origin, 'x-forwarded-host': 'shop.example', 'x-forwarded-proto': 'https' },
        'x-forwarded-for': '203.0.113.9',
      },
    })
  assert.equal((await sendFrom('https://evil.example')).status, 403)
  assert.equal((await sendFrom('https://shop.example')).status, 200)
  assert.equal(((await storedOf('path')) as readonly unknown[]).length, 1)
})
