/**
 * Time: ranges, days of a calendar, the zone they are in, and what they are compared with. Figures
 * are those of SQL over stretches that were found by another way than the page's: by walking along
 * a clock of the zone.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { RANGES, type RangeId } from '../../src/dashboard-definition/definition.ts'
import { type AdEvents, DAY_MS, HOUR_MS, MINUTE_MS } from './support/ad-events.ts'
import { findViolations } from './support/axe.ts'
import {
  chooseRange,
  readChartTable,
  readTiles,
  shownText,
  valuesOf,
  visit,
} from './support/dashboard.ts'
import { eventually } from './support/eventually.ts'
import { openSite, type Site } from './support/site.ts'
import { expectFigures, type Figures, figuresWhere, isSame, sqlMoment } from './support/sql.ts'
import { skipBrowser, type WatchedPage } from './support/watched-page.ts'

const ZONE = 'Europe/Berlin'
/** The browser's. */
const OWN_ZONE = 'America/St_Johns'
const SANTIAGO = 'America/Santiago'
const WINDOW_MS = 5 * MINUTE_MS
const STEP_MS = 30 * MINUTE_MS

/** An event every half hour around three clock changes, and every three hours for ten weeks. */
const CHANGES = ['2026-03-29', '2026-09-06', '2026-10-25'] as const

function eventsAt(nowMs: number): readonly AdEvents[] {
  const around = CHANGES.flatMap((day) =>
    Array.from(
      { length: 4 * 48 },
      (_, at) => Date.parse(`${day}T00:00Z`) - DAY_MS * 2 + at * STEP_MS,
    ),
  )
  const recent = Array.from({ length: 70 * 8 }, (_, at) => nowMs - at * 3 * HOUR_MS - MINUTE_MS)
  return [...around, ...recent].map((ms, at) => ({
    campaign: at % 3 === 0 ? 'spring' : 'autumn',
    ageMs: nowMs - ms,
    impressions: 1 + (at % 5),
    clicks: at % 2,
    revenue: at % 2 === 0 ? [] : [0.25 * (at % 7)],
  }))
}

type Stretch = readonly [fromMs: number, toMs: number]

function between([fromMs, toMs]: Stretch): string {
  return `"timestamp" >= ${sqlMoment(fromMs)} AND "timestamp" < ${sqlMoment(toMs)}`
}

const CALENDARS = new Map(
  [ZONE, OWN_ZONE, 'UTC'].map((timeZone) => [
    timeZone,
    new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' }),
  ]),
)

/** What a calendar on the wall of the zone shows: `2026-11-22`. */
function dayIn(zone: string, ms: number): string {
  return CALENDARS.get(zone)?.format(ms) ?? ''
}

/** Walks back until the calendar shows another day. */
function midnightBefore(zone: string, ms: number): number {
  let atMs = Math.floor(ms / WINDOW_MS) * WINDOW_MS
  while (dayIn(zone, atMs - 1) === dayIn(zone, ms)) atMs -= WINDOW_MS
  return atMs
}

/** The midnight so many days before today's. */
function midnightAgo(zone: string, days: number, nowMs: number): number {
  let atMs = midnightBefore(zone, nowMs)
  for (let left = days; left > 0; left--) atMs = midnightBefore(zone, atMs - 1)
  return atMs
}

function stretchOf(id: RangeId, nowMs: number): Stretch {
  const endMs = (Math.floor(nowMs / WINDOW_MS) + 1) * WINDOW_MS
  const ago = (days: number): number => midnightAgo(ZONE, days, nowMs)
  // The browser reads American English, whose weeks begin on Sunday.
  const weekday = new Date(`${dayIn(ZONE, nowMs)}T00:00Z`).getUTCDay()
  const dayOfMonth = Number(dayIn(ZONE, nowMs).slice(8))
  const lastOfMonth = dayOfMonth + Number(dayIn(ZONE, ago(dayOfMonth)).slice(8))
  switch (id) {
    case 'today':
      return [ago(0), endMs]
    case 'yesterday':
      return [ago(1), ago(0)]
    case 'this-week':
      return [ago(weekday), endMs]
    case 'last-week':
      return [ago(weekday + 7), ago(weekday)]
    case 'last-weekend': {
      // The last Sunday before today, and the day before it.
      const sunday = weekday === 0 ? 7 : weekday
      return [ago(sunday + 1), ago(sunday - 1)]
    }
    case '7d':
      return [ago(6), endMs]
    case '30d':
      return [ago(29), endMs]
    case 'this-month':
      return [ago(dayOfMonth - 1), endMs]
    case 'last-month':
      return [ago(lastOfMonth - 1), ago(dayOfMonth - 1)]
    default: {
      const seconds = RANGES.find((range) => range.id === id)?.seconds ?? 0
      return [endMs - seconds * 1000, endMs]
    }
  }
}

