/**
 * The change of each figure in the campaign table: shown on request, against what the overview
 * compares with, and kept in the address.
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
const [AGE_MS, BEFORE_MS] = [90 * MINUTE_MS, 150 * MINUTE_MS]
const PATH = `/?from=${momentText(FROM_MS)}&to=${momentText(TO_MS)}`

type Change = Readonly<{ percent: string | null; direction: string | null; text: string }>

describe('changes', { skip: skipBrowser }, () => {
  let site: Site

  before(async () => {
    site = await openSite()
    await site.send([
      // So that the hour before is wholly within the figures.
      { campaign: 'oldest', ageMs: 6 * HOUR_MS, impressions: 1 },
      { campaign: 'alpha', ageMs: BEFORE_MS, impressions: 100, clicks: 4, revenue: [10] },
      { campaign: 'alpha', ageMs: AGE_MS, impressions: 150, clicks: 6, revenue: [12.5] },
      { campaign: 'beta', ageMs: BEFORE_MS, impressions: 200, clicks: 10 },
      { campaign: 'beta', ageMs: AGE_MS, impressions: 100, clicks: 8 },
      { campaign: 'new', ageMs: AGE_MS, impressions: 30, clicks: 1 },
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
    assert.match((await page.locator('[data-compared]').textContent()) ?? '', /\d\d:\d\d.* vs .*\d/)
    assert.deepEqual(await findViolations(page), [])
    await page.reload()
    await expectChanges(page)
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
        { percent: '0', direction: 'same', text: '0.0%' },
        { percent: '25', direction: 'up', text: '+25.0%' },
        { percent: '-50', direction: 'down', text: '−50.0%' },
        { percent: '60', direction: 'up', text: '+60.0%' },
        { percent: '', direction: 'unknown', text: '–' },
      ] satisfies Change[],
    )
  })
}

async function readChange(page: Page, campaign: string, id: MeasureId): Promise<Change | null> {
  return await page.evaluate(
    ([row, cell]) => {
      const change = document.querySelector(
        `[data-campaign="${row}"] [data-cell="${cell}"] .cell-change`,
      )
      if (change === null) return null
      const { change: percent = null, direction = null } = (change as HTMLElement).dataset
      return { percent, direction, text: change.textContent ?? '' }
    },
    [campaign, id] as const,
  )
}

/** As the page writes it in its address. */
function momentText(ms: number): string {
  return encodeURIComponent(`${new Date(ms).toISOString().slice(0, 19)}Z`)
}
