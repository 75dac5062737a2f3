/**
 * The page renders wherever it is opened: with whatever languages a browser claims, installed on a
 * phone, and with a range that has no data.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { DAY_MS, MINUTE_MS } from './support/ad-events.ts'
import { findViolations } from './support/axe.ts'
import { IS_FIREFOX } from './support/browser.ts'
import { readTiles, shownText, visit, waitForState } from './support/dashboard.ts'
import { eventually } from './support/eventually.ts'
import { openFront } from './support/front.ts'
import { expectNoScrollSideways } from './support/layout.ts'
import { openSite, type Site } from './support/site.ts'
import { openWatchedPage, skipBrowser, type WatchedPage } from './support/watched-page.ts'

type Languages = Readonly<{
  language: string | undefined
  languages: readonly string[] | undefined
}>

const ODD_LANGUAGES: readonly Languages[] = [
  { language: 'en-US@posix', languages: ['en-US@posix'] },
  { language: 'C', languages: ['C'] },
  { language: '', languages: [''] },
  { language: '', languages: [] },
  { language: undefined, languages: undefined },
  { language: 'de_DE.UTF-8', languages: undefined },
]

describe('everywhere', { skip: skipBrowser }, () => {
  let site: Site

  before(async () => {
    site = await openSite({ currency: 'EUR' })
    await site.send([
      { campaign: 'a', ageMs: 3 * MINUTE_MS, impressions: 12_345, clicks: 7, revenue: [1234.5] },
    ])
  })
  after(() => site?.close())

  for (const { language, languages } of ODD_LANGUAGES) {
    test(`with language ${language} and languages ${JSON.stringify(languages)}`, async () => {
      const watched = await site.open()
      await watched.context.addInitScript((claimed: string) => {
        const { language: one, languages: all } = JSON.parse(claimed) as Languages
        Object.defineProperty(Navigator.prototype, 'language', { get: () => one })
        Object.defineProperty(Navigator.prototype, 'languages', { get: () => all })
      }, JSON.stringify({ language, languages }))
      await visit(watched.page, '/')
      const { impressions, revenue } = await readTiles(watched.page)
      const isGerman = language?.startsWith('de') === true
      assert.equal(impressions.value, 12_345)
      assert.equal(impressions.text, isGerman ? '12.345' : '12,345')
      assert.equal(revenue.text, isGerman ? '1.234,50\u00a0€' : '€1,234.50')
      await watched.page.locator('[data-chart="trend"] canvas').first().waitFor()
      await watched.close()
    })
  }

  test('it can be installed, also below a path of a proxy: all addresses are relative', async () => {
    const proxy = await openFront({ path: '/metrics', target: site.url })
    for (const root of [`${site.url()}/`, `${proxy.origin}/metrics/`]) {
      const watched = await openWatchedPage(site.browser, new URL(root).origin)
      await visit(watched.page, new URL(root).pathname)
      const { url, text } = await watched.page.evaluate(async () => {
        const link = document.querySelector<HTMLLinkElement>('link[rel="manifest"]')
        const answer = await fetch(link?.href ?? '')
        return { url: answer.url, text: await answer.text() }
      })
      assert.equal(url, `${root}manifest.webmanifest`)
      if (!IS_FIREFOX) await expectTaken(watched, url)
      const manifest = JSON.parse(text)
      assert.equal(new URL(manifest.start_url, url).href, root)
      assert.equal(new URL(manifest.scope, url).href, root)
      assert.equal(manifest.display, 'standalone')
      for (const { src, sizes } of manifest.icons) {
        assert.equal(await sizeOfImage(watched.page, new URL(src, url).href), sizes)
      }
      const touch = watched.page.locator('link[rel="apple-touch-icon"]')
      const address = await touch.evaluate((link) => (link as HTMLLinkElement).href)
      assert.equal(address, `${root}apple-touch-icon.png`)
      assert.equal(await sizeOfImage(watched.page, address), '180x180')
      await watched.close()
    }
    assert.deepEqual(proxy.strays, [])
    await proxy.close()
  })

  test('installed on a phone, its content keeps clear of notches and corners', {
    skip: IS_FIREFOX && 'a Firefox cannot be told of a notch',
  }, async () => {
    const phone = await site.open({ width: 390, height: 844, isPhone: true })
    await visit(phone.page, '/')
    const session = await phone.context.newCDPSession(phone.page)
    const insets = { top: 44, left: 20, bottom: 34, right: 20 }
    await session.send('Emulation.setSafeAreaInsetsOverride', { insets })
    await eventually(async () => {
      const title = await phone.page.locator('h1').boundingBox()
      const mark = await phone.page.locator('img.mark').boundingBox()
      assert.ok(title !== null && title.y >= insets.top, `title at ${title?.y}`)
      assert.ok(mark !== null && mark.x >= insets.left, `mark at ${mark?.x}`)
    })
    await phone.page.evaluate(() => scrollTo(0, document.body.scrollHeight))
    const footer = await phone.page.locator('.footer').boundingBox()
    assert.ok(footer !== null && footer.y + footer.height <= 844 - insets.bottom)
    await expectNoScrollSideways(phone.page)
    await phone.close()
  })

  test('a range without data says which day has the newest, and a click shows it', async () => {
    const watched = await site.open()
    const { page } = watched
    const later = new Date(Date.now() + 3 * DAY_MS).toISOString().slice(0, 10)
    const query = `from=${later}T00:00:00Z&to=${later}T12:00:00Z`
    await visit(page, `/?${query}`)
    const hint = page.locator('.newest-data')
    await hint.waitFor()
    const day = new Intl.DateTimeFormat('en-US', {
      day: 'numeric',
      month: 'short',
      timeZone: 'UTC',
    }).format(Date.now() - 3 * MINUTE_MS)
    assert.match(await shownText(hint), new RegExp(`^Newest data: ${day}`))
    assert.deepEqual(await findViolations(page), [])
    await page.locator('[data-show-newest]').click()
    await eventually(async () => assert.equal((await readTiles(page)).impressions.value, 12_345))
    assert.equal(await hint.isVisible(), false)
    await page.goBack()
    await hint.waitFor()
    await visit(page, '/?campaign=nobody')
    await waitForState(page, 'ready')
    assert.equal(await hint.isVisible(), false, 'an empty filter is no missing data')
    await watched.close()
  })
})

/** By Chromium's own reading of it, which finds faults that JSON does not have. */
async function expectTaken({ page, context }: WatchedPage, expected: string): Promise<void> {
  const session = await context.newCDPSession(page)
  const { url, errors } = await session.send('Page.getAppManifest')
  assert.deepEqual(errors, [])
  assert.equal(url, expected)
}

async function sizeOfImage(page: Page, address: string): Promise<string> {
  return await page.evaluate(async (src) => {
    const image = new Image()
    image.src = src
    await image.decode()
    return `${image.naturalWidth}x${image.naturalHeight}`
  }, address)
}
