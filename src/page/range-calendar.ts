/**
 * A calendar of days: the first click chooses the first day, the second one the last. Both can be
 * typed as well.
 */
import {
  DAY_MS,
  dayOf,
  dayText,
  firstOfMonth,
  firstOfWeek,
  parseDay,
  type Weekday,
} from '../dashboard-definition.ts'
import { element, icon, setAttribute, setText } from './element.ts'
import type { Format } from './format.ts'
import { daysFault, type ShownRange } from './view.ts'

type RangeCalendar = Readonly<{
  element: HTMLElement
  /** Starts again from what is shown. */
  begin: (range: ShownRange) => void
}>

type CalendarOptions = Readonly<{
  format: Format
  weekStart: Weekday
  nowMs: () => number
  onChange: (firstDay: number, lastDay: number) => void
}>

const WEEK_DAYS = 7
const WEEKS = 6
const INCOMPLETE = 'Choose the first and the last day.'

export function openRangeCalendar(options: CalendarOptions): RangeCalendar {
  const { format, nowMs, onChange } = options
  const today = (): number => dayOf(nowMs(), format.timezone)
  let first: number | null = null
  let last: number | null = null

  const fault = element('p', { class: 'fault', attributes: { role: 'alert' } })
  const from = dayInput('from')
  const to = dayInput('to')
  const month = openMonth(options, (day) => {
    // A third click begins again.
    if (first === null || last !== null || day < first) [first, last] = [day, null]
    else last = day
    from.value = dayText(first)
    to.value = last === null ? '' : dayText(last)
    setText(fault, '')
    month.mark(first, last)
  })
  const read = (): void => {
    ;[first, last] = [parseDay(from.value), parseDay(to.value)]
    if (first !== null) month.show(first)
    month.mark(first, last)
  }
  for (const input of [from, to]) input.addEventListener('change', read)
  const submit = (event: SubmitEvent): void => {
    event.preventDefault()
    read()
    const what = first === null || last === null ? INCOMPLETE : daysFault(first, last)
    setText(fault, what ?? '')
    if (what === null && first !== null && last !== null) onChange(first, last)
  }

  return {
    element: element(
      'form',
      { class: 'range-form', attributes: { novalidate: true }, on: { submit } },
      element(
        'div',
        { class: 'range-days' },
        element('label', { class: 'field' }, element('span', { text: 'First day' }), from),
        element('label', { class: 'field' }, element('span', { text: 'Last day' }), to),
      ),
      month.element,
      fault,
      element('button', {
        class: 'button button-primary',
        text: 'Show',
        attributes: { type: 'submit', 'data-apply-custom': true },
      }),
    ),
    begin: (range) => {
      ;[first, last] = range.kind === 'days' ? [range.firstDay, range.lastDay] : [null, null]
      from.value = first === null ? '' : dayText(first)
      to.value = last === null ? '' : dayText(last)
      setText(fault, '')
      month.show(last ?? today())
      month.mark(first, last)
    },
  }
}

function dayInput(id: string): HTMLInputElement {
  return element('input', {
    class: 'input',
    attributes: { type: 'date', id, name: id, required: true, max: '9999-12-31' },
  })
}

type Month = Readonly<{
  element: HTMLElement
  /** Turns to the month of a day. */
  show: (day: number) => void
  mark: (first: number | null, last: number | null) => void
}>

