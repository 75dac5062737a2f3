/**
 * A shop whose visitor's tabs end at any moment, and whose collector is killed with SIGKILL, in
 * whichever browser: every event whose call returned must be in both tables once, or be counted as
 * dropped or unresolved.
 *
 *     tab ── events ──► localStorage ──► requests, beacons ──► collector
 *     closed, crashed, reloaded          network cut           SIGKILL
 *
 * The full size is SDK_EVENTS=10000 SDK_KILLS=5.
 */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Folder, openFolder } from '../support/folder.ts'
import { type Product, runCommand, startProduct } from '../support/product.ts'
import { openRandom } from '../support/random.ts'
import { collectorName, openShop, type Shop } from './shop.ts'

const EVENTS = Number(process.env.SDK_EVENTS ?? 400)
const SEED = Number(process.env.SDK_SEED ?? 1)
const KILLS = Number(process.env.SDK_KILLS ?? 2)
const TABS = 3
const CALLS_A_TAB = 150
const KEY = 'page-key-of-the-shop'
const LIMIT_MS = 900_000

export type Tab = Readonly<{
  goto(url: string): Promise<unknown>
  evaluate<Result>(run: () => Result): Promise<Awaited<Result>>
  close(): Promise<void>
  isClosed(): boolean
}>

/** A person with a browser, and a storage of their own. */
export type Visitor = Readonly<{
  openTab(): Promise<Tab>
  /** Ends the process of the tab. */
  crash?(tab: Tab): Promise<void>
  setOffline?(isOffline: boolean): Promise<void>
}>

export type Left = Readonly<{
  /** Whose call has returned. */
  ids: readonly string[]
  /** That the SDK gave up, by its counts. */
  gone: readonly string[]
  /** That wait in the storage. */
  waiting: number
}>

export type Place = {
  readonly folder: Folder
  readonly shop: Shop
  product: Product
}

export async function openPlace(t: TestContext, horizon: string): Promise<Place> {
  let url = ''
  const shop = await openShop(() => collectorName(url))
  t.after(() => shop.close())
  const settings = {
    dedupe: { horizon },
    // Without these the collector would only answer to a loopback name.
    keys: { page: [KEY], write: ['a-key-of-a-server'], read: ['a-key-of-an-analyst'] },
    page: { addressRate: 0 },
    cors: [shop.origin],
    // Beacons of a headless Chromium carry its own name, whatever agent the test sets.
    bots: 'accept',
  }
  const folder = await openFolder(settings)
  t.after(() => folder.close())
  const product = await startProduct(folder)
  url = product.url
  await folder.configure({ ...settings, listen: new URL(url).host })
  const place = { folder, shop, product }
  t.after(() => place.product.stop())
  return place
}

/** Tabs make events and end at random; the network is cut, and the collector is killed. */
export async function abuse(place: Place, visitor: Visitor): Promise<void> {
  const random = openRandom(SEED)
  const { shop } = place
  const reader = await visitor.openTab()
  await reader.goto(shop.pageUrl())
  let tabs: Tab[] = []
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
    while (tabs.length < TABS) tabs.push(await openTab(place, visitor, `tab${opened++}`))
    if (random.chance(0.2)) await visitor.setOffline?.(random.chance(0.5))
    await sleep(random.below(700))
    const tab = random.pick(tabs)
    switch (random.pick(['close', 'crash', 'navigate', 'live on', 'live on'])) {
      case 'close':
        await tab.close()
        break
      case 'crash':
        await (visitor.crash ?? closeTab)(tab)
        break
      case 'navigate':
        await tab.goto(shop.pageUrl({ ...usual(), tab: `tab${opened++}` })).catch(() => {})
        break
    }
    tabs = tabs.filter((one) => !one.isClosed())
  }
  await visitor.setOffline?.(false)
  for (const tab of tabs) await tab.close()
  await reader.close()
}

function usual(): Readonly<Record<string, string | number>> {
  return { key: KEY, calls: CALLS_A_TAB }
}

async function openTab({ shop }: Place, visitor: Visitor, tab: string): Promise<Tab> {
  const page = await visitor.openTab()
  // Without a network not even the shop's page comes.
  await page.goto(shop.pageUrl({ ...usual(), tab })).catch(() => {})
  return page
}

function closeTab(tab: Tab): Promise<void> {
  return tab.close()
}

async function readCalls(reader: Tab): Promise<number> {
  return await reader.evaluate(() =>
    Object.keys(localStorage)
      .filter((name) => name.startsWith('calls:'))
      .reduce((sum, name) => sum + Number(localStorage.getItem(name)), 0),
  )
}

/** A last page, which makes no events, sends what the others have left. */
export async function sendWhatIsLeft({ shop }: Place, visitor: Visitor): Promise<Left> {
  const page = await visitor.openTab()
  await page.goto(shop.pageUrl({ key: KEY, calls: 0, tab: 'last' }))
  const limit = AbortSignal.timeout(LIMIT_MS)
  for (;;) {
    const left = await page.evaluate(readLeft)
    if (left.waiting === 0) return left
    assert.equal(limit.aborted, false, `${left.waiting} events still wait`)
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

export async function expectAllAccounted(
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
