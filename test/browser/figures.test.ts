/**
 * Every number on the page is the one that `query` gives: over the tables, by the definition's SQL
 * and by hand.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import {
  chartSql,
  columnOf,
  MEASURE_IDS,
  MEASURES,
  type MeasureId,
} from '../../src/dashboard-definition/definition.ts'
import { type AdEvents, HOUR_MS, MINUTE_MS } from './support/ad-events.ts'
import {
  bareNumber,
  expectTexts,
  fullText,
  readChartTable,
  readRows,
  readTiles,
  readTotals,
  shownText,
  valuesOf,
  visit,
} from './support/dashboard.ts'
import { eventually } from './support/eventually.ts'
import { openSite, type Site } from './support/site.ts'
import {
  expectFigures,
  figuresOf,
  figuresSql,
  figuresWhere,
  isSame,
  query,
  type Row,
  sqlMoment,
} from './support/sql.ts'
import { skipBrowser, type WatchedPage } from './support/watched-page.ts'

const WINDOW_MS = 5 * MINUTE_MS
const RANGE_MS = HOUR_MS

const SMALL_CAMPAIGNS = 12
/** By hand: 357 impressions, 19 clicks, 4 conversions and 110.49 of revenue, and the small ones. */
const LARGE: readonly AdEvents[] = [
  {
    campaign: 'alpha',
    ageMs: 2 * MINUTE_MS,
    impressions: 200,
    clicks: 11,
    conversions: 3,
    revenue: [12.5, 0.25, 7.75],
  },
  { campaign: 'alpha', ageMs: 13 * MINUTE_MS, impressions: 100, clicks: 2 },
  {
    campaign: 'beta',
    ageMs: 22 * MINUTE_MS,
    impressions: 50,
    clicks: 5,
    conversions: 1,
    revenue: [99.99, -10],
  },
  { campaign: 'gamma', ageMs: 33 * MINUTE_MS, impressions: 7 },
  { campaign: 'delta', ageMs: 34 * MINUTE_MS, clicks: 1 },
]
const SMALL: readonly AdEvents[] = Array.from({ length: SMALL_CAMPAIGNS }, (_, at) => ({
  campaign: `small-${String(at).padStart(2, '0')}`,
  ageMs: 40 * MINUTE_MS,
  impressions: 3 + at,
  clicks: 1,
  conversions: 1,
  revenue: [at + 0.5],
}))
const BEFORE: readonly AdEvents[] = [
  {
    campaign: 'alpha',
    ageMs: 75 * MINUTE_MS,
    impressions: 150,
    clicks: 4,
    conversions: 2,
    revenue: [40, 4],
  },
  { campaign: 'beta', ageMs: 95 * MINUTE_MS, impressions: 50, clicks: 1 },
]

/** The hour before is whole within the data. */
const EARLIER: readonly AdEvents[] = [{ campaign: 'old', ageMs: 3 * HOUR_MS, impressions: 1 }]

/** The hour that ends with the window that holds now. */
function rangeOf(nowMs: number): Readonly<{ fromMs: number; toMs: number; completeMs: number }> {
  const toMs = (Math.floor(nowMs / WINDOW_MS) + 1) * WINDOW_MS
  const completeMs = Math.floor((nowMs - 10_000) / WINDOW_MS) * WINDOW_MS
  return { fromMs: toMs - RANGE_MS, toMs, completeMs }
}

function sqlRange(): { from: string; to: string } {
  const { fromMs, toMs } = rangeOf(Date.now())
  return { from: sqlMoment(fromMs), to: sqlMoment(toMs) }
}

function between(fromMs: number, toMs: number): string {
  return `"timestamp" >= ${sqlMoment(fromMs)} AND "timestamp" < ${sqlMoment(toMs)}`
}

