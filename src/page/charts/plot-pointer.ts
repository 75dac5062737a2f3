/**
 * What shows under the pointer: a crosshair with marks on the lines, and a card with names and figures. The card is built
 * of elements, never of HTML text. It also follows the arrow keys while the plot has the focus, and touch.
 */
import { element } from '../element.ts'

/** One place of the plot that can be looked at; a window, a second, a bar. In CSS pixels of the plot. */
export type Spot = Readonly<{
  /** Where the crosshair stands; its box reaches from top to bottom, or over the whole row of a bar. */
  box: Readonly<{ left: number; top: number; width: number; height: number }>
  marks: readonly Readonly<{ x: number; y: number; slot: number }>[]
  card: () => HTMLElement
}>

export type Spots = Readonly<{
  count: number
  /** The spot that a point of the plot belongs to. */
  find: (x: number, y: number) => number
  at: (place: number) => Spot | null
}>

export type PlotPointer = Readonly<{
  /** New figures: what is shown is shown anew, at the same place. */
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
  const follow = ({ clientX, clientY }: PointerEvent): void => {
    const { left, top } = plot.getBoundingClientRect()
    look({ at: 'pointer', x: clientX - left, y: clientY - top })
  }
  const onKey = (event: KeyboardEvent): void => {
    const next = spots === null ? undefined : keyPlace(event.key, spots, looking)
    if (next === undefined) return
    event.preventDefault()
    look(next === null ? null : { at: 'place', place: next })
  }
  const leave = (): void => look(null)
  const listeners = { pointermove: follow, pointerdown: follow, keydown: onKey } as const
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

/** Arrows walk, Home and End jump, Escape looks away (null); undefined for keys that are not ours. */
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
  // Measured once it stands.
  const { x, y } = cardPlace(
    spot.box,
    { width: card.offsetWidth, height: card.offsetHeight },
    { width: plot.clientWidth, height: plot.clientHeight },
  )
  card.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`
}

type Size = Readonly<{ width: number; height: number }>

/** Beside a crosshair, on the side with room; under the row of a bar, or above it; never past the plot's sides. */
export function cardPlace(box: Spot['box'], card: Size, plot: Size): { x: number; y: number } {
  const right = box.left + box.width + CARD_GAP_PX
  if (box.width > plot.width / 2) {
    const below = box.top + box.height + 4
    const y = below + card.height <= plot.height ? below : box.top - card.height - 4
    return { x: Math.max(0, plot.width - card.width - 4), y }
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
