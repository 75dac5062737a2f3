/**
 * `sdk.js` in a real browser, on a page of another origin over plain http, under a strict content
 * security policy, by attributes only.
 */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, afterEach, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser, Page } from 'playwright-core'
import { type Folder, openFolder } from '../support/folder.ts'
import { type Product, startProduct } from '../support/product.ts'
import { launchBrowser } from './support/browser.ts'
import { type Front, openFront } from './support/front.ts'
import { skipBrowser } from './support/watched-page.ts'

const KEY = 'page-key-0123456789'
/** An impression takes a second; what must not be counted is waited for twice as long. */
const NOT_COUNTED_MS = 2_500
const LIMIT_MS = 60_000

type Sent = Readonly<{ event_type: string; campaign_id: string; user_id: string; event_id: string }>

let folder: Folder
let product: Product
/** The collector as pages know it; it notes what they send. */
let front: Front
let browser: Browser
let server: Server
let origin = ''
/** What the server answers with. */
let html = ''

before(async () => {
  if (skipBrowser !== false) return
  server = createServer((_request, response) => {
    const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src ${front.origin}; connect-src ${front.origin}`
    response.setHeader('Content-Security-Policy', policy)
    response.setHeader('Content-Type', 'text/html').end(html)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const keys = { write: ['write-key-0123456789'], read: ['read-key-0123456789'], page: [KEY] }
  folder = await openFolder({ keys, cors: [origin] })
  product = await startProduct(folder)
  front = await openFront({ path: '', target: () => product.url })
  browser = await launchBrowser()
})
after(async () => {
  await browser?.close()
  server?.close()
  await front?.close()
  await product?.stop()
  await folder?.close()
})
/** What a test has left open sends nothing during the next one. */
afterEach(async () => {
  for (const context of browser?.contexts() ?? []) await context.close()
})

type Visit = Readonly<{
  page: Page
  /** Types and campaigns of what was sent, each event once, in order. */
  sent(): string[]
  users(): Set<string>
  expectSent(expected: readonly string[]): Promise<void>
}>

async function visit(body: string, attributes = '', page?: Page): Promise<Visit> {
  html =
    `<!doctype html><title>shop</title><style>body { margin: 0 } .ad { width: 300px; height: ` +
    `250px; background: silver }</style><script src="${front.origin}/sdk.js" data-key="${KEY}" ` +
    `${attributes} async></script>${body}`
  const tab = page ?? (await browser.newPage({ viewport: { width: 1_000, height: 600 } }))
  const before = front.posted.length
  const events = (): readonly Sent[] => {
    const lines = front.posted.slice(before).flatMap((body) => body.split('\n'))
    const all = lines.map((line) => JSON.parse(line) as Sent)
    return [...new Map(all.map((event) => [event.event_id, event])).values()]
  }
  await tab.goto(origin)
  const sent = (): string[] =>
    events().map(({ event_type, campaign_id }) => `${event_type} ${campaign_id}`)
  return {
    page: tab,
    sent,
    users: () => new Set(events().map(({ user_id }) => user_id)),
    async expectSent(expected) {
      const limit = AbortSignal.timeout(LIMIT_MS)
      while (sent().length < expected.length && !limit.aborted) await sleep(50)
      assert.deepEqual(sent().toSorted(), expected.toSorted())
    },
  }
}

const ad = (campaign: string, style = ''): string =>
  `<div class="ad" data-campaign="${campaign}" style="${style}"></div>`
const scroll = (page: Page, y: number): Promise<void> =>
  page.evaluate((top) => window.scrollTo(0, top), y)

test('an element counts once half of it was in view for a second, once', {
  skip: skipBrowser,
}, async () => {
  const { page, sent, expectSent } = await visit(
    `${ad('top')}<div style="height: 1000px"></div>${ad('below')}<div style="height: 2000px"></div>`,
  )
  await expectSent(['impression top'])
  // The element begins at 1,250: of its 250 pixels 100 are in view, and then 130.
  await scroll(page, 750)
  await sleep(NOT_COUNTED_MS)
  assert.deepEqual(sent(), ['impression top'])
  await scroll(page, 780)
  await expectSent(['impression top', 'impression below'])
  await scroll(page, 0)
  await sleep(NOT_COUNTED_MS)
  assert.equal(sent().length, 2)
})

test('of a large element 30 % are enough, and half a second is not', {
  skip: skipBrowser,
}, async () => {
  const { page, sent, expectSent } = await visit(
    `<div style="height: 1000px"></div>${ad('large', 'width: 970px')}` +
      `<div style="height: 1000px"></div>${ad('small')}<div style="height: 2000px"></div>`,
  )
  for (let count = 0; count < 4; count++) {
    await page.evaluate(async () => {
      window.scrollTo(0, 1_900)
      await new Promise((resolve) => setTimeout(resolve, 500))
      window.scrollTo(0, 0)
      await new Promise((resolve) => setTimeout(resolve, 200))
    })
  }
  assert.deepEqual(sent(), [])
  await scroll(page, 480)
  await expectSent(['impression large'])
})

test('elements that are added later count too', { skip: skipBrowser }, async () => {
  const { page, expectSent } = await visit('<main></main><p class="ad"></p>')
  await page.evaluate(() => {
    const late = document.createElement('div')
    late.innerHTML = '<div class="ad" data-campaign="late"></div>'
    document.querySelector('main')?.append(late)
    document.querySelector('p')?.setAttribute('data-campaign', 'named-later')
  })
  await expectSent(['impression late', 'impression named-later'])
})

test('clicks count by mouse and keyboard, not by script', { skip: skipBrowser }, async () => {
  const style = 'position: absolute; left: 400px; top: 0'
  const { page, expectSent } = await visit(
    `<a href="#there" data-campaign="link">go</a>` +
      `<button data-campaign="button" style="${style}"><b>buy</b></button>`,
  )
  await page.locator('a').focus()
  await page.keyboard.press('Enter')
  await page.locator('button').focus()
  await page.keyboard.press('Space')
  await page.locator('b').click()
  await page.locator('a').click({ button: 'right' })
  await page.evaluate(() => document.querySelector('a')?.click())
  await expectSent([
    'click link',
    'click button',
    'click button',
    'impression link',
    'impression button',
  ])
})

test('a hidden tab counts nothing until it is shown', { skip: skipBrowser }, async () => {
  const tab = await browser.newPage()
  // A browser without a window shows every tab, so this one is told that it is hidden.
  await tab.addInitScript(() => {
    let hidden = true
    Object.defineProperty(document, 'hidden', { get: () => hidden })
    Object.assign(window, {
      show() {
        hidden = false
        document.dispatchEvent(new Event('visibilitychange'))
      },
    })
  })
  const { page, sent, expectSent } = await visit(ad('tab'), '', tab)
  await page.waitForFunction(() => 'campaignMetrics' in window)
  await sleep(NOT_COUNTED_MS)
  assert.deepEqual(sent(), [])
  await page.evaluate(() => Reflect.get(window, 'show')())
  await expectSent(['impression tab'])
})

/** Notes every touch of storage before the page runs. */
async function watchStorage(page: Page): Promise<() => Promise<string[]>> {
  await page.addInitScript(() => {
    const touched: string[] = []
    Object.assign(window, { touched })
    const own: [object, string][] = [
      [window, 'localStorage'],
      [window, 'sessionStorage'],
      [window, 'indexedDB'],
      [Document.prototype, 'cookie'],
    ]
    for (const [owner, name] of own) {
      const { get } = Object.getOwnPropertyDescriptor(owner, name) as PropertyDescriptor
      Object.defineProperty(owner, name, {
        configurable: true,
        get() {
          touched.push(name)
          return get?.call(this)
        },
      })
    }
  })
  return () => page.evaluate(() => Reflect.get(window, 'touched') as string[])
}

test('without data-persist and data-remember no storage is touched', {
  skip: skipBrowser,
}, async () => {
  const tab = await browser.newPage()
  const touched = await watchStorage(tab)
  const { expectSent } = await visit(ad('plain'), '', tab)
  await expectSent(['impression plain'])
  assert.deepEqual(await touched(), [])
  assert.deepEqual(await tab.context().cookies(), [])
  assert.equal(await tab.evaluate(() => Object.keys(window.localStorage).length), 0)
})

test('data-persist and data-remember use localStorage only; the user stays', {
  skip: skipBrowser,
}, async () => {
  const tab = await browser.newPage()
  const touched = await watchStorage(tab)
  const first = await visit(ad('kept'), 'data-persist data-remember', tab)
  await first.expectSent(['impression kept'])
  assert.deepEqual([...new Set(await touched())], ['localStorage'])
  const second = await visit(ad('kept-again'), 'data-persist data-remember', tab)
  await second.expectSent(['impression kept-again'])
  assert.equal(new Set([...first.users(), ...second.users()]).size, 1)
  assert.deepEqual(await tab.context().cookies(), [])
})

test('what a tab could not send is sent by the next page', { skip: skipBrowser }, async () => {
  const context = await browser.newContext()
  const tab = await context.newPage()
  await tab.route('**/v1/**', (route) => route.abort())
  await visit(`<a data-campaign="left">go</a>`, 'data-persist', tab)
  await tab.locator('a').click()
  await tab.evaluate(() => {
    navigator.sendBeacon = () => false
  })
  await tab.waitForFunction(() => Reflect.get(window, 'campaignMetrics').counts().waiting === 2)
  await tab.close()
  const next = await visit('', 'data-persist', await context.newPage())
  await next.expectSent(['click left', 'impression left'])
  await context.close()
})

test('a page from the back/forward cache is a new page view', { skip: skipBrowser }, async () => {
  const { page, users, expectSent } = await visit(ad('back'))
  await expectSent(['impression back'])
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })))
  await expectSent(['impression back', 'impression back'])
  assert.equal(users().size, 2)
})
