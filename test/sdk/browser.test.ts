/**
 * The SDK in a real Chromium, with `persist`, against a collector that is killed (abused-shop.ts).
 * Pages are on plain http, on another origin than the collector, under a strict content security
 * policy.
 */
import { after, before, test } from 'node:test'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { findChromium } from '../browser/support/chromium.ts'
import { until } from '../support/until.ts'
import {
  abuse,
  expectAllAccounted,
  openPlace,
  sendWhatIsLeft,
  type Visitor,
} from './abused-shop.ts'
import { launchShopBrowser, openContext } from './shop.ts'

const chromium = findChromium()

let browser: Browser

before(async () => {
  if (chromium.skip === false) browser = await launchShopBrowser()
})

after(() => browser?.close())

for (const horizon of ['1h', '10s']) {
  test(`dedupe.horizon ${horizon}: nothing is lost, nothing counts twice`, {
    skip: chromium.skip,
  }, async (t) => {
    const place = await openPlace(t, horizon)
    const context = await openContext(browser)
    t.after(() => context.close())
    const visitor = visitorIn(context)
    await abuse(place, visitor)
    const left = await sendWhatIsLeft(place, visitor)
    // It ends once everything is in the tables.
    await place.product.stop()
    await expectAllAccounted(t, place, left, horizon === '1h')
  })
}

function visitorIn(context: BrowserContext): Visitor {
  return {
    async openTab() {
      const page = await context.newPage()
      page.once('crash', () => page.close())
      return page
    },
    crash: (tab) => crash(tab as Page),
    setOffline: (isOffline) => setOffline(context, isOffline),
  }
}

/** Ends the process of the page, and that of others where they share it (`visitorIn` closes them). */
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
