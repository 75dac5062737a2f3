/**
 * Filters: each gives the numbers of SQL with the same condition, stands in the URL, and comes back
 * from it. The configured zone is half an hour off, and neither the machine's nor the browser's.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { MEASURE_IDS } from '../../src/dashboard-definition/definition.ts'
import { type AdEvents, DAY_MS, HOUR_MS, MINUTE_MS } from './support/ad-events.ts'
import {
  chooseRange,
  chooseValue,
  openFilter,
  readRows,
  readTiles,
  shownText,
  valuesOf,
  visit,
} from './support/dashboard.ts'
import { eventually } from './support/eventually.ts'
import { openSite, type Site } from './support/site.ts'
import { expectFigures, type Figures, figuresWhere, sqlMoment } from './support/sql.ts'
import { skipBrowser, type WatchedPage } from './support/watched-page.ts'

const ZONE = 'Asia/Kolkata'
const WINDOW_MS = 5 * MINUTE_MS

/** So long ago that each is inside exactly the ranges it is meant for, by minutes at least. */
const AGES_MS = [2 * MINUTE_MS, 32 * MINUTE_MS, 3 * HOUR_MS, 15 * HOUR_MS, 4 * DAY_MS, 20 * DAY_MS]
const PLACES = [
  { platform: 'web', country: 'DE', device: 'desktop' },
  { platform: 'mobile', country: 'DE', device: 'ios' },
  { platform: 'mobile', country: 'IN', device: 'android' },
  {},
] as const

/**
 * Figures that differ for every campaign, age and place, so that no two conditions give the same.
 */
const EVENTS: readonly AdEvents[] = AGES_MS.flatMap((ageMs, age) =>
  ['spring', 'summer', 'autumn'].flatMap((campaign, at) =>
    PLACES.map((place, where) => ({
      ...place,
      campaign,
      ageMs,
      impressions: 4 + age + 2 * at + 3 * where,
      clicks: 1 + ((age + at + where) % 3),
      conversions: (age + at) % 2,
      revenue: [0.25 * (1 + age) + at],
    })),
  ),
)

const CASES: readonly Readonly<{ name: string; search: string; condition: string }>[] = [
  { name: 'a platform', search: 'platform=web', condition: `platform = 'web'` },
  { name: 'a country', search: 'country=DE', condition: `country = 'DE'` },
  { name: 'a device', search: 'device=android', condition: `device_type = 'android'` },
  {
    name: 'what has no platform',
    search: 'platform=',
    condition: `COALESCE(platform, '') = ''`,
  },
  {
    name: 'two countries and a platform',
    search: 'country=DE&country=IN&platform=mobile',
    condition: `country IN ('DE', 'IN') AND platform = 'mobile'`,
  },
  {
    name: 'two campaigns',
    search: 'campaign=spring&campaign=autumn',
    condition: `campaign_id IN ('spring', 'autumn')`,
  },
  {
    name: 'a campaign and a device',
    search: 'campaign=summer&device=ios',
    condition: `campaign_id = 'summer' AND device_type = 'ios'`,
  },
]

