/**
 * Takes the pictures of docs/distributed.md: docs/screenshots/superset.png, and
 * superset-filtered.png with a filter by country and device.
 *
 * It starts PostgreSQL, S3, Trino and Superset without containers, fills the tables with some hours
 * of a shop through the embedded engine, runs `campaign-metrics setup`, and takes the pictures while
 * traffic goes on. That takes about ten minutes, once the services are installed.
 * usage: npm run screenshots:superset -- [--live-seconds N=310]
 */
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Page } from 'playwright-core'
import { findPortBase } from '../deploy/stack/port-base.ts'
import { openStack, type Stack } from '../deploy/stack/stack.ts'
import { launchBrowser } from '../test/browser/support/chromium.ts'
import { openFolder } from '../test/support/folder.ts'
import { runCommand, startProduct } from '../test/support/product.ts'
import { makeShop, sendHistory, sendLive } from './shop-traffic.ts'

const PICTURES_FOLDER = fileURLToPath(new URL('../docs/screenshots/', import.meta.url))
const PICTURE_BYTES_MAX = 250_000
const SIZE = { width: 1440, height: 1500 }
/** What the second picture is filtered by. */
const CHOSEN = { country: 'DE', device: 'ios' }

const SECOND_MS = 1000
const HISTORY_MS = 4 * 3600 * SECOND_MS
const EVENTS_PER_SECOND = 120
const LIVE_SECONDS = 310
const PASSWORD = 'admin'
const SHOWN_LIMIT_MS = 180 * SECOND_MS

const { values } = parseArgs({ options: { 'live-seconds': { type: 'string' } } })
await takeScreenshots(Number(values['live-seconds'] ?? LIVE_SECONDS))

async function takeScreenshots(liveSeconds: number): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), 'cm-superset-'))
  const services = ['s3', 'postgres', 'trino', 'superset']
  const stack = await openStack({ services, folder: home, portBase: await findPortBase() })
  const folder = await openFolder(configurationFor(stack))
  const { S3_ACCESS_KEY = '', S3_SECRET_KEY = '' } = stack.values
  const environment = { AWS_ACCESS_KEY_ID: S3_ACCESS_KEY, AWS_SECRET_ACCESS_KEY: S3_SECRET_KEY }
  const stop = new AbortController()
  try {
    const setup = await runCommand(folder, ['setup'], { environment })
    console.log(setup.stdout + setup.stderr)
    const product = await startProduct(folder, { environment })
    try {
      const shop = { historyMs: HISTORY_MS, eventsPerSecond: EVENTS_PER_SECOND }
      const traffic = makeShop(Date.now(), shop)
      await sendHistory(product.url, traffic)
      console.log(`live traffic for ${liveSeconds} s…`)
      const live = sendLive(product.url, traffic, stop.signal)
      await Promise.race([live, sleep(liveSeconds * SECOND_MS)])
      await takePictures(`http://${stack.address('superset')}`)
      stop.abort()
      await live
    } finally {
      stop.abort()
      await product.stop()
    }
  } finally {
    await folder.close()
    await stack.close()
    await rm(home, { recursive: true, force: true })
  }
}

function configurationFor(stack: Stack): Readonly<Record<string, unknown>> {
  const { ICEBERG_PASSWORD = '' } = stack.values
  return {
    commitInterval: '1s',
    currency: 'EUR',
    warehouse: 's3://lake/warehouse',
    s3: { endpoint: `http://${stack.address('s3')}`, region: 'us-east-1', pathStyle: true },
    catalog: `postgresql://iceberg:${ICEBERG_PASSWORD}@${stack.address('postgres')}/iceberg`,
    trino: { url: `http://${stack.address('trino')}` },
    superset: { url: `http://${stack.address('superset')}`, password: PASSWORD },
  }
}

async function takePictures(url: string): Promise<void> {
  const browser = await launchBrowser()
  try {
    const page = await browser.newPage({
      viewport: SIZE,
      colorScheme: 'light',
      locale: 'en-GB',
      timezoneId: 'UTC',
    })
    await signIn(page, url)
    await page.goto(`${url}/superset/dashboard/campaign-performance/`)
    await takePicture(page, 'superset')
    for (const [filter, value] of Object.entries(CHOSEN)) await choose(page, filter, value)
    await page.locator('[data-test="filter-bar__apply-button"]').click()
    await takePicture(page, 'superset-filtered')
  } finally {
    await browser.close()
  }
}

async function signIn(page: Page, url: string): Promise<void> {
  await page.goto(`${url}/login/`)
  await page.fill('#username', 'admin')
  await page.fill('#password', PASSWORD)
  await page.click('button[type=submit]')
  await page.waitForURL((address) => !address.pathname.startsWith('/login'))
}

async function choose(page: Page, filter: string, value: string): Promise<void> {
  const field = page.locator(`#NATIVE_FILTER-${filter}`)
  await field.click()
  await field.fill(value)
  await page.locator('.ant-select-item-option').getByText(value, { exact: true }).click()
  await page.keyboard.press('Escape')
}

async function takePicture(page: Page, name: string): Promise<void> {
  await page
    .locator('td[aria-labelledby="header-impressions"]')
    .waitFor({ timeout: SHOWN_LIMIT_MS })
  // All charts have answered, and their lines have been drawn.
  await page.waitForLoadState('networkidle')
  await page.locator('.loading').last().waitFor({ state: 'detached', timeout: SHOWN_LIMIT_MS })
  await sleep(3 * SECOND_MS)
  const path = join(PICTURES_FOLDER, `${name}.png`)
  await page.screenshot({ path })
  const { size } = await stat(path)
  console.log(`docs/screenshots/${name}.png: ${Math.round(size / 1000)} KB`)
  if (size <= PICTURE_BYTES_MAX) return
  console.error(`screenshots: ${name}.png is larger than ${PICTURE_BYTES_MAX} bytes`)
  process.exitCode = 1
}
