/** The form for a stretch of one's own, told on the wall clock of the configured zone. */
import { element, setText } from './element.ts'
import { isRangePossible } from './url-state.ts'
import { fromWallTime, toWallTime } from './zone.ts'

export type RangeEdges = Readonly<{ fromMs: number; toMs: number }>

export type RangeForm = Readonly<{
  element: HTMLElement
  /** Begins anew, with these edges. */
  begin: (edges: RangeEdges) => void
}>

const IMPOSSIBLE = 'The end must be after the beginning, and at most 400 days later.'

export function openRangeForm(timezone: string, onApply: (edges: RangeEdges) => void): RangeForm {
  const from = wallTimeInput('from', true)
  const to = wallTimeInput('to', false)
  const fault = element('p', { class: 'fault', attributes: { role: 'alert' } })

  const apply = (): void => {
    const fromMs = fromWallTime(from.value, timezone)
    const toMs = fromWallTime(to.value, timezone)
    const isPossible = fromMs !== null && toMs !== null && isRangePossible(fromMs, toMs)
    setText(fault, isPossible ? '' : IMPOSSIBLE)
    if (isPossible) onApply({ fromMs, toMs })
  }
  const submit = (event: SubmitEvent): void => {
    event.preventDefault()
    apply()
  }

  return {
    element: element(
      'form',
      { class: 'range-form', attributes: { novalidate: true }, on: { submit } },
      element('label', { class: 'field' }, element('span', { text: 'From' }), from),
      element('label', { class: 'field' }, element('span', { text: 'To' }), to),
      element('p', { class: 'hint', text: `Times in ${timezone}` }),
      fault,
      element('button', {
        class: 'button button-primary',
        text: 'Show',
        attributes: { type: 'submit', 'data-apply-custom': true },
      }),
    ),
    begin: ({ fromMs, toMs }) => {
      setText(fault, '')
      from.value = toWallTime(fromMs, timezone)
      to.value = toWallTime(toMs, timezone)
    },
  }
}

function wallTimeInput(id: string, isFirst: boolean): HTMLInputElement {
  return element('input', {
    class: 'input',
    attributes: { type: 'datetime-local', id, name: id, required: true, autofocus: isFirst },
  })
}
