/** The newest window while it fills: how much of its time has passed, and its figures so far. */

import type { LiveMessage } from '../dashboard-definition.ts'
import { MEASURES } from '../dashboard-definition.ts'
import { stepText } from './charts/trend-text.ts'
import { element, setAttribute, setText } from './element.ts'
import { type Format, NOTHING, tileText } from './format.ts'

export type NewestWindow = Readonly<{
  element: HTMLElement
  update: (message: LiveMessage) => void
  tick: () => void
}>

const SHOWN = ['impressions', 'clicks', 'conversions', 'revenue'] as const

export function openNewestWindow(format: Format, nowMs: () => number): NewestWindow {
  let newest: LiveMessage['newest'] = null
  let completeTo: string | null = null
  const title = element('h3', { class: 'newest-title', text: 'Latest' })
  const span = element('p', { class: 'newest-span', text: NOTHING })
  const state = element('p', { class: 'newest-state' })
  const progress = element('progress', {
    class: 'newest-progress',
    attributes: { max: 1, value: 0, 'aria-label': 'How much of this time has passed' },
  })
  const figures = SHOWN.map((id) => ({
    id,
    value: element('dd', { text: NOTHING, attributes: { 'data-newest': id } }),
  }))
  const whole = element(
    'div',
    { class: 'newest' },
    title,
    span,
    progress,
    state,
    element(
      'dl',
      { class: 'newest-figures' },
      ...figures.map(({ id, value }) =>
        element('div', {}, element('dt', { text: MEASURES[id].label }), value),
      ),
    ),
  )

  const tick = (): void => {
    if (newest === null) return
    const fromMs = Date.parse(newest.from)
    const toMs = Date.parse(newest.to)
    const now = nowMs()
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
      if (newest === null) return
      const [fromMs, toMs] = [Date.parse(newest.from), Date.parse(newest.to)]
      setText(title, `Last ${stepText(toMs - fromMs)}`)
      setText(span, format.span(fromMs, toMs))
      for (const { id, value } of figures) {
        setText(value, tileText(format, id, newest[id]))
        setAttribute(value, 'data-value', newest[id])
      }
      tick()
    },
    tick,
  }
}

function fillingText(leftMs: number): string {
  if (leftMs <= 0) return 'Ended, late events may come in'
  const seconds = Math.ceil(leftMs / 1000)
  return `In progress, ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')} to go`
}
