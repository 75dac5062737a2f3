/**
 * A line for a range without data: which day has the newest data, and a button that shows that day.
 * A link may lead to such a range, and so does the preset of an hour after a quiet night.
 */
import { dayOf, type LiveMessage, type SummaryAnswer } from '../dashboard-definition.ts'
import { element, setText } from './element.ts'
import type { Format } from './format.ts'
import { hasFilters, type View, type ViewStore } from './view.ts'

type NewestData = Readonly<{
  element: HTMLElement
  /** The answer for the shown range. */
  update: (answer: SummaryAnswer, view: View) => void
  showLive: (message: LiveMessage) => void
}>

type Stretch = Readonly<{ fromMs: number; toMs: number }>

export function openNewestData(format: Format, store: ViewStore): NewestData {
  const text = element('span')
  const show = element('button', {
    class: 'button button-quiet',
    text: 'Show',
    attributes: { type: 'button', 'data-show-newest': true },
    on: {
      click: () => {
        if (newest === null) return
        const day = dayOf(newest.fromMs, format.timezone)
        store.change({ range: { kind: 'days', firstDay: day, lastDay: day }, page: 1 })
      },
    },
  })
  const whole = element('div', { class: 'newest-data', attributes: { hidden: true } }, text, show)
  let shown: Readonly<{ range: Stretch; isEmpty: boolean }> | null = null
  let newest: Stretch | null = null

  const place = (): void => {
    whole.hidden = newest === null || shown === null || !isDataElsewhere(shown, newest)
    if (newest !== null) setText(text, `Newest data: ${format.day(newest.fromMs)}`)
  }
  return {
    element: element('div', { attributes: { role: 'status' } }, whole),
    update: ({ range, figures: { impressions, clicks, conversions } }, view) => {
      const isEmpty = !hasFilters(view) && !(impressions || clicks || conversions)
      shown = { range: { fromMs: Date.parse(range.from), toMs: Date.parse(range.to) }, isEmpty }
      place()
    },
    showLive: (message) => {
      const { newest: now } = message
      newest = now && { fromMs: Date.parse(now.from), toMs: Date.parse(now.to) }
      place()
    },
  }
}

/** Filters may leave a range empty that has data: then it counts only that all data is older. */
export function isDataElsewhere(
  { range, isEmpty }: Readonly<{ range: Stretch; isEmpty: boolean }>,
  newest: Stretch,
): boolean {
  return newest.toMs <= range.fromMs || (isEmpty && newest.fromMs >= range.toMs)
}
