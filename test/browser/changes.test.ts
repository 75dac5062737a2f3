/**
 * The change of each figure in the tables: shown on request, against what the overview compares
 * with, sorted by, and kept in the address.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import type { MeasureId } from '../../src/dashboard-definition/definition.ts'
import { HOUR_MS, MINUTE_MS } from './support/ad-events.ts'
import { findViolations } from './support/axe.ts'
import { visit } from './support/dashboard.ts'
import { eventually } from './support/eventually.ts'
import { expectNoScrollSideways, expectNumbersWhole } from './support/layout.ts'
import { openSite, type Site } from './support/site.ts'
import { skipBrowser } from './support/watched-page.ts'

const WINDOW_MS = 5 * MINUTE_MS
const NOW_MS = Math.floor(Date.now() / WINDOW_MS) * WINDOW_MS
/** A whole hour that is over, and in the middle of it and of the hour before. */
const [FROM_MS, TO_MS] = [NOW_MS - 2 * HOUR_MS, NOW_MS - HOUR_MS]
const NOW = { ageMs: 90 * MINUTE_MS, country: 'DE' }
const BEFORE = { ageMs: 150 * MINUTE_MS, country: 'DE' }
const PATH = `/?from=${momentText(FROM_MS)}&to=${momentText(TO_MS)}`

type Change = Readonly<{ percent: string | null; direction: string | null; text: string }>

describe('changes', { skip: skipBrowser }, () => {
  let site: Site

  before(async () => {
    site = await openSite()
    await site.send([
      // So that the hour before is wholly within the figures.
      { campaign: 'oldest', ageMs: 6 * HOUR_MS, impressions: 1 },
      { campaign: 'alpha', ...BEFORE, impressions: 100, clicks: 4, revenue: [10] },
      { campaign: 'alpha', ...NOW, impressions: 150, clicks: 6, revenue: [12.5] },
      { campaign: 'beta', ...BEFORE, impressions: 200, clicks: 10 },
      { campaign: 'beta', ...NOW, impressions: 100, clicks: 8, country: 'AT' },
      { campaign: 'new', ...NOW, impressions: 30, clicks: 1 },
    ])
  })

  after(async () => {
    await site?.close()
  })

  test('the table has no changes until they are asked for, and the address keeps them', async () => {
    const watched = await site.open()
    const { page } = watched
    await visit(page, PATH)
    assert.equal(await page.locator('[data-table="campaigns"] [data-change]').count(), 0)
    await page.locator('[data-changes]').click()
    await expectChanges(page)
    assert.equal(await page.locator('[data-changes]').getAttribute('aria-pressed'), 'true')
    assert.equal(new URL(page.url()).searchParams.get('changes'), 'on')
    assert.match(
      (await page.locator('.card-campaigns [data-compared]').textContent()) ?? '',
      /\d\d:\d\d.* vs .*\d/,
    )
    assert.deepEqual(await findViolations(page), [])
    await page.reload()
    await expectChanges(page)
    await watched.close()
  })

  test('a sign below each heading sorts by the change, losses first, and shows changes', async () => {
    const watched = await site.open()
    const { page } = watched
    await visit(page, PATH)
    const head = page.locator('th[data-sort="impressions"]')
    const sign = head.getByRole('button', { name: 'Change of Impressions' })
    await sign.focus()
    await page.keyboard.press('Enter')
    await expectOrder(page, 'campaigns', ['beta', 'alpha', 'new'])
    assert.equal(await head.getAttribute('aria-sort'), 'ascending')
    assert.equal(await sign.getAttribute('aria-current'), 'true')
    assert.equal(await page.locator('[data-table="campaigns"] [aria-sort]').count(), 1)
    assert.equal(await page.locator('[data-table="campaigns"] [aria-current]').count(), 1)
    const asked = new URL(page.url()).searchParams
    assert.deepEqual(
      ['sort', 'order', 'changes'].map((name) => asked.get(name)),
      ['impressionsChange', 'asc', 'on'],
    )
    assert.deepEqual(await findViolations(page), [])
    await page.keyboard.press('Enter')
    await expectOrder(page, 'campaigns', ['alpha', 'beta', 'new'])
    assert.equal(await head.getAttribute('aria-sort'), 'descending')
    // What is not shown sorts nothing.
    await page.locator('[data-changes]').click()
    await expectOrder(page, 'campaigns', ['alpha', 'beta', 'new'])
    assert.equal(await sign.getAttribute('aria-current'), null)
    await watched.close()
  })

  test('the breakdown has the same changes, and none where there was nothing before', async () => {
    const watched = await site.open()
    const { page } = watched
    await visit(page, PATH)
    await page.locator('[data-by-sort="clicks"] [data-sort-change]').click()
    await expectOrder(page, 'breakdown', ['DE', 'AT'])
    await eventually(async () => {
      assert.deepEqual(
        [
          await readChange(page, 'DE', 'clicks'),
          await readChange(page, 'DE', 'revenue'),
          await readChange(page, 'AT', 'clicks'),
        ],
        // 14 clicks before, then 7 in Germany and 8 in Austria.
        [
          { percent: '-50', direction: 'down', text: '−50.0%' },
          { percent: '25', direction: 'up', text: '+25.0%' },
          { percent: '', direction: 'unknown', text: '–' },
        ] satisfies Change[],
      )
    })
    assert.match(
      (await page.locator('.card-breakdown [data-compared]').textContent()) ?? '',
      /\d\d:\d\d.* vs .*\d/,
    )
    assert.equal(new URL(page.url()).searchParams.get('bySort'), 'clicksChange')
    assert.deepEqual(await findViolations(page), [])
    await watched.close()
  })

  test('they fit a phone, and end where nothing is compared', async () => {
    const watched = await site.open({ width: 360, height: 740, isPhone: true })
    const { page } = watched
    await visit(page, `${PATH}&changes=on`)
    await expectChanges(page)
    await expectNoScrollSideways(page)
    await expectNumbersWhole(page)
    assert.deepEqual(await findViolations(page), [])
    await visit(page, `${PATH}&changes=on&compare=none`)
    assert.ok(await page.locator('[data-changes]').isDisabled())
    assert.ok(await page.locator('[data-sort-change]').first().isDisabled())
    assert.equal(await page.locator('[data-table="campaigns"] [data-change]').count(), 0)
    await watched.close()
  })
})

