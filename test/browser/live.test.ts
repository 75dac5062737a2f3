/**
 * What moves while one looks: tiles within two seconds of an event, the real-time chart every
 * second, and a restart.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Page, Request } from 'playwright-core'
import { postAccepted } from '../support/client.ts'
import { eventsOf, MINUTE_MS, SECOND_MS } from './support/ad-events.ts'
import { IS_FIREFOX } from './support/browser.ts'
import {
  bareNumber,
  readChartTable,
  readRows,
  readTiles,
  shownText,
  visit,
  waitForState,
  waitUntilLive,
} from './support/dashboard.ts'
import { eventually } from './support/eventually.ts'
import { openSite, type Site } from './support/site.ts'
import { SERVER_GONE, skipBrowser, type WatchedPage } from './support/watched-page.ts'

const SEEN_MS_MAX = 2 * SECOND_MS
const SEEN_LIMIT_MS = 30 * SECOND_MS
const POSTS_IN_A_ROW = 4
/** Other work on the machine may spoil a measurement, not the page: then it is taken again. */
const ROUNDS = 3

describe('live', { skip: skipBrowser }, () => {
  let site: Site
  let watched: WatchedPage
  let clicksSent = 0

  before(async () => {
    // As the product comes: a commit a second, which the page need not wait for.
    site = await openSite({ commitInterval: '1s' })
    await site.send([{ campaign: 'first', ageMs: 2 * MINUTE_MS, impressions: 10 }])
    watched = await site.open()
    await visit(watched.page, '/')
    await waitUntilLive(watched.page)
  })

  after(async () => {
    await watched?.close()
    await site?.close()
  })

  test('an event is in the tiles two seconds after it was sent at the latest', async (t) => {
    const rounds: number[][] = []
    for (let round = 0; round < ROUNDS; round++) {
      const seenMs: number[] = []
      for (let post = 0; post < POSTS_IN_A_ROW; post++) {
        seenMs.push(await timeUntilSeen(site, watched))
        clicksSent += 1
        await sleep(300 + 170 * post)
      }
      rounds.push(seenMs)
      t.diagnostic(`event → tile: ${seenMs.map((ms) => Math.round(ms)).join(', ')} ms`)
      if (Math.max(...seenMs) <= SEEN_MS_MAX) return
    }
    assert.fail(`slower than ${SEEN_MS_MAX} ms in every round: ${JSON.stringify(rounds)}`)
  })

  test('real time counts what comes in by type, and moves every second', async () => {
    const { page } = watched
    // A second is told once it is over; what was sent before this test is to be there first.
    const before = await eventually(async () => {
      const sums = await sumRealtime(watched)
      assert.equal(sums[1], clicksSent)
      return sums
    })
    // To take a picture in Firefox, Playwright gives the page a style, which its policy forbids.
    if (IS_FIREFOX) watched.allow(/style-src-elem inline at .* eval:|Policy: .*\(style-src-elem\)/)
    const plot = page.locator('[data-chart="realtime"] [role="img"]').first()
    let posts = 0
    const changed: number[] = []
    for (let round = 0; round < ROUNDS && changed.at(-1) !== 4; round++) {
      const pictures = new Set<string>()
      for (let second = 0; second < 4; second++) {
        const events = { campaign: 'now', ageMs: 0, impressions: 7, clicks: 3, conversions: 1 }
        await postAccepted(site.url(), eventsOf([events], Date.now()))
        posts += 1
        pictures.add((await plot.screenshot()).toString('base64'))
        await sleep(SECOND_MS)
      }
      changed.push(pictures.size)
    }
    assert.equal(changed.at(-1), 4, `the picture changes every second: ${changed} of 4 times`)
    await eventually(async () => {
      const sums = await sumRealtime(watched)
      assert.deepEqual(
        sums.map((sum, at) => sum - (before[at] ?? 0)),
        [7 * posts, 3 * posts, posts],
      )
    })
  })

  test('the page says how fresh it is, and says it anew as time passes', async () => {
    const freshness = watched.page.locator('[data-freshness]').first()
    const texts = new Set<string>()
    await eventually(async () => {
      texts.add(await shownText(freshness))
      assert.ok(texts.size >= 3, `only ${[...texts].join(' | ')}`)
    })
    for (const text of texts) assert.match(text, /^Updated (?:just now|.*\d)/)
  })

  test('however many events arrive, each part is asked for once a second at most', async () => {
    const { page } = watched
    const seen = watchRequests(page)
    for (let post = 0; post < 20; post++) {
      const events = { campaign: 'quick', ageMs: 0, impressions: 2 }
      await postAccepted(site.url(), eventsOf([events], Date.now()))
      await sleep(200)
    }
    const seconds = seen.stop() / SECOND_MS
    assert.deepEqual(seen.overlapping, [])
    assert.ok(seen.asked.has('summary'), [...seen.asked.keys()].join())
    for (const [part, times] of seen.asked)
      assert.ok(times <= seconds + 1, `${part} was asked for ${times} times in ${seconds} s`)
  })

  test('a tab that nobody sees asks for nothing, and catches up once it is seen', async () => {
    const { page } = watched
    await setVisibility(page, 'hidden')
    await sleep(SECOND_MS)
    const seen = watchRequests(page)
    const events = { campaign: 'unseen', ageMs: 0, impressions: 3 }
    await postAccepted(site.url(), eventsOf([events], Date.now()))
    await sleep(2.5 * SECOND_MS)
    seen.stop()
    assert.deepEqual([...seen.asked], [])
    await setVisibility(page, 'visible')
    await eventually(async () => {
      const rows = await readRows(page)
      const unseen = rows.find(({ campaign }) => campaign === 'unseen')
      assert.equal(unseen?.cells.impressions.value, 3)
    })
    await waitUntilLive(page)
  })

  test('a server killed and started again is found, and what came meanwhile is shown', async () => {
    const { page } = watched
    watched.allow(SERVER_GONE)
    await page.evaluate(() => Reflect.set(window, 'stayed', true))
    const sent = { campaign: 'before', ageMs: 0, impressions: 5 }
    await postAccepted(site.url(), eventsOf([sent], Date.now()))
    const expected = await eventually(async () => {
      const rows = await readRows(page)
      assert.ok(rows.some(({ campaign }) => campaign === 'before'))
      return (await readTiles(page)).impressions.value ?? 0
    })
    const restarted = site.restart('kill', { commitInterval: '1s' })
    await page.locator('[data-connection="reconnecting"]').first().waitFor()
    await restarted
    await postAccepted(site.url(), eventsOf([{ ...sent, campaign: 'meanwhile' }], Date.now()))
    await waitUntilLive(page)
    await waitForState(page, 'ready')
    await eventually(async () => {
      const tiles = await readTiles(page)
      assert.equal(tiles.impressions.value, expected + 5)
      const rows = page.locator('[data-table="campaigns"] tr[data-campaign="meanwhile"]')
      assert.equal(await rows.count(), 1)
    })
    assert.equal(await page.evaluate(() => Reflect.get(window, 'stayed')), true, 'no reload')
  })
})

