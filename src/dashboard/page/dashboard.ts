/** The figures' side of the page: filter bar, tiles, charts, table, each with the request that fills it. */
import type {
  CampaignsAnswer,
  LiveMessage,
  RevenueAnswer,
  SettingsAnswer,
  SummaryAnswer,
  TrendAnswer,
} from '../wire.ts'
import type { ApiClient } from './api-client.ts'
import { campaignsRequest, openCampaignTable } from './campaign-table.ts'
import {
  loadCharts,
  openRealtimeSection,
  openRevenueSection,
  openTrendSection,
  type TrendContent,
} from './chart-sections.ts'
import { element } from './element.ts'
import { openFilters } from './filters.ts'
import { createFormat } from './format.ts'
import { openFreshness } from './freshness.ts'
import type { Part } from './part-loader.ts'
import { openRangeLine } from './range-line.ts'
import { openProblemsBanner } from './states.ts'
import { openTiles } from './tiles.ts'
import { rangeParameters, type View } from './url-state.ts'
import type { ViewStore } from './view-store.ts'

export type Dashboard = Readonly<{
  element: HTMLElement
  freshness: HTMLElement
  problems: HTMLElement
  parts: readonly Part<never>[]
  showLive: (message: LiveMessage) => void
  tick: (isCut: boolean) => void
  setTheme: () => void
}>

type DashboardOptions = Readonly<{
  client: ApiClient
  store: ViewStore
  settings: SettingsAnswer
  nowMs: () => number
}>

export function openDashboard({ client, store, settings, nowMs }: DashboardOptions): Dashboard {
  const format = createFormat({ locale: navigator.language, timezone: settings.timezone })
  const room = { format, nowMs, store }
  const freshness = openFreshness(format, nowMs)
  const problems = openProblemsBanner()
  const rangeLine = openRangeLine(format)
  const tiles = openTiles(format)
  const trend = openTrendSection(room)
  const revenue = openRevenueSection(room)
  const realtime = openRealtimeSection(room)
  const table = openCampaignTable(format, store)

  void loadCharts().then((charts) => {
    trend.open(charts)
    revenue.open(charts)
    realtime.open(charts)
  })

  /** Another measure is in the same answer: it is drawn at once. */
  let trendAnswer: TrendAnswer | null = null
  const showTrend = ({ measure }: View): void => {
    if (trendAnswer !== null) trend.update({ answer: trendAnswer, measure } satisfies TrendContent)
  }
  let shownMeasure = store.current().measure
  store.onChange((view) => {
    if (view.measure !== shownMeasure) showTrend(view)
    shownMeasure = view.measure
  })

  return {
    element: element(
      'div',
      { class: 'dashboard' },
      openFilters({ client, store, format, nowMs }),
      element(
        'div',
        { class: 'content' },
        element(
          'section',
          { class: 'overview', attributes: { 'aria-labelledby': 'overview-title' } },
          rangeLine.element,
          tiles.element,
        ),
        element('div', { class: 'row' }, trend.element, revenue.element),
        realtime.element,
        table.element,
        element('footer', {
          class: 'footer',
          text: `${settings.product} ${settings.version}`,
        }),
      ),
    ),
    freshness: freshness.element,
    problems: problems.element,
    parts: [
      part<SummaryAnswer>({
        request: (view) => withQuery('summary', rangeParameters(view)),
        show: (answer, view, isNews) => {
          rangeLine.update(answer.range)
          tiles.update(answer, view, isNews)
        },
        setBusy: tiles.setBusy,
      }),
      part<TrendAnswer>({
        request: (view) => {
          const asked = rangeParameters(view)
          if (view.lines === 'campaigns') asked.set('lines', 'campaigns')
          return withQuery('trend', asked)
        },
        show: (answer) => {
          trendAnswer = answer
          showTrend(store.current())
        },
        setBusy: trend.setBusy,
      }),
      part<RevenueAnswer>({
        request: (view) => withQuery('revenue', rangeParameters(view)),
        show: (answer) => revenue.update(answer),
        setBusy: revenue.setBusy,
      }),
      part<CampaignsAnswer>({
        request: campaignsRequest,
        show: (answer, view) => table.update(answer, view),
        setBusy: table.setBusy,
      }),
    ],
    showLive: (message) => {
      freshness.update(message)
      problems.update(message.problems)
      realtime.update(message)
    },
    tick: (isCut) => {
      freshness.tick(isCut)
      realtime.tick()
    },
    setTheme: () => {
      trend.setTheme()
      revenue.setTheme()
      realtime.setTheme()
    },
  }
}

/** The loader hands each part the answer to its own request; which type that is, only the part knows. */
function part<Answer>(made: Part<Answer>): Part<never> {
  return made as Part<never>
}

function withQuery(path: string, asked: URLSearchParams): string {
  return asked.size === 0 ? path : `${path}?${asked}`
}
