/**
 * The keys of a line chart: names, figures and marks. Beside a wide plot each is at the end of its
 * line; below a narrow one they wrap as a legend. Each series has a mark of its own shape, so that
 * lines can be told apart without seeing colours.
 */
import { element, setText, svgElement } from '../element.ts'

type Look = 'complete' | 'filling'

type ChartKey = Readonly<{
  name: string
  figure: string
  slot: number
  look: Look
  title: string
}>

type ChartKeys = Readonly<{
  element: HTMLElement
  /** `tops` are the middles of the labels in pixels; null for a legend. */
  update: (keys: readonly ChartKey[], tops: readonly number[] | null) => void
}>

/** The least distance between the middles of two labels. */
export const KEY_HEIGHT_PX = 40

export function openChartKeys(): ChartKeys {
  const list = element('ul', { class: 'chart-keys' })
  return {
    element: list,
    update(keys, tops) {
      list.classList.toggle('is-beside', tops !== null)
      while (list.children.length > keys.length) list.lastElementChild?.remove()
      keys.forEach((key, index) => {
        const item = (list.children[index] as HTMLElement | undefined) ?? openKey(list)
        fillKey(item, key)
        const top = tops?.[index]
        item.style.transform = top === undefined ? '' : `translateY(${Math.round(top)}px)`
      })
    },
  }
}

function openKey(list: HTMLElement): HTMLElement {
  const item = element(
    'li',
    { class: 'chart-key' },
    keyMark(0),
    element('span', { class: 'chart-key-name' }),
    element('span', { class: 'chart-key-figure' }),
  )
  list.append(item)
  return item
}

function fillKey(item: HTMLElement, { name, figure, slot, look, title }: ChartKey): void {
  const [mark, nameElement, figureElement] = item.children
  if (mark === undefined || nameElement === undefined || figureElement === undefined) return
  const shown = `${slot} ${look}`
  if (item.dataset.mark !== shown) {
    item.dataset.mark = shown
    mark.replaceWith(keyMark(slot, look))
  }
  setText(nameElement, name)
  setText(figureElement, figure)
  if (item.title !== title) item.title = title
}

/** The mark of a series in its colour: solid, or hollow on a dashed line while filling. */
export function keyMark(slot: number, look: Look = 'complete'): SVGSVGElement {
  const isFilling = look === 'filling'
  const mark = svgElement('path', {
    d: markPath(slot),
    transform: 'translate(7 1)',
    class: isFilling ? 'is-hollow' : '',
    fill: 'currentColor',
    stroke: 'currentColor',
    'stroke-width': isFilling ? 1.5 : 0,
  })
  const line = svgElement('path', {
    d: 'M1 6H23',
    stroke: 'currentColor',
    'stroke-width': 2,
    'stroke-linecap': 'round',
    ...(isFilling ? { 'stroke-dasharray': '2 4' } : {}),
  })
  return svgElement(
    'svg',
    {
      class: `chart-mark series-${slot + 1}`,
      viewBox: '0 0 24 12',
      width: 24,
      height: 12,
      'aria-hidden': 'true',
    },
    line,
    mark,
  )
}

/** Paths in a box of 10 × 10. */
const MARK_PATHS: readonly string[] = [
  'M5 1a4 4 0 1 0 0 8a4 4 0 1 0 0-8z',
  'M1.5 1.5h7v7h-7z',
  'M5 .8L9.4 8.6H.6z',
  'M5 .4L9.6 5L5 9.6L.4 5z',
  'M.6 1.4H9.4L5 9.2z',
]

export function markPath(slot: number): string {
  return MARK_PATHS[slot % MARK_PATHS.length] ?? ''
}

/** Campaign → slot: a campaign keeps its slot, a new one takes the lowest free slot. */
export function assignSlots(
  previous: ReadonlyMap<string, number>,
  campaigns: readonly string[],
): Map<string, number> {
  const kept = campaigns.filter((campaign) => previous.has(campaign))
  const slots = new Map(kept.map((campaign) => [campaign, previous.get(campaign) ?? 0]))
  const taken = new Set(slots.values())
  let free = 0
  for (const campaign of campaigns) {
    if (slots.has(campaign)) continue
    while (taken.has(free)) free++
    taken.add(free)
    slots.set(campaign, free)
  }
  return slots
}

/**
 * Places labels at least `gap` apart inside `[0, height]`, each as near to its wanted middle as
 * possible and in the same order. Takes and returns middles, in the order of the input.
 */
export function spreadLabels(wanted: readonly number[], gap: number, height: number): number[] {
  const order = wanted.map((_, index) => index).sort((a, b) => at(wanted, a) - at(wanted, b))
  // Labels that collide become a block around the mean of their wanted middles.
  const blocks: { sum: number; count: number }[] = []
  const topOf = ({ sum, count }: { sum: number; count: number }): number => {
    const length = (count - 1) * gap
    const top = sum / count - length / 2
    return Math.max(gap / 2, Math.min(top, height - gap / 2 - length))
  }
  for (const index of order) {
    let block = { sum: at(wanted, index), count: 1 }
    for (let above = blocks.at(-1); above !== undefined; above = blocks.at(-1)) {
      if (topOf(above) + above.count * gap <= topOf(block)) break
      blocks.pop()
      block = { sum: above.sum + block.sum, count: above.count + block.count }
    }
    blocks.push(block)
  }
  const placed = new Array<number>(wanted.length)
  let next = 0
  for (const block of blocks) {
    for (let place = 0; place < block.count; place++) {
      placed[order[next++] ?? 0] = topOf(block) + place * gap
    }
  }
  return placed
}

function at(values: readonly number[], index: number): number {
  return values[index] ?? 0
}
