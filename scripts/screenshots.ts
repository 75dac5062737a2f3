/**
 * Takes the pictures of the README: docs/screenshots/{light,dark,phone}.png, of the product with demo traffic.
 *
 * The tables are filled with half a day of traffic dated in the past, as a backfill would be; then the product starts
 * anew (its real-time chart begins empty) and takes live traffic for as long as that chart is wide.
 * usage: npm run screenshots -- [--live-seconds N=310]
 */

import { mkdir, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Browser, chromium } from 'playwright-core'
import { makeTraffic } from '../src/demo-traffic.ts'
import { FLAGS, findChromium, IS_ROOT } from '../test/browser/support/chromium.ts'
import { postAccepted, waitUntilSettled } from '../test/support/client.ts'
import { openFolder } from '../test/support/folder.ts'
import { startProduct } from '../test/support/product.ts'
import { openRandom } from '../test/support/random.ts'

type Picture = Readonly<{
  name: string
  path: string
  width: number
  height: number
  /** Pixels of the picture for each of the page. */
  sharpness: number
  colorScheme: 'light' | 'dark'
}>

const PICTURES: readonly Picture[] = [
  {
    name: 'light',
    path: '/?range=6h&lines=campaigns',
    width: 1280,
    height: 1180,
    sharpness: 1.5,
    colorScheme: 'light',
  },
  {
    name: 'dark',
    path: '/?range=6h&lines=campaigns',
    width: 1280,
    height: 1180,
    sharpness: 1.5,
    colorScheme: 'dark',
  },
  {
    name: 'phone',
    path: '/?range=6h',
    width: 390,
    height: 844,
    sharpness: 2,
    colorScheme: 'light',
  },
]
const PICTURES_FOLDER = fileURLToPath(new URL('../docs/screenshots/', import.meta.url))
const PICTURE_BYTES_MAX = 400_000

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const US_PER_MS = 1000
const HISTORY_MS = 13 * HOUR_MS
/** At the busiest; the hour of the day decides how much of it is sent. */
const EVENTS_PER_SECOND_MAX = 150
const CAMPAIGNS = 24
const SEED = 20
const HISTORY_CHUNK_EVENTS = 8_000
const LIVE_CHUNKS_PER_SECOND = 6
const LIVE_SECONDS = 310
const SETTLE_LIMIT_MS = 10 * MINUTE_MS

const { values } = parseArgs({ options: { 'live-seconds': { type: 'string' } } })
await takeScreenshots(Number(values['live-seconds'] ?? LIVE_SECONDS))

async function takeScreenshots(liveSeconds: number): Promise<void> {
  const { path, skip } = findChromium()
  if (path === null) throw new Error(`screenshots: ${skip}`)
  const folder = await openFolder({ commitInterval: '1s' })
  const nowMs = Date.now()
  const filled = await startProduct(folder)
  try {
    await sendHistory(filled.url, nowMs)
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
    const live = sendLive(product.url, nowMs, stop.signal)
    await Promise.race([live, sleep(liveSeconds * SECOND_MS)])
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

/** The share of its traffic that a product has at a time: more by day than by night, never quite even. */
function shareAt(atMs: number): number {
  const wave = 0.72 + 0.2 * Math.sin((2 * Math.PI * (atMs / HOUR_MS - 9)) / 24)
  return wave + 0.05 * Math.sin(atMs / (11 * MINUTE_MS)) + 0.03 * Math.sin(atMs / (3.7 * MINUTE_MS))
}

/** Chunks of a stretch of traffic, thinned out line by line, so that ratios stay what they are. */
function* makeDay(options: {
  seed: number
  startMs: number
  endMs: number
  chunkEvents: number
}): Generator<{ body: string; sentMs: number }> {
  const { seed, startMs, endMs, chunkEvents } = options
  const random = openRandom(seed)
  const decoder = new TextDecoder()
  const chunks = makeTraffic({
    seed,
    startUs: startMs * US_PER_MS,
    eventsPerSecond: EVENTS_PER_SECOND_MAX,
    chunkEvents,
    campaigns: CAMPAIGNS,
    lateShare: 0,
  })
  for (const { bytes, sentUs } of chunks) {
    const sentMs = sentUs / US_PER_MS
    if (sentMs > endMs) return
    const share = shareAt(sentMs)
    const lines = decoder.decode(bytes).split('\n')
    const kept = lines.filter((line) => line !== '' && random.chance(share))
    yield { body: kept.join('\n'), sentMs }
  }
}

async function sendHistory(url: string, endMs: number): Promise<void> {
  const startMs = endMs - HISTORY_MS
  const day = { seed: SEED, startMs, endMs, chunkEvents: HISTORY_CHUNK_EVENTS }
  let sent = 0
  for (const { body } of makeDay(day)) {
    const { accepted } = await postAccepted(url, body)
    sent += accepted
  }
  await waitUntilSettled(url, SETTLE_LIMIT_MS)
  console.log(`${sent.toLocaleString('en')} events of the past half day are in the tables`)
}

/** From where the history ends, so that there is no gap; from then on as time passes. */
async function sendLive(url: string, startMs: number, signal: AbortSignal): Promise<void> {
  const chunkEvents = Math.ceil(EVENTS_PER_SECOND_MAX / LIVE_CHUNKS_PER_SECOND)
  const endMs = startMs + HISTORY_MS
  for (const { body, sentMs } of makeDay({ seed: SEED + 1, startMs, endMs, chunkEvents })) {
    await sleep(Math.max(0, sentMs - Date.now()))
    if (signal.aborted) return
    await postAccepted(url, body)
  }
}

async function takePicture(browser: Browser, url: string, picture: Picture): Promise<void> {
  const { name, path, width, height, sharpness, colorScheme } = picture
  const page = await browser.newPage({
    viewport: { width, height },
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
  await page.screenshot({ path: file })
  await page.close()
  const { size } = await stat(file)
  console.log(`docs/screenshots/${name}.png: ${Math.round(size / 1000)} KB`)
  if (size > PICTURE_BYTES_MAX)
    throw new Error(`screenshots: ${name}.png is larger than ${PICTURE_BYTES_MAX} bytes`)
}
