/**
 * The charts of the dashboard. There are only five, because at every refresh each costs every
 * viewer a request, and Superset 45 ms of CPU even if its cache has the answer.
 */
import {
  CHARTS,
  type ChartId,
  columnOf,
  LATEST_WINDOWS,
  MEASURES,
  type MeasureId,
  REALTIME_MINUTES,
  TOP_CAMPAIGNS,
} from '../../dashboard-definition.ts'
import {
  COMPLETE_UNTIL,
  changeName,
  currencyOf,
  type DatasetName,
  datasetUuid,
  formatOf,
  SECOND_COLUMN,
} from './datasets.ts'
import { assetUuid } from './uuid.ts'

export type SupersetChartId = Exclude<ChartId, 'campaigns'>

type Params = Readonly<Record<string, unknown>>
type SupersetChart = Readonly<{ dataset: DatasetName; viz: string; params: Params }>

/** In the order of the layout. */
export const CHART_IDS: readonly SupersetChartId[] = [
  'totals',
  'trend',
  'revenue',
  'realtime',
  'windows',
]

/** How long viewers share an answer: less than a refresh, so that each refresh has new figures. */
export const CACHE_SECONDS = 5

export function chartUuid(id: SupersetChartId): string {
  return assetUuid('chart', id)
}

export function chartAsset(
  id: SupersetChartId,
  currency: string | null,
): Readonly<Record<string, unknown>> {
  const { dataset, viz, params } = chartOf(id, currency)
  return {
    slice_name: CHARTS[id].title,
    viz_type: viz,
    params: { viz_type: viz, ...params, extra_form_data: {}, dashboards: [] },
    cache_timeout: CACHE_SECONDS,
    uuid: chartUuid(id),
    dataset_uuid: datasetUuid(dataset),
    version: '1.0.0',
  }
}

function chartOf(id: SupersetChartId, currency: string | null): SupersetChart {
  switch (id) {
    case 'totals':
      return { dataset: 'campaign_timeline', viz: 'table', params: totals() }
    case 'trend':
      return { dataset: 'campaign_timeline', viz: 'echarts_timeseries_line', params: trend() }
    case 'revenue':
      return {
        dataset: 'campaign_metrics',
        viz: 'echarts_timeseries_bar',
        params: revenue(currency),
      }
    case 'realtime':
      return { dataset: 'campaign_seconds', viz: 'echarts_timeseries_line', params: realtime() }
    case 'windows':
      return { dataset: 'campaign_metrics', viz: 'table', params: windows(currency) }
  }
}

/** The dashboard's time filter replaces "No filter" with its range. */
function timeFilter(subject: string, range = 'No filter') {
  const filter = { clause: 'WHERE', expressionType: 'SIMPLE', operator: 'TEMPORAL_RANGE' }
  return { ...filter, subject, comparator: range }
}

/**
 * A table of one row: seven big numbers would be seven charts. The style of the dashboard shows it
 * as tiles, each measure over its change.
 */
function totals(): Params {
  const { measures } = CHARTS.totals
  const metrics = measures.flatMap((id) => [columnOf(id), changeName(id)])
  return {
    query_mode: 'aggregate',
    groupby: [],
    all_columns: [],
    metrics: [...metrics, COMPLETE_UNTIL],
    adhoc_filters: [timeFilter('window_start')],
    // More than the one row, else Superset warns that the limit was reached.
    row_limit: 10,
    conditional_formatting: measures
      .map(changeName)
      .flatMap((column) => [colored(column, '>', RISE_COLOR), colored(column, '<', FALL_COLOR)]),
    ...PLAIN_TABLE,
    table_timestamp_format: '%-d %b %H:%M',
  }
}

/** Dark enough on white for small text. */
const RISE_COLOR = '#1a7f4b'
const FALL_COLOR = '#b3261e'

function colored(column: string, operator: '<' | '>', colorScheme: string) {
  const text = { objectFormatting: 'TEXT_COLOR', useGradient: false }
  return { column, operator, targetValue: 0, colorScheme, ...text }
}

