/**
 * "Campaign Performance", defined once: its measures, tiles and charts, the SQL of each, units and
 * formats. The live page draws it, the API computes it, and a Superset dashboard is generated from
 * it, so that all three always agree. This file runs in the server and in the browser.
 */

/** The figures that may be added. `revenue` is in the unit of the events. */
export type Sums = Readonly<{
  impressions: number
  clicks: number
  conversions: number
  revenue: number
}>

export type SumColumn = keyof Sums

export const SUM_COLUMNS: readonly SumColumn[] = ['impressions', 'clicks', 'conversions', 'revenue']

export type MeasureId =
  | 'impressions'
  | 'clicks'
  | 'ctr'
  | 'conversions'
  | 'cvr'
  | 'revenue'
  | 'revenuePerClick'

/** A measure is a sum, or a ratio of two sums; never an average of ratios. */
export type Measure = Readonly<{
  label: string
  /** One sentence for readers who do not know it. */
  description: string
  /** `percent` is 0–100, as in the tables; `money` has no currency, because events have none. */
  unit: 'count' | 'percent' | 'money'
  /** Decimal places when it is written out in full. */
  digits: number
  value:
    | Readonly<{ kind: 'sum'; column: SumColumn }>
    | Readonly<{ kind: 'ratio'; of: SumColumn; by: SumColumn; factor: number }>
}>

export const DASHBOARD = { title: 'Campaign Performance' } as const

/** In the order of tiles and table columns. */
export const MEASURES: Readonly<Record<MeasureId, Measure>> = {
  impressions: {
    label: 'Impressions',
    description: 'How often an ad was shown.',
    unit: 'count',
    digits: 0,
    value: { kind: 'sum', column: 'impressions' },
  },
  clicks: {
    label: 'Clicks',
    description: 'How often an ad was clicked.',
    unit: 'count',
    digits: 0,
    value: { kind: 'sum', column: 'clicks' },
  },
  ctr: {
    label: 'CTR',
    description: 'Click-through rate: clicks for each hundred impressions.',
    unit: 'percent',
    digits: 2,
    value: { kind: 'ratio', of: 'clicks', by: 'impressions', factor: 100 },
  },
  conversions: {
    label: 'Conversions',
    description: 'How often a click led to what the campaign wants.',
    unit: 'count',
    digits: 0,
    value: { kind: 'sum', column: 'conversions' },
  },
  cvr: {
    label: 'CVR',
    description: 'Conversion rate: conversions for each hundred clicks.',
    unit: 'percent',
    digits: 2,
    value: { kind: 'ratio', of: 'conversions', by: 'clicks', factor: 100 },
  },
  revenue: {
    label: 'Revenue',
    description: 'What the events earned, refunds taken off.',
    unit: 'money',
    digits: 2,
    value: { kind: 'sum', column: 'revenue' },
  },
  revenuePerClick: {
    label: 'Revenue per click',
    description: 'Revenue divided by clicks.',
    unit: 'money',
    digits: 3,
    value: { kind: 'ratio', of: 'revenue', by: 'clicks', factor: 1 },
  },
}

export const MEASURE_IDS: readonly MeasureId[] = Object.keys(MEASURES) as MeasureId[] // those above

/** The change of a measure, to sort by it. */
export type ChangeId = `${MeasureId}Change`

export const CHANGE_IDS: readonly ChangeId[] = MEASURE_IDS.map((id) => `${id}Change` as const)

/** The measure of a change; null if it is the id of something else. */
export function changedMeasure(id: string): MeasureId | null {
  return MEASURE_IDS.find((measure) => id === `${measure}Change`) ?? null
}

/** A measure over sums; null if its divisor is 0. */
export function measureOf(id: MeasureId, sums: Sums): number | null {
  const { value } = MEASURES[id]
  if (value.kind === 'sum') return sums[value.column]
  const divisor = sums[value.by]
  return divisor === 0 ? null : (sums[value.of] * value.factor) / divisor
}

/**
 * The same in SQL, over rows of campaign_metrics; runs in DuckDB and in Trino. `nameOf` gives other
 * columns in place of those of the table.
 */
export function measureSql(
  id: MeasureId,
  nameOf: (column: SumColumn) => string = (column) => column,
): string {
  const { value } = MEASURES[id]
  if (value.kind === 'sum') return `SUM(${nameOf(value.column)})`
  const [of, by] = [nameOf(value.of), nameOf(value.by)]
  // With an exponent it is a DOUBLE; `100.0` is a DECIMAL in Trino and leaves one decimal place.
  return `SUM(${of}) * ${value.factor}e0 / NULLIF(SUM(${by}), 0)`
}

/**
 * The sum by which the largest campaigns of a measure are found: a sum itself, a ratio's divisor. A
 * ranking by the ratio would put campaigns with a handful of events first.
 */
export function rankingColumn(id: MeasureId): SumColumn {
  const { value } = MEASURES[id]
  return value.kind === 'sum' ? value.column : value.by
}

/**
 * The preset ranges. Those by time end with the window that is filling now; the others are whole
 * days, weeks or months of the zone, so many ago, and end with that window if they are not over. A
 * weekend is Saturday and Sunday; the last one is the last that is over. `seconds` is the length of
 * a range that is over.
 */
