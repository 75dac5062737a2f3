/**
 * Takes the pictures of the README: docs/screenshots/{light,dark,phone}.png, of the product with
 * demo traffic.
 *
 * The tables are filled with half a day of traffic dated in the past, as a backfill would be; then
 * the product starts anew (its real-time chart begins empty) and takes live traffic for as long as
 * that chart is wide. That takes about eight minutes.
 * usage: npm run screenshots -- [--live-seconds N=310]
 */

import { mkdir, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Browser, chromium } from 'playwright-core'
import { FLAGS, findChromium, IS_ROOT } from '../test/browser/support/chromium.ts'
import { openFolder } from '../test/support/folder.ts'
import { startProduct } from '../test/support/product.ts'
import { makeShop, sendHistory, sendLive } from './shop-traffic.ts'

type Picture = Readonly<{
  name: string
  path: string
  width: number
  /** The last card that is in it. */
  until: string
  /** Pixels of the picture for each of the page. */
  sharpness: number
  colorScheme: 'light' | 'dark'
}>

const PICTURES: readonly Picture[] = [
  {
    name: 'light',
    path: '/?range=6h&lines=campaigns',
    width: 1280,
    until: '.card-breakdown',
    sharpness: 1.15,
    colorScheme: 'light',
  },
  {
    name: 'dark',
    path: '/?range=6h&lines=campaigns',
    width: 1280,
    until: '.card-trend',
    sharpness: 1.2,
    colorScheme: 'dark',
  },
  {
    name: 'phone',
    path: '/?range=6h&lines=campaigns',
    width: 390,
    until: '.card-trend',
    sharpness: 2,
    colorScheme: 'light',
  },
]
const PICTURES_FOLDER = fileURLToPath(new URL('../docs/screenshots/', import.meta.url))
const PICTURE_BYTES_MAX = 500_000
const VIEWPORT_HEIGHT = 900
/** Below the last card. */
const MARGIN = 16

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const HISTORY_MS = 13 * HOUR_MS
const WINDOW_MS = 5 * MINUTE_MS
const WINDOW_FILLED_MS_MIN = 3 * MINUTE_MS
/** How long taking all pictures may take. */
const PICTURES_MS = 40 * SECOND_MS
/** At the busiest; the time of the day decides how much of it is sent. */
const EVENTS_PER_SECOND_MAX = 300
const LIVE_SECONDS = 310

const { values } = parseArgs({ options: { 'live-seconds': { type: 'string' } } })
await takeScreenshots(Number(values['live-seconds'] ?? LIVE_SECONDS))

async function takeScreenshots(liveSeconds: number): Promise<void> {
  const { path, skip } = findChromium()
  if (path === null) throw new Error(`screenshots: ${skip}`)
  const folder = await openFolder({ commitInterval: '1s' })
  const traffic = makeShop(Date.now(), {
    historyMs: HISTORY_MS,
    eventsPerSecond: EVENTS_PER_SECOND_MAX,
  })
  const filled = await startProduct(folder)
  try {
    await sendHistory(filled.url, traffic)
  } finally {
    await filled.stop()
  }
  const product = await startProduct(folder)
  const browser = await chromium.launch({
    executablePath: path,
    chromiumSandbox: !IS_ROOT,
    args: [...FLAGS],
  })
  const stop = new AbortController()
  try {
    console.log(`live traffic for ${liveSeconds} s…`)
    const live = sendLive(product.url, traffic, stop.signal)
    await Promise.race([live, waitForPicture(liveSeconds)])
    await mkdir(PICTURES_FOLDER, { recursive: true })
    for (const picture of PICTURES) await takePicture(browser, product.url, picture)
    stop.abort()
    await live
  } finally {
    stop.abort()
    await browser.close()
    await product.stop()
    await folder.close()
  }
}

/**
 * Until the real-time chart is full, and then until the newest window holds enough to be worth
 * looking at.
 */
async function waitForPicture(liveSeconds: number): Promise<void> {
  await sleep(liveSeconds * SECOND_MS)
  const filledMs = Date.now() % WINDOW_MS
  const isEarly = filledMs < WINDOW_FILLED_MS_MIN
  const isLate = filledMs > WINDOW_MS - PICTURES_MS
  if (isEarly || isLate) await sleep(WINDOW_FILLED_MS_MIN + (isLate ? WINDOW_MS : 0) - filledMs)
}

async function takePicture(browser: Browser, url: string, picture: Picture): Promise<void> {
  const { name, path, width, until, sharpness, colorScheme } = picture
  const page = await browser.newPage({
    viewport: { width, height: VIEWPORT_HEIGHT },
    deviceScaleFactor: sharpness,
    colorScheme,
    locale: 'en-GB',
  })
  await page.goto(new URL(path, url).href)
  await page.locator('main[data-state="ready"]').waitFor()
  await page.locator('[data-connection="live"]').first().waitFor()
  // Charts come in their own time, and move into place.
  await sleep(2.5 * SECOND_MS)
  const file = `${PICTURES_FOLDER}${name}.png`
  const last = await page.locator(until).first().boundingBox()
  if (last === null) throw new Error(`the page shows no ${until}`)
  const height = last.y + last.height + MARGIN
  await page.screenshot({ path: file, fullPage: true, clip: { x: 0, y: 0, width, height } })
  await page.close()
  const { size } = await stat(file)
  console.log(`docs/screenshots/${name}.png: ${Math.round(size / 1000)} KB`)
  if (size > PICTURE_BYTES_MAX) {
    console.error(`screenshots: ${name}.png is larger than ${PICTURE_BYTES_MAX} bytes: less sharp?`)
    process.exitCode = 1
  }
}
