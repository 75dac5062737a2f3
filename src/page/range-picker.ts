/** The time range: the last minutes or days by one click, or a stretch of one's own. */
import { RANGES } from '../dashboard-definition.ts'
import { element, setAttribute, setText } from './element.ts'
import type { Format } from './format.ts'
import { icon } from './icon.ts'
import { attachPopover } from './popover.ts'
import { openRangeForm, type RangeEdges } from './range-form.ts'
import { DEFAULT_VIEW, rangeSeconds, type ShownRange } from './url-state.ts'

export type RangePicker = Readonly<{ element: HTMLElement; setRange: (range: ShownRange) => void }>

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

/** Where the form begins: the shown stretch, to whole minutes. */
function edgesOf(range: ShownRange, nowMs: number): RangeEdges {
  if (range.kind === 'fixed') return range
  const toMs = Math.ceil(nowMs / 60_000) * 60_000
  return { fromMs: toMs - rangeSeconds(range) * 1000, toMs }
}