export const RANGES = [
  { id: '15m', label: '15 min', seconds: 900, by: 'time' },
  { id: '1h', label: '1 h', seconds: 3600, by: 'time' },
  { id: '6h', label: '6 h', seconds: 21_600, by: 'time' },
  { id: '24h', label: '24 h', seconds: 86_400, by: 'time' },
  { id: 'today', label: 'Today', seconds: 86_400, by: 'day', days: 1, ago: 0 },
  { id: 'yesterday', label: 'Yesterday', seconds: 86_400, by: 'day', days: 1, ago: 1 },
  { id: 'this-week', label: 'This week', seconds: 604_800, by: 'week', ago: 0 },
  { id: 'last-week', label: 'Last week', seconds: 604_800, by: 'week', ago: 1 },
  { id: 'last-weekend', label: 'Last weekend', seconds: 172_800, by: 'weekend', ago: 1 },
  { id: '7d', label: '7 d', seconds: 604_800, by: 'day', days: 7, ago: 0 },
  { id: '30d', label: '30 d', seconds: 2_592_000, by: 'day', days: 30, ago: 0 },
  { id: 'this-month', label: 'This month', seconds: 2_592_000, by: 'month', ago: 0 },
  { id: 'last-month', label: 'Last month', seconds: 2_592_000, by: 'month', ago: 1 },
] as const

export type RangeId = (typeof RANGES)[number]['id']

export const DEFAULT_RANGE: RangeId = '1h'
/** The longest range that can be asked for. */
export const RANGE_DAYS_MAX = 400
/** Rows on a page of the campaign table, unless asked for otherwise. */
export const PAGE_SIZE = 25
export const PAGE_MAX = 1_000_000

export type ChartId = 'totals' | 'trend' | 'revenue' | 'campaigns' | 'realtime' | 'windows'

export type Chart = Readonly<{
  title: string
  /** What one row of the chart is. */
  each: 'all' | 'window' | 'campaign' | 'second' | 'row'
  measures: readonly MeasureId[]
}>

/** Campaigns shown one by one; the rest becomes "others". */
export const TOP_CAMPAIGNS = 10
/** Lines of the trend when it shows campaigns. */
export const TREND_LINES = 5

export const CHARTS: Readonly<Record<ChartId, Chart>> = {
  totals: { title: 'Totals', each: 'all', measures: MEASURE_IDS },
  // Superset's: the page names the measure that it draws.
  trend: { title: 'CTR and CVR trend', each: 'window', measures: MEASURE_IDS },
  revenue: { title: 'Revenue by campaign', each: 'campaign', measures: ['revenue'] },
  campaigns: { title: 'Campaigns', each: 'campaign', measures: MEASURE_IDS },
  realtime: {
    title: 'Real time',
    each: 'second',
    measures: ['impressions', 'clicks', 'conversions'],
  },
  windows: { title: 'Latest windows', each: 'row', measures: MEASURE_IDS },
}

/** Rows of the latest windows: one for each window and campaign. */
export const LATEST_WINDOWS = 100
/** How much time `realtime` shows. */
export const REALTIME_MINUTES = 5

/** A stretch of time, `[from, to)`, as SQL literals such as `TIMESTAMP '2026-11-22 10:00:00'`. */
export type SqlRange = Readonly<{ from: string; to: string }>

/** A chart as one query. Only `realtime` reads the raw events: metrics have no seconds. */
export function chartSql(id: ChartId, range: SqlRange): string {
  const { each, measures } = CHARTS[id]
  if (each === 'second') return secondsSql(range)
  if (each === 'row') return rowsSql(measures, range)
  const group = each === 'all' ? null : each === 'window' ? 'window_start' : 'campaign_id'
  const columns = measures.map((measure) => `${measureSql(measure)} AS ${columnOf(measure)}`)
  return [
    `SELECT ${[...(group === null ? [] : [group]), ...columns].join(', ')}`,
    'FROM campaign_metrics',
    `WHERE window_start >= ${range.from} AND window_start < ${range.to}`,
    ...(group === null ? [] : [`GROUP BY ${group}`]),
    ...(each === 'window' ? ['ORDER BY window_start'] : []),
    ...(each === 'campaign' ? ['ORDER BY revenue DESC, campaign_id'] : []),
  ].join('\n')
}

/** A measure in one row of campaign_metrics: a column, or for `revenuePerClick` a quotient. */
export function rowMeasureSql(id: MeasureId): string {
  return id === 'revenuePerClick' ? 'revenue / NULLIF(clicks, 0)' : columnOf(id)
}

function rowsSql(measures: readonly MeasureId[], range: SqlRange): string {
  const columns = measures.map((id) => `${rowMeasureSql(id)} AS ${columnOf(id)}`)
  return [
    `SELECT ${['window_start', 'campaign_id', ...columns].join(', ')}`,
    'FROM campaign_metrics',
    `WHERE window_start >= ${range.from} AND window_start < ${range.to}`,
    'ORDER BY window_start DESC, campaign_id',
    `LIMIT ${LATEST_WINDOWS}`,
  ].join('\n')
}

function secondsSql(range: SqlRange): string {
  return [
    `SELECT date_trunc('second', "timestamp") AS second, event_type, COUNT(*) AS events`,
    'FROM campaign_events',
    `WHERE "timestamp" >= ${range.from} AND "timestamp" < ${range.to}`,
    'GROUP BY 1, 2',
    'ORDER BY 1, 2',
  ].join('\n')
}

/** The name of a measure's column in SQL results and CSV files. */
export function columnOf(id: MeasureId): string {
  switch (id) {
    case 'ctr':
      return 'ctr_percent'
    case 'cvr':
      return 'cvr_percent'
    case 'revenuePerClick':
      return 'revenue_per_click'
    default:
      return id
  }
}
