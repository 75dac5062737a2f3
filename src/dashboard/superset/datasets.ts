/**
 * The datasets of Superset: both tables, and two that the charts over time need. Their metrics are
 * the measures of the definition, so that a ratio is a ratio of sums whatever a user groups by. The
 * columns of counts are for filters, not for averages.
 */
import {
  columnOf,
  EVENT_FILTER_IDS,
  FILTERS,
  type FilterId,
  MEASURE_IDS,
  MEASURES,
  type Measure,
  type MeasureId,
  measureSql,
  rowMeasureSql,
} from '../../dashboard-definition.ts'
import { catalogOf, DATABASE_UUID, SCHEMA } from './database.ts'
import {
  beforeName,
  comparedName,
  metricsDatasetSql,
  secondsDatasetSql,
  timelineDatasetSql,
} from './dataset-sql.ts'
import type { BundleOptions } from './options.ts'
import { assetUuid } from './uuid.ts'

export type DatasetName =
  | 'campaign_metrics'
  | 'campaign_events'
  | 'campaign_timeline'
  | 'campaign_seconds'

/** The metric of the moment up to which windows are complete. */
export const COMPLETE_UNTIL = 'complete_until'

/** The second of an event, truncated. Superset's own grain rounds, by a cast to milliseconds. */
export const SECOND_COLUMN = 'second'

type Column = Readonly<{ name: string; type: string; label: string; expression?: string }>

const METRICS_TABLE_COLUMNS: readonly Column[] = [
  textColumn('campaign'),
  { name: 'window_start', type: 'TIMESTAMP', label: 'Window' },
  { name: 'window_end', type: 'TIMESTAMP', label: 'Window end' },
  { name: 'impressions', type: 'BIGINT', label: MEASURES.impressions.label },
  { name: 'clicks', type: 'BIGINT', label: MEASURES.clicks.label },
  { name: 'conversions', type: 'BIGINT', label: MEASURES.conversions.label },
  { name: 'revenue', type: 'DOUBLE', label: MEASURES.revenue.label },
  { name: 'ctr_percent', type: 'DOUBLE', label: labelOf('ctr') },
  { name: 'cvr_percent', type: 'DOUBLE', label: labelOf('cvr') },
  {
    name: columnOf('revenuePerClick'),
    type: 'DOUBLE',
    label: MEASURES.revenuePerClick.label,
    expression: rowMeasureSql('revenuePerClick'),
  },
  { name: 'processed_at', type: 'TIMESTAMP', label: 'Processed at' },
]

const SECONDS_COLUMNS: readonly Column[] = [
  textColumn('campaign'),
  { name: 'event_type', type: 'VARCHAR', label: 'Type' },
  { name: 'timestamp', type: 'TIMESTAMP', label: 'Time' },
  {
    name: SECOND_COLUMN,
    type: 'TIMESTAMP',
    label: 'Second',
    expression: `date_trunc('second', "timestamp")`,
  },
  ...EVENT_FILTER_IDS.map(textColumn),
]

const EVENTS_TABLE_COLUMNS: readonly Column[] = [
  { name: 'event_id', type: 'VARCHAR', label: 'Event' },
  { name: 'user_id', type: 'VARCHAR', label: 'User' },
  ...SECONDS_COLUMNS,
  { name: 'revenue', type: 'DOUBLE', label: MEASURES.revenue.label },
]

const TIMELINE_COLUMNS: readonly Column[] = [
  textColumn('campaign'),
  { name: 'window_start', type: 'TIMESTAMP', label: 'Window' },
]

/** The event type that each count counts. */
const EVENT_TYPES = {
  impressions: 'impression',
  clicks: 'click',
  conversions: 'conversion',
} as const satisfies Partial<Record<MeasureId, string>>

function textColumn(id: FilterId): Column {
  const { column, label } = FILTERS[id]
  return { name: column, type: 'VARCHAR', label }
}

export function datasetUuid(name: DatasetName): string {
  return assetUuid('dataset', name)
}