async function expectTiles(page: Page, expected: Figures | undefined, where: string) {
  assert.ok(expected)
  await eventually(async () => {
    expectFigures(valuesOf(await readTiles(page)), expected, where)
  })
}

const asked = (page: Page): URLSearchParams => new URL(page.url()).searchParams
const menu = (page: Page) => page.locator('[data-range-menu]')
const comparison = (page: Page) => page.locator('[data-comparison]')

describe('time', { skip: skipBrowser }, () => {
  let site: Site
  let watched: WatchedPage

  before(async () => {
    site = await openSite({ timezone: ZONE })
    await site.send(eventsAt(Date.now()))
    watched = await site.open()
  })

  after(async () => {
    await watched?.close()
    await site?.close()
  })

  test('each range has the figures of its stretch, stands in the URL, and is pressed', async () => {
    const { page } = watched
    await visit(page, '/')
    const ids = RANGES.map(({ id }) => id)
    const nowMs = Date.now()
    const expected = await figuresWhere(
      site.folder,
      ids.map((id) => between(stretchOf(id, nowMs))),
    )
    for (const [at, id] of ids.entries()) {
      await chooseRange(page, id)
      await expectTiles(page, expected[at], id)
      assert.equal(await page.locator(`[data-range="${id}"]`).getAttribute('aria-pressed'), 'true')
      assert.equal(await page.locator('[data-range][aria-pressed="true"]').count(), 1)
      assert.equal(asked(page).get('range'), id === '1h' ? null : id)
    }
    await page.goBack()
    await expectTiles(page, expected.at(-2), 'back')
  })

  test('days with a clock change are whole, of 23 and of 25 hours', async () => {
    const { page } = watched
    const days: readonly (readonly [day: string, zone: string, from: string, hours: number])[] = [
      ['2026-03-29', ZONE, '2026-03-28T23:00Z', 23],
      ['2026-10-25', ZONE, '2026-10-24T22:00Z', 25],
      // There is no midnight on this day.
      ['2026-09-06', SANTIAGO, '2026-09-06T04:00Z', 23],
      ['2026-10-25', 'UTC', '2026-10-25T00:00Z', 24],
    ]
    const expected = await figuresWhere(
      site.folder,
      days.map(([, , from, hours]) =>
        between([Date.parse(from), Date.parse(from) + hours * HOUR_MS]),
      ),
    )
    for (const [at, [day, zone, , hours]] of days.entries()) {
      await visit(page, `/?from=${day}&to=${day}&zone=${zone}`)
      await expectTiles(page, expected[at], `${day} in ${zone}`)
      const { rows } = await readChartTable(page, 'trend')
      assert.equal(rows.length, hours, `${day} in ${zone}`)
    }
  })

  test('every day of a month is on the axis once, also one without a midnight', async () => {
    const { page } = watched
    await visit(page, `/?from=2026-09-01&to=2026-09-30&zone=${SANTIAGO}`)
    const { rows } = await readChartTable(page, 'trend')
    const days = rows.map(([text]) => /^(\w+ \d+|\d+ \w+)/.exec(text ?? '')?.[0])
    assert.deepEqual(
      days,
      Array.from({ length: 30 }, (_, index) => `Sep ${index + 1}`),
    )
  })

  test('the zone is a switch: in the URL, undone by back, and all times follow', async () => {
    const { page } = watched
    await visit(page, '/?range=today')
    const nowMs = Date.now()
    const endMs = (Math.floor(nowMs / WINDOW_MS) + 1) * WINDOW_MS
    const zones = [ZONE, OWN_ZONE, 'UTC']
    const expected = await figuresWhere(
      site.folder,
      zones.map((zone) => between([midnightBefore(zone, nowMs), endMs])),
    )
    const shown = page.locator('[data-timezone]')
    await expectTiles(page, expected[0], ZONE)
    assert.equal(await shown.getAttribute('data-timezone'), ZONE)
    await shown.click()
    const offered = page.locator('[data-zone]')
    assert.deepEqual(await offered.evaluateAll((all) => all.map((one) => one.textContent)), [
      `${ZONE}configured`,
      `${OWN_ZONE}mine`,
      'UTC',
    ])
    assert.deepEqual(await findViolations(page), [])
    await page.locator(`[data-zone="${OWN_ZONE}"]`).click()
    await expectTiles(page, expected[1], OWN_ZONE)
    assert.equal(asked(page).get('zone'), OWN_ZONE)
    const { rows } = await readChartTable(page, 'trend')
    assert.match(rows[0]?.[0] ?? '', /00:00/, 'the day begins at midnight of that zone')
    await shown.click()
    await page.locator('[data-zone="UTC"]').click()
    await expectTiles(page, expected[2], 'UTC')
    await page.goBack()
    await expectTiles(page, expected[1], 'back')
    assert.equal(await shown.getAttribute('data-timezone'), OWN_ZONE)
    await page.goBack()
    assert.equal(asked(page).get('zone'), null)
    await expectTiles(page, expected[0], 'back to the configured zone')
  })

  test('days are chosen in the calendar, by clicks or by typing, and shared by link', async () => {
    const { page } = watched
    const [weekend] = await figuresWhere(site.folder, [
      between([Date.parse('2026-10-23T22:00Z'), Date.parse('2026-10-25T23:00Z')]),
    ])
    await visit(page, '/?from=2026-10-10&to=2026-10-10')
    await menu(page).click()
    assert.deepEqual(await findViolations(page), [])
    await page.locator('[data-day="2026-10-24"]').click()
    await page.locator('[data-day="2026-10-25"]').click()
    assert.equal(await page.locator('input#from').inputValue(), '2026-10-24')
    assert.equal(await page.locator('input#to').inputValue(), '2026-10-25')
    await page.locator('[data-apply-custom]').click()
    await expectTiles(page, weekend, 'by clicks')
    assert.deepEqual([asked(page).get('from'), asked(page).get('to')], ['2026-10-24', '2026-10-25'])
    assert.match(await shownText(menu(page)), /Oct 24.*25/)
    await page.reload()
    await expectTiles(page, weekend, 'after a reload')

    await menu(page).click()
    const fault = page.locator('.range-form .fault')
    const typed = async (from: string, to: string): Promise<void> => {
      await page.locator('input#from').fill(from)
      await page.locator('input#to').fill(to)
      await page.locator('[data-apply-custom]').click()
    }
    await typed('2026-10-25', '2026-10-24')
    assert.equal(await shownText(fault), 'The last day must not be before the first.')
    await typed('2025-09-20', '2026-10-25')
    assert.equal(await shownText(fault), 'These are 401 days; 400 are the most.')
    await typed('2026-10-25', '')
    assert.equal(await shownText(fault), 'Choose the first and the last day.')
    await typed('2026-10-10', '2026-10-11')
    await eventually(() => assert.equal(asked(page).get('from'), '2026-10-10'))
    await page.goBack()
    await expectTiles(page, weekend, 'back')
  })

  test('in the calendar, arrow keys go from day to day and across months', async () => {
    const { page } = watched
    await visit(page, '/?from=2026-10-10&to=2026-10-31')
    await menu(page).click()
    await page.locator('[data-day="2026-10-31"]').focus()
    const focused = () =>
      page.evaluate(() => document.activeElement?.getAttribute('data-day') ?? '')
    await page.keyboard.press('ArrowLeft')
    assert.equal(await focused(), '2026-10-30')
    await page.keyboard.press('ArrowUp')
    assert.equal(await focused(), '2026-10-23')
    for (let press = 0; press < 4; press++) await page.keyboard.press('ArrowUp')
    assert.equal(await focused(), '2026-09-25')
    await page.keyboard.press('Escape')
  })

  test('a weekend is compared with the days before, its weekdays, a year ago, nothing', async () => {
    const { page } = watched
    const [now, friday, week] = await figuresWhere(site.folder, [
      between([Date.parse('2026-10-23T22:00Z'), Date.parse('2026-10-25T23:00Z')]),
      between([Date.parse('2026-10-21T22:00Z'), Date.parse('2026-10-23T22:00Z')]),
      between([Date.parse('2026-10-16T22:00Z'), Date.parse('2026-10-18T22:00Z')]),
    ])
    const expectChange = async (then: Figures | undefined): Promise<void> => {
      await eventually(async () => {
        const { impressions } = await readTiles(page, 'data-change')
        const wanted = ((now?.impressions ?? 0) / (then?.impressions ?? 0) - 1) * 100
        assert.ok(isSame(impressions.value, wanted), `${impressions.value}, expected ${wanted}`)
      })
    }
    await visit(page, '/?from=2026-10-24&to=2026-10-25')
    await expectChange(friday)
    assert.match(await shownText(comparison(page)), /Sat, Oct 24.*Sun, Oct 25 vs Thu, Oct 22.*Fri/)
    await page.locator('[data-compare]').selectOption('weekdays')
    await expectChange(week)
    assert.equal(asked(page).get('compare'), 'weekdays')
    assert.match(await shownText(comparison(page)), /Sun, Oct 25 vs Sat, Oct 17.*Sun, Oct 18/)

    await page.locator('[data-compare]').selectOption('year')
    await eventually(async () =>
      assert.match(await shownText(comparison(page)), /^Nothing to compare with: figures begin on/),
    )
    const { impressions } = await readTiles(page, 'data-change')
    assert.equal(impressions.value, null)
    const change = page.locator('[data-tile="impressions"] [data-change]')
    assert.match((await change.getAttribute('title')) ?? '', /figures begin on Mar 27/)
    assert.match((await change.textContent()) ?? '', /–.*figures begin on Mar 27/)
    assert.deepEqual(await findViolations(page), [])

    await page.locator('[data-compare]').selectOption('none')
    await eventually(async () => assert.equal(await shownText(comparison(page)), ''))
    await page.goBack()
    await page.goBack()
    await expectChange(week)
    assert.equal(await page.locator('[data-compare]').inputValue(), 'weekdays')
  })
})

