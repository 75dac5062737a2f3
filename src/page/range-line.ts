/** Says above the tiles which stretch the figures are about, in full, and what of it may still grow. */
import type { AnsweredRange } from '../dashboard-definition.ts'
import { element, setText } from './element.ts'
import type { Format } from './format.ts'
import { fillingText } from './freshness-text.ts'

export type RangeLine = Readonly<{
  element: HTMLElement
  update: (range: AnsweredRange) => void
}>

export function openRangeLine(format: Format): RangeLine {
  const span = element('span', { class: 'range-span', text: '\u00a0' })
  const filling = element('span', { class: 'range-filling', attributes: { hidden: true } })
  return {
    element: element(
      'div',
      { class: 'range-line' },
      element('h2', {
        class: 'overview-title',
        text: 'Overview',
        attributes: { id: 'overview-title' },
      }),
      span,
      element('span', { class: 'range-zone', text: format.timezone }),
      filling,
    ),
    update: (range) => {
      const fromMs = Date.parse(range.from)
      const toMs = Date.parse(range.to)
      const completeMs = Date.parse(range.completeTo)
      setText(span, format.span(fromMs, toMs))
      filling.hidden = completeMs >= toMs
      setText(filling, fillingText(format, { fromMs, toMs, completeMs }))
    },
  }
}
