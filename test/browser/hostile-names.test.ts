/** Campaigns are called by their senders, and shown as text whatever they are called. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { type AdEvents, MINUTE_MS } from './support/ad-events.ts'
import { parseCsv } from './support/csv.ts'
import { type ChartName, openFilter, readChartTable, readRows, visit } from './support/dashboard.ts'
import { expectNoScrollSideways } from './support/layout.ts'
import { openSite, type Site } from './support/site.ts'
import { skipBrowser, type WatchedPage } from './support/watched-page.ts'

const IMAGE = '<img src=x onerror="window.harmed=1">'
const FORMULAS = ['=1+1', '+1', '-1', '@x', '\t=1+1']
const NAMES = [
  IMAGE,
  '</script><script>window.harmed=1</script>',
  'javascript:window.harmed=1//\'"><svg onload=window.harmed=1>',
  '{a|b} {{harmed}} $' + '{harmed} %s {b}',
  'comma, "quoted"',
  `long-${'x'.repeat(240)}`,
  'حملة الربيع',
  '\u202eesrever \u202c\u2066isolated',
  '__proto__',
  'constructor',
  '👩‍👩‍👧‍👦 family',
  ' spaces  around ',
  ...FORMULAS,
]

const HOVER_STEPS = 24

const EVENTS: readonly AdEvents[] = NAMES.flatMap((campaign, at) =>
  [3, 13].map((minutes) => ({
    campaign,
    ageMs: minutes * MINUTE_MS,
    impressions: 60 - 2 * at,
    clicks: 20 - at,
    conversions: 2,
    revenue: [500 - 20 * at],
    platform: IMAGE,
    country: '=1+1',
    device: '"><img src=x onerror=window.harmed=1>',
  })),
)

describe('hostile names', { skip: skipBrowser }, () => {
  let site: Site
  let watched: WatchedPage
  let page: Page

  before(async () => {
    site = await openSite()
    const { rejected } = await site.send(EVENTS)
    assert.deepEqual(rejected, [])
    watched = await site.open()
    page = watched.page
    await visit(page, '/?lines=campaigns')
  })

  after(async () => {
    await watched?.close()
    await site?.close()
  })

  test('the campaign table shows every name as it is, letter by letter', async () => {
    const rows = await readRows(page)
    assert.deepEqual(new Set(rows.map(({ campaign }) => campaign)), new Set(NAMES))
    const texts = await page
      .locator('[data-table="campaigns"] tbody tr')
      .evaluateAll((found) =>
        found.map((row) => [row.getAttribute('data-campaign') ?? '', row.textContent ?? '']),
      )
    for (const [name = '', text = ''] of texts) assert.ok(text.includes(name), text)
    await expectUnharmed(page)
  })

  test('charts show names as text, in their tables and the tooltips of every point', async () => {
    for (const chart of ['trend', 'revenue', 'realtime'] as const) {
      const before = await countShown(page, IMAGE)
      const most = await hoverOver(page, chart)
      if (chart !== 'realtime') assert.ok(most > before, `${chart}: no tooltip has the name`)
    }
    const revenue = await readChartTable(page, 'revenue')
    const shown = revenue.rows.map(([name]) => name)
    assert.deepEqual(
      shown.slice(0, 10),
      NAMES.slice(0, 10).map((name) => name.trim()),
    )
    const trend = await readChartTable(page, 'trend')
    assert.ok(trend.headers.some((header) => header.includes(IMAGE)))
    await expectUnharmed(page)
  })

  test('filters offer names as text, and chips show them as text', async () => {
    for (const filter of ['campaign', 'platform', 'country', 'device'] as const) {
      const shown = await openFilter(page, filter)
      assert.ok(shown.includes(filter === 'country' ? '=1+1' : '<img src=x'), `${filter}: ${shown}`)
      await page.keyboard.press('Escape')
      await expectUnharmed(page)
    }
    const search = new URLSearchParams(NAMES.map((name) => ['campaign', name]))
    search.append('platform', IMAGE)
    await visit(page, `/?${search}`)
    const chips = await page
      .locator('[data-chip]')
      .evaluateAll((found) =>
        found.map((chip) => [chip.getAttribute('data-chip') ?? '', chip.textContent ?? '']),
      )
    assert.equal(chips.length, NAMES.length + 1)
    for (const [name = '', text = ''] of chips)
      assert.ok(text.includes(name.slice(name.indexOf(':') + 1)), `${name} is shown as ${text}`)
    assert.equal((await readRows(page)).length, NAMES.length)
    await expectUnharmed(page)
  })

  test('no name makes the page wider than a phone', async () => {
    const phone = await site.open({ width: 390, height: 844, isPhone: true })
    const search = new URLSearchParams(NAMES.slice(0, 8).map((name) => ['campaign', name]))
    await visit(phone.page, `/?lines=campaigns&${search}`)
    for (const chart of ['trend', 'revenue'] as const) await readChartTable(phone.page, chart)
    await expectNoScrollSideways(phone.page)
    await phone.close()
  })

  test('the CSV gives names back exactly, and a spreadsheet runs none of them', async () => {
    await visit(page, '/')
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.locator('a[data-export]').click(),
    ])
    const text = await readFile(await download.path(), 'utf8')
    const [, ...rows] = parseCsv(text)
    const names = rows.map(([name]) => name ?? '')
    const safe = (name: string): string => (/^[=+\-@\t\r]/.test(name) ? `'${name}` : name)
    assert.deepEqual(new Set(names), new Set(NAMES.map(safe)))
    for (const formula of FORMULAS) assert.ok(names.includes(`'${formula}`), formula)
  })
})

/**
 * Over the plot point by point, so that each tooltip comes up; how often a name stood there at
 * most.
 */
async function hoverOver(page: Page, chart: ChartName): Promise<number> {
  const plot = page.locator(`[data-chart="${chart}"] [role="img"]`).first()
  await plot.scrollIntoViewIfNeeded()
  const box = await plot.boundingBox()
  assert.ok(box, `${chart} is drawn`)
  let most = 0
  for (let step = 1; step < HOVER_STEPS; step++) {
    const along = chart === 'revenue' ? 0.3 : step / HOVER_STEPS
    const down = chart === 'revenue' ? step / HOVER_STEPS : 0.5
    await page.mouse.move(box.x + along * box.width, box.y + down * box.height)
    await page.waitForTimeout(40)
    await expectUnharmed(page)
    most = Math.max(most, await countShown(page, IMAGE))
  }
  await page.mouse.move(0, 0)
  return most
}

/** How many places of the page show a text. */
async function countShown(page: Page, text: string): Promise<number> {
  return await page.getByText(text, { exact: true }).filter({ visible: true }).count()
}

/** No script of a name ran, and no element was made of one. */
async function expectUnharmed(page: Page): Promise<void> {
  const found = await page.evaluate(() => ({
    harmed: Reflect.get(window, 'harmed') !== undefined,
    made: document.querySelectorAll('img[src="x"], [onerror], [onload], body script:not([src])')
      .length,
  }))
  assert.deepEqual(found, { harmed: false, made: 0 })
}