describe('a window of an hour', { skip: skipBrowser }, () => {
  let site: Site
  let watched: WatchedPage

  before(async () => {
    site = await openSite({ window: '1h' })
    await site.send([{ campaign: 'a', ageMs: 10 * MINUTE_MS, impressions: 3 }])
    watched = await site.open()
  })

  after(async () => {
    await watched?.close()
    await site?.close()
  })

  test('a zone with half an hour is offered disabled, with the reason', async () => {
    const { page } = watched
    await visit(page, '/')
    await page.locator('[data-timezone]').click()
    assert.equal(await page.locator(`[data-zone="${OWN_ZONE}"]`).isDisabled(), true)
    assert.match(
      await shownText(page.locator('.zone-choices')),
      /America\/St_Johns is UTC−[23]:30, which is no multiple of the window of 1 h/,
    )
    assert.deepEqual(await findViolations(page), [])
  })

  test('an address with such a zone is shown in the configured one, and says why', async () => {
    const { page } = watched
    await visit(page, '/?range=6h&zone=Asia/Kolkata')
    assert.equal(await page.locator('[data-timezone]').getAttribute('data-timezone'), 'UTC')
    assert.match(
      await shownText(page.locator('.zone-fault')),
      /^Asia\/Kolkata is UTC\+5:30.* Times are in UTC\.$/,
    )
    const { impressions } = await readTiles(page)
    assert.equal(impressions.value, 3)
    assert.deepEqual(await findViolations(page), [])
  })
})
