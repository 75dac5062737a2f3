/**
 * The SDK in a real Chromium, with `persist`, against a collector that is killed with SIGKILL: every
 * event whose call returned is in both tables once, or was counted as dropped or unresolved. Pages
 * are on plain http, on another origin than the collector, under a strict content security policy.
 *
 *     tab ── events ──► localStorage ──► requests, beacons ──► collector
 *     closed, crashed, reloaded          network cut           SIGKILL
 *
 * `npm test` sends some hundred events; SDK_EVENTS=10000 SDK_KILLS=5 is the full size.
 */
import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { findChromium } from '../browser/support/chromium.ts'
import { type Folder, openFolder } from '../support/folder.ts'
import { type Product, runCommand, startProduct } from '../support/product.ts'
import { openRandom } from '../support/random.ts'
import { until } from '../support/until.ts'
import { collectorName, launchShopBrowser, openContext, openShop, type Shop } from './shop.ts'

const EVENTS = Number(process.env.SDK_EVENTS ?? 400)
const SEED = Number(process.env.SDK_SEED ?? 1)
const KILLS = Number(process.env.SDK_KILLS ?? 2)
const TABS = 3
const CALLS_A_TAB = 150
const KEY = 'page-key-of-the-shop'
const LIMIT_MS = 900_000
const chromium = findChromium()

let browser: Browser

before(async () => {
  if (chromium.skip === false) browser = await launchShopBrowser()
})

after(() => browser?.close())

type Left = Readonly<{
  /** Whose call has returned. */
  ids: readonly string[]
  /** That the SDK gave up, by its counts. */
  gone: readonly string[]
  /** That wait in the storage. */
  waiting: number
}>

for (const horizon of ['1h', '10s']) {
  test(`dedupe.horizon ${horizon}: nothing is lost, nothing counts twice`, {
    skip: chromium.skip,
  }, async (t) => {
    const place = await openPlace(t, horizon)
    await abuse(place)
    const left = await sendWhatIsLeft(place)
    // It ends once everything is in the tables.
    await place.product.stop()
    await expectAllAccounted(t, place, left, horizon === '1h')
  })
}

type Place = {
  readonly folder: Folder
  readonly shop: Shop
  readonly context: BrowserContext
  product: Product
}

async function openPlace(t: TestContext, horizon: string): Promise<Place> {
  let url = ''
  const shop = await openShop(() => collectorName(url))
  t.after(() => shop.close())
  const settings = {
    dedupe: { horizon },
    // Without these the collector would only answer to a loopback name.
    keys: { page: [KEY], write: ['a-key-of-a-server'], read: ['a-key-of-an-analyst'] },
    page: { addressRate: 0 },
    cors: [shop.origin],
    // Beacons of headless Chromium carry its own name, whatever agent the test sets.
    bots: 'accept',
  }
  const folder = await openFolder(settings)
  t.after(() => folder.close())
  const product = await startProduct(folder)
  url = product.url
  await folder.configure({ ...settings, listen: new URL(url).host })
  const place = { folder, shop, product, context: await openContext(browser) }
  t.after(async () => {
    await place.context.close()
    await place.product.stop()
  })
  return place
}

/** Tabs make events and end at random; the network is cut, and the collector is killed. */
async function abuse(place: Place): Promise<void> {
  const random = openRandom(SEED)
  const { context, shop } = place
  const reader = await context.newPage()
  await reader.goto(shop.pageUrl())
  let tabs: Page[] = []
  let opened = 0
  let kills = 0
  const limit = AbortSignal.timeout(LIMIT_MS)
  for (;;) {
    assert.equal(limit.aborted, false, 'the pages make too few events')
    const calls = await readCalls(reader)
    if (calls >= EVENTS && kills >= KILLS) break
    if (calls > (EVENTS * (kills + 1)) / (KILLS + 1) && kills < KILLS) {
      kills++
      await place.product.kill()
      await sleep(random.below(2_000))
      place.product = await startProduct(place.folder)
    }
    while (tabs.length < TABS) tabs.push(await openTab(place, `tab${opened++}`))
    if (random.chance(0.2)) await setOffline(context, random.chance(0.5))
    await sleep(random.below(700))
    const tab = random.pick(tabs)
    switch (random.pick(['close', 'crash', 'navigate', 'live on', 'live on'])) {
      case 'close':
        await tab.close()
        break
      case 'crash':
        await crash(tab)
        break
      case 'navigate':
        await tab.goto(shop.pageUrl({ ...usual(), tab: `tab${opened++}` })).catch(() => {})
        break
    }
    tabs = tabs.filter((one) => !one.isClosed())
  }
  await setOffline(context, false)
  for (const tab of tabs) await tab.close()
  await reader.close()
}

