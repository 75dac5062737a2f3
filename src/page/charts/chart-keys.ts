/**
 * The keys of a line chart: names, figures and marks. Beside a wide plot each is at the end of its
 * line; below a narrow one they wrap as a legend. Each series has a mark of its own shape, so that
 * lines can be told apart without seeing colours. A key is a button that shows its campaign alone.
 */
import { element, placeChildren, setAttribute, setText, svgElement } from '../element.ts'

type ChartKey = Readonly<{
  campaign: string
  name: string
  figure: string
  slot: number
  /** Of a line that is there to compare with. */
  isContext: boolean
  title: string
}>

type ChartKeys = Readonly<{
  element: HTMLElement
  /** `tops` are the middles of the labels in pixels; null for a legend. */
  update: (keys: readonly ChartKey[], tops: readonly number[] | null) => void
}>

/** The least distance between the middles of two labels. */
export const KEY_HEIGHT_PX = 40

/** `onCampaign` is called when a key is pressed. */
export function openChartKeys(onCampaign: (campaign: string) => void): ChartKeys {
  const list = element('ul', { class: 'chart-keys' })
  const known = new Map<string, Key>()
  return {
    element: list,
    update(keys, tops) {
      list.classList.toggle('is-beside', tops !== null)
      const shown = keys.map((key, index) => {
        const { campaign } = key
        const made = known.get(campaign) ?? openKey(campaign, () => onCampaign(campaign))
        known.set(campaign, made)
        made.update(key)
        const top = tops?.[index]
        made.element.style.transform = top === undefined ? '' : `translateY(${Math.round(top)}px)`
        return made.element
      })
      placeChildren(list, shown)
      for (const [campaign, { element: made }] of known) {
        if (!shown.includes(made)) known.delete(campaign)
      }
    },
  }
}

type Key = Readonly<{ element: HTMLElement; update: (key: ChartKey) => void }>

function openKey(campaign: string, onPress: () => void): Key {
  const mark = element('span', { class: 'chart-key-mark' }, keyMark(0))
  const name = element('bdi', { class: 'chart-key-name' })
  const figure = element('span', { class: 'chart-key-figure' })
  const button = element(
    'button',
    {
      class: 'chart-key-button',
      attributes: { type: 'button', 'data-key': campaign },
      on: { click: onPress },
    },
    mark,
    name,
    figure,
  )
  let slot = 0
  return {
    element: element('li', { class: 'chart-key' }, button),
    update(key) {
      if (key.slot !== slot) mark.replaceChildren(keyMark(key.slot))
      slot = key.slot
      setText(name, key.name)
      setText(figure, key.figure)
      setAttribute(button, 'title', key.title)
      button.classList.toggle('is-context', key.isContext)
    },
  }
}

/** The mark of a series in its colour. */
export function keyMark(slot: number): SVGSVGElement {
  const mark = svgElement('path', {
    d: markPath(slot),
    transform: 'translate(7 1)',
    fill: 'currentColor',
  })
  const line = svgElement('path', {
    d: 'M1 6H23',
    stroke: 'currentColor',
    'stroke-width': 2,
    'stroke-linecap': 'round',
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
