/** What a layout owes its reader: it stays where it is, and fits the window. */
import assert from 'node:assert/strict'
import type { BrowserContext, Page } from 'playwright-core'

/**
 * Has every page of the context add up its layout shifts from the first paint on. A browser without
 * the Layout Instability API measures them frame by frame, by the same formula.
 */
export async function watchShifts(context: BrowserContext): Promise<void> {
  await context.addInitScript(watchFrames)
  await context.addInitScript(() => {
    if (!PerformanceObserver.supportedEntryTypes.includes('layout-shift')) return
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

/**
 * Impact × distance: the part of the window that moved elements had and have, by how far they went
 * in parts of the window. What the user did in the half second before has moved nothing.
 */
function watchFrames(): void {
  if (PerformanceObserver.supportedEntryTypes.includes('layout-shift')) return
  const [MOVED_PX_MIN, INPUT_MS] = [3, 500]
  const seen: { sum: number; sources: string[] } = { sum: 0, sources: [] }
  Reflect.set(window, 'shifts', seen)
  let inputMs = Number.NEGATIVE_INFINITY
  for (const type of ['pointerdown', 'keydown'])
    addEventListener(type, () => (inputMs = performance.now()), true)
  let before = new Map<Element, DOMRect>()
  const areaOf = ({ left, top, right, bottom }: DOMRect): number => {
    const width = Math.min(right, innerWidth) - Math.max(left, 0)
    const height = Math.min(bottom, innerHeight) - Math.max(top, 0)
    return width > 0 && height > 0 ? width * height : 0
  }
  const look = (nowMs: number): void => {
    const now = new Map<Element, DOMRect>()
    let [area, distance] = [0, 0]
    const moved: string[] = []
    for (const element of document.querySelectorAll('body *')) {
      if (element.childElementCount > 0) continue
      const rect = element.getBoundingClientRect()
      const { x, y, width, height } = rect
      const placed = new DOMRect(x + scrollX, y + scrollY, width, height)
      now.set(element, placed)
      const last = before.get(element)
      if (last === undefined || areaOf(last) === 0 || areaOf(placed) === 0) continue
      const far = Math.max(Math.abs(placed.x - last.x), Math.abs(placed.y - last.y))
      if (far < MOVED_PX_MIN) continue
      area += areaOf(last) + areaOf(placed)
      distance = Math.max(distance, far)
      moved.push(`${far.toFixed(0)} px ${element.outerHTML.slice(0, 120)}`)
    }
    before = now
    if (moved.length > 0 && nowMs - inputMs > INPUT_MS) {
      const impact = Math.min(1, area / (innerWidth * innerHeight))
      seen.sum += impact * (distance / Math.max(innerWidth, innerHeight))
      seen.sources.push(...moved)
    }
    requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
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

/** Every figure is shown in full: not cut by its own box, nor by a box around it. */
export async function expectNumbersWhole(page: Page): Promise<void> {
  const cut = await page.evaluate(() => {
    const figures = '[data-cell], [data-share], .tile-value, .realtime-figure, .newest-span'
    const isCut = (element: Element): boolean => {
      if (element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0) return true
      const { left, right } = element.getBoundingClientRect()
      for (let above = element.parentElement; above !== null; above = above.parentElement) {
        if (getComputedStyle(above).overflowX === 'visible') continue
        const box = above.getBoundingClientRect()
        if (left < box.left - 1 || right > box.right + 1) return true
      }
      return false
    }
    return [...document.querySelectorAll(figures)]
      .filter(isCut)
      .map((element) => `${element.outerHTML.slice(0, 120)}`)
  })
  assert.deepEqual(cut, [])
}

const EMPTY_PX_MAX = 40

/** A card ends where its content ends, but for its padding. */
export async function expectCardsFilled(page: Page): Promise<void> {
  const empty = await page.locator('.card').evaluateAll(
    (cards, most) =>
      cards.flatMap((card) => {
        const { bottom, height } = card.getBoundingClientRect()
        if (height === 0) return []
        const leaves = [...card.querySelectorAll('*')].filter(
          (element) => element.childElementCount === 0 && element.textContent !== '',
        )
        const drawn = [...leaves, ...card.querySelectorAll('canvas, svg')]
        const last = Math.max(...drawn.map((element) => element.getBoundingClientRect().bottom))
        return bottom - last > most ? [`${card.className}: ${Math.round(bottom - last)} px`] : []
      }),
    EMPTY_PX_MAX,
  )
  assert.deepEqual(empty, [])
}

/** The right edge of the text of the first element that each selector finds. */
export async function readTextEdges(
  page: Page,
  selectors: readonly string[],
): Promise<readonly number[]> {
  return await page.evaluate(
    (all) =>
      all.map((selector) => {
        const range = document.createRange()
        range.selectNodeContents(document.querySelector(selector) ?? document.body)
        return range.getBoundingClientRect().right
      }),
    [...selectors],
  )
}
