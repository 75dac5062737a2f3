/**
 * The strip "Real time": with filters it follows them, by window; and one second of a backfill does
 * not make all the others look empty.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { postAccepted } from '../support/client.ts'
import { type AdEvents, DAY_MS, eventsOf, MINUTE_MS } from './support/ad-events.ts'
import { findViolations } from './support/axe.ts'
import {
  bareNumber,
  chooseValue,
  readChartTable,
  shownText,
  visit,
  waitUntilLive,
} from './support/dashboard.ts'
import { eventually } from './support/eventually.ts'
import { openSite, type Site } from './support/site.ts'
import { query } from './support/sql.ts'
import { skipBrowser, type WatchedPage } from './support/watched-page.ts'

const PLACES = [
  { campaign: 'spring', country: 'DE' },
  { campaign: 'summer', country: 'US' },
] as const
const EVENTS: readonly AdEvents[] = [2, 9, 23, 41].flatMap((minutes, at) =>
  PLACES.map((place, where) => ({
    ...place,
    ageMs: minutes * MINUTE_MS,
    impressions: 10 + 7 * at + 3 * where,
    clicks: 1 + at,
    conversions: where,
  })),
)
const STEADY_SECONDS = 12
const STEADY = 3
const BACKFILL = 6_000

describe('real time', { skip: skipBrowser }, () => {
  let site: Site
  let watched: WatchedPage

  before(async () => {
    site = await openSite()
    await site.send(EVENTS)
    watched = await site.open()
  })

  after(async () => {
    await watched?.close()
    await site?.close()
  })

  test('with a filter it has the windows of the last hour as SQL counts them, and new events', async () => {
    const { page } = watched
    await visit(page, '/')
    await chooseValue(page, 'country', 'DE')
    await expectWindows(site, watched, `country = 'DE'`)
    await postAccepted(
      site.url(),
      eventsOf([{ ...PLACES[0], ageMs: 0, impressions: 5, clicks: 2 }], Date.now()),
    )
    await expectWindows(site, watched, `country = 'DE'`)
    await chooseValue(page, 'campaign', 'spring')
    await expectWindows(site, watched, `country = 'DE' AND campaign_id = 'spring'`)
    assert.match(await shownText(page.locator('.card-realtime .card-note')), /filters/i)
    assert.deepEqual(await findViolations(page), [])
    await page.locator('[data-clear-filters]').click()
    await eventually(async () => {
      const { headers, rows } = await readChartTable(page, 'realtime')
      assert.equal(headers.length, 4)
      assert.ok(rows.length >= 30, 'by the second again')
    })
  })

  test('a backfill is cut off and told, and the seconds beside it are still seen', async () => {
    const { page } = watched
    await visit(page, '/')
    await waitUntilLive(page)
    for (let second = 0; second < STEADY_SECONDS; second++) {
      const events = { campaign: 'steady', ageMs: 0, impressions: STEADY }
      await postAccepted(site.url(), eventsOf([events], Date.now()))
      await sleep(1000)
    }
    const old = { campaign: 'old', ageMs: DAY_MS, impressions: BACKFILL }
    await postAccepted(site.url(), eventsOf([old], Date.now()))
    const panel = page.locator('[data-realtime="impressions"]')
    await eventually(async () => {
      assert.match(await shownText(panel.locator('.realtime-sum')), /peak [\d,]+/)
      const heights = await panel.locator('.realtime-area').evaluate((area) => {
        const path = area.getAttribute('d') ?? ''
        return [...path.matchAll(/V([\d.]+)/g)].map(([, y]) => 1 - Number(y) / 40)
      })
      const steady = heights.filter((height) => height > 0.1 && height < 1)
      assert.ok(steady.length >= STEADY_SECONDS / 2, `seen: ${steady.length} seconds`)
      assert.ok(heights.includes(1), 'the backfill reaches the top')
    })
    // The words are renewed every ten seconds.
    const plot = page.locator('[data-chart="realtime"] [role="img"]')
    await eventually(async () =>
      assert.match(
        (await plot.getAttribute('aria-label')) ?? '',
        /impressions reach [\d,]+, cut off/,
      ),
    )
  })
})

describe('real time of a shop that sleeps', { skip: skipBrowser }, () => {
  test('the newest window is no “last 5 minutes” when it is hours old', async () => {
    const site = await openSite()
    await site.send([{ campaign: 'spring', ageMs: 3 * 60 * MINUTE_MS, impressions: 4 }])
    const watched = await site.open()
    const { page } = watched
    await visit(page, '/')
    await waitUntilLive(page)
    const title = page.locator('.newest-title')
    assert.equal(await shownText(title), 'Newest events')
    await postAccepted(
      site.url(),
      eventsOf([{ campaign: 'spring', ageMs: 0, impressions: 4 }], Date.now()),
    )
    await eventually(async () => assert.equal(await shownText(title), 'Last 5 minutes'))
    await watched.close()
    await site.close()
  })
})

/** The table behind the strip: by window, the newest first. */
async function expectWindows(site: Site, { page }: WatchedPage, condition: string): Promise<void> {
  await eventually(async () => {
    const counted = await query(
      site.folder,
      `SELECT CAST(COUNT(*) FILTER (event_type = 'impression') AS INTEGER) AS impressions,
          CAST(COUNT(*) FILTER (event_type = 'click') AS INTEGER) AS clicks,
          CAST(COUNT(*) FILTER (event_type = 'conversion') AS INTEGER) AS conversions
        FROM campaign_events WHERE ${condition}
        GROUP BY time_bucket(INTERVAL 5 MINUTE, "timestamp")
        ORDER BY time_bucket(INTERVAL 5 MINUTE, "timestamp") DESC`,
    )
    const expected = counted.map(({ impressions, clicks, conversions }) => [
      impressions,
      clicks,
      conversions,
    ])
    const { rows } = await readChartTable(page, 'realtime')
    assert.equal(rows.length, 12, 'an hour of windows of five minutes')
    const shown = rows.map(([, ...counts]) => counts.map((count) => Number(bareNumber(count))))
    assert.deepEqual(
      shown.filter((counts) => counts.some((count) => count > 0)),
      expected,
    )
  })
}
