/**
 * Three questions of a campaign manager, each answered by at most three clicks from the start page:
 * which campaign lost CTR since yesterday and in which country; what the weekend brought against
 * the one before; which device converts best for a campaign. The browser counts the clicks, and the
 * answers are those of `query`.
 */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import type { MeasureId } from '../../src/dashboard-definition/definition.ts'
import { type AdEvents, DAY_MS, HOUR_MS, MINUTE_MS } from './support/ad-events.ts'
import { findViolations } from './support/axe.ts'
import { readBreakdown, readTiles, shownText, valuesOf, visit } from './support/dashboard.ts'
import { eventually } from './support/eventually.ts'
import { openSite, type Site } from './support/site.ts'
import { expectFigures, type Figures, figuresWhere, isSame, sqlMoment } from './support/sql.ts'
import { skipBrowser, type WatchedPage } from './support/watched-page.ts'

const CLICKS_MAX = 3
const NOW_MS = Date.now()
/** Hours ahead of UTC of a zone in which it is noon now: today has a morning there. */
const AHEAD = 12 - new Date(NOW_MS).getUTCHours()
const ZONE = AHEAD === 0 ? 'UTC' : `Etc/GMT${AHEAD > 0 ? '-' : '+'}${Math.abs(AHEAD)}`
const TODAY_MS = Math.floor((NOW_MS + AHEAD * HOUR_MS) / DAY_MS) * DAY_MS - AHEAD * HOUR_MS

const [SHOES, COATS, BAGS, BRAND, TRIAL] = [1, 2, 3, 4, 5].map((at) => `1202123456789010${at}`) as [
  string,
  string,
  string,
  string,
  string,
]
const NAMES = new Map([
  [SHOES, 'Summer shoes'],
  [COATS, 'Winter coats'],
  [BAGS, 'Bags and belts'],
  [BRAND, 'Brand search'],
  [TRIAL, 'Trial of a banner'],
])
const COUNTRIES = ['DE', 'AT', 'PL'] as const
const DEVICES = ['desktop', 'ios', 'android'] as const
const IMPRESSIONS = 150
const CLICKS = new Map([
  [SHOES, 6],
  [COATS, 6],
  [BAGS, 4],
  [BRAND, 12],
])

/** Mornings at these hours, and an afternoon that a comparison up to now leaves out. */
const MORNING = [1.5, 5.5, 9.5]
const AFTERNOON = 17.5

function hourOf(dayMs: number, hour: number, clicksOf: typeof clicksYesterday): AdEvents[] {
  return [...CLICKS.keys()].flatMap((campaign) =>
    COUNTRIES.flatMap((country) =>
      DEVICES.map((device) => ({
        campaign,
        country,
        device,
        platform: device === 'desktop' ? 'web' : 'app',
        ageMs: NOW_MS - dayMs - hour * HOUR_MS,
        impressions: IMPRESSIONS,
        clicks: clicksOf(campaign, country),
        conversions: 1,
        revenue: [49.9],
      })),
    ),
  )
}

function clicksYesterday(campaign: string, _country: string): number {
  return CLICKS.get(campaign) ?? 0
}

/** In Poland hardly anybody clicks the shoes any more; the rest moves little, the bags up. */
function clicksToday(campaign: string, country: string): number {
  if (campaign === SHOES && country === 'PL') return 1
  if (campaign === BAGS) return 6
  return clicksYesterday(campaign, country) - (campaign === BRAND ? 1 : 0)
}

const YESTERDAY: readonly AdEvents[] = [
  ...MORNING.flatMap((hour) => hourOf(TODAY_MS - DAY_MS, hour, clicksYesterday)),
  ...hourOf(TODAY_MS - DAY_MS, AFTERNOON, clicksToday),
  { ...trial(TODAY_MS - DAY_MS), clicks: 1 },
]
const TODAY: readonly AdEvents[] = [
  ...MORNING.flatMap((hour) => hourOf(TODAY_MS, hour, clicksToday)),
  trial(TODAY_MS),
]

/** So few events that its CTR says nothing. */
function trial(dayMs: number): AdEvents {
  const ageMs = NOW_MS - dayMs - 8 * HOUR_MS
  return { campaign: TRIAL, country: 'AT', device: 'ios', platform: 'app', ageMs, impressions: 20 }
}

/** The devices of the last hour convert differently. */
const LAST_HOUR: readonly AdEvents[] = [12, 20, 28].flatMap((minutes) =>
  [...CLICKS].flatMap(([campaign, clicks]) =>
    DEVICES.map((device, at) => ({
      campaign,
      country: 'DE',
      device,
      platform: device === 'desktop' ? 'web' : 'app',
      ageMs: minutes * MINUTE_MS,
      impressions: IMPRESSIONS,
      clicks,
      conversions: campaign === SHOES ? ([1, 3, 2][at] ?? 0) : 1,
      revenue: [49.9],
    })),
  ),
)