/** By hand: alpha grew by half at an equal CTR, beta halved, and there was no `new` before. */
async function expectChanges(page: Page): Promise<void> {
  await eventually(async () => {
    assert.deepEqual(
      [
        await readChange(page, 'alpha', 'impressions'),
        await readChange(page, 'alpha', 'ctr'),
        await readChange(page, 'alpha', 'revenue'),
        await readChange(page, 'beta', 'impressions'),
        await readChange(page, 'beta', 'ctr'),
        await readChange(page, 'new', 'impressions'),
      ],
      [
        { percent: '50', direction: 'up', text: '+50.0%' },
        { percent: '0', direction: 'uncertain', text: '0.0%' },
        { percent: '25', direction: 'up', text: '+25.0%' },
        { percent: '-50', direction: 'down', text: '−50.0%' },
        // From 10 of 200 to 8 of 100: less than two standard errors.
        { percent: '60', direction: 'uncertain', text: '+60.0%' },
        { percent: '', direction: 'unknown', text: '–' },
      ] satisfies Change[],
    )
  })
}

async function readChange(page: Page, campaign: string, id: MeasureId): Promise<Change | null> {
  return await page.evaluate(
    ([row, cell]) => {
      const change = document.querySelector(
        `:is([data-campaign="${row}"], [data-value-row="${row}"]) [data-cell="${cell}"] .cell-change`,
      )
      if (change === null) return null
      const { change: percent = null, direction = null } = (change as HTMLElement).dataset
      return { percent, direction, text: change.textContent ?? '' }
    },
    [campaign, id] as const,
  )
}

async function expectOrder(
  page: Page,
  table: 'campaigns' | 'breakdown',
  expected: readonly string[],
): Promise<void> {
  await eventually(async () => {
    const shown = await page
      .locator(`[data-table="${table}"] tbody tr`)
      .evaluateAll((rows) =>
        rows.map(
          (row) => row.getAttribute('data-campaign') ?? row.getAttribute('data-value-row') ?? '',
        ),
      )
    assert.deepEqual(shown, expected)
  })
}

/** As the page writes it in its address. */
function momentText(ms: number): string {
  return encodeURIComponent(`${new Date(ms).toISOString().slice(0, 19)}Z`)
}
