/**
 * For everybody: by axe's rules, by keyboard alone, in the dark, on a phone, without motion,
 * without anything jumping.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { postAccepted } from '../support/client.ts'
import { eventsOf, MINUTE_MS } from './support/ad-events.ts'
import { findViolations } from './support/axe.ts'
import {
  readChartTable,
  readTiles,
  visit,
  waitForState,
  waitUntilLive,
} from './support/dashboard.ts'
import { eventually } from './support/eventually.ts'
import { expectNoScrollSideways, readShifts, watchShifts } from './support/layout.ts'
import { openSite, type Site } from './support/site.ts'
import { type PageOptions, SERVER_GONE, skipBrowser } from './support/watched-page.ts'

const READ = 'read-key-0123456789'
const PHONE: PageOptions = { width: 390, height: 844, isPhone: true }
const SHIFT_MAX = 0.02
const LOOKS: readonly (readonly [string, PageOptions])[] = [
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['phone', PHONE],
  ['dark phone', { ...PHONE, colorScheme: 'dark' }],
]

describe('accessibility', { skip: skipBrowser }, () => {
  let site: Site

  before(async () => {
    site = await openSite()
    await site.send(
      Array.from({ length: 30 }, (_, at) => ({
        campaign: `campaign-${at}`,
        ageMs: (1 + at) * 2 * MINUTE_MS,
        impressions: 40 + at,
        clicks: at % 9,
        conversions: at % 3,
        revenue: [at * 1.25],
        platform: at % 2 === 0 ? 'web' : 'mobile',
        country: at % 3 === 0 ? 'DE' : 'US',
        device: at % 2 === 0 ? 'desktop' : 'ios',
      })),
    )
  })

  after(async () => {
    await site?.close()
  })

  for (const [look, options] of LOOKS) {
    test(`axe finds nothing in the full page: ${look}, tables of charts open`, async () => {
      const watched = await site.open(options)
      await visit(watched.page, '/?lines=campaigns&country=DE')
      await waitUntilLive(watched.page)
      await expectAccessible(watched.page)
      for (const chart of ['trend', 'revenue', 'realtime'] as const)
        await readChartTable(watched.page, chart)
      await expectAccessible(watched.page)
      await expectNoScrollSideways(watched.page)
      await watched.close()
    })
  }

  test('axe finds nothing beside an error, and nothing scrolls sideways on a phone', async () => {
    const watched = await site.open(PHONE)
    watched.allow(SERVER_GONE)
    await watched.context.route('**/api/v1/**', (route) => route.abort('connectionrefused'))
    await visit(watched.page, '/', 'error')
    await expectAccessible(watched.page)
    await expectNoScrollSideways(watched.page)
    await watched.close()
  })

  test('axe finds nothing in the empty page and in the sign-in, light and dark', async () => {
    const empty = await openSite({ keys: { write: ['write-key-0123456789'], read: [READ] } })
    try {
      for (const [, options] of LOOKS.slice(1, 3)) {
        const watched = await empty.open(options)
        watched.allow(/answer 401|status of 401/)
        await visit(watched.page, '/', 'signed-out')
        await expectAccessible(watched.page)
        await expectNoScrollSideways(watched.page)
        await watched.page.locator('input[type="password"]').fill(READ)
        await watched.page.keyboard.press('Enter')
        await waitForState(watched.page, 'empty')
        await expectAccessible(watched.page)
        await expectNoScrollSideways(watched.page)
        await watched.close()
      }
    } finally {
      await empty.close()
    }
  })

  test('by keyboard alone everything is reached and works, and the focus is visible', async () => {
    const watched = await site.open()
    const { page } = watched
    await visit(page, '/')
    const stops = await walkByTab(page)
    const reached = (mark: string): boolean => stops.some(({ marks }) => marks.includes(mark))
    for (const mark of [
      'data-range',
      'data-range-menu',
      'data-timezone',
      'data-compare',
      ...['campaign', 'platform', 'country', 'device'].map((filter) => `data-filter=${filter}`),
      'data-measure',
      'data-lines',
      'data-sort=impressions',
      'data-search',
      'data-page=next',
      'data-export',
      'data-theme-toggle',
      ...['trend', 'revenue', 'realtime'].map((chart) => `summary of ${chart}`),
    ])
      assert.ok(reached(mark), `${mark} is not reached by Tab: ${JSON.stringify(stops)}`)
    assert.deepEqual(
      stops.filter(({ isSeen }) => !isSeen),
      [],
      'the focus is seen everywhere',
    )
    await watched.close()
  })

  test('by keyboard a table is sorted, a page turned, a chart opened, a filter set', async () => {
    const watched = await site.open()
    const { page } = watched
    await visit(page, '/')
    await page.locator('th[data-sort="clicks"] button').first().focus()
    await page.keyboard.press('Enter')
    await page.locator('th[data-sort="clicks"][aria-sort="descending"]').waitFor()
    await page.locator('[data-page="next"]').focus()
    await page.keyboard.press('Space')
    await eventually(() => assert.match(page.url(), /page=2/))
    const summary = page.locator('[data-chart="revenue"] details[data-as-table] summary')
    await summary.focus()
    await page.keyboard.press('Enter')
    await page.locator('[data-chart="revenue"] details[open] table tbody tr').first().waitFor()
    const before = await readTiles(page)
    await page.locator('[data-range-menu]').focus()
    await page.keyboard.press('Enter')
    await page.locator('[data-range="15m"]').focus()
    await page.keyboard.press('Space')
    await eventually(async () => {
      const { impressions } = await readTiles(page)
      assert.ok((impressions.value ?? 0) < (before.impressions.value ?? 0))
    })
    await watched.close()
  })

  test('nothing jumps: neither while the page loads nor while events arrive', async () => {
    for (const options of [{}, PHONE]) {
      const watched = await site.open(options)
      await watchShifts(watched.context)
      await visit(watched.page, '/')
      await waitUntilLive(watched.page)
      for (let post = 0; post < 6; post++) {
        const events = { campaign: `new-${post}`, ageMs: 0, impressions: 30, clicks: 2 }
        await postAccepted(site.url(), eventsOf([events], Date.now()))
        await watched.page.waitForTimeout(400)
      }
      const { sum, sources } = await readShifts(watched.page)
      assert.ok(sum < SHIFT_MAX, `shifts of ${sum}:\n${sources.join('\n')}`)
      await watched.close()
    }
  })

  test('who asked for less motion gets none', async () => {
    const watched = await site.open({ reducedMotion: 'reduce' })
    const { page } = watched
    await visit(page, '/')
    for (let look = 0; look < 10; look++) {
      const moving = await page.evaluate(() =>
        document
          .getAnimations()
          .filter(({ playState }) => playState === 'running')
          .filter(({ effect }) => Number(effect?.getComputedTiming().duration ?? 0) > 20)
          .map(({ effect }) => (effect as KeyframeEffect).target?.outerHTML.slice(0, 120)),
      )
      assert.deepEqual(moving, [])
      if (look === 4) await page.locator('[data-range="24h"]').click()
      await page.waitForTimeout(100)
    }
    await watched.close()
  })

  test('light or dark follows the system until the reader chooses; the choice stays', async () => {
    const watched = await site.open({ colorScheme: 'dark' })
    const { page } = watched
    await visit(page, '/')
    assert.ok((await brightness(page)) < 0.3)
    await chooseOtherTheme(page)
    await eventually(async () => assert.ok((await brightness(page)) > 0.7))
    await expectAccessible(page)
    await page.reload()
    await waitForState(page, 'ready')
    assert.ok((await brightness(page)) > 0.7)
    await watched.close()
  })
})

async function expectAccessible(page: Page): Promise<void> {
  assert.deepEqual(await findViolations(page), [])
}

type Stop = Readonly<{ marks: readonly string[]; isSeen: boolean; html: string }>

/**
 * Tab after Tab until the focus leaves the document: what it stops at, and whether one sees it
 * there.
 */