describe('figures', { skip: skipBrowser }, () => {
  let site: Site
  let watched: WatchedPage

  before(async () => {
    site = await openSite()
    await site.send([...EARLIER, ...BEFORE, ...SMALL, ...LARGE])
    watched = await site.open()
    await visit(watched.page, '/')
  })

  after(async () => {
    await watched?.close()
    await site?.close()
  })

  test('tiles equal definition and hand-written SQL of the hour, raw and as text', async () => {
    const { fromMs, toMs } = rangeOf(Date.now())
    const [byDefinition] = await query(site.folder, chartSql('totals', sqlRange()))
    const [byHand] = await query(site.folder, figuresSql(between(fromMs, toMs)))
    expectFigures(figuresOf(byDefinition), figuresOf(byHand), 'SQL against SQL')
    const tiles = await readTiles(watched.page)
    expectFigures(valuesOf(tiles), figuresOf(byHand), 'tiles')
    expectTexts(tiles, 'tiles')
    // Counted on paper, so that page and SQL cannot be wrong together.
    assert.equal(tiles.impressions.value, 357 + 36 + 66)
    assert.equal(tiles.clicks.value, 19 + SMALL_CAMPAIGNS)
    assert.equal(tiles.conversions.value, 4 + SMALL_CAMPAIGNS)
    assert.ok(isSame(tiles.revenue.value, 110.49 + 72))
  })

  test('the change of a tile compares complete windows with those of the hour before', async () => {
    await eventually(async () => {
      const { fromMs, completeMs } = rangeOf(Date.now())
      const [current, previous] = await figuresWhere(site.folder, [
        between(fromMs, completeMs),
        between(fromMs - RANGE_MS, completeMs - RANGE_MS),
      ])
      const changes = await readTiles(watched.page, 'data-change')
      for (const id of MEASURE_IDS) {
        const [a = null, b = null] = [current?.[id], previous?.[id]]
        const expected = a === null || b === null || b === 0 ? null : (a / b - 1) * 100
        const { value, text } = changes[id]
        assert.ok(isSame(value, expected), `${id} changed by ${value}, expected ${expected}`)
        if (expected === null) assert.doesNotMatch(text, /\d/)
        else assert.match(text, expected < 0 ? /[-\u2212]\D*\d/ : /\d/)
      }
      assert.notEqual(changes.impressions.value, null)
    })
  })

  test('a click on a tile makes its measure the trend: each window has the figure of SQL', async () => {
    const { page } = watched
    const rows = await query(site.folder, chartSql('trend', sqlRange()))
    assert.ok(rows.length >= 4, JSON.stringify(rows))
    await expectTrend(watched, rows, 'ctr')
    for (const measure of MEASURE_IDS) {
      await page.locator(`[data-tile="${measure}"]`).click()
      await expectTrend(watched, rows, measure)
      assert.equal(
        await shownText(page.locator('[data-chart="trend"] h2')),
        `${MEASURES[measure].label} trend`,
      )
      assert.equal(await pressedMeasure(page), measure)
      const asked = new URL(page.url()).searchParams.get('measure')
      assert.equal(asked, measure === 'ctr' ? null : measure)
    }
    await page.goBack()
    await expectTrend(watched, rows, 'revenue')
    await page.locator('[data-measure="cvr"]').focus()
    await page.keyboard.press('Enter')
    await expectTrend(watched, rows, 'cvr')
    await page.locator('[data-measure="ctr"]').focus()
    await page.keyboard.press('Space')
    await expectTrend(watched, rows, 'ctr')
  })

  test('another measure over the same lines needs no answer of the server', async () => {
    const rows = await query(site.folder, chartSql('trend', sqlRange()))
    const tab = await watched.openTab()
    await visit(tab, '/')
    await expectTrend({ ...watched, page: tab }, rows, 'ctr')
    // From here on, no request for the trend is answered.
    await tab.route('**/api/v1/trend**', () => {})
    for (const measure of ['revenue', 'clicks', 'cvr'] as const) {
      await tab.locator(`[data-tile="${measure}"]`).click()
      await expectTrend({ ...watched, page: tab }, rows, measure)
    }
    await tab.close()
  })

  test('the trend by campaign shows the largest, each with the ratio of its own sums', async () => {
    const { page } = watched
    await page.locator('[data-lines="campaigns"]').click()
    await expectLines(page, ['alpha', 'beta', 'small-11', 'small-10', 'small-09'])
    const { headers, rows } = await readChartTable(page, 'trend')
    const beta = headers.findIndex((header) => header.includes('beta'))
    const values = rows.map((row) => bareNumber(row[beta] ?? '')).filter((text) => /\d/.test(text))
    assert.deepEqual(values, ['10.00'], 'beta: 5 clicks of 50 impressions, in one window')
    // The legend has the ratio of the whole hour: 13 clicks of 300 impressions in two windows.
    assert.equal(await shownText(page.locator('[data-key="alpha"] .chart-key-figure')), '4.33%')
    // By revenue, others are the largest: beta 89.99, alpha 20.5, then 11.5, 10.5 and 9.5.
    await page.locator('[data-tile="revenue"]').click()
    await expectLines(page, ['beta', 'alpha', 'small-11', 'small-10', 'small-09'])
    assert.equal(await shownText(page.locator('[data-key="beta"] .chart-key-figure')), '89.99')
    await page.locator('[data-tile="conversions"]').click()
    await expectLines(page, ['alpha', 'beta', 'small-00', 'small-01', 'small-02'])
    await page.locator('[data-tile="ctr"]').click()
    await page.locator('[data-lines="all"]').click()
    await expectLines(page, ['CTR, All campaigns', '95% interval', 'Clicks', 'Impressions'])
  })

  test('revenue by campaign is ranked, ten by name and the others together', async () => {
    const rows = await query(site.folder, chartSql('revenue', sqlRange()))
    assert.equal(rows.length, LARGE.length - 1 + SMALL_CAMPAIGNS)
    const top = rows.slice(0, 10)
    const rest = rows.slice(10).reduce((sum, row) => sum + Number(row.revenue), 0)
    await eventually(async () => {
      const table = await readChartTable(watched.page, 'revenue')
      const shown = table.rows.map((row) => [row[0], bareNumber(row[1] ?? '')])
      assert.deepEqual(
        shown.slice(0, 10),
        top.map((row) => [row.campaign_id, fullText('revenue', Number(row.revenue))]),
      )
      const others = shown[10]
      assert.match(others?.[0] ?? '', /others/i)
      assert.equal(others?.[1], fullText('revenue', rest))
    })
  })

  test('the campaign table and its totals equal SQL, in the order of impressions', async () => {
    const sql = chartSql('campaigns', sqlRange())
    const expected = new Map((await query(site.folder, sql)).map((row) => [row.campaign_id, row]))
    const rows = await readRows(watched.page)
    assert.equal(rows.length, expected.size)
    for (const { campaign, cells } of rows) {
      expectFigures(valuesOf(cells), figuresOf(expected.get(campaign)), campaign)
      expectTexts(cells, campaign)
    }
    const impressions = rows.map(({ cells }) => cells.impressions.value ?? 0)
    assert.deepEqual(
      impressions,
      [...impressions].sort((a, b) => b - a),
    )
    const [all] = await query(site.folder, chartSql('totals', sqlRange()))
    const totals = await readTotals(watched.page)
    expectFigures(valuesOf(totals), figuresOf(all), 'totals')
    expectTexts(totals, 'totals')
  })

  test('a reader of German sees the same numbers as Germans write them', async () => {
    const german = await site.open({ locale: 'de-DE' })
    await visit(german.page, '/')
    const tiles = await readTiles(german.page)
    expectTexts(tiles, 'tiles', 'de-DE')
    assert.match(tiles.revenue.text, /^\d+,\d\d$/)
    await german.close()
  })
})

