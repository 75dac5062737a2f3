/** The page's figures: filter bar, tiles, charts, table, each with the request that fills it. */
import type {
  BreakdownAnswer,
  CampaignsAnswer,
  LiveMessage,
  RevenueAnswer,
  SettingsAnswer,
  SummaryAnswer,
  TrendAnswer,
} from '../dashboard-definition.ts'
import type { ApiClient } from './api-client.ts'
import { breakdownRequest, openBreakdown } from './breakdown.ts'
import { campaignsRequest, openCampaignTable } from './campaign-table.ts'
import {
  type ChartSection,
  loadCharts,
  openRevenueSection,
  openTrendSection,
} from './chart-sections.ts'
import type { TrendContent } from './charts/trend-points.ts'
import { element } from './element.ts'
import { openFilters } from './filters.ts'
import { createFormat, readLocale } from './format.ts'
import { openFreshness } from './freshness.ts'
import { openNewestData } from './newest-data.ts'
import { openOverview } from './overview.ts'
import type { Part } from './part-loader.ts'
import { openRealtimeStrip, WINDOWS_RANGE_SECONDS } from './realtime-strip.ts'
import { openProblemsBanner } from './states.ts'
import { rangeParameters, trendRequest, type View, type ViewStore } from './view.ts'
import { openZoneSwitch, type Zones } from './zone-switch.ts'

export type Dashboard = Readonly<{
  element: HTMLElement
  freshness: HTMLElement
  problems: HTMLElement
  parts: readonly Part<never>[]
  showLive: (message: LiveMessage) => void
  tick: (isCut: boolean) => void
  setTheme: () => void
  close: () => void
}>

type DashboardOptions = Readonly<{
  client: ApiClient
  store: ViewStore
  settings: SettingsAnswer
  zones: Zones
  nowMs: () => number
}>

export function openDashboard(options: DashboardOptions): Dashboard {
  const { client, store, settings, zones, nowMs } = options
  const zoneOf = ({ zone }: View): string => zone ?? settings.timezone
  const format = createFormat({
    locale: readLocale(navigator),
    timezone: zoneOf(store.current()),
    currency: settings.currency,
  })
  // First of all listeners: the others write in its zone.
  store.onChange((view) => format.setTimezone(zoneOf(view)))
  const freshness = openFreshness(format, nowMs)
  const problems = openProblemsBanner()
  const newestData = openNewestData(format, store)
  const overview = openOverview({
    format,
    store,
    zone: openZoneSwitch(store, zones),
    onPress: () => bringIntoView(trend.element),
  })
  const onCampaign = (campaign: string): void => {
    store.change({ filters: { ...store.current().filters, campaign: [campaign] }, page: 1 })
    overview.focus()
  }
  const context = { format, store, onCampaign }
  const trend = openTrendSection(context)
  const revenue = openRevenueSection(context)
  const realtime = openRealtimeStrip({ format, store, nowMs })
  const table = openCampaignTable({ format, store, onCampaign })
  const breakdown = openBreakdown(format, store)

  void loadCharts().then((charts) => {
    for (const section of [trend, revenue]) section.open(charts)
  })

  return {
    element: element(
      'div',
      { class: 'dashboard' },
      openFilters({ client, store, format, nowMs }),
      element(
        'div',
        { class: 'content' },
        newestData.element,
        overview.element,
        realtime.element,
        element('div', { class: 'row' }, trend.element, revenue.element),
        table.element,
        breakdown.element,
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
          newestData.update(answer, view)
          overview.update(answer, view, isNews)
        },
        setBusy: overview.setBusy,
      }),
      trendPart(trend, store),
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
      part<BreakdownAnswer>({
        request: breakdownRequest,
        show: (answer, view) => breakdown.update(answer, view),
        setBusy: breakdown.setBusy,
      }),
      part<SummaryAnswer>({
        request: realtime.request,
        rangeSeconds: WINDOWS_RANGE_SECONDS,
        show: realtime.update,
        setBusy: realtime.setBusy,
      }),
    ],
    showLive: (message) => {
      freshness.update(message)
      newestData.showLive(message)
      problems.update(message.problems)
      realtime.showLive(message)
    },
    tick: (isCut) => {
      freshness.tick(isCut)
      realtime.tick()
    },
    setTheme: () => {
      for (const section of [trend, revenue]) section.setTheme()
    },
    close: () => {
      for (const section of [trend, revenue, realtime]) section.close()
    },
  }
}

/** The answer has the sums: a measure over the same lines is drawn without a request. */
function trendPart(trend: ChartSection<TrendContent>, store: ViewStore): Part<never> {
  let content: TrendContent | null = null
  store.onChange(({ measure }) => {
    if (content === null || content.measure === measure) return
    content = { ...content, measure }
    trend.update(content)
  })
  return part<TrendAnswer>({
    request: trendRequest,
    show: (answer, { filters }) => {
      content = { answer, measure: store.current().measure, chosen: filters.campaign }
      trend.update(content)
    },
    setBusy: trend.setBusy,
  })
}

/** Scrolls to a card of which too little is seen, as below the tiles of a phone. */
function bringIntoView(card: HTMLElement): void {
  const { top, bottom } = card.getBoundingClientRect()
  const seen = Math.min(bottom, innerHeight) - Math.max(top, 0)
  if (seen >= (bottom - top) / 2) return
  const isStill = matchMedia('(prefers-reduced-motion: reduce)').matches
  card.scrollIntoView({ block: 'center', behavior: isStill ? 'instant' : 'smooth' })
}

/** The loader gives each part the answer to its own request; only the part knows its type. */
function part<Answer>(made: Part<Answer>): Part<never> {
  return made as Part<never>
}

function withQuery(path: string, asked: URLSearchParams): string {
  return asked.size === 0 ? path : `${path}?${asked}`
}