/** A shop that grows, and sells more on Saturdays and Sundays. */
const WEEKS: readonly AdEvents[] = Array.from({ length: 20 }, (_, at) => at + 2).flatMap(
  (daysAgo) =>
    [...CLICKS.keys()].map((campaign, nr) => {
      const dayMs = TODAY_MS - daysAgo * DAY_MS
      const isWeekend = [0, 6].includes(new Date(dayMs + AHEAD * HOUR_MS).getUTCDay())
      const sales = (isWeekend ? 8 : 3) - Math.floor(daysAgo / 7) + (nr % 2)
      return {
        campaign,
        country: 'DE',
        device: 'desktop',
        platform: 'web',
        ageMs: NOW_MS - dayMs - 10.5 * HOUR_MS,
        impressions: 60 + 10 * nr - daysAgo,
        clicks: 12,
        conversions: sales,
        revenue: Array.from({ length: sales }, () => 39 + nr),
      }
    }),
)

describe('questions of a campaign manager', { skip: skipBrowser }, () => {
  let site: Site
  let watched: WatchedPage
  let page: Page

  before(async () => {
    site = await openSite({ timezone: ZONE, currency: 'EUR', campaignNames: './campaigns.csv' })
    const rows = [...NAMES].map((row) => `${row.join(',')}\n`)
    await writeFile(join(site.folder.path, 'campaigns.csv'), `campaign_id,name\n${rows.join('')}`)
    const laterMs = Date.now() - NOW_MS
    const sent = (groups: readonly AdEvents[]): readonly AdEvents[] =>
      groups.map((group) => ({ ...group, ageMs: group.ageMs + laterMs }))
    for (const groups of [WEEKS, YESTERDAY, TODAY, LAST_HOUR]) await site.send(sent(groups))
    watched = await site.open()
    page = watched.page
    await page.addInitScript(() => {
      Reflect.set(window, 'clicks', 0)
      const count = ({ isTrusted }: Event): void => {
        if (isTrusted) Reflect.set(window, 'clicks', Reflect.get(window, 'clicks') + 1)
      }
      document.addEventListener('click', count, { capture: true })
    })
  })

  after(async () => {
    await watched?.close()
    await site?.close()
  })

  async function expectFewClicks(clicks: number): Promise<void> {
    assert.equal(await page.evaluate(() => Reflect.get(window, 'clicks')), clicks)
    assert.ok(clicks <= CLICKS_MAX)
    assert.deepEqual(await findViolations(page), [])
  }

  test('which campaign lost CTR since yesterday, and in which country', async () => {
    const campaigns = [...NAMES.keys()]
    const byCampaign = await changesInSql(campaigns.map((campaign) => of(campaign)))
    const byCountry = await changesInSql(
      COUNTRIES.map((country) => `${of(SHOES)} AND country = '${country}'`),
    )
    await visit(page, '/')
    await page.locator('[data-range="today"]').click()
    await page.locator('th[data-sort="ctr"] [data-sort-change]').click()
    await eventually(async () => {
      const shown = await readChanges(page, 'campaigns', 'ctr')
      // What is of few events, or too little to be more than chance, comes last.
      assert.deepEqual(
        shown.map(({ key, direction }) => [NAMES.get(key), direction]),
        [
          ['Summer shoes', 'down'],
          ['Bags and belts', 'up'],
          ['Trial of a banner', 'uncertain'],
          ['Brand search', 'uncertain'],
          ['Winter coats', 'uncertain'],
        ],
      )
      expectPercents(shown, campaigns, byCampaign)
    })
    const name = page.locator('[data-table="campaigns"] tbody tr').first().locator('button')
    assert.match(await shownText(name), /Summer shoes/)
    await name.click()
    await eventually(async () => {
      assert.match(await shownText(page.locator('#overview-title')), /Summer shoes/)
      const shown = await readChanges(page, 'breakdown', 'ctr')
      const lost = shown.filter(({ direction }) => direction === 'down').map(({ key }) => key)
      assert.deepEqual(lost, ['PL'])
      assert.equal(shown.length, COUNTRIES.length)
      expectPercents(shown, COUNTRIES, byCountry)
    })
    assert.match(await shownText(page.locator('.card-breakdown [data-compared]')), / vs /)
    await expectFewClicks(3)
  })

  test('what the weekend brought against the one before', async () => {
    let sundayMs = TODAY_MS - DAY_MS
    while (new Date(sundayMs + AHEAD * HOUR_MS).getUTCDay() !== 0) sundayMs -= DAY_MS
    const weekend = (daysBefore: number): string => {
      const fromMs = sundayMs - (1 + daysBefore) * DAY_MS
      return between(fromMs, fromMs + 2 * DAY_MS)
    }
    const [now, then] = (await figuresWhere(site.folder, [weekend(0), weekend(7)])) as [
      Figures,
      Figures,
    ]
    await visit(page, '/')
    await page.locator('[data-range-menu]').click()
    await page.locator('[data-range="last-weekend"]').click()
    await eventually(async () => {
      expectFigures(valuesOf(await readTiles(page)), now, 'the weekend')
      const changes = await readTiles(page, 'data-change')
      for (const id of ['impressions', 'conversions', 'revenue', 'cvr'] as const) {
        const { value } = changes[id]
        const expected = percentOf(then[id], now[id])
        assert.ok(isSame(value, expected), `${id}: ${value}, expected ${expected}`)
      }
    })
    const compared = await shownText(page.locator('[data-comparison]'))
    assert.match(compared, /^Sat, .* – Sun, .* vs Sat, .* – Sun, /)
    assert.equal(new URL(page.url()).search, '?range=last-weekend')
    await expectFewClicks(2)
  })

  test('which device converts best for a campaign', async () => {
    const expected = await figuresWhere(
      site.folder,
      DEVICES.map(
        (device) =>
          `${of(SHOES)} AND device_type = '${device}' AND ${between(NOW_MS - HOUR_MS, NOW_MS)}`,
      ),
    )
    await visit(page, '/')
    await page.locator(`tr[data-campaign="${SHOES}"] button`).click()
    await page.locator('[data-by="device"]').click()
    await page.locator('th[data-by-sort="cvr"] .sort-button').first().click()
    await eventually(async () => {
      const rows = await readBreakdown(page)
      assert.deepEqual(
        rows.map(({ value }) => value),
        ['ios', 'android', 'desktop'],
      )
      for (const { value, cells } of rows) {
        const figures = expected[(DEVICES as readonly string[]).indexOf(value)]
        expectFigures(valuesOf(cells), figures as Figures, value)
      }
    })
    await expectFewClicks(3)
  })

  /** Of the CTR, today against yesterday up to the same time. */
  async function changesInSql(conditions: readonly string[]): Promise<readonly (number | null)[]> {
    const figures = await figuresWhere(
      site.folder,
      conditions.flatMap((condition) => [
        `${condition} AND ${between(TODAY_MS - DAY_MS, NOW_MS - DAY_MS)}`,
        `${condition} AND ${between(TODAY_MS, NOW_MS)}`,
      ]),
    )
    return conditions.map((_, at) =>
      percentOf(figures[2 * at]?.ctr ?? null, figures[2 * at + 1]?.ctr ?? null),
    )
  }
})

