/**
 * The campaign table over 3,000 campaigns: sorted, searched and paged by the server, totalled,
 * exported.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { columnOf, MEASURE_IDS, type MeasureId } from '../../src/dashboard-definition/definition.ts'
import { type AdEvents, MINUTE_MS } from './support/ad-events.ts'
import { parseCsv } from './support/csv.ts'
import { readRows, readTotals, type ShownRow, valuesOf, visit } from './support/dashboard.ts'
import { eventually } from './support/eventually.ts'
import { openSite, type Site } from './support/site.ts'
import { expectFigures, type Figures, figuresOf, figuresSql, isSame, query } from './support/sql.ts'
import { skipBrowser, type WatchedPage } from './support/watched-page.ts'

const CAMPAIGNS = 3_000
const PAGE_ROWS = 25
const LAST_PAGE = CAMPAIGNS / PAGE_ROWS

const digits = (count: number): string => String(count).padStart(4, '0')
/** Many ties, every kind of missing divisor, refunds. */
const GROUPS: readonly AdEvents[] = Array.from({ length: CAMPAIGNS }, (_, at) => ({
  campaign: `${at % 3 === 0 ? 'Brand' : 'shop'}-${digits((at * 7919) % CAMPAIGNS)}`,
  ageMs: (3 + (at % 40)) * MINUTE_MS,
  impressions: at % 5 === 0 ? 0 : 1 + ((at * 31) % 7),
  clicks: at % 4 === 0 ? 0 : (at * 13) % 3,
  conversions: at % 11 === 0 ? 1 : 0,
  revenue: at % 17 === 0 ? [-1.5] : [((at * 37) % 400) / 4],
})).filter(({ impressions, clicks, conversions }) => impressions + clicks + conversions > 0)

type Model = Readonly<{ campaign: string; figures: Figures }>

/** The same figures from the groups themselves, without SQL. */
const MODEL: readonly Model[] = GROUPS.map((group) => {
  const { campaign, impressions = 0, clicks = 0, conversions = 0 } = group
  const amount = group.revenue?.[0] ?? 0
  const ratio = (a: number, b: number): number | null => (b === 0 ? null : a / b)
  const percent = (a: number, b: number): number | null => (b === 0 ? null : (a * 100) / b)
  const figures: Figures = {
    impressions,
    clicks,
    ctr: percent(clicks, impressions),
    conversions,
    cvr: percent(conversions, clicks),
    revenue: amount,
    revenuePerClick: ratio(amount, clicks),
  }
  return { campaign, figures }
})

/** Values without a divisor come last either way, equal ones by campaign. */
function sortModel(by: MeasureId | 'campaign', order: 'asc' | 'desc'): readonly Model[] {
  const sign = order === 'asc' ? 1 : -1
  const byName = (a: Model, b: Model): number => (a.campaign < b.campaign ? -1 : 1)
  return [...MODEL].sort((a, b) => {
    if (by === 'campaign') return sign * byName(a, b)
    const [x, y] = [a.figures[by], b.figures[by]]
    if (x === null || y === null) return x === y ? byName(a, b) : x === null ? 1 : -1
    return isSame(x, y) ? byName(a, b) : sign * (x - y)
  })
}

