/** What a layout owes its reader: it stays where it is, and fits the window. */
import assert from 'node:assert/strict'
import type { BrowserContext, Page } from 'playwright-core'

/** Has every page of the context add up its layout shifts from the first paint on. */
export async function watchShifts(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    type Shift = PerformanceEntry & { value: number; hadRecentInput: boolean }
    const seen: { sum: number; sources: string[] } = { sum: 0, sources: [] }
    Reflect.set(window, 'shifts', seen)
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (Shift & { sources?: { node: Node | null }[] })[]) {
        if (entry.hadRecentInput) continue
        seen.sum += entry.value
        for (const { node } of entry.sources ?? []) {
          const element = node instanceof Element ? node : node?.parentElement
          seen.sources.push(`${entry.value.toFixed(4)} ${element?.outerHTML.slice(0, 120)}`)
        }
      }
    }).observe({ type: 'layout-shift', buffered: true })
  })
}

export async function readShifts(page: Page): Promise<{ sum: number; sources: string[] }> {
  return await page.evaluate(
    () => Reflect.get(window, 'shifts') as { sum: number; sources: string[] },
  )
}

export async function expectNoScrollSideways(page: Page): Promise<void> {
  const { wide, room, widest } = await page.evaluate(() => {
    const room = document.documentElement.clientWidth
    const isInScroller = (element: Element): boolean => {
      for (let above = element.parentElement; above !== null; above = above.parentElement)
        if (['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(above).overflowX))
          return true
      return false
    }
    const widest = [...document.querySelectorAll('body *')]
      .filter((element) => element.getBoundingClientRect().right > room + 1)
      .filter((element) => !isInScroller(element))
      .map((element) => element.outerHTML.slice(0, 120))
    return { wide: document.documentElement.scrollWidth, room, widest: widest.slice(0, 5) }
  })
  assert.ok(wide <= room, `${wide} px of content in ${room}: ${widest.join('\n')}`)
}
