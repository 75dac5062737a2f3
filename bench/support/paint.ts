/** How soon a browser that has never seen the page shows something, and how soon all of it. */
import { chromium } from 'playwright-core'
import { FLAGS, findChromium } from '../../test/browser/support/chromium.ts'

export type Paint = Readonly<{
  /** First contentful paint, ms after the navigation began. */
  firstMs: number
  /** Until `main` says that it is ready. */
  readyMs: number
}>

const PAGE_LIMIT_MS = 30_000

/**
 * A fresh profile for each visit: nothing is cached. Null where there is no Chromium; the
 * reason is printed.
 */
export async function measurePaint(url: string, visits: number): Promise<readonly Paint[] | null> {
  const found = findChromium()
  if (found.skip !== false) {
    console.log(`paint     not measured: ${found.skip}`)
    return null
  }
  const browser = await chromium.launch({ executablePath: found.path, args: [...FLAGS] })
  try {
    const paints: Paint[] = []
    for (let visit = 0; visit < visits; visit += 1) {
      const context = await browser.newContext()
      const page = await context.newPage()
      page.setDefaultTimeout(PAGE_LIMIT_MS)
      await page.goto(url)
      await page.locator('main[data-state="ready"]').waitFor()
      // Text, because these tests' program is not compiled for a browser.
      const [firstMs = Number.NaN, readyMs = Number.NaN] = (await page.evaluate(
        `[performance.getEntriesByName('first-contentful-paint')[0]?.startTime, performance.now()]`,
      )) as number[]
      paints.push({ firstMs, readyMs })
      await context.close()
    }
    return paints
  } finally {
    await browser.close()
  }
}
