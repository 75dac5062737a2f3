/**
 * Ranges and filters: each gives the numbers of SQL with the same condition, stands in the URL, and
 * comes back from it. The configured zone is half an hour off, and neither the machine's nor the
 * browser's.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { MEASURE_IDS, RANGES } from '../../src/dashboard-definition/definition.ts'
import { type AdEvents, DAY_MS, HOUR_MS, MINUTE_MS } from './support/ad-events.ts'
import {
  chooseValue,
  readChartTable,
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
const ZONE_OFFSET_MS = 5.5 * HOUR_MS
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

  test('each range button shows the sums of its range, sets the URL, and is pressed', async () => {
    const { page } = watched
    await visit(page, '/')
    const expected = await figuresWhere(
      site.folder,
      RANGES.map(({ seconds }) => since(seconds)),
    )
    const impressions = expected.map((figures) => figures.impressions)
    assert.equal(new Set(impressions).size, RANGES.length, 'each range has figures of its own')
    for (const [at, { id }] of RANGES.entries()) {
      await page.locator(`[data-range="${id}"]`).click()
      await expectTiles(page, expected[at] as Figures, id)
      assert.equal(await pressedRange(page), id)
      assert.equal(new URL(page.url()).searchParams.get('range'), id === '1h' ? null : id)
    }
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

  test('back and forward go through what was looked at', async () => {
    const { page } = watched
    const [hour, quarter, week] = await figuresWhere(site.folder, [
      since(3600),
      since(900),
      since(604_800),
    ])
    await visit(page, '/')
    await page.locator('[data-range="15m"]').click()
    await expectTiles(page, quarter as Figures, '15m')
    await page.locator('[data-range="7d"]').click()
    await expectTiles(page, week as Figures, '7d')
    await page.goBack()
    await expectTiles(page, quarter as Figures, 'back to 15m')
    assert.equal(await pressedRange(page), '15m')
    await page.goBack()
    await expectTiles(page, hour as Figures, 'back to 1h')
    await page.goForward()
    await expectTiles(page, quarter as Figures, 'forward to 15m')
  })

  test('a custom range is in the configured zone, which the page names and uses', async () => {
    const { page } = watched
    const nowMs = Math.floor(Date.now() / WINDOW_MS) * WINDOW_MS
    const [fromMs, toMs] = [nowMs - 4 * HOUR_MS, nowMs - 2 * HOUR_MS]
    const [expected] = await figuresWhere(site.folder, [
      `"timestamp" >= ${sqlMoment(fromMs)} AND "timestamp" < ${sqlMoment(toMs)}`,
    ])
    assert.ok((expected?.impressions ?? 0) > 0)
    await visit(page, '/')
    assert.match(await shownText(page.locator('[data-timezone]').first()), /Asia\/Kolkata/)
    await page.locator('[data-range="custom"]').click()
    await page.locator('input#from').fill(inZone(fromMs).slice(0, 16))
    await page.locator('input#to').fill(inZone(toMs).slice(0, 16))
    await page.locator('[data-apply-custom]').click()
    await expectTiles(page, expected as Figures, 'custom')
    const asked = new URL(page.url()).searchParams
    assert.equal(Date.parse(asked.get('from') ?? ''), fromMs)
    assert.equal(Date.parse(asked.get('to') ?? ''), toMs)
    const { rows } = await readChartTable(page, 'trend')
    const times = rows.map(([time]) => /\d\d:\d\d/.exec(time ?? '')?.[0])
    assert.ok(times.includes(inZone(fromMs).slice(11, 16)), `${inZone(fromMs)} is not in ${times}`)
    assert.ok(!times.includes(inZone(toMs).slice(11, 16)), 'the end is not part of it')
    await page.reload()
    await expectTiles(page, expected as Figures, 'after a reload')
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

function inZone(atMs: number): string {
  return new Date(atMs + ZONE_OFFSET_MS).toISOString()
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
