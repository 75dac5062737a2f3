/**
 * The breakdown by platform, country and device: figures as SQL gives them, tabs by the keyboard,
 * rows that filter the page, and names in the reader's language.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import type { EventFilterId } from '../../src/dashboard-definition/filters.ts'
import { type AdEvents, MINUTE_MS } from './support/ad-events.ts'
import { findViolations } from './support/axe.ts'
import { readBreakdown, readTiles, shownText, valuesOf, visit } from './support/dashboard.ts'
import { eventually } from './support/eventually.ts'
import { openSite, type Site } from './support/site.ts'
import { expectFigures, figuresWhere, isSame } from './support/sql.ts'
import { skipBrowser, type WatchedPage } from './support/watched-page.ts'

const COLUMNS = { platform: 'platform', country: 'country', device: 'device_type' } as const
const VALUES: Readonly<Record<EventFilterId, readonly string[]>> = {
  platform: ['web', 'mobile', ''],
  country: ['DE', 'US', 'BR', 'ZZ', 'Atlantis', ''],
  device: ['desktop', 'ios', 'android', ''],
}

/** Figures that differ for every value. */
const EVENTS: readonly AdEvents[] = VALUES.country.flatMap((country, at) =>
  VALUES.device.map((device, where) => ({
    campaign: at % 2 === 0 ? 'spring' : 'summer',
    ageMs: (3 + 7 * where) * MINUTE_MS,
    impressions: 30 - 4 * at + where,
    clicks: 1 + ((at + 2 * where) % 5),
    conversions: (at + where) % 2,
    revenue: [2.5 * (at + 1) + where],
    ...(VALUES.platform[(at + where) % 3] === ''
      ? {}
      : { platform: VALUES.platform[(at + where) % 3] as string }),
    ...(country === '' ? {} : { country }),
    ...(device === '' ? {} : { device }),
  })),
)

