/**
 * From all campaigns to one and back: by the table, by a bar, by a line and its name; the overview
 * names the campaign, shows the figures of SQL, and gets the focus.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { type AdEvents, MINUTE_MS } from './support/ad-events.ts'
import { findViolations } from './support/axe.ts'
import { readRows, readTiles, shownText, valuesOf, visit } from './support/dashboard.ts'
import { eventually } from './support/eventually.ts'
import { expectNoScrollSideways } from './support/layout.ts'
import { openSite, type Site } from './support/site.ts'
import { expectFigures, type Figures, figuresWhere } from './support/sql.ts'
import { type PageOptions, skipBrowser, type WatchedPage } from './support/watched-page.ts'

const CAMPAIGNS = ['spring', 'summer', 'autumn', 'winter', 'brand', 'always on'] as const
const LONG = 'remarketing-visitors-of-the-last-thirty-days-without-a-purchase-2026-second-try'
const PHONE: PageOptions = { width: 390, height: 844, isPhone: true }

/** Each has a level of its own in every window, so that lines do not touch. */
const EVENTS: readonly AdEvents[] = CAMPAIGNS.flatMap((campaign, at) =>
  Array.from({ length: 11 }, (_, window) => ({
    campaign,
    ageMs: (2 + 5 * window) * MINUTE_MS,
    impressions: 100 - 5 * at,
    clicks: 4 + 9 * at,
    conversions: 1,
    revenue: [10 * (6 - at)],
  })),
)

