/** The dashboard in a real browser: signed in, with every answer of a chart that the page got. */
import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { launchChromium } from '../../browser/support/chromium.ts'

export type ChartAnswer = Readonly<{
  /** Of the chart, as Superset numbers it. */
  chartId: number
  status: number
  /** The SQL that was run, and the rows that came. */
  sql: string
  rows: readonly Readonly<Record<string, unknown>>[]
}>

export type SupersetPage = Readonly<{
  page: Page
  /** The newest answer of each of so many charts, of those that came after the last call. */
  answers(charts: number): Promise<ReadonlyMap<number, ChartAnswer>>
  /** Errors of the page's own scripts, and answers that were no success. */
  faults(): readonly string[]
  close(): Promise<void>
}>

const ANSWERS_LIMIT_MS = 180_000
/**
 * High enough for all charts: those below the edge of the screen are not asked for. Neither UTC nor
 * the server's zone.
 */
const TEST_VIEW = { viewport: { width: 1400, height: 1900 }, timezoneId: 'America/St_Johns' }

export async function openSupersetPage(
  url: string,
  account: Readonly<{ user: string; password: string }>,
  view: typeof TEST_VIEW = TEST_VIEW,
): Promise<SupersetPage> {
  const browser = await launchChromium()
  const page = await browser.newPage(view)
  const faults: string[] = []
  let answered = new Map<number, ChartAnswer>()
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('response', async (response) => {
    const address = new URL(response.url())
    if (address.pathname.startsWith('/api/') && response.status() >= 400) {
      faults.push(`${response.status()} ${address.pathname}`)
    }
    const form = address.searchParams.get('form_data')
    if (address.pathname !== '/api/v1/chart/data' || form === null) return
    const text = await response.text().catch(() => null)
    if (text === null) return
    const { slice_id: chartId } = JSON.parse(form) as { slice_id: number }
    const answer = JSON.parse(text) as {
      result?: readonly { query: string; data: ChartAnswer['rows'] }[]
    }
    const [result] = answer.result ?? []
    const rows = result?.data ?? []
    answered.set(chartId, { chartId, status: response.status(), sql: result?.query ?? '', rows })
  })
  await page.goto(`${url}/login/`)
  await page.fill('#username', account.user)
  await page.fill('#password', account.password)
  await page.click('button[type=submit]')
  await page.waitForURL((address) => !address.pathname.startsWith('/login'))
  return {
    page,
    async answers(charts) {
      const deadline = performance.now() + ANSWERS_LIMIT_MS
      while (answered.size < charts && performance.now() < deadline) await page.waitForTimeout(100)
      assert.ok(answered.size >= charts, `${answered.size} of ${charts} charts were answered`)
      const found = answered
      answered = new Map()
      return found
    },
    faults: () => faults,
    close: () => browser.close(),
  }
}