async function walkByTab(page: Page): Promise<readonly Stop[]> {
  const stops: Stop[] = []
  for (let press = 0; press < 150; press++) {
    await page.keyboard.press('Tab')
    const stop = await page.evaluate(() => {
      const element = document.activeElement
      if (element === null || element === document.body) return null
      const marks: string[] = []
      for (let above: Element | null = element; above !== null; above = above.parentElement)
        for (const { name, value } of above.attributes)
          if (name.startsWith('data-')) marks.push(name, `${name}=${value}`)
      const chart = element.closest('[data-chart]')?.getAttribute('data-chart')
      if (element.localName === 'summary') marks.push(`summary of ${chart}`)
      const isRinged = [element, element.parentElement, element.nextElementSibling].some((one) => {
        if (one === null) return false
        const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(one)
        const isOutlined = outlineStyle !== 'none' && Number.parseFloat(outlineWidth) > 0
        return isOutlined || boxShadow !== 'none'
      })
      const { width, height } = element.getBoundingClientRect()
      return {
        marks,
        isSeen: isRinged && width > 0 && height > 0,
        html: element.outerHTML.slice(0, 120),
      }
    })
    if (stop === null) break
    stops.push(stop)
  }
  return stops
}

/** Of the page's background, from 0 (black) to 1. */
async function brightness(page: Page): Promise<number> {
  return await page.evaluate(() => {
    const canvas = new OffscreenCanvas(1, 1).getContext('2d') as OffscreenCanvasRenderingContext2D
    const colours = [document.body, document.documentElement].map(
      (element) => getComputedStyle(element).backgroundColor,
    )
    canvas.fillStyle = colours.find((colour) => colour !== 'rgba(0, 0, 0, 0)') ?? 'white'
    canvas.fillRect(0, 0, 1, 1)
    const [red = 0, green = 0, blue = 0] = canvas.getImageData(0, 0, 1, 1).data
    return (red + green + blue) / 3 / 255
  })
}

/** One press, or two where the switch goes through "as the system has it". */
async function chooseOtherTheme(page: Page): Promise<void> {
  const before = await brightness(page)
  for (let press = 0; press < 2; press++) {
    await page.locator('[data-theme-toggle]').first().click()
    await page.waitForTimeout(300)
    if (Math.abs((await brightness(page)) - before) > 0.4) return
  }
}