describe('drill-in', { skip: skipBrowser }, () => {
  let site: Site
  let watched: WatchedPage
  let page: Page
  let all: Figures
  const figures = new Map<string, Figures>()

  before(async () => {
    site = await openSite()
    await site.send([...EVENTS, { campaign: LONG, ageMs: 3 * MINUTE_MS, impressions: 1 }])
    const found = await figuresWhere(site.folder, [
      'true',
      ...CAMPAIGNS.map((campaign) => `campaign_id = '${campaign}'`),
    ])
    all = found[0] as Figures
    for (const [at, campaign] of CAMPAIGNS.entries()) {
      figures.set(campaign, found[at + 1] as Figures)
    }
    watched = await site.open()
    page = watched.page
  })

  after(async () => {
    await watched?.close()
    await site?.close()
  })

  async function expectShown(campaign: string): Promise<void> {
    const heading = page.locator('#overview-title')
    await eventually(async () => {
      assert.equal(await shownText(heading), `Overview: ${campaign}`)
      expectFigures(valuesOf(await readTiles(page)), figures.get(campaign) as Figures, campaign)
    })
    assert.deepEqual(new URL(page.url()).searchParams.getAll('campaign'), [campaign])
    assert.ok(await heading.evaluate((element) => element === document.activeElement))
    await eventually(async () => assert.equal(await page.evaluate(() => scrollY), 0))
    const rows = await eventually(async () => {
      const found = await readRows(page)
      assert.equal(found.length, 1)
      return found
    })
    assert.equal(rows[0]?.campaign, campaign)
  }

  async function expectAll(): Promise<void> {
    await eventually(async () => {
      assert.equal(await shownText(page.locator('#overview-title')), 'Overview')
      expectFigures(valuesOf(await readTiles(page)), all, 'all campaigns')
    })
    assert.ok(await page.locator('[data-all-campaigns]').isHidden())
  }

  async function expectAccessible(): Promise<void> {
    assert.deepEqual(await findViolations(page), [])
  }

  test('a name in the table shows its campaign, and back shows all of them again', async () => {
    await visit(page, '/?range=6h')
    await page.locator('tr[data-campaign="autumn"] button').click()
    await expectShown('autumn')
    await expectAccessible()
    await page.goBack()
    await expectAll()
    await page.goForward()
    await eventually(async () => {
      assert.equal(await shownText(page.locator('#overview-title')), 'Overview: autumn')
    })
  })

  test('“All campaigns” leads out, and the heading keeps the focus', async () => {
    await visit(page, '/?range=6h&campaign=brand')
    const leave = page.locator('[data-all-campaigns]')
    await leave.focus()
    await page.keyboard.press('Enter')
    await expectAll()
    const heading = page.locator('#overview-title')
    assert.ok(await heading.evaluate((element) => element === document.activeElement))
    assert.equal(new URL(page.url()).search, '?range=6h')
  })

  test('a bar of the revenue shows its campaign: anywhere in its row, or by keyboard', async () => {
    await visit(page, '/?range=6h')
    const plot = page.locator('[data-chart="revenue"] [role="img"]')
    // On the bar, and on the name before it.
    for (const along of [0.5, 0.02]) {
      await page.locator('[data-bar="summer"]').scrollIntoViewIfNeeded()
      const name = await page.locator('[data-bar="summer"]').boundingBox()
      const box = await plot.boundingBox()
      assert.ok(name && box)
      await page.mouse.click(box.x + along * box.width, name.y + name.height / 2)
      await expectShown('summer')
      await page.goBack()
      await expectAll()
    }
    await page.locator('[data-bar="winter"]').focus()
    await page.keyboard.press('Enter')
    await expectShown('winter')
  })

  test('a line of the trend shows its campaign, as its name in the legend does', async () => {
    await visit(page, '/?range=1h&lines=campaigns')
    await page.locator('[data-key="brand"]').click()
    await expectShown('brand')
    await page.goBack()
    await expectAll()
    await clickLine(page)
    await eventually(async () => {
      const shown = await shownText(page.locator('#overview-title'))
      const campaign = CAMPAIGNS.find((name) => shown === `Overview: ${name}`)
      assert.ok(campaign !== undefined, shown)
    })
    await page.goBack()
    await expectAll()
    await page.locator('[data-key="autumn"]').focus()
    await page.keyboard.press('Enter')
    await expectShown('autumn')
  })

  test('beside a chosen campaign stand the largest others, paler, and named so', async () => {
    await visit(page, '/?range=1h&lines=campaigns&campaign=brand')
    const keys = page.locator('[data-chart="trend"] [data-key]')
    await eventually(async () => {
      const names = await keys.evaluateAll((found) =>
        found.map((key) => [key.getAttribute('data-key'), key.classList.contains('is-context')]),
      )
      assert.deepEqual(names, [
        ['brand', false],
        ['spring', true],
        ['summer', true],
        ['autumn', true],
        ['winter', true],
      ])
    })
    const legend = page.locator('[data-chart="trend"] .chart-legend')
    assert.match(await shownText(legend), /Paler: other campaigns, to compare with/)
    await expectAccessible()
    await keys.nth(1).click()
    await expectShown('spring')
  })

  test('several campaigns are counted in the heading', async () => {
    await visit(page, '/?campaign=brand&campaign=spring')
    assert.equal(await shownText(page.locator('#overview-title')), 'Overview: 2 campaigns')
  })

  test('on a phone a long name fits, and everything is accessible', async () => {
    const phone = await site.open(PHONE)
    await visit(phone.page, `/?lines=campaigns&measure=revenue&campaign=${LONG}`)
    await phone.page.locator('[data-all-campaigns]').waitFor()
    await expectNoScrollSideways(phone.page)
    assert.deepEqual(await findViolations(phone.page), [])
    await phone.close()
  })
})

/** Where the first line is seen: the plot says by its cursor that there is something to click. */
async function clickLine(page: Page): Promise<void> {
  const plot = page.locator('[data-chart="trend"] [role="img"]')
  await plot.scrollIntoViewIfNeeded()
  const box = await plot.boundingBox()
  assert.ok(box)
  for (let y = box.y + 12; y < box.y + box.height - 44; y += 4) {
    await page.mouse.move(box.x + box.width / 2, y)
    if (await plot.evaluate((element) => element.classList.contains('has-target'))) {
      await page.mouse.click(box.x + box.width / 2, y)
      return
    }
  }
  assert.fail('no line was found on the plot')
}
