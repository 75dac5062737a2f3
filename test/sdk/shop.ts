/**
 * A shop that counts its events with the SDK: pages on plain http, on another origin than the
 * collector and under a strict content security policy, in a real Chromium. What must be known
 * of a page after it was killed is in its localStorage, in the order of what happened there.
 *
 *     calls:TAB          how many calls of this tab have returned; their ids are TAB-0, TAB-1, …
 *     gone:ID            the SDK gave this event up: dropped or unresolved
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type Browser, type BrowserContext, chromium } from 'playwright-core'
import { build } from 'vite'
import { FLAGS, findChromium, IS_ROOT } from '../browser/support/chromium.ts'

const ROOT = join(import.meta.dirname, '../..')
/** Neither is a loopback name, so that pages are no secure contexts: no Web Locks, no randomUUID. */
const SHOP_HOST = 'shop.example'
const COLLECTOR_HOST = 'events.example'

export const HOSTS: readonly string[] = [SHOP_HOST, COLLECTOR_HOST]

export type Shop = Readonly<{
  origin: string
  /** A page that calls as its address says; without one it only reads what others have left. */
  pageUrl(parameters?: Readonly<Record<string, string | number>>): string
  close(): Promise<void>
}>

/** `collectorUrl` is asked for at each request: the collector has to know the shop's origin first. */
export async function openShop(collectorUrl: () => string): Promise<Shop> {
  const sdk = await buildSdk()
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://shop')
    const served = { '/': PAGE, '/sdk.js': sdk, '/app.js': APP }[pathname]
    if (served === undefined) return void response.writeHead(404).end()
    response.setHeader('Content-Type', pathname === '/' ? 'text/html' : 'text/javascript')
    response.setHeader(
      'Content-Security-Policy',
      `default-src 'none'; script-src 'self'; connect-src ${collectorUrl()}; base-uri 'none'; ` +
        "form-action 'none'; require-trusted-types-for 'script'",
    )
    response.end(served)
  })
  const port = await listen(server)
  const origin = `http://${SHOP_HOST}:${port}`
  return {
    origin,
    pageUrl: (parameters = {}) => {
      const words = Object.entries({ collector: collectorUrl(), ...parameters })
      return `${origin}/?${new URLSearchParams(words.map(([name, value]) => [name, `${value}`]))}`
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The name by which pages reach a collector on loopback. */
export function collectorName(url: string): string {
  return `http://${COLLECTOR_HOST}:${new URL(url).port}`
}

/** A Chromium that finds both hosts on this machine. */
export async function launchShopBrowser(): Promise<Browser> {
  const { path, skip } = findChromium()
  if (path === null) throw new Error(skip)
  const rules = HOSTS.map((host) => `MAP ${host} 127.0.0.1`).join(',')
  return await chromium.launch({
    executablePath: path,
    chromiumSandbox: !IS_ROOT,
    args: [...FLAGS, `--host-resolver-rules=${rules}`],
  })
}

/** A visitor with storage of its own. A headless browser would be rejected as a bot by its name. */
export async function openContext(browser: Browser): Promise<BrowserContext> {
  const userAgent =
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) ' +
    `Chrome/${browser.version()} Safari/537.36`
  return await browser.newContext({ userAgent })
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

async function buildSdk(): Promise<string> {
  const built = await build({
    configFile: false,
    envDir: false,
    logLevel: 'warn',
    build: {
      write: false,
      lib: { entry: join(ROOT, 'sdk/src/index.ts'), formats: ['iife'], name: 'sdk' },
    },
  })
  const [first] = Array.isArray(built) ? built : [built]
  if (first === undefined || !('output' in first)) throw new Error('Vite has built nothing')
  return first.output[0].code
}

const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>Shop</title>
<script src="/sdk.js"></script>
<script src="/app.js"></script>
`

/**
 * Makes `calls` events of the tab in bursts. The clock of the device is `ahead` milliseconds fast;
 * `window.ahead` sets it again, and `window.happened` has the true times.
 */
const APP = `
const parameters = new URLSearchParams(location.search)
const tab = parameters.get('tab')
const trueNow = Date.now.bind(Date)
window.ahead = Number(parameters.get('ahead'))
Date.now = () => trueNow() + window.ahead
window.happened = []
if (tab !== null) count()

function count() {
  const metrics = sdk.createTracker({
    url: parameters.get('collector'),
    key: parameters.get('key') ?? undefined,
    persist: parameters.get('persist') !== 'false',
    flushIntervalMs: Number(parameters.get('flush') ?? 500),
  })
  window.metrics = metrics
  noteRemovals(metrics)
  const calls = Number(parameters.get('calls'))
  const burst = Number(parameters.get('burst') ?? 5)
  const pauseMs = Number(parameters.get('pause') ?? 20)
  let made = 0
  const more = () => {
    for (let left = burst; left > 0 && made < calls; left--) {
      const happenedMs = trueNow()
      metrics[made % 10 === 0 ? 'click' : 'impression']({
        campaign_id: 'spring', event_id: tab + '-' + made,
      })
      window.happened.push(happenedMs)
      made++
      localStorage.setItem('calls:' + tab, String(made))
    }
    if (made < calls) setTimeout(more, Math.random() * 2 * pauseMs)
  }
  more()
}

/** An event that leaves the storage was answered or given up; the counts say which. */
function noteRemovals(metrics) {
  const { removeItem } = Storage.prototype
  let removed = []
  let before = 0
  Storage.prototype.removeItem = function (name) {
    const id = /"event_id":"([^"]+)"/.exec(this.getItem(name) ?? '')?.[1]
    removeItem.call(this, name)
    if (id !== undefined && removed.push(id) === 1) queueMicrotask(note)
  }
  function note() {
    const { dropped, unresolved } = metrics.counts()
    if (dropped + unresolved > before) for (const id of removed) localStorage.setItem('gone:' + id, '')
    before = dropped + unresolved
    removed = []
  }
}
`
