/**
 * The names of the lines. Beside a wide plot each stands at the end of its line; under a narrow one they wrap as a legend.
 * Each has its line's mark, so that it is found without colour.
 */
import { element, setText } from '../element.ts'
import { markPath } from './series-mark.ts'
import { svgElement } from './svg-element.ts'

type Look = 'complete' | 'filling'

export type ChartKey = Readonly<{
  name: string
  figure: string
  slot: number
  look: Look
  title: string
}>

export type ChartKeys = Readonly<{
  element: HTMLElement
  /** `tops` are the middles of the labels in pixels; null makes it a legend. */
  update: (keys: readonly ChartKey[], tops: readonly number[] | null) => void
}>

/** How far apart the middles of two labels are. */
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

/** The mark of a series in its colour: filled, or hollow on a dashed line for what is still filling. */
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
