/**
 * The sections of trend and revenue. ECharts is loaded as a separate chunk, so that figures can be
 * read before it has arrived; until then each chart's space and its last answer are kept.
 */
import { CHARTS, MEASURES, type RevenueAnswer } from '../dashboard-definition.ts'
import type { Chart } from './charts/chart-option.ts'
import type { TrendContent } from './charts/trend-points.ts'
import { element, setAttribute, setText } from './element.ts'
import type { Format } from './format.ts'
import type { View, ViewStore } from './view.ts'

type Charts = typeof import('./charts/chart-set.ts')
type Context = Readonly<{
  format: Format
  store: ViewStore
  /** Shows a campaign alone. */
  onCampaign: (campaign: string) => void
}>

export type ChartSection<Content> = Readonly<{
  element: HTMLElement
  update: (content: Content) => void
  setBusy: (isBusy: boolean) => void
  /** Call it when ECharts is loaded; null if it could not be. */
  open: (charts: Charts | null) => void
  setTheme: () => void
  close: () => void
}>

/** Null if the chunk cannot be fetched, for example after an update of the server. */
export async function loadCharts(): Promise<Charts | null> {
  try {
    return await import('./charts/chart-set.ts')
  } catch {
    return null
  }
}

export function openTrendSection(context: Context): ChartSection<TrendContent> {
  const { format, store, onCampaign } = context
  const title = element('h2', { class: 'card-title' })
  const lines = openSegments<View['lines']>({
    name: 'lines',
    label: 'Lines',
    choices: [
      { id: 'all', label: 'All together' },
      { id: 'campaigns', label: 'By campaign' },
    ],
    onChange: (chosen) => store.change({ lines: chosen }),
  })
  const show = (view: View): void => {
    setText(title, `${MEASURES[view.measure].label} trend`)
    setAttribute(title, 'title', MEASURES[view.measure].description)
    lines.set(view.lines)
  }
  show(store.current())
  store.onChange(show)
  return openSection({
    id: 'trend',
    head: [title, element('div', { class: 'card-tools' }, lines.element)],
    openChart: (charts, host) => charts.openTrendChart(host, { format, onCampaign }),
  })
}

export function openRevenueSection({ format, onCampaign }: Context): ChartSection<RevenueAnswer> {
  return openSection({
    id: 'revenue',
    head: [element('h2', { class: 'card-title', text: CHARTS.revenue.title })],
    openChart: (charts, host) => charts.openRevenueChart(host, { format, onCampaign }),
  })
}

type SectionOptions<Content> = Readonly<{
  id: 'trend' | 'revenue'
  head: readonly HTMLElement[]
  openChart: (charts: Charts, host: HTMLElement) => Chart<Content>
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
    element('div', { class: 'card-body' }, host),
  )
  let chart: Chart<Content> | null = null
  let isClosed = false
  /** What came before the chart was loaded. */
  let latest: Content | null = null
  return {
    element: whole,
    update: (content) => {
      if (chart === null) latest = content
      else chart.update(content)
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
      if (latest !== null) chart.update(latest)
      latest = null
    },
    setTheme: () => chart?.setTheme(),
    close: () => {
      isClosed = true
      chart?.close()
      chart = null
    },
  }
}

/** A few buttons side by side, one of which is pressed. */
type Segments<Id extends string> = Readonly<{
  element: HTMLElement
  set: (id: Id) => void
}>

/** `name` becomes an attribute of each button: `data-measure="ctr"`. */
function openSegments<Id extends string>(
  options: Readonly<{
    name: string
    label: string
    choices: readonly Readonly<{ id: Id; label: string }>[]
    onChange: (id: Id) => void
  }>,
): Segments<Id> {
  const buttons = options.choices.map(({ id, label }) => ({
    id,
    button: element('button', {
      class: 'segment',
      text: label,
      attributes: { type: 'button', [`data-${options.name}`]: id },
      on: { click: () => options.onChange(id) },
    }),
  }))
  return {
    element: element(
      'div',
      { class: 'segments', attributes: { role: 'group', 'aria-label': options.label } },
      ...buttons.map(({ button }) => button),
    ),
    set: (chosen) => {
      for (const { id, button } of buttons) {
        setAttribute(button, 'aria-pressed', String(id === chosen))
      }
    },
  }
}
