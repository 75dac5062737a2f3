/** The newest window with events: when it is, and while it fills, how much of its time has passed. */
import type { LiveMessage } from '../dashboard-definition.ts'
import { stepText } from './charts/trend-text.ts'
import { element, setAttribute, setText } from './element.ts'
import { type Format, NOTHING } from './format.ts'

const NEWEST = 'Newest events'

type NewestWindow = Readonly<{
  element: HTMLElement
  update: (message: LiveMessage) => void
  tick: () => void
}>

export function openNewestWindow(format: Format, nowMs: () => number): NewestWindow {
  let newest: LiveMessage['newest'] = null
  let completeTo: string | null = null
  const title = element('h3', { class: 'newest-title', text: NEWEST })
  const span = element('p', { class: 'newest-span', text: NOTHING })
  const state = element('p', { class: 'newest-state', text: '\u00a0' })
  const progress = element('progress', {
    class: 'newest-progress',
    attributes: { max: 1, value: 0, 'aria-label': 'How much of this time has passed' },
  })
  const whole = element('div', { class: 'newest' }, title, span, progress, state)

  const tick = (): void => {
    if (newest === null) return
    const fromMs = Date.parse(newest.from)
    const toMs = Date.parse(newest.to)
    const now = nowMs()
    setText(title, titleText(toMs - fromMs, now - toMs))
    setText(span, spanText(format, fromMs, toMs, now))
    const run = Math.min(Math.max((now - fromMs) / (toMs - fromMs), 0), 1)
    setAttribute(progress, 'value', run.toFixed(3))
    const isComplete = completeTo !== null && Date.parse(completeTo) >= toMs
    whole.classList.toggle('is-complete', isComplete)
    setText(state, isComplete ? 'Complete' : fillingText(toMs - now))
  }

  return {
    element: whole,
    update: (message) => {
      newest = message.newest
      completeTo = message.completeTo
      tick()
    },
    tick,
  }
}

/** The last window is the one that fills or, before its first event, the one before it. */
function titleText(lengthMs: number, sinceEndMs: number): string {
  return sinceEndMs < lengthMs ? `Last ${stepText(lengthMs)}` : NEWEST
}

/** Today goes without saying. */
function spanText(format: Format, fromMs: number, toMs: number, nowMs: number): string {
  const days = [fromMs, toMs, nowMs].map(format.day)
  const isToday = new Set(days).size === 1
  return isToday ? `${format.time(fromMs)}–${format.time(toMs)}` : format.span(fromMs, toMs)
}

function fillingText(leftMs: number): string {
  if (leftMs <= 0) return 'Ended, late events may come in'
  const seconds = Math.ceil(leftMs / 1000)
  return `In progress, ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')} to go`
}
