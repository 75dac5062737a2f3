/** The picker of the time range: presets, and a form for a custom range. */
import { RANGE_DAYS_MAX, RANGES } from '../dashboard-definition.ts'
import { element, icon, setAttribute, setText } from './element.ts'
import type { Format } from './format.ts'
import { attachPopover } from './popover.ts'
import { DEFAULT_VIEW, isRangePossible, rangeSeconds, type ShownRange } from './view.ts'
import { fromWallTime, toWallTime } from './zone.ts'

type RangePicker = Readonly<{ element: HTMLElement; setRange: (range: ShownRange) => void }>

type RangePickerOptions = Readonly<{
  format: Format
  nowMs: () => number
  onChange: (range: ShownRange) => void
}>

export function openRangePicker({ format, nowMs, onChange }: RangePickerOptions): RangePicker {
  let range = DEFAULT_VIEW.range
  const buttons = RANGES.map(({ id, label }) => ({
    id,
    button: element('button', {
      class: 'segment',
      text: label,
      attributes: { type: 'button', 'data-range': id },
      on: { click: () => onChange({ kind: 'last', id }) },
    }),
  }))
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
    ...buttons.map(({ button }) => button),
    custom,
  )
  const form = openRangeForm(format.timezone, (edges) => {
    close()
    onChange({ kind: 'fixed', ...edges })
  })
  const { panel, close } = attachPopover(custom, {
    label: 'Custom time range',
    class: 'range-panel',
    onOpen: () => form.begin(edgesOf(range, nowMs())),
  })
  panel.append(form.element)
  return {
    element: whole,
    setRange: (shown) => {
      range = shown
      for (const { id, button } of buttons) {
        const isShown = shown.kind === 'last' && shown.id === id
        setAttribute(button, 'aria-pressed', String(isShown))
      }
      const isFixed = shown.kind === 'fixed'
      setAttribute(custom, 'aria-pressed', String(isFixed))
      setText(customText, isFixed ? format.span(shown.fromMs, shown.toMs) : 'Custom')
    },
  }
}

/** The initial values of the form: the shown range, in whole minutes. */
function edgesOf(range: ShownRange, nowMs: number): RangeEdges {
  if (range.kind === 'fixed') return range
  const toMs = Math.ceil(nowMs / 60_000) * 60_000
  return { fromMs: toMs - rangeSeconds(range) * 1000, toMs }
}

type RangeEdges = Readonly<{ fromMs: number; toMs: number }>

type RangeForm = Readonly<{
  element: HTMLElement
  /** Resets the form to these values. */
  begin: (edges: RangeEdges) => void
}>

const IMPOSSIBLE = `The end must be after the beginning, and at most ${RANGE_DAYS_MAX} days later.`

/** A custom range, in the wall time of the configured zone. */
function openRangeForm(timezone: string, onApply: (edges: RangeEdges) => void): RangeForm {
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
