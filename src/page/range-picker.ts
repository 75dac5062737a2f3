/**
 * The picker of the time range: the usual presets side by side, the others and a calendar of days
 * in a panel.
 */
import { RANGES, type RangeId, startOfDay, type Weekday } from '../dashboard-definition.ts'
import { element, icon, setAttribute, setText } from './element.ts'
import type { Format } from './format.ts'
import { attachPopover } from './popover.ts'
import { openRangeCalendar } from './range-calendar.ts'
import { DEFAULT_VIEW, type ShownRange } from './view.ts'

type RangePicker = Readonly<{ element: HTMLElement; setRange: (range: ShownRange) => void }>

type RangePickerOptions = Readonly<{
  format: Format
  weekStart: Weekday
  nowMs: () => number
  onChange: (range: ShownRange) => void
}>

const SIDE_BY_SIDE: readonly RangeId[] = ['1h', '24h', 'today', 'yesterday', '7d', '30d']

export function openRangePicker(options: RangePickerOptions): RangePicker {
  const { format, onChange } = options
  let range = DEFAULT_VIEW.range
  const choose = (chosen: ShownRange): void => {
    close()
    onChange(chosen)
  }
  const buttons = RANGES.map(({ id, label }) => ({
    id,
    label,
    isInMenu: !SIDE_BY_SIDE.includes(id),
    button: element('button', {
      class: SIDE_BY_SIDE.includes(id) ? 'segment' : 'range-choice',
      text: label,
      attributes: { type: 'button', 'data-range': id },
      on: { click: () => choose({ kind: 'last', id }) },
    }),
  }))
  const moreText = element('span', { class: 'more-text', text: MORE })
  const more = element(
    'button',
    { class: 'segment segment-more', attributes: { type: 'button', 'data-range-menu': true } },
    icon('calendar'),
    moreText,
  )
  const whole = element(
    'div',
    { class: 'segments ranges', attributes: { role: 'group', 'aria-label': 'Time range' } },
    ...buttons.filter(({ isInMenu }) => !isInMenu).map(({ button }) => button),
    more,
  )
  const calendar = openRangeCalendar({
    ...options,
    onChange: (firstDay, lastDay) => choose({ kind: 'days', firstDay, lastDay }),
  })
  const { panel, close } = attachPopover(more, {
    label: 'Time range',
    class: 'range-panel',
    onOpen: () => calendar.begin(range),
  })
  panel.append(
    element(
      'div',
      { class: 'range-choices', attributes: { role: 'group', 'aria-label': 'More ranges' } },
      ...buttons.filter(({ isInMenu }) => isInMenu).map(({ button }) => button),
    ),
    calendar.element,
  )
  return {
    element: whole,
    setRange: (shown) => {
      range = shown
      const preset = buttons.find(({ id }) => shown.kind === 'last' && shown.id === id)
      for (const { id, button } of buttons) {
        setAttribute(button, 'aria-pressed', String(id === preset?.id))
      }
      const isInMenu = preset === undefined || preset.isInMenu
      more.classList.toggle('is-chosen', isInMenu)
      setText(moreText, isInMenu ? (preset?.label ?? customText(shown, format)) : MORE)
    },
  }
}

const MORE = 'More'

function customText(range: ShownRange, format: Format): string {
  if (range.kind === 'fixed') return format.span(range.fromMs, range.toMs)
  if (range.kind === 'last') return MORE
  const startOf = (day: number): number => startOfDay(day, format.timezone)
  return format.days(startOf(range.firstDay), startOf(range.lastDay + 1))
}
