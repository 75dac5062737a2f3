/**
 * The strip "Real time": what comes in now, and the newest window. The event stream counts all
 * events by the second; it cannot be filtered. With filters the strip shows the windows of the last
 * hour instead, from an answer to the same filters. A range that has ended has no strip.
 */
import {
  CHARTS,
  type LiveMessage,
  RANGES,
  type SummaryAnswer,
  stretchOfDays,
} from '../dashboard-definition.ts'
import { openRealtimeChart } from './charts/realtime.ts'
import { element, setAttribute, setText } from './element.ts'
import type { Format } from './format.ts'
import { openNewestWindow } from './newest-window.ts'
import { hasFilters, rangeParameters, type ShownRange, type View, type ViewStore } from './view.ts'

type RealtimeStrip = Readonly<{
  element: HTMLElement
  showLive: (message: LiveMessage) => void
  /** What the view needs of the API; null if the stream is enough or nothing is shown. */
  request: (view: View) => string | null
  update: (answer: SummaryAnswer) => void
  setBusy: (isBusy: boolean) => void
  tick: () => void
  close: () => void
}>

type StripOptions = Readonly<{ format: Format; store: ViewStore; nowMs: () => number }>

const WINDOWS_RANGE = '1h'
export const WINDOWS_RANGE_SECONDS = 3600
const NOTES = {
  seconds: 'Last 5 minutes by the second, all events',
  windows: 'Last hour, filters applied',
} as const

export function openRealtimeStrip({ format, store, nowMs }: StripOptions): RealtimeStrip {
  const chart = openRealtimeChart({ format, nowMs })
  const newest = openNewestWindow(format, nowMs)
  const note = element('p', { class: 'card-note' })
  const whole = element(
    'section',
    {
      class: 'card card-realtime',
      attributes: { 'data-chart': 'realtime', 'aria-labelledby': 'realtime-title' },
    },
    element(
      'div',
      { class: 'strip' },
      element(
        'div',
        { class: 'strip-head' },
        element('h2', {
          class: 'card-title',
          text: CHARTS.realtime.title,
          attributes: { id: 'realtime-title' },
        }),
        note,
      ),
      chart.plot,
      newest.element,
      chart.table,
    ),
  )
  const show = (view: View): void => {
    whole.hidden = hasEnded(view.range, nowMs(), format.timezone)
    const isFiltered = hasFilters(view)
    setText(note, isFiltered ? NOTES.windows : NOTES.seconds)
    chart.setFiltered(isFiltered)
  }
  show(store.current())
  store.onChange(show)

  return {
    element: whole,
    showLive: (message) => {
      newest.update(message)
      chart.merge(message)
    },
    request: (view) => {
      if (!hasFilters(view) || hasEnded(view.range, nowMs(), format.timezone)) return null
      const asked = rangeParameters({
        ...view,
        range: { kind: 'last', id: WINDOWS_RANGE },
        compare: 'none',
      })
      return `summary?${asked}`
    },
    update: chart.showWindows,
    setBusy: (isBusy) => setAttribute(whole, 'aria-busy', String(isBusy)),
    tick: () => {
      newest.tick()
      whole.hidden = hasEnded(store.current().range, nowMs(), format.timezone)
    },
    close: chart.close,
  }
}

/** Nothing new comes into such a range but late events. */
function hasEnded(range: ShownRange, nowMs: number, zone: string): boolean {
  switch (range.kind) {
    case 'fixed':
      return range.toMs <= nowMs
    case 'days':
      return stretchOfDays(range.firstDay, range.lastDay, zone).toMs <= nowMs
    case 'last': {
      const preset = RANGES.find(({ id }) => id === range.id)
      return preset !== undefined && preset.by !== 'time' && preset.ago > 0
    }
    default:
      return range satisfies never
  }
}