/** Ends the process of the page, and that of others where they share it (`openTab` closes them). */
async function crash(tab: Page): Promise<void> {
  if (tab.isClosed()) return
  const closed = new Promise((resolve) => tab.once('close', resolve))
  // Nobody answers.
  void tab.goto('chrome://crash').catch(() => {})
  await closed
}

/** It fails while a crashed page is not closed yet. */
async function setOffline(context: BrowserContext, isOffline: boolean): Promise<void> {
  await until(async () => {
    await context.setOffline(isOffline)
    return true
  })
}

function usual(): Readonly<Record<string, string | number>> {
  return { key: KEY, calls: CALLS_A_TAB }
}

async function openTab({ context, shop }: Place, tab: string): Promise<Page> {
  const page = await context.newPage()
  page.once('crash', () => page.close())
  // Without a network not even the shop's page comes.
  await page.goto(shop.pageUrl({ ...usual(), tab })).catch(() => {})
  return page
}

async function readCalls(reader: Page): Promise<number> {
  return await reader.evaluate(() =>
    Object.keys(localStorage)
      .filter((name) => name.startsWith('calls:'))
      .reduce((sum, name) => sum + Number(localStorage.getItem(name)), 0),
  )
}

/** A last page, which makes no events, sends what the others have left. */
async function sendWhatIsLeft({ context, shop }: Place): Promise<Left> {
  const page = await context.newPage()
  const warnings: string[] = []
  page.on('console', (message) => warnings.push(message.text()))
  await page.goto(shop.pageUrl({ key: KEY, calls: 0, tab: 'last' }))
  const limit = AbortSignal.timeout(LIMIT_MS)
  for (;;) {
    const left = await page.evaluate(readLeft)
    if (left.waiting === 0) return left
    assert.equal(limit.aborted, false, `${left.waiting} events still wait: ${warnings.join('; ')}`)
    await page.evaluate(() =>
      (globalThis as unknown as { metrics: { flush(): Promise<void> } }).metrics.flush(),
    )
    await sleep(200)
  }
}

/** Runs in the page. */
function readLeft(): Left {
  const names = Object.keys(localStorage)
  const below = (start: string): string[] =>
    names.filter((name) => name.startsWith(start)).map((name) => name.slice(start.length))
  const ids = below('calls:').flatMap((tab) =>
    Array.from({ length: Number(localStorage.getItem(`calls:${tab}`)) }, (_, at) => `${tab}-${at}`),
  )
  const stored = names.filter((name) => localStorage.getItem(name)?.includes('"event_id"'))
  return { ids, gone: below('gone:'), waiting: stored.length }
}

async function expectAllAccounted(
  t: TestContext,
  { folder }: Place,
  { ids, gone }: Left,
  isLongHorizon: boolean,
): Promise<void> {
  assert.ok(ids.length >= EVENTS)
  const stored = await query(folder, 'select event_id from campaign_events')
  const storedIds = new Set(stored.map(({ event_id }) => event_id))
  assert.equal(storedIds.size, stored.length, 'an event is stored twice')
  const goneIds = new Set(gone)
  const lost = ids.filter((id) => !storedIds.has(id) && !goneIds.has(id))
  t.diagnostic(
    `${ids.length} calls returned, ${stored.length} events stored, ${gone.length} given up ` +
      `(${gone.filter((id) => storedIds.has(id)).length} of them stored), ${lost.length} lost`,
  )
  assert.deepEqual(lost, [])
  // The whole run is shorter than the horizon less five minutes, and fits into the storage.
  if (isLongHorizon) assert.deepEqual(gone, [])
  const [sums] = await query(
    folder,
    'select sum(impressions) as impressions, sum(clicks) as clicks from campaign_metrics',
  )
  assert.equal(Number(sums?.impressions) + Number(sums?.clicks), stored.length)
  const clicks = stored.filter(({ event_id }) => Number(`${event_id}`.split('-')[1]) % 10 === 0)
  assert.equal(Number(sums?.clicks), clicks.length)
  const verified = await runCommand(folder, ['verify'])
  assert.equal(verified.exit.code, 0, verified.stdout + verified.stderr)
}

async function query(
  folder: Folder,
  sql: string,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const run = await runCommand(folder, ['query', '--json', sql])
  assert.equal(run.exit.code, 0, run.stderr)
  return JSON.parse(run.stdout)
}
