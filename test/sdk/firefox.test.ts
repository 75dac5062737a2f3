/**
 * The SDK in a real Firefox, as in Chromium (browser.test.ts), but that tabs only close or navigate
 * and the network stays. It runs where CAMPAIGN_METRICS_FIREFOX names a Firefox.
 */
import { after, before, test } from 'node:test'
import { type Browser, launch } from 'puppeteer-core'
import {
  abuse,
  expectAllAccounted,
  openPlace,
  sendWhatIsLeft,
  type Visitor,
} from './abused-shop.ts'
import { HOSTS } from './shop.ts'

const path = process.env.CAMPAIGN_METRICS_FIREFOX
const skip = path === undefined && 'CAMPAIGN_METRICS_FIREFOX names no Firefox'

let browser: Browser

before(async () => {
  if (path === undefined) return
  browser = await launch({
    browser: 'firefox',
    executablePath: path,
    extraPrefsFirefox: { 'network.dns.localDomains': HOSTS.join(',') },
  })
})

after(() => browser?.close())

for (const horizon of ['1h', '10s']) {
  test(`dedupe.horizon ${horizon}: nothing is lost, nothing counts twice`, { skip }, async (t) => {
    const place = await openPlace(t, horizon)
    const context = await browser.createBrowserContext()
    t.after(() => context.close())
    const visitor: Visitor = { openTab: () => context.newPage() }
    await abuse(place, visitor)
    const left = await sendWhatIsLeft(place, visitor)
    await place.product.stop()
    await expectAllAccounted(t, place, left, horizon === '1h')
  })
}
