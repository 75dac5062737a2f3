/**
 * "Campaign Performance", defined once: what the live page draws, the API answers and the Superset
 * bundle is made from, and the types of the API. Plain values and functions only: this room runs in
 * the server and in the browser.
 */
export {
  CHARTS,
  type Chart,
  type ChartId,
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
  PAGE_MAX,
  PAGE_SIZE,
  RANGE_DAYS_MAX,
  RANGES,
  type RangeId,
  REALTIME_MINUTES,
  rankingColumn,
  rowMeasureSql,
  SUM_COLUMNS,
  type SumColumn,
  type Sums,
  TOP_CAMPAIGNS,
  TREND_LINES,
} from './dashboard-definition/definition.ts'
export {
  EVENT_FILTER_IDS,
  type EventFilterId,
  FILTER_IDS,
  FILTERS,
  type FilterId,
  mapEventFilters,
  OFFERED_VALUES_MAX,
} from './dashboard-definition/filters.ts'
export { searchText } from './dashboard-definition/search-text.ts'
export type {
  AnsweredRange,
  BreakdownAnswer,
  CampaignsAnswer,
  ErrorAnswer,
  Figures,
  LiveMessage,
  Named,
  RevenueAnswer,
  SettingsAnswer,
  SummaryAnswer,
  TrendAnswer,
  TrendLine,
  ValuesAnswer,
} from './dashboard-definition/wire.ts'
