/**
 * "Campaign Performance", defined once: what the live page draws, the API answers and the Superset bundle is made of, and
 * the words of the API. Plain values and functions: this room runs in the server and in the browser.
 */
export {
  CHARTS,
  type Chart,
  type ChartId,
  chartSql,
  columnOf,
  DASHBOARD,
  DEFAULT_RANGE,
  LATEST_WINDOWS,
  MEASURE_IDS,
  MEASURES,
  type Measure,
  type MeasureId,
  measureOf,
  measureSql,
  RANGES,
  type RangeId,
  REALTIME_MINUTES,
  rowMeasureSql,
  type SqlRange,
  type SumColumn,
  type Sums,
  TOP_CAMPAIGNS,
  TREND_LINES,
} from './dashboard-definition/definition.ts'
export type {
  AnsweredRange,
  CampaignsAnswer,
  ErrorAnswer,
  Figures,
  LiveMessage,
  RevenueAnswer,
  SettingsAnswer,
  SummaryAnswer,
  TrendAnswer,
  TrendLine,
  ValuesAnswer,
} from './dashboard-definition/wire.ts'