export function datasetAssets(
  options: BundleOptions,
): Readonly<Record<DatasetName, Readonly<Record<string, unknown>>>> {
  const { windowUs, currency } = options
  const measures = MEASURE_IDS.map((id) => metricAsset(id, measureSql(id), currency))
  const counts = Object.entries(EVENT_TYPES).map(([id, type]) =>
    metricAsset(
      id as MeasureId, // a key of EVENT_TYPES
      `SUM(CASE WHEN event_type = '${type}' THEN 1 ELSE 0 END)`,
      currency,
    ),
  )
  return {
    campaign_metrics: datasetAsset(options, {
      name: 'campaign_metrics',
      description: 'One row for each campaign and window. Ratios are ratios of sums.',
      sql: metricsDatasetSql(windowUs),
      time: 'window_start',
      columns: METRICS_TABLE_COLUMNS,
      metrics: measures,
    }),
    campaign_events: datasetAsset(options, {
      name: 'campaign_events',
      description: 'Every event, once.',
      sql: null,
      time: 'timestamp',
      columns: EVENTS_TABLE_COLUMNS,
      metrics: counts,
    }),
    campaign_timeline: datasetAsset(options, {
      name: 'campaign_timeline',
      description: 'Windows, also those without events, beside the period before.',
      sql: timelineDatasetSql(windowUs),
      time: 'window_start',
      columns: TIMELINE_COLUMNS,
      metrics: [...measures, ...MEASURE_IDS.map(changeAsset), completeAsset()],
    }),
    campaign_seconds: datasetAsset(options, {
      name: 'campaign_seconds',
      description: 'Events by the second, also the seconds without events.',
      sql: secondsDatasetSql(),
      time: 'timestamp',
      columns: SECONDS_COLUMNS,
      metrics: counts,
    }),
  }
}

type Dataset = Readonly<{
  name: DatasetName
  description: string
  /** Null for a table. */
  sql: string | null
  time: string
  columns: readonly Column[]
  metrics: readonly unknown[]
}>

function datasetAsset({ database }: BundleOptions, dataset: Dataset) {
  return {
    table_name: dataset.name,
    main_dttm_col: dataset.time,
    description: dataset.description,
    schema: SCHEMA,
    catalog: catalogOf(database),
    sql: dataset.sql,
    offset: 0,
    cache_timeout: null,
    filter_select_enabled: true,
    normalize_columns: false,
    always_filter_main_dttm: false,
    columns: dataset.columns.map(columnAsset),
    metrics: dataset.metrics,
    uuid: datasetUuid(dataset.name),
    database_uuid: DATABASE_UUID,
    version: '1.0.0',
  }
}

function columnAsset({ name, type, label, expression }: Column) {
  return {
    column_name: name,
    verbose_name: label,
    type,
    is_dttm: type === 'TIMESTAMP',
    is_active: true,
    groupby: true,
    filterable: true,
    expression: expression ?? null,
  }
}

function metricAsset(id: MeasureId, expression: string, currency: string | null) {
  return {
    metric_name: columnOf(id),
    verbose_name: labelOf(id),
    metric_type: null,
    expression,
    description: MEASURES[id].description,
    d3format: formatOf(MEASURES[id]),
    currency: currencyOf(MEASURES[id], currency),
  }
}

/** The change of a measure from the period before, in percent of what it was. */
function changeAsset(id: MeasureId) {
  const [now, before] = [measureSql(id, comparedName), measureSql(id, beforeName)]
  return {
    metric_name: changeName(id),
    verbose_name: `${MEASURES[id].label}, change in percent`,
    metric_type: null,
    expression: `(${now} - ${before}) * 100e0 / ABS(NULLIF(${before}, 0))`,
    description: 'Compared with the period before it, which is as long; complete windows only.',
    d3format: '+,.1f',
    currency: null,
  }
}

function completeAsset() {
  return {
    metric_name: COMPLETE_UNTIL,
    verbose_name: 'Complete until (UTC)',
    metric_type: null,
    expression: `MAX(${COMPLETE_UNTIL})`,
    description: 'Windows that end at or before this moment are complete.',
    d3format: null,
    currency: null,
  }
}

export function changeName(id: MeasureId): string {
  return `${columnOf(id)}_change`
}

/** As Superset writes it; null for a measure that is no money, or without a currency. */
export function currencyOf(
  { unit }: Measure,
  currency: string | null,
): Readonly<{ symbol: string; symbolPosition: 'prefix' }> | null {
  if (unit !== 'money' || currency === null) return null
  return { symbol: currency, symbolPosition: 'prefix' }
}

function labelOf(id: MeasureId): string {
  const { label, unit } = MEASURES[id]
  return unit === 'percent' ? `${label} %` : label
}

/** In the syntax of d3-format. Its `%` does not fit: percents are 0-100 in the tables. */
export function formatOf({ digits }: Measure): string {
  return digits === 0 ? ',d' : `,.${digits}f`
}