describe('breakdown', { skip: skipBrowser }, () => {
  let site: Site
  let watched: WatchedPage
  let page: Page

  before(async () => {
    site = await openSite()
    await site.send(EVENTS)
    watched = await site.open()
    page = watched.page
  })

  after(async () => {
    await watched?.close()
    await site?.close()
  })

  test('each tab has a row for each value, ranked, with the figures and shares of SQL', async () => {
    await visit(page, '/')
    for (const by of ['platform', 'country', 'device'] as const) {
      await page.locator(`[data-by="${by}"]`).click()
      const expected = await figuresWhere(
        site.folder,
        VALUES[by].map((value) => `COALESCE(${COLUMNS[by]}, '') = '${value}'`),
      )
      const all = expected.reduce((sum, { impressions }) => sum + (impressions ?? 0), 0)
      const rows = await eventually(async () => {
        const found = await readBreakdown(page)
        assert.deepEqual(sorted(found.map(({ value }) => value)), sorted(VALUES[by]), by)
        return found
      })
      const ranks = rows.map(({ cells }) => cells.impressions.value ?? 0)
      assert.deepEqual(
        ranks,
        ranks.toSorted((a, b) => b - a),
      )
      for (const { value, cells, share } of rows) {
        const figures = expected[VALUES[by].indexOf(value)]
        assert.ok(figures)
        expectFigures(valuesOf(cells), figures, `${by} ${value}`)
        assert.ok(isSame(share, (figures.impressions ?? 0) / all), `${by} ${value}: ${share}`)
      }
      assert.equal(new URL(page.url()).searchParams.get('by'), by === 'country' ? null : by)
    }
  })

  test('sorted by revenue the share is that of revenue, sorted by a ratio of impressions', async () => {
    await visit(page, '/?by=country')
    for (const [column, shareOf] of [
      ['revenue', 'revenue'],
      ['ctr', 'impressions'],
    ] as const) {
      await page.locator(`th[data-by-sort="${column}"] button`).first().click()
      await eventually(async () => {
        const rows = await readBreakdown(page)
        const ranks = rows.map(({ cells }) => cells[column].value ?? 0)
        assert.deepEqual(
          ranks,
          ranks.toSorted((a, b) => b - a),
          column,
        )
        const all = rows.reduce((sum, { cells }) => sum + (cells[shareOf].value ?? 0), 0)
        for (const { cells, share } of rows)
          assert.ok(isSame(share, (cells[shareOf].value ?? 0) / all), `${column}: ${share}`)
      })
      assert.equal(new URL(page.url()).searchParams.get('bySort'), column)
    }
  })

  test('a click on a row filters by it and shows that; another one takes it away', async () => {
    const [brazil, unset, all] = await figuresWhere(site.folder, [
      `country = 'BR'`,
      'country IS NULL',
      'true',
    ])
    await visit(page, '/?by=country')
    const button = (value: string) => page.locator(`[data-value-row="${value}"] button`)
    for (const [value, figures] of [
      ['BR', brazil],
      ['', unset],
    ] as const) {
      await button(value).click()
      await eventually(async () => {
        assert.ok(figures)
        expectFigures(valuesOf(await readTiles(page)), figures, `only ${value}`)
      })
      assert.deepEqual(new URL(page.url()).searchParams.getAll('country'), [value])
      assert.equal(await button(value).getAttribute('aria-pressed'), 'true')
      assert.equal(await page.locator('[data-value-row] [aria-pressed="true"]').count(), 1)
      // The others stay, to compare and to choose.
      assert.equal((await readBreakdown(page)).length, VALUES.country.length)
      assert.deepEqual(await findViolations(page), [])
    }
    await button('').click()
    await eventually(async () => {
      assert.ok(all)
      expectFigures(valuesOf(await readTiles(page)), all, 'all again')
    })
    assert.equal(await page.locator('[data-value-row] [aria-pressed="true"]').count(), 0)
  })

  test('other filters apply: the rows of one campaign add up to its figures', async () => {
    const [expected] = await figuresWhere(site.folder, [`campaign_id = 'spring'`])
    await visit(page, '/?by=device&campaign=spring')
    await eventually(async () => {
      const rows = await readBreakdown(page)
      for (const id of ['impressions', 'clicks', 'conversions', 'revenue'] as const) {
        const sum = rows.reduce((total, { cells }) => total + (cells[id].value ?? 0), 0)
        assert.ok(isSame(sum, expected?.[id] ?? null), `${id}: ${sum}`)
      }
    })
  })

  test('countries are named in the reader’s language; unknown and empty ones are said', async () => {
    for (const [locale, names] of [
      ['en-GB', { DE: 'Germany', ZZ: 'Unknown Region', Atlantis: 'Atlantis', '': 'Not set' }],
      ['de-DE', { DE: 'Deutschland', US: 'Vereinigte Staaten', Atlantis: 'Atlantis' }],
    ] as const) {
      const reader = await site.open({ locale })
      await visit(reader.page, '/?by=country')
      for (const [value, name] of Object.entries(names)) {
        const row = reader.page.locator(`[data-value-row="${value}"] .name`)
        await row.waitFor()
        assert.equal(await shownText(row), name)
      }
      await reader.close()
    }
  })

  test('tabs are one stop of the keyboard, and arrows, Home and End choose', async () => {
    await visit(page, '/')
    const tab = (by: EventFilterId) => page.locator(`[data-by="${by}"]`)
    await tab('platform').focus()
    for (const [key, by] of [
      ['ArrowRight', 'country'],
      ['End', 'device'],
      ['ArrowRight', 'platform'],
      ['ArrowLeft', 'device'],
      ['Home', 'platform'],
    ] as const) {
      await page.keyboard.press(key)
      assert.equal(await tab(by).getAttribute('aria-selected'), 'true', key)
      assert.equal(await tab(by).getAttribute('tabindex'), '0')
      assert.ok(await tab(by).evaluate((one) => one === document.activeElement))
    }
    assert.equal(await page.locator('[role="tab"][tabindex="0"]').count(), 1)
    const panel = page.getByRole('tabpanel', { name: 'Platform' })
    assert.equal(await panel.count(), 1)
    await page.goBack()
    await eventually(async () =>
      assert.equal(await tab('device').getAttribute('aria-selected'), 'true'),
    )
  })
})

function sorted(values: readonly string[]): readonly string[] {
  return [...values].sort()
}