describe('filters', { skip: skipBrowser }, () => {
  let site: Site
  let watched: WatchedPage

  before(async () => {
    site = await openSite({ timezone: ZONE })
    await site.send(EVENTS)
    watched = await site.open()
  })

  after(async () => {
    await watched?.close()
    await site?.close()
  })

  test('each filter in the URL gives the figures of SQL: in tiles, table and chart', async () => {
    const { page } = watched
    const expected = await figuresWhere(
      site.folder,
      CASES.map(({ condition }) => `${since(21_600)} AND ${condition}`),
    )
    for (const [at, { name, search }] of CASES.entries()) {
      await visit(page, `/?range=6h&${search}`)
      const figures = expected[at] as Figures
      await expectTiles(page, figures, name)
      const rows = await readRows(page)
      const sum = (id: 'impressions' | 'revenue'): number =>
        rows.reduce((total, { cells }) => total + (cells[id].value ?? 0), 0)
      assert.equal(sum('impressions'), figures.impressions, name)
      assert.equal(sum('revenue'), figures.revenue, name)
    }
  })

  test('filters are chosen by hand, shown as chips, shared by link, and removed', async () => {
    const { page } = watched
    const [both, one, none] = await figuresWhere(
      site.folder,
      [`country = 'DE' AND campaign_id = 'spring'`, `country = 'DE'`, 'true'].map(
        (condition) => `${since(3600)} AND ${condition}`,
      ),
    )
    await visit(page, '/')
    await chooseValue(page, 'country', 'DE')
    await chooseValue(page, 'campaign', 'spring')
    await expectTiles(page, both as Figures, 'chosen')
    const shared = new URL(page.url())
    assert.deepEqual(shared.searchParams.getAll('country'), ['DE'])
    assert.deepEqual(shared.searchParams.getAll('campaign'), ['spring'])

    const tab = await watched.openTab()
    await visit(tab, shared.href)
    await expectTiles(tab, both as Figures, 'the same link in another tab')
    await tab.close()

    const chip = page.locator('[data-chip="campaign:spring"]')
    assert.match(await shownText(chip), /spring/)
    await chip.locator('button').click()
    await expectTiles(page, one as Figures, 'without the campaign')
    await page.locator('[data-clear-filters]').click()
    await expectTiles(page, none as Figures, 'cleared')
    assert.equal(await page.locator('[data-chip]').count(), 0)
    assert.equal(new URL(page.url()).search, '')
  })

  test('countries are found and shown by their names in the reader’s language, and by codes', async () => {
    const reader = await site.open({ locale: 'de-DE' })
    const { page } = reader
    await visit(page, '/')
    assert.match(await openFilter(page, 'country'), /Deutschland\s+DE[\s\S]*Indien\s+IN/)
    const part = page.locator('[data-filter="country"]')
    const search = part.locator('input[type="search"]')
    for (const [text, found] of [
      ['deutsch', ['DE']],
      ['in', ['IN']],
      ['INDIEN', ['IN']],
      ['d', ['DE', 'IN']],
    ] as const) {
      await search.fill(text)
      await eventually(async () => {
        const offered = await part
          .locator('[data-choice]')
          .evaluateAll((boxes) => boxes.map((box) => box.getAttribute('data-choice') ?? ''))
        assert.deepEqual(offered.sort(), [...found], text)
      })
    }
    await part.locator('[data-choice="DE"]').check()
    await page.keyboard.press('Escape')
    const chip = page.locator('[data-chip="country:DE"]')
    assert.match(await shownText(chip), /Deutschland\s*DE/)
    await page.getByRole('button', { name: 'Remove Country Deutschland' }).click()
    await chip.waitFor({ state: 'detached' })
    await reader.close()
  })

  test('back and forward go through what was looked at', async () => {
    const { page } = watched
    const [hour, quarter, day] = await figuresWhere(site.folder, [
      since(3600),
      since(900),
      since(86_400),
    ])
    await visit(page, '/')
    await chooseRange(page, '15m')
    await expectTiles(page, quarter as Figures, '15m')
    await chooseRange(page, '24h')
    await expectTiles(page, day as Figures, '24h')
    await page.goBack()
    await expectTiles(page, quarter as Figures, 'back to 15m')
    assert.equal(await pressedRange(page), '15m')
    await page.goBack()
    await expectTiles(page, hour as Figures, 'back to 1h')
    await page.goForward()
    await expectTiles(page, quarter as Figures, 'forward to 15m')
  })

  test('a malformed URL shows the page with its defaults, or says what is wrong', async () => {
    const { page } = watched
    const [hour] = await figuresWhere(site.folder, [since(3600)])
    watched.allow(/answer 400|status of 400/)
    for (const search of ['range=5y&sort=colour&page=-3', 'from=yesterday', 'platform=nowhere']) {
      await page.goto(`/?${search}`)
      await page.locator('main[data-state="ready"], main[data-state="error"]').waitFor()
    }
    await visit(page, '/?range=5y&order=sideways&page=x')
    await expectTiles(page, hour as Figures, 'defaults')
  })
})

/** What happened in a range that ends with the window that holds now. */
function since(seconds: number): string {
  const toMs = (Math.floor(Date.now() / WINDOW_MS) + 1) * WINDOW_MS
  return `"timestamp" >= ${sqlMoment(toMs - seconds * 1000)} AND "timestamp" < ${sqlMoment(toMs)}`
}

async function expectTiles(page: Page, expected: Figures, where: string): Promise<void> {
  await eventually(async () => {
    const shown = valuesOf(await readTiles(page))
    expectFigures(shown, expected, `${where}: ${MEASURE_IDS.map((id) => shown[id]).join(' ')}`)
  })
}

async function pressedRange(page: Page): Promise<string | null> {
  const pressed = page.locator(
    '[data-range][aria-pressed="true"], [data-range][aria-checked="true"]',
  )
  return await pressed.getAttribute('data-range')
}