function openMonth(
  { format, weekStart, nowMs }: CalendarOptions,
  onDay: (day: number) => void,
): Month {
  let firstDay = 0
  let marked: readonly [number | null, number | null] = [null, null]
  const text = (options: Intl.DateTimeFormatOptions): ((day: number) => string) => {
    const made = new Intl.DateTimeFormat(format.locale, { timeZone: 'UTC', ...options })
    return (day) => made.format(day * DAY_MS)
  }
  const monthText = text({ month: 'long', year: 'numeric' })
  const longText = text({ weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' })
  const weekdayText = text({ weekday: 'short' })

  const title = element('p', { class: 'month-title', attributes: { 'aria-live': 'polite' } })
  const turn = (months: number): void => show(firstOfMonth(firstDay, months))
  const days = Array.from({ length: WEEKS * WEEK_DAYS }, () =>
    element('button', {
      class: 'day',
      attributes: { type: 'button' },
      on: { click: (_, { value }) => onDay(Number(value)) },
    }),
  )
  const weekdays = Array.from({ length: WEEK_DAYS }, () => element('span', {}))
  const grid = element(
    'div',
    {
      class: 'month-days',
      attributes: { role: 'group', 'aria-label': 'Days' },
      on: { keydown: (event) => moveFocus(event) },
    },
    ...days,
  )

  const show = (day: number): void => {
    firstDay = firstOfMonth(day)
    const today = dayOf(nowMs(), format.timezone)
    const start = firstOfWeek(firstDay, weekStart)
    setText(title, monthText(firstDay))
    for (const [index, cell] of weekdays.entries()) setText(cell, weekdayText(start + index))
    for (const [index, button] of days.entries()) {
      const shown = start + index
      button.value = String(shown)
      setText(button, String(new Date(shown * DAY_MS).getUTCDate()))
      setAttribute(button, 'data-day', dayText(shown))
      setAttribute(button, 'aria-label', longText(shown))
      setAttribute(button, 'aria-current', shown === today ? 'date' : null)
      button.disabled = shown > today
      button.classList.toggle('is-other', firstOfMonth(shown) !== firstDay)
    }
    setTabStop()
    mark(...marked)
  }
  const mark = (first: number | null, last: number | null): void => {
    marked = [first, last]
    for (const button of days) {
      const day = Number(button.value)
      const isEnd = day === first || day === last
      const isWithin = first !== null && last !== null && day >= first && day <= last
      setAttribute(button, 'aria-pressed', String(isEnd || isWithin))
      button.classList.toggle('is-end', isEnd)
    }
  }
  /** One of the days is reached with the tab key, the others from there with the arrows. */
  const setTabStop = (wanted = Number.NaN): HTMLButtonElement | undefined => {
    const enabled = days.filter((button) => !button.disabled)
    const stop = enabled.find(({ value }) => Number(value) === wanted) ?? enabled.at(-1)
    for (const button of days) button.tabIndex = button === stop ? 0 : -1
    return stop
  }
  const moveFocus = (event: KeyboardEvent): void => {
    const by = ARROWS[event.key]
    const focused = days.find((button) => button === document.activeElement)
    if (by === undefined || focused === undefined) return
    event.preventDefault()
    const wanted = Math.min(Number(focused.value) + by, dayOf(nowMs(), format.timezone))
    const isShown = days.some(({ value }) => Number(value) === wanted)
    if (!isShown) show(wanted)
    setTabStop(wanted)?.focus()
  }

  return {
    element: element(
      'div',
      { class: 'month' },
      element(
        'div',
        { class: 'month-head' },
        turnButton('Previous month', 'is-back', () => turn(-1)),
        title,
        turnButton('Next month', 'is-on', () => turn(1)),
      ),
      element(
        'div',
        { class: 'month-weekdays', attributes: { 'aria-hidden': 'true' } },
        ...weekdays,
      ),
      grid,
    ),
    show,
    mark,
  }
}

const ARROWS: Readonly<Record<string, number>> = {
  ArrowLeft: -1,
  ArrowRight: 1,
  ArrowUp: -WEEK_DAYS,
  ArrowDown: WEEK_DAYS,
}

function turnButton(label: string, look: string, onClick: () => void): HTMLElement {
  return element(
    'button',
    {
      class: `button button-icon button-quiet month-turn ${look}`,
      attributes: { type: 'button', 'aria-label': label, title: label },
      on: { click: onClick },
    },
    icon('chevron'),
  )
}
