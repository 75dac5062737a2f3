/**
 * The crosshair under the pointer, with marks on the lines and a card of names and figures. It also
 * follows touch, and the arrow keys while the plot has the focus. A click opens what is under it.
 * Cards are made of elements, never of HTML text.
 */
import { element } from '../element.ts'
import { keyMark } from './chart-keys.ts'

/** A spot of the plot that has a card: a window, a second, a bar. In CSS pixels of the plot. */
export type Spot = Readonly<{
  /** The box of the crosshair: from top to bottom, or the whole row of a bar. */
  box: Readonly<{ left: number; top: number; width: number; height: number }>
  marks: readonly Readonly<{ x: number; y: number; slot: number }>[]
  card: () => HTMLElement
}>

export type Spots = Readonly<{
  count: number
  /** The spot of a point of the plot. */
  find: (x: number, y: number) => number
  at: (place: number) => Spot | null
  /** What a click at a point of the plot does; null if nothing. */
  target: (x: number, y: number, isTouch: boolean) => (() => void) | null
}>

export type PlotPointer = Readonly<{
  /** New figures: updates what is shown, at the same place. */
  update: (spots: Spots) => void
  close: () => void
}>

const CARD_GAP_PX = 14

type Looking = Readonly<{ at: 'pointer'; x: number; y: number } | { at: 'place'; place: number }>

export function openPlotPointer(plot: HTMLElement): PlotPointer {
  const layer = element('div', { class: 'chart-pointer' })
  layer.hidden = true
  layer.setAttribute('aria-hidden', 'true')
  plot.append(layer)
  let spots: Spots | null = null
  let looking: Looking | null = null

  const show = (): void => {
    const spot = spots === null || looking === null ? null : spotOf(spots, looking)
    layer.hidden = spot === null
    if (spot !== null) drawSpot(layer, plot, spot)
  }
  const look = (next: Looking | null): void => {
    looking = next
    show()
  }
  const targetOf = ({ clientX, clientY, pointerType }: PointerEvent): (() => void) | null => {
    const { left, top } = plot.getBoundingClientRect()
    return spots?.target(clientX - left, clientY - top, pointerType === 'touch') ?? null
  }
  const follow = (event: PointerEvent): void => {
    const { left, top } = plot.getBoundingClientRect()
    look({ at: 'pointer', x: event.clientX - left, y: event.clientY - top })
    plot.classList.toggle('has-target', targetOf(event) !== null)
  }
  const open = (event: PointerEvent): void => targetOf(event)?.()
  const onKey = (event: KeyboardEvent): void => {
    const next = spots === null ? undefined : keyPlace(event.key, spots, looking)
    if (next === undefined) return
    event.preventDefault()
    look(next === null ? null : { at: 'place', place: next })
  }
  const leave = (): void => look(null)
  const listeners = {
    pointermove: follow,
    pointerdown: follow,
    click: open,
    keydown: onKey,
  } as const
  const leaving = ['pointerleave', 'pointercancel', 'blur'] as const
  for (const [name, listener] of Object.entries(listeners)) {
    plot.addEventListener(name, listener as EventListener)
  }
  for (const name of leaving) plot.addEventListener(name, leave)
  return {
    update(next) {
      spots = next
      show()
    },
    close() {
      for (const [name, listener] of Object.entries(listeners)) {
        plot.removeEventListener(name, listener as EventListener)
      }
      for (const name of leaving) plot.removeEventListener(name, leave)
      layer.remove()
    },
  }
}

function spotOf(spots: Spots, looking: Looking): Spot | null {
  if (spots.count === 0) return null
  const place = looking.at === 'place' ? looking.place : spots.find(looking.x, looking.y)
  return spots.at(Math.min(Math.max(place, 0), spots.count - 1))
}

/** Arrows, Home and End move; Escape closes (null); undefined for all other keys. */
function keyPlace(key: string, spots: Spots, looking: Looking | null): number | null | undefined {
  if (key === 'Escape') return looking === null ? undefined : null
  const last = spots.count - 1
  const here =
    looking === null
      ? null
      : looking.at === 'place'
        ? looking.place
        : spots.find(looking.x, looking.y)
  switch (key) {
    case 'ArrowLeft':
    case 'ArrowUp':
      return Math.max((here ?? last + 1) - 1, 0)
    case 'ArrowRight':
    case 'ArrowDown':
      return Math.min((here ?? last - 1) + 1, last)
    case 'Home':
      return 0
    case 'End':
      return last
    default:
      return undefined
  }
}

function drawSpot(layer: HTMLElement, plot: HTMLElement, spot: Spot): void {
  const cross = element('div', { class: 'chart-cross' })
  placeBox(cross, spot.box)
  const marks = spot.marks.map(({ x, y, slot }) => {
    const mark = element('div', { class: `chart-dot series-${slot + 1}` })
    mark.style.transform = `translate(${x}px, ${y}px)`
    return mark
  })
  const card = spot.card()
  card.classList.add('chart-card')
  layer.replaceChildren(cross, ...marks, card)
  // Its size is only known once it is in the page.
  const { x, y } = cardPlace(
    spot.box,
    { width: card.offsetWidth, height: card.offsetHeight },
    { width: plot.clientWidth, height: plot.clientHeight },
  )
  card.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`
}

type Size = Readonly<{ width: number; height: number }>

/** Beside a crosshair where there is room; below or above the row of a bar; inside the plot. */
function cardPlace(box: Spot['box'], card: Size, plot: Size): { x: number; y: number } {
  const right = box.left + box.width + CARD_GAP_PX
  if (box.width > plot.width / 2) {
    const below = box.top + box.height + 4
    const y = below + card.height <= plot.height ? below : box.top - card.height - 4
    return { x: Math.max(0, plot.width - card.width - 4), y: Math.max(0, y) }
  }
  const left = box.left - CARD_GAP_PX - card.width
  const isRight = right + card.width <= plot.width || box.left < plot.width / 2
  const x = isRight ? right : left
  return { x: Math.max(0, Math.min(x, plot.width - card.width)), y: Math.max(0, box.top) }
}

function placeBox(box: HTMLElement, { left, top, width, height }: Spot['box']): void {
  box.style.transform = `translate(${left}px, ${top}px)`
  box.style.width = `${Math.max(width, 1)}px`
  box.style.height = `${height}px`
}

type CardRow = Readonly<{
  /** null for a row without a mark. */
  slot: number | null
  name: string
  figure: string
  detail: string
}>

/** With more rows than this, details are left out if the plot is narrow. */
const MANY = 2

/** A card: a title, a row for each series with mark, figure and detail, and a note. */
export function chartCard(title: string, rows: readonly CardRow[], note: string): HTMLElement {
  return element(
    'div',
    { class: rows.length > MANY ? 'is-many' : '' },
    element('p', { class: 'chart-card-title' }, title),
    ...rows.map(cardRow),
    ...(note === '' ? [] : [element('p', { class: 'chart-card-note' }, note)]),
  )
}

function cardRow({ slot, name, figure, detail }: CardRow): HTMLElement {
  return element(
    'div',
    { class: 'chart-card-row' },
    ...(slot === null ? [] : [keyMark(slot)]),
    ...(name === '' ? [] : [element('span', { class: 'chart-card-name' }, name)]),
    element('span', { class: 'chart-card-figure' }, figure),
    ...(detail === '' ? [] : [element('span', { class: 'chart-card-detail' }, detail)]),
  )
}