/** The stored rows themselves, in the order of chartSql. */
function windows(currency: string | null): Params {
  const { measures } = CHARTS.windows
  const formats = measures.map((id) => {
    const currencyFormat = currencyOf(MEASURES[id], currency)
    const format = { d3NumberFormat: formatOf(MEASURES[id]) }
    return [columnOf(id), currencyFormat === null ? format : { ...format, currencyFormat }] as const
  })
  return {
    query_mode: 'raw',
    groupby: [],
    metrics: [],
    all_columns: ['window_start', 'campaign_id', ...measures.map(columnOf)],
    order_by_cols: ['["window_start", false]', '["campaign_id", true]'],
    adhoc_filters: [timeFilter('window_start')],
    row_limit: LATEST_WINDOWS,
    column_config: Object.fromEntries(formats),
    ...PLAIN_TABLE,
  }
}

const PLAIN_TABLE: Params = {
  // A campaign's name is text, but by default Superset shows `<b>sale</b>` in bold.
  allow_render_html: false,
  show_cell_bars: false,
  table_timestamp_format: '%Y-%m-%d %H:%M',
  temporal_columns_lookup: {},
  order_desc: true,
  server_pagination: false,
  show_totals: false,
  percent_metrics: [],
  allow_rearrange_columns: false,
}

const SERIES: Params = {
  groupby: [],
  order_desc: true,
  rich_tooltip: true,
  truncate_metric: true,
  show_empty_columns: true,
  comparison_type: 'values',
  color_scheme: 'supersetColors',
}

/**
 * The rates of the trend: one chart has one scale, and counts beside percentages would flatten them.
 * The page draws one measure at a time.
 */
export const TREND_RATES: readonly MeasureId[] = CHARTS.trend.measures.filter(
  (id) => MEASURES[id].unit === 'percent',
)

/**
 * Windows as they are: Superset's own grain would regroup them. Only complete ones: the ratios of
 * one that is filling jump, since conversions come after clicks, and these after impressions.
 */
function trend(): Params {
  return {
    ...lines('window_start', TREND_RATES.map(columnOf)),
    adhoc_filters: [
      timeFilter('window_start'),
      {
        clause: 'WHERE',
        expressionType: 'SQL',
        sqlExpression: `window_start < ${COMPLETE_UNTIL}`,
      },
    ],
    sort_series_type: 'name',
    sort_series_ascending: true,
    x_axis_time_format: '%-d %b %H:%M',
    y_axis_format: ',.2~f',
    y_axis_title: 'Percent',
    y_axis_title_margin: 40,
    y_axis_title_position: 'Left',
  }
}

/** Independent of the dashboard's range: always the last minutes. */
function realtime(): Params {
  const range = `DATEADD(DATETIME("now"), -${REALTIME_MINUTES}, minute) : now`
  return {
    ...lines(SECOND_COLUMN, CHARTS.realtime.measures.map(columnOf)),
    adhoc_filters: [timeFilter('timestamp', range)],
    x_axis_time_format: '%H:%M:%S',
    y_axis_format: ',d',
  }
}

function lines(x: string, metrics: readonly string[]): Params {
  return {
    x_axis: x,
    time_grain_sqla: null,
    metrics,
    row_limit: 10_000,
    x_axis_sort_asc: true,
    show_legend: true,
    // Superset's own legend scrolls, and has arrows even where all of it is seen.
    legendType: 'plain',
    tooltipTimeFormat: '%Y-%m-%d %H:%M:%S',
    markerEnabled: false,
    seriesType: 'line',
    ...SERIES,
  }
}

/** Bars that lie, so that each name has a line of its own. */
function revenue(currency: string | null): Params {
  const metric = columnOf('revenue')
  return {
    x_axis: 'campaign_id',
    metrics: [metric],
    adhoc_filters: [timeFilter('window_start')],
    row_limit: TOP_CAMPAIGNS,
    x_axis_sort: metric,
    // From the bottom up: the largest is on top.
    x_axis_sort_asc: true,
    orientation: 'horizontal',
    y_axis_format: formatOf(MEASURES.revenue),
    currency_format: currencyOf(MEASURES.revenue, currency) ?? {},
    show_legend: false,
    show_value: true,
    ...SERIES,
  }
}
