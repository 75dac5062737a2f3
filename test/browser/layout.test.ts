/**
 * Where things are: the order of the cards, and that everything fits from a wide window to a small
 * phone, and with the page enlarged to 200 %. Real time is left out where nothing new can come.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type AdEvents, HOUR_MS, MINUTE_MS } from './support/ad-events.ts'
import { findViolations } from './support/axe.ts'
import { chooseRange, readRows, shownText, visit, waitUntilLive } from './support/dashboard.ts'
import { eventually } from './support/eventually.ts'
import {
  expectCardsFilled,
  expectNoScrollSideways,
  expectNumbersWhole,
  readTextEdges,
} from './support/layout.ts'
import { openSite, type Site } from './support/site.ts'
import { type PageOptions, skipBrowser } from './support/watched-page.ts'

const LONG_NAME = 'brand_awareness_autumn_winter_retargeting_lookalike_audiences_de_at_ch_2026'

const EVENTS: readonly AdEvents[] = [
  {
    campaign: LONG_NAME,
    ageMs: 3 * MINUTE_MS,
    impressions: 1_200,
    clicks: 60,
    conversions: 9,
    revenue: [48_211_940.55],
    platform: 'web',
    country: 'DE',
    device: 'desktop',
  },
  {
    campaign: '120210000123456789',
    ageMs: 12 * MINUTE_MS,
    impressions: 800,
    clicks: 31,
    conversions: 2,
    revenue: [-1_234.5],
    platform: 'mobile',
    country: 'US',
    device: 'ios',
  },
  {
    campaign: 'summer',
    ageMs: 22 * MINUTE_MS,
    conversions: 1,
    revenue: [98_765.43],
    country: 'FR',
  },
  { campaign: 'spring', ageMs: 22 * MINUTE_MS, impressions: 90, platform: 'mobile', country: 'BA' },
]

/** CSS pixels; 720 is what a window of 1440 has at 200 %. */
const SIZES: readonly (readonly [string, PageOptions])[] = [
  ['1440 px', { width: 1440 }],
  ['1024 px', { width: 1024 }],
  ['768 px', { width: 768 }],
  ['1440 px at 200 %', { width: 720, height: 450 }],
  ['1280 px at 200 %', { width: 640, height: 400 }],
  ['a phone of 390 px', { width: 390, height: 844, isPhone: true }],
  ['a phone of 360 px', { width: 360, height: 740, isPhone: true }],
]

