/** The time range: the last minutes or days by one click, or a stretch of one's own in the configured zone. */
import { RANGES } from '../definition.ts'
import { element, setAttribute, setText } from './element.ts'
import type { Format } from './format.ts'
import { icon } from './icon.ts'
import { attachPopover } from './popover.ts'
import { isRangePossible, rangeSeconds, type ShownRange } from './url-state.ts'
import { fromWallTime, toWallTime } from './zone.ts'

export type RangePicker = Readonly<{ element: HTMLElement; setRange: (range: ShownRange) => void }>

type RangePickerOptions = Readonly<{
  format: Format
  nowMs: () => number
  onChange: (range: ShownRange) => void
}>

const IMPOSSIBLE = 'The end must be after the beginning, and at most 400 days later.'

export function openRangePicker({ format, nowMs, onChange }: RangePickerOptions): RangePicker {
  let range: ShownRange = { kind: 'last', id: '1h' }
  const buttons = RANGES.map(({ id, label }) =>
    element('button', {
      class: 'segment',
      text: label,
      attributes: { type: 'button', 'data-range': id },
      on: { click: () => onChange({ kind: 'last', id }) },
    }),
  )
  const customText = element('span', { class: 'custom-text', text: 'Custom' })
  const custom = element(
    'button',
    { class: 'segment segment-custom', attributes: { type: 'button', 'data-range': 'custom' } },
    icon('calendar'),
    customText,
  )
  const whole = element(
    'div',
    { class: 'segments ranges', attributes: { role: 'group', 'aria-label': 'Time range' } },
    ...buttons,
    custom,
  )

  const from = wallTimeInput('from', true)
  const to = wallTimeInput('to', false)
  const fault = element('p', { class: 'fault', attributes: { role: 'alert' } })
  const apply = (): void => {
    const fromMs = fromWallTime(from.value, format.timezone)
    const toMs = fromWallTime(to.value, format.timezone)
    const isPossible = fromMs !== null && toMs !== null && isRangePossible(fromMs, toMs)
    setText(fault, isPossible ? '' : IMPOSSIBLE)
    if (!isPossible) return
    close()
    onChange({ kind: 'fixed', fromMs, toMs })
  }
  const { panel, close } = attachPopover(custom, {
    label: 'Custom time range',
    class: 'range-panel',
    onOpen: () => {
      setText(fault, '')
      const { fromMs, toMs } = edgesOf(range, nowMs())
      from.value = toWallTime(fromMs, format.timezone)
      to.value = toWallTime(toMs, format.timezone)
    },
  })
  panel.append(
    element(
      'form',
      {
        class: 'range-form',
        attributes: { novalidate: true },
        on: {
          submit: (event) => {
            event.preventDefault()
            apply()
          },
        },
      },
      element('label', { class: 'field' }, element('span', { text: 'From' }), from),
      element('label', { class: 'field' }, element('span', { text: 'To' }), to),
      element('p', { class: 'hint', text: `Times in ${format.timezone}` }),
      fault,
      element('button', {
        class: 'button button-primary',
        text: 'Show',
        attributes: { type: 'submit', 'data-apply-custom': true },
      }),
    ),
  )

  return {
    element: whole,
    setRange: (shown) => {
      range = shown
      for (const [at, { id }] of RANGES.entries()) {
        const isShown = shown.kind === 'last' && shown.id === id
        if (buttons[at] !== undefined) setAttribute(buttons[at], 'aria-pressed', String(isShown))
      }
      const isFixed = shown.kind === 'fixed'
      setAttribute(custom, 'aria-pressed', String(isFixed))
      setText(customText, isFixed ? format.span(shown.fromMs, shown.toMs) : 'Custom')
    },
  }
}

function wallTimeInput(id: string, isFirst: boolean): HTMLInputElement {
  return element('input', {
    class: 'input',
    attributes: { type: 'datetime-local', id, name: id, required: true, autofocus: isFirst },
  })
}

/** Where the inputs begin: the shown stretch, to whole minutes. */
function edgesOf(range: ShownRange, nowMs: number): Readonly<{ fromMs: number; toMs: number }> {
  if (range.kind === 'fixed') return range
  const toMs = Math.ceil(nowMs / 60_000) * 60_000
  return { fromMs: toMs - rangeSeconds(range) * 1000, toMs }
}
