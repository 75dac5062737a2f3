/**
 * Takes the pictures of docs/distributed.md: docs/screenshots/superset.png, and
 * superset-filtered.png with a filter by country and device.
 *
 * It starts PostgreSQL, S3, Trino and Superset without containers, fills the tables with some hours
 * of a shop through the embedded engine, runs `campaign-metrics setup`, and takes the pictures while
 * traffic goes on. That takes about ten minutes, once the services are installed.
 * usage: npm run screenshots:superset -- [--live-seconds N=310] [--url http://localhost:8088]
 *
 * With --url it takes them of a Superset that has the dashboard.
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
import { CHART_IDS } from '../src/dashboard/superset/charts.ts'
import { openSupersetPage } from '../test/stack/support/superset-page.ts'
import { openFolder } from '../test/support/folder.ts'
import { runCommand, startProduct } from '../test/support/product.ts'
import { makeShop, sendHistory, sendLive } from './shop-traffic.ts'

const PICTURES_FOLDER = fileURLToPath(new URL('../docs/screenshots/', import.meta.url))
const PICTURE_BYTES_MAX = 250_000
const VIEW = { viewport: { width: 1440, height: 1500 }, timezoneId: 'UTC' }
/** What the second picture is filtered by. */
const CHOSEN = { country: 'DE', device: 'ios' }

const SECOND_MS = 1000
const HISTORY_MS = 4 * 3600 * SECOND_MS
const EVENTS_PER_SECOND = 120
const LIVE_SECONDS = 310
const PASSWORD = 'admin'

const { values } = parseArgs({
  options: { 'live-seconds': { type: 'string' }, url: { type: 'string' } },
})
if (values.url === undefined) await takeScreenshots(Number(values['live-seconds'] ?? LIVE_SECONDS))
else await takePictures(values.url)

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
  const account = { user: 'admin', password: PASSWORD }
  const watched = await openSupersetPage(url, account, VIEW)
  try {
    const { page } = watched
    // A legend has words on its buttons only if Superset's words come before the figures.
    await page.route('**/api/v1/chart/data**', async (route) => {
      await sleep(3 * SECOND_MS)
      await route.continue()
    })
    await page.goto(`${url}/superset/dashboard/campaign-performance/`)
    await watched.answers(CHART_IDS.length)
    await takePicture(page, 'superset')
    for (const [filter, value] of Object.entries(CHOSEN)) await choose(page, filter, value)
    await page.locator('[data-test="filter-bar__apply-button"]').click()
    let answers = await watched.answers(0)
    // A refresh that was on its way may still have answered without the filter.
    do answers = await watched.answers(CHART_IDS.length)
    while (![...answers.values()].every(({ sql }) => sql.includes(`'${CHOSEN.country}'`)))
    await takePicture(page, 'superset-filtered')
  } finally {
    await watched.close()
  }
}

async function choose(page: Page, filter: string, value: string): Promise<void> {
  const field = page.locator(`#NATIVE_FILTER-${filter}`)
  await field.click()
  await field.fill(value)
  await page.locator('.ant-select-item-option').getByText(value, { exact: true }).click()
  await page.keyboard.press('Escape')
}

async function takePicture(page: Page, name: string): Promise<void> {
  // Charts are drawn after their answers.
  await sleep(4 * SECOND_MS)
  const path = join(PICTURES_FOLDER, `${name}.png`)
  await page.mouse.move(0, 0)
  await page.screenshot({ path })
  const { size } = await stat(path)
  console.log(`docs/screenshots/${name}.png: ${Math.round(size / 1000)} KB`)
  if (size <= PICTURE_BYTES_MAX) return
  console.error(`screenshots: ${name}.png is larger than ${PICTURE_BYTES_MAX} bytes`)
  process.exitCode = 1
}