async function expectLines(page: Page, expected: readonly string[]): Promise<void> {
  await eventually(async () => {
    const { headers } = await readChartTable(page, 'trend')
    assert.deepEqual(headers.slice(1), expected)
  })
}

async function pressedMeasure(page: Page): Promise<string | null> {
  return await page.locator('[data-measure][aria-pressed="true"]').getAttribute('data-measure')
}

/** By the clock time in each row's first cell. A sum is 0 in windows that SQL has no row for. */
async function expectTrend(
  { page }: WatchedPage,
  rows: readonly Row[],
  measure: MeasureId,
): Promise<void> {
  const wanted = rows
    .map((row) => ({ at: String(row.window_start).slice(11, 16), value: row[columnOf(measure)] }))
    .filter(({ value }) => value !== null && value !== undefined)
    .map(({ at, value }) => [at, fullText(measure, Number(value))])
  await eventually(async () => {
    const table = await readChartTable(page, 'trend')
    assert.match(table.headers[1] ?? '', new RegExp(`^${MEASURES[measure].label},`))
    const known = new Set(rows.map((row) => String(row.window_start).slice(11, 16)))
    const shown = table.rows
      .map((row) => [/\d\d:\d\d/.exec(row[0] ?? '')?.[0] ?? '', bareNumber(row[1] ?? '')] as const)
      .filter(([at, text]) => known.has(at) && /\d/.test(text))
    assert.deepEqual([...shown].sort(), [...wanted].sort(), measure)
  })
}
