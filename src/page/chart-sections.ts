/**
 * The three charts in their sections. ECharts comes as a chunk of its own beside the page; until it is there, each
 * chart's place is kept, and its last answer too.
 */

import type { LiveMessage, RevenueAnswer, TrendAnswer } from '../dashboard-definition.ts'
import { CHARTS, MEASURES, TREND_LINES } from '../dashboard-definition.ts'
import { type Charts, openCharts } from './charts/open-charts.ts'
import { element, setAttribute, setText } from './element.ts'
import type { Format } from './format.ts'
import { openNewestWindow } from './newest-window.ts'
import { openSegments } from './segments.ts'
import type { TrendMeasure, View } from './url-state.ts'
import type { ViewStore } from './view-store.ts'

type Room = Readonly<{ format: Format; nowMs: () => number; store: ViewStore }>
type OpenChart<Content> = Readonly<{
  update: (content: Content) => void
  setTheme: () => void
  close: () => void
}>

export type ChartSection<Content> = Readonly<{
  element: HTMLElement
  update: (content: Content) => void
  setBusy: (isBusy: boolean) => void
  /** Once ECharts is there; null when it could not be loaded. */
  open: (charts: Charts | null) => void
  setTheme: () => void
  close: () => void
}>

/** While the charts load, so many messages of the stream are kept for the real-time chart. */
const KEPT_MAX = 500

export async function loadCharts(): Promise<Charts | null> {
  try {
    return await openCharts()
  } catch {
    return null
  }
}

export type TrendContent = Readonly<{ answer: TrendAnswer; measure: TrendMeasure }>

export function openTrendSection({ format, store }: Room): ChartSection<TrendContent> {
  const title = element('h2', { class: 'card-title', text: CHARTS.trend.title })
  const measures = openSegments<TrendMeasure>({
    name: 'measure',
    label: 'Measure',
    choices: (['ctr', 'cvr'] as const).map((id) => ({ id, label: MEASURES[id].label })),
    onChange: (measure) => store.change({ measure }),
  })
  const lines = openSegments<View['lines']>({
    name: 'lines',
    label: 'Lines',
    choices: [
      { id: 'all', label: 'All together' },
      { id: 'campaigns', label: `Top ${TREND_LINES}` },
    ],
    onChange: (chosen) => store.change({ lines: chosen }),
  })
  const show = (view: View): void => {
    setText(title, `${MEASURES[view.measure].label} trend`)
    setAttribute(title, 'title', MEASURES[view.measure].description)
    measures.set(view.measure)
    lines.set(view.lines)
  }
  show(store.current())
  store.onChange(show)
  return openSection({
    id: 'trend',
    head: [title, element('div', { class: 'card-tools' }, measures.element, lines.element)],
    openChart: (charts, host) => {
      const chart = charts.openTrendChart(host, { format })
      return { ...chart, update: ({ answer, measure }) => chart.update(answer, { measure }) }
    },
    keptMax: 1,
  })
}

export function openRevenueSection({ format }: Room): ChartSection<RevenueAnswer> {
  return openSection({
    id: 'revenue',
    head: [element('h2', { class: 'card-title', text: CHARTS.revenue.title })],
    openChart: (charts, host) => charts.openRevenueChart(host, { format }),
    keptMax: 1,
  })
}

export type RealtimeSection = ChartSection<LiveMessage> & Readonly<{ tick: () => void }>

export function openRealtimeSection({ format, nowMs }: Room): RealtimeSection {
  const newest = openNewestWindow(format, nowMs)
  const section = openSection<LiveMessage>({
    id: 'realtime',
    head: [
      element('h2', { class: 'card-title', text: CHARTS.realtime.title }),
      element('p', { class: 'card-note', text: 'Events a second as they come in, all campaigns' }),
    ],
    openChart: (charts, host) => charts.openRealtimeChart(host, { format, nowMs }),
    keptMax: KEPT_MAX,
    aside: newest.element,
  })
  return {
    ...section,
    update: (message) => {
      newest.update(message)
      section.update(message)
    },
    tick: newest.tick,
  }
}

type SectionOptions<Content> = Readonly<{
  id: 'trend' | 'revenue' | 'realtime'
  head: readonly HTMLElement[]
  openChart: (charts: Charts, host: HTMLElement) => OpenChart<Content>
  /** How many contents are kept until the chart is there. */
  keptMax: number
  aside?: HTMLElement
}>

function openSection<Content>(options: SectionOptions<Content>): ChartSection<Content> {
  const host = element('div', { class: 'chart-host' })
  const [title] = options.head
  if (title !== undefined) title.id = `${options.id}-title`
  const whole = element(
    'section',
    {
      class: `card card-${options.id}`,
      attributes: { 'data-chart': options.id, 'aria-labelledby': `${options.id}-title` },
    },
    element('div', { class: 'card-head' }, ...options.head),
    element('div', { class: 'card-body' }, host, options.aside ?? null),
  )
  let chart: OpenChart<Content> | null = null
  let isClosed = false
  let kept: Content[] = []
  return {
    element: whole,
    update: (content) => {
      if (chart !== null) chart.update(content)
      else if (kept.length < options.keptMax) kept.push(content)
      else kept[kept.length - 1] = content
    },
    setBusy: (isBusy) => setAttribute(whole, 'aria-busy', String(isBusy)),
    open: (charts) => {
      if (isClosed) return
      if (charts === null) {
        const text = 'The charts could not be loaded. Reload the page to try again.'
        host.replaceChildren(element('p', { class: 'chart-missing', text }))
        return
      }
      chart = options.openChart(charts, host)
      for (const content of kept) chart.update(content)
      kept = []
    },
    setTheme: () => chart?.setTheme(),
    close: () => {
      isClosed = true
      chart?.close()
      chart = null
    },
  }
}