describe('layout', { skip: skipBrowser }, () => {
  let site: Site

  before(async () => {
    site = await openSite({ currency: 'EUR' })
    await site.send(EVENTS)
  })

  after(async () => {
    await site?.close()
  })

  test('overview, real time, trend and revenue, campaigns, breakdown: in this order', async () => {
    const watched = await site.open({ width: 1440 })
    await visit(watched.page, '/')
    const tops = await watched.page.evaluate(() =>
      ['.overview', '.card-realtime', '.card-trend', '.card-campaigns', '.card-breakdown'].map(
        (card) => document.querySelector(card)?.getBoundingClientRect().top ?? Number.NaN,
      ),
    )
    assert.deepEqual(
      tops,
      tops.toSorted((a, b) => a - b),
    )
    const strip = await watched.page.locator('.card-realtime').boundingBox()
    assert.ok(strip !== null && strip.height <= 130, `a strip of ${strip?.height} px`)
    await watched.close()
  })

  for (const [name, options] of SIZES) {
    test(`nothing is wider than the page, cut or half empty: ${name}`, async () => {
      const watched = await site.open(options)
      const { page } = watched
      await visit(page, '/')
      await waitUntilLive(page)
      await page.locator('[data-chart="revenue"] canvas').waitFor()
      await page.locator('[data-table="breakdown"] [data-value-row]').first().waitFor()
      await expectNoScrollSideways(page)
      await expectNumbersWhole(page)
      await eventually(() => expectCardsFilled(page))
      await watched.close()
    })
  }

  test('on a phone a tap on a tile brings its trend into view, a key leaves the focus in view', async () => {
    for (const reducedMotion of ['no-preference', 'reduce'] as const) {
      const watched = await site.open({ width: 390, height: 844, isPhone: true, reducedMotion })
      const { page } = watched
      await visit(page, '/')
      await page.locator('[data-chart="trend"] canvas').waitFor({ state: 'attached' })
      const isTrendSeen = async (): Promise<boolean> =>
        await page.locator('.card-trend').evaluate((card) => {
          const { top, bottom } = card.getBoundingClientRect()
          return top >= 0 && bottom <= innerHeight
        })
      assert.ok(!(await isTrendSeen()), 'it is below the tiles')
      await page.locator('[data-measure="cvr"]').focus()
      await page.keyboard.press('Enter')
      assert.equal(await page.locator('[data-measure="cvr"]').getAttribute('aria-pressed'), 'true')
      assert.ok(!(await isTrendSeen()))
      await page.locator('[data-tile="clicks"]').click()
      // Without motion it is there at once.
      if (reducedMotion === 'reduce') assert.ok(await isTrendSeen())
      await eventually(async () => assert.ok(await isTrendSeen(), reducedMotion))
      assert.match(await shownText(page.locator('#trend-title')), /^Clicks trend/)
      await watched.close()
    }
  })

  test('a tile has room for every figure that it shows in full', async () => {
    for (const width of [1440, 1280, 1241, 1024, 360]) {
      const watched = await site.open({ width })
      await visit(watched.page, '/?country=FR')
      await expectNumbersWhole(watched.page)
      await watched.close()
    }
  })

  test('heads stand over their numbers, and a name takes what the numbers leave', async () => {
    for (const width of [1440, 1024]) {
      const watched = await site.open({ width })
      const { page } = watched
      await visit(page, '/')
      for (const id of ['impressions', 'ctr', 'revenue', 'revenuePerClick']) {
        const [head, cell] = await readTextEdges(page, [
          `[data-sort="${id}"] span`,
          `[data-campaign="spring"] [data-cell="${id}"]`,
        ])
        assert.ok(Math.abs((head ?? 0) - (cell ?? 99)) <= 1, `${id}: ${head} and ${cell}`)
      }
      const name = page.locator(`[data-campaign="${LONG_NAME}"] .name`)
      const isWhole = await name.evaluate((one) => one.scrollWidth <= one.clientWidth)
      if (width === 1440) assert.ok(isWhole, 'there is room for the whole name')
      await watched.close()
    }
  })

  test('on a phone a row has its name on two lines and all its figures at once', async () => {
    const watched = await site.open({ width: 360, height: 740, isPhone: true })
    const { page } = watched
    await visit(page, '/')
    const row = page.locator(`[data-campaign="${LONG_NAME}"]`)
    const lines = await row.locator('.name').evaluate((name) => {
      const { height } = name.getBoundingClientRect()
      return Math.round(height / Number.parseFloat(getComputedStyle(name).lineHeight))
    })
    assert.equal(lines, 2)
    const boxes = await row.locator('[data-cell]').evaluateAll((cells) =>
      cells.map((cell) => {
        const { left, right } = cell.getBoundingClientRect()
        return left >= 0 && right <= innerWidth
      }),
    )
    assert.deepEqual(boxes, Array(7).fill(true))
    assert.equal((await readRows(page)).length, EVENTS.length)
    // The roles survive: a screen reader still meets a table.
    const table = page.locator('[data-table="campaigns"]')
    assert.equal(await table.getByRole('rowheader').count(), EVENTS.length + 1)
    assert.equal(await table.getByRole('columnheader').count(), 8)
    assert.deepEqual(await findViolations(page), [])
    await watched.close()
  })

  test('a range that has ended has no real time, one that goes on has', async () => {
    const watched = await site.open()
    const { page } = watched
    const strip = page.locator('.card-realtime')
    const at = (ms: number): string => new Date(ms).toISOString().slice(0, 19)
    const now = Date.now()
    await visit(page, `/?from=${at(now - 3 * HOUR_MS)}Z&to=${at(now - HOUR_MS)}Z`)
    assert.equal(await strip.isVisible(), false)
    assert.deepEqual(await findViolations(page), [])
    await visit(page, `/?from=${at(now - 3 * HOUR_MS)}Z&to=${at(now + HOUR_MS)}Z`)
    assert.equal(await strip.isVisible(), true)
    await chooseRange(page, '15m')
    assert.equal(await strip.isVisible(), true)
    await watched.close()
  })
})
