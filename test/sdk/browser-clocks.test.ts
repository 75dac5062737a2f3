/**
 * Times of events from real pages on devices whose clocks are wrong or are set in between, and over
 * a network whose answers are late. `npm test` delays answers by 10 s; SDK_DELAY_SECONDS=30 is the
 * full size.
 *
 * A round trip bounds the error of one measurement: where the clock is wrong and every answer is
 * late, an event may be off by half of the delay. The order is kept all the same.
 */
import assert from 'node:assert/strict'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser, Page } from 'playwright-core'
import { findChromium } from '../browser/support/chromium.ts'
import { type Folder, openFolder } from '../support/folder.ts'
import { type Product, runCommand, startProduct } from '../support/product.ts'
import { collectorName, launchShopBrowser, openContext, openShop, type Shop } from './shop.ts'

const DELAY_MS = Number(process.env.SDK_DELAY_SECONDS ?? 10) * 1_000
const KEY = 'page-key-of-the-shop'
const CALLS = 60
const EXACT_MS = 2_000
const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
const LIMIT_MS = 300_000
const chromium = findChromium()

type Device = Readonly<{
  name: string
  aheadMs: number
  /** Set one after another, while the page makes events. */
  thenAheadMs?: readonly number[]
  delayMs: number
  errorMs: number
}>

const DEVICES: readonly Device[] = [
  { name: 'right', aheadMs: 0, delayMs: 0, errorMs: EXACT_MS },
  { name: 'fast', aheadMs: 40 * MINUTE_MS, delayMs: 0, errorMs: EXACT_MS },
  { name: 'slow', aheadMs: -3 * DAY_MS, delayMs: 0, errorMs: EXACT_MS },
  {
    name: 'set',
    aheadMs: 40 * MINUTE_MS,
    thenAheadMs: [-3 * DAY_MS, 0, 7 * MINUTE_MS],
    delayMs: 0,
    errorMs: EXACT_MS,
  },
  { name: 'right-late', aheadMs: 0, delayMs: DELAY_MS, errorMs: EXACT_MS },
  {
    name: 'fast-late',
    aheadMs: 40 * MINUTE_MS,
    delayMs: DELAY_MS,
    errorMs: DELAY_MS / 2 + EXACT_MS,
  },
]

let browser: Browser
let shop: Shop
let folder: Folder
let product: Product
let url = ''

before(async () => {
  if (chromium.skip !== false) return
  browser = await launchShopBrowser()
  shop = await openShop(() => '*')
  folder = await openFolder({
    keys: { page: [KEY], write: ['a-key-of-a-server'], read: ['a-key-of-an-analyst'] },
    cors: [shop.origin],
  })
  product = await startProduct(folder)
  url = product.url
})

after(async () => {
  await browser?.close()
  await shop?.close()
  await product?.stop()
  await folder?.close()
})

test('events of real pages have their true times, in order', { skip: chromium.skip }, async (t) => {
  const happened = await Promise.all(DEVICES.map(runDevice))
  await product.stop()
  const run = await runCommand(folder, [
    'query',
    '--json',
    'select event_id, epoch_ms("timestamp") as ms from campaign_events',
  ])
  assert.equal(run.exit.code, 0, run.stderr)
  const rows = JSON.parse(run.stdout) as readonly { event_id: string; ms: number | string }[]
  assert.equal(rows.length, DEVICES.length * CALLS)
  const stored = new Map(rows.map(({ event_id, ms }) => [event_id, Number(ms)]))
  for (const [at, { name, errorMs }] of DEVICES.entries()) {
    const trueMs = happened[at] ?? []
    const times = trueMs.map((_, call) => stored.get(`${name}-${call}`) as number)
    const errors = times.map((ms, call) => ms - (trueMs[call] as number))
    t.diagnostic(`${name}: between ${Math.min(...errors)} and ${Math.max(...errors)} ms off`)
    for (const error of errors) assert.ok(Math.abs(error) <= errorMs, `${name} is ${error} ms off`)
    assert.deepEqual(
      times,
      times.toSorted((one, other) => one - other),
      `${name} is out of order`,
    )
  }
})

/** The true times of its events. */
async function runDevice({ name, aheadMs, thenAheadMs = [], delayMs }: Device): Promise<number[]> {
  await using collector = await openLateCollector(delayMs)
  const context = await openContext(browser)
  const page = await context.newPage()
  const parameters = {
    calls: CALLS,
    burst: 1,
    pause: 100,
    ahead: aheadMs,
    collector: collector.url,
  }
  await page.goto(shop.pageUrl({ ...parameters, key: KEY, tab: name }))
  for (const ms of thenAheadMs) {
    await sleep(1_500)
    await page.evaluate((value) => Object.assign(globalThis, { ahead: value }), ms)
  }
  const limit = AbortSignal.timeout(LIMIT_MS)
  for (;;) {
    const { happened, waiting, accepted } = await readPage(page)
    if (happened.length === CALLS && waiting === 0) {
      assert.equal(accepted, CALLS, name)
      await context.close()
      return happened
    }
    assert.equal(limit.aborted, false, `${name}: ${waiting} events wait`)
    await sleep(200)
  }
}

async function readPage(
  page: Page,
): Promise<Readonly<{ happened: number[]; waiting: number; accepted: number }>> {
  return await page.evaluate(() => {
    const { happened, metrics } = globalThis as unknown as {
      happened: number[]
      metrics: { counts(): { waiting: number; accepted: number } }
    }
    return { happened, ...metrics.counts() }
  })
}

/** The collector, as a proxy shows it that holds each answer back. */
async function openLateCollector(delayMs: number): Promise<AsyncDisposable & { url: string }> {
  const proxy = createServer((incoming, outgoing) => {
    const { method, headers } = incoming
    const forwarded = request(new URL(incoming.url ?? '/', url), { method, headers }, (answer) => {
      setTimeout(() => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(outgoing)
      }, delayMs)
    })
    forwarded.on('error', () => outgoing.destroy())
    incoming.pipe(forwarded)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  return {
    url: collectorName(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`),
    [Symbol.asyncDispose]: async () => {
      proxy.closeAllConnections()
      await new Promise((resolve) => proxy.close(resolve))
    },
  }
}
