/**
 * The page in a real Firefox: what the other browser tests claim in Chromium, in short. It runs
 * where CAMPAIGN_METRICS_FIREFOX names a Firefox.
 */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type axe from 'axe-core'
import { type Browser, launch, type Page } from 'puppeteer-core'
import { MEASURE_IDS } from '../../src/dashboard-definition/definition.ts'
import { postAccepted } from '../support/client.ts'
import { type Folder, openFolder } from '../support/folder.ts'
import { type Product, startProduct } from '../support/product.ts'
import { type AdEvents, eventsOf, MINUTE_MS } from './support/ad-events.ts'
import { eventually } from './support/eventually.ts'
import { figuresOf, figuresSql, query } from './support/sql.ts'

const PATH = process.env.CAMPAIGN_METRICS_FIREFOX
const SKIP = PATH === undefined && 'CAMPAIGN_METRICS_FIREFOX names no Firefox'
const WRITE = 'write-key-0123456789'
const READ = 'read-key-0123456789'
const SPRING = '12021234567890111'
const ROWS = '[data-table="campaigns"] tbody tr[data-campaign]'
const AXE_PATH = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

const EVENTS: readonly AdEvents[] = [SPRING, 'autumn', 'winter'].map((campaign, at) => ({
  campaign,
  ageMs: (3 + at) * MINUTE_MS,
  impressions: 1200 - 100 * at,
  clicks: 40 - at,
  conversions: 3,
  revenue: [12.5, 0.004],
  country: at === 0 ? 'DE' : 'FR',
}))

describe('in Firefox', { skip: SKIP }, () => {
  let folder: Folder
  let product: Product
  let browser: Browser
  let page: Page
  const faults: string[] = []

  before(async () => {
    folder = await openFolder({
      keys: { write: [WRITE], read: [READ] },
      campaignNames: './campaigns.csv',
      currency: 'EUR',
    })
    await writeFile(join(folder.path, 'campaigns.csv'), `campaign_id,name\n${SPRING},Frühling\n`)
    product = await startProduct(folder)
    const headers = { authorization: `Bearer ${WRITE}` }
    await postAccepted(product.url, eventsOf(EVENTS, Date.now()), { headers })
    browser = await launch({ browser: 'firefox', executablePath: PATH ?? '' })
    page = await browser.newPage()
    await page.setViewport({ width: 1280, height: 900 })
    page.on('pageerror', (error) => faults.push(String(error)))
    page.on('console', (message) => {
      // The first request for the settings is answered 401.
      if (message.type() === 'error' && !/401/.test(message.text())) faults.push(message.text())
    })
  })

  after(async () => {
    await browser?.close()
    await product?.stop()
    await folder?.close()
  })

  const isState = async (state: string): Promise<void> => {
    await page.waitForSelector(`main[data-state="${state}"]`, { timeout: 60_000 })
  }
  const campaignsShown = async (): Promise<readonly string[]> =>
    await page.$$eval(ROWS, (rows) => rows.map((row) => row.getAttribute('data-campaign') ?? ''))

  test('a key signs in, and the page is live', async () => {
    await page.goto(`${product.url}/`)
    await isState('signed-out')
    assert.match(await textOf(page, 'form[data-sign-in]'), /Ask whoever runs this for a key/)
    await page.type('form[data-sign-in] input[type="password"]', READ)
    await page.click('form[data-sign-in] button[type="submit"]')
    await isState('ready')
    await page.waitForSelector('[data-connection="live"]', { timeout: 60_000 })
  })

  test('tiles are what query says, and money has its currency', async () => {
    await eventually(async () => {
      const [row] = await query(folder, figuresSql('true'))
      const figures = figuresOf(row)
      const shown = await page.$$eval('[data-tile]', (tiles) =>
        tiles.map((tile) => [
          tile.getAttribute('data-tile') ?? '',
          tile.querySelector('[data-value]')?.getAttribute('data-value') ?? '',
        ]),
      )
      for (const id of MEASURE_IDS) {
        const value = Number(shown.find(([name]) => name === id)?.[1])
        assert.ok(Math.abs(value - Number(figures[id])) < 1e-9, `${id}: ${value}`)
      }
    })
    assert.match(await textOf(page, '[data-tile="revenue"]'), /€37\.51/)
  })

  test('charts are drawn, and their tables name campaigns', async () => {
    await page.waitForSelector('[data-chart="revenue"] canvas')
    await page.click('[data-chart="revenue"] summary')
    await eventually(async () =>
      assert.match(await textOf(page, '[data-chart="revenue"] table'), /Frühling/),
    )
  })

  test('the table is searched without accents, and a click shows one campaign', async () => {
    await page.type('input[data-search]', 'fruhl')
    await eventually(async () => assert.deepEqual(await campaignsShown(), [SPRING]))
    await page.click(`${ROWS} .row-button`)
    await page.waitForSelector(`[data-chip="campaign:${SPRING}"]`)
    assert.match(await textOf(page, '[data-chip]'), /Frühling/)
    const tile = '[data-tile="impressions"] [data-value="1200"]'
    await page.waitForSelector(tile, { timeout: 60_000 })
    await page.goBack()
    await page.waitForFunction(() => document.querySelectorAll('[data-chip]').length === 0)
  })

  test('a filter of raw columns is what query says', async () => {
    const [row] = await query(folder, figuresSql("country = 'FR'"))
    await page.goto(`${product.url}/?country=FR`)
    await isState('ready')
    const value = String(figuresOf(row).impressions)
    await page.waitForSelector(`[data-tile="impressions"] [data-value="${value}"]`)
  })

  for (const [width, height] of [
    [1280, 900],
    [390, 844],
  ] as const) {
    test(`at ${width} pixels it is accessible, and does not scroll sideways`, async () => {
      await page.setViewport({ width, height })
      await page.goto(`${product.url}/`)
      await isState('ready')
      await page.waitForSelector(ROWS)
      await page.evaluate(await readFile(AXE_PATH, 'utf8'))
      const violations = await page.evaluate(async () => {
        const { run } = Reflect.get(window, 'axe') as typeof axe
        const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
        const found = await run(document, { runOnly: { type: 'tag', values: tags } })
        return found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ''}`)
      })
      assert.deepEqual(violations, [])
      const overflow = await page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement
        return scrollWidth - clientWidth
      })
      assert.ok(overflow <= 0, `${overflow} pixels too wide`)
    })
  }

  test('nothing of it failed', () => {
    assert.deepEqual(faults, [])
  })
})

async function textOf(page: Page, selector: string): Promise<string> {
  return await page.$eval(selector, (found) => found.textContent ?? '')
}