/** From before the request to the frame in which the tile has the new number. */
async function timeUntilSeen(site: Site, { page }: WatchedPage): Promise<number> {
  const { clicks } = await readTiles(page)
  const expected = (clicks.value ?? 0) + 1
  const startMs = performance.now()
  const body = eventsOf([{ campaign: 'first', ageMs: 0, clicks: 1 }], Date.now())
  const seen = page.waitForFunction(
    (value) =>
      document.querySelector('[data-tile="clicks"] [data-value]')?.getAttribute('data-value') ===
      value,
    String(expected),
    { polling: 'raf', timeout: SEEN_LIMIT_MS },
  )
  await Promise.all([postAccepted(site.url(), body), seen])
  return performance.now() - startMs
}

/** Impressions, clicks, conversions of the five minutes that the chart's table lists. */
async function sumRealtime({ page }: WatchedPage): Promise<readonly number[]> {
  const { headers, rows } = await readChartTable(page, 'realtime')
  return ['impressions', 'clicks', 'conversions'].map((name) => {
    const column = headers.findIndex((header) => header.toLowerCase().includes(name))
    assert.ok(column > 0, `no column for ${name} in ${headers}`)
    return rows.reduce((sum, row) => {
      const text = bareNumber(row[column] ?? '').replaceAll(',', '')
      return sum + (/\d/.test(text) ? Number(text) : 0)
    }, 0)
  })
}

type SeenRequests = Readonly<{
  /** Part of the API → how often it was asked for. */
  asked: ReadonlyMap<string, number>
  overlapping: readonly string[]
  /** Ends watching; how long it was, in milliseconds. */
  stop(): number
}>

/** What the page asks its API for from here on, the stream aside, which is one request for ever. */
function watchRequests(page: Page): SeenRequests {
  const startMs = performance.now()
  const asked = new Map<string, number>()
  const overlapping: string[] = []
  const open = new Set<string>()
  const partOf = (request: Request): string | undefined =>
    /\/api\/v1\/(?!stream)(\w+)/.exec(request.url())?.[1]
  const onRequest = (request: Request): void => {
    const part = partOf(request)
    if (part === undefined) return
    asked.set(part, (asked.get(part) ?? 0) + 1)
    if (open.has(part)) overlapping.push(request.url())
    open.add(part)
  }
  const onEnd = (request: Request): void => {
    open.delete(partOf(request) ?? '')
  }
  page.on('request', onRequest).on('requestfinished', onEnd).on('requestfailed', onEnd)
  return {
    asked,
    overlapping,
    stop: () => {
      page.off('request', onRequest).off('requestfinished', onEnd).off('requestfailed', onEnd)
      return performance.now() - startMs
    },
  }
}

/** A headless window is never covered; the document is told that it is. */
async function setVisibility(page: Page, state: 'hidden' | 'visible'): Promise<void> {
  await page.evaluate((now) => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => now })
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => now === 'hidden' })
    document.dispatchEvent(new Event('visibilitychange'))
  }, state)
}