function of(campaign: string): string {
  return `campaign_id = '${campaign}'`
}

function between(fromMs: number, toMs: number): string {
  return `"timestamp" >= ${sqlMoment(fromMs)} AND "timestamp" < ${sqlMoment(toMs)}`
}

function percentOf(then: number | null, now: number | null): number | null {
  return then === null || now === null || then === 0 ? null : (now / then - 1) * 100
}

type ShownChange = Readonly<{ key: string; percent: number | null; direction: string }>

/** In the order of the rows. */
async function readChanges(
  page: Page,
  table: 'campaigns' | 'breakdown',
  id: MeasureId,
): Promise<readonly ShownChange[]> {
  const found = await page.locator(`[data-table="${table}"] tbody tr`).evaluateAll(
    (rows, cell) =>
      rows.map((row) => {
        const change = row.querySelector(`[data-cell="${cell}"] [data-change]`)
        return {
          key: row.getAttribute('data-campaign') ?? row.getAttribute('data-value-row') ?? '',
          percent: change?.getAttribute('data-change') ?? '',
          direction: change?.getAttribute('data-direction') ?? 'none',
        }
      }),
    id,
  )
  return found.map((one) => ({ ...one, percent: one.percent === '' ? null : Number(one.percent) }))
}

function expectPercents(
  shown: readonly ShownChange[],
  keys: readonly string[],
  expected: readonly (number | null)[],
): void {
  for (const { key, percent } of shown) {
    const wanted = expected[keys.indexOf(key)] ?? null
    assert.ok(isSame(percent, wanted), `${key}: ${percent}, expected ${wanted}`)
  }
}