describe('campaign table', { skip: skipBrowser }, () => {
  let site: Site
  let watched: WatchedPage
  let page: Page
  const matched = MODEL.length

  before(async () => {
    site = await openSite()
    await site.send(GROUPS)
    watched = await site.open()
    page = watched.page
    await visit(page, '/?range=6h')
  })

  after(async () => {
    await watched?.close()
    await site?.close()
  })

  for (const column of ['campaign', ...MEASURE_IDS] as const) {
    test(`sorted by ${column} both ways, what has no value comes last`, async () => {
      const heading = page.locator(`th[data-sort="${column}"]`)
      for (const [order, spoken] of [
        ['desc', 'descending'],
        ['asc', 'ascending'],
      ] as const) {
        for (let click = 0; click < 2; click++) {
          if ((await heading.getAttribute('aria-sort')) === spoken) break
          await heading.locator('button').first().click()
          await page.waitForTimeout(50)
        }
        assert.equal(await heading.getAttribute('aria-sort'), spoken)
        const expected = sortModel(column, order)
        await expectRows(page, expected.slice(0, PAGE_ROWS), `${column} ${order}`)
      }
      assert.equal(await page.locator('[data-table="campaigns"] th[aria-sort]').count(), 1)
    })
  }

  test('the last page has the rest; campaigns without a CVR are last in any order', async () => {
    const last = Math.ceil(matched / PAGE_ROWS)
    assert.ok(last > LAST_PAGE * 0.8)
    await visit(page, `/?range=6h&sort=cvr&order=asc&page=${last}`)
    const expected = sortModel('cvr', 'asc').slice((last - 1) * PAGE_ROWS)
    await expectRows(page, expected, 'last page')
    assert.equal(expected.at(-1)?.figures.cvr, null)
    assert.ok(await page.locator('[data-page="next"]').isDisabled())
  })

  test('next and previous turn the pages, the URL tells which, and back comes back', async () => {
    await visit(page, '/?range=6h')
    const expected = sortModel('impressions', 'desc')
    assert.ok(await page.locator('[data-page="previous"]').isDisabled())
    await page.locator('[data-page="next"]').click()
    await expectRows(page, expected.slice(PAGE_ROWS, 2 * PAGE_ROWS), 'page 2')
    assert.equal(new URL(page.url()).searchParams.get('page'), '2')
    await page.locator('[data-page="next"]').click()
    await expectRows(page, expected.slice(2 * PAGE_ROWS, 3 * PAGE_ROWS), 'page 3')
    await page.locator('[data-page="previous"]').click()
    await expectRows(page, expected.slice(PAGE_ROWS, 2 * PAGE_ROWS), 'page 2 again')
    await page.reload()
    await expectRows(page, expected.slice(PAGE_ROWS, 2 * PAGE_ROWS), 'page 2 after a reload')
  })

  test('a search finds parts of names in either case, and totals what it found', async () => {
    await visit(page, '/?range=6h&page=3')
    await page.locator('input[data-search]').fill('bRAND-00')
    const found = sortModel('impressions', 'desc').filter(({ campaign }) =>
      campaign.toLowerCase().includes('brand-00'),
    )
    assert.ok(found.length > 5)
    await expectRows(page, found.slice(0, PAGE_ROWS), 'found')
    const asked = new URL(page.url()).searchParams
    assert.equal(asked.get('search'), 'bRAND-00')
    assert.equal(asked.get('page'), null)
    const [expected] = await query(site.folder, figuresSql(`campaign_id LIKE 'Brand-00%'`))
    await eventually(async () =>
      expectFigures(valuesOf(await readTotals(page)), figuresOf(expected), 'totals of the search'),
    )
    await page.locator('input[data-search]').fill('no such campaign')
    await eventually(async () => assert.deepEqual(await readRows(page), []))
  })

  test('totals are ratios of sums over all pages, not averages of ratios', async () => {
    await visit(page, '/?range=6h')
    const [expected] = await query(site.folder, figuresSql('true'))
    const totals = valuesOf(await readTotals(page))
    expectFigures(totals, figuresOf(expected), 'totals')
    const ratios = MODEL.map(({ figures }) => figures.ctr).filter((ctr) => ctr !== null)
    const average = ratios.reduce((sum, ctr) => sum + ctr, 0) / ratios.length
    assert.ok(Math.abs(average - (totals.ctr ?? 0)) > 0.5, 'the two differ in this input')
  })

  test('the CSV has every campaign in its order, with the columns of the tables', async () => {
    await visit(page, '/?range=6h&sort=revenue&search=brand')
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.locator('a[data-export]').click(),
    ])
    assert.match(download.suggestedFilename(), /^campaigns-.+\.csv$/)
    const text = await readFile(await download.path(), 'utf8')
    const [header, ...rows] = parseCsv(text)
    const period = ['from', 'to', 'time_zone']
    const columns = ['campaign_id', 'name', ...MEASURE_IDS.map(columnOf), ...period]
    assert.deepEqual(header, columns)
    const expected = sortModel('revenue', 'desc').filter(({ campaign }) => campaign.startsWith('B'))
    assert.deepEqual(
      rows.map(([campaign]) => campaign),
      expected.map(({ campaign }) => campaign),
    )
    for (const [at, row] of rows.entries()) {
      const figures = Object.fromEntries(
        MEASURE_IDS.map((id, column) => {
          const cell = row[column + 2]
          return [id, cell === '' ? null : Number(cell)]
        }),
      ) as Figures
      expectFigures(figures, expected[at]?.figures as Figures, row[0] ?? '')
    }
    const shown = await readRows(page)
    assert.deepEqual(
      shown.map(({ campaign }) => campaign),
      rows.slice(0, PAGE_ROWS).map(([campaign]) => campaign),
    )
  })
})

async function expectRows(page: Page, expected: readonly Model[], where: string): Promise<void> {
  const names = (rows: readonly (Model | ShownRow)[]): string =>
    rows.map(({ campaign }) => campaign).join(' ')
  const rows = await eventually(async () => {
    const found = await readRows(page)
    assert.equal(names(found), names(expected), where)
    return found
  })
  for (const [at, row] of rows.entries())
    expectFigures(valuesOf(row.cells), expected[at]?.figures as Figures, `${where} ${row.campaign}`)
}
