/**
 * Both tables at two snapshots, window by window: a row for each window that either side knows, with what the raw rows
 * say (`expected_…`), what campaign_metrics says (`found_…`), and `is_different`.
 *
 * The revenue of windows past 9.0e9 is not judged here: Trino's DECIMAL -> DOUBLE need not round like Number(bigint).
 */
import { type OpenSpan, type SnapshotIds, spansSql, tableAtSql } from './dialect.ts'
import { epochUsSql, windowSumsSql } from './window-sums.ts'

/** Below this, in millionths, an integer is exact as a double, and Trino's division by 1e6 the same as ours. */
const EXACT_MILLIONTHS = '9000000000000000'

type ComparedField = Readonly<{ name: string; expectedSql: string; foundSql: string }>

/** The columns that are compared, in the order of ../window-difference.ts. */
function fieldsOf(windowUs: number): readonly ComparedField[] {
  const counted = (name: string): ComparedField => ({
    name,
    expectedSql: `e.${name}`,
    foundSql: `any_value(${name})`,
  })
  const percent = (name: string, part: string, whole: string): ComparedField => ({
    name,
    expectedSql: `CASE WHEN e.${whole} > 0 THEN CAST(e.${part} AS DOUBLE) * 100e0 / CAST(e.${whole} AS DOUBLE) END`,
    foundSql: `any_value(${name})`,
  })
  return [
    {
      name: 'window_end',
      expectedSql: `e.start_us + ${windowUs}`,
      foundSql: `any_value(${epochUsSql('window_end')})`,
    },
    counted('impressions'),
    counted('clicks'),
    counted('conversions'),
    {
      name: 'revenue',
      expectedSql: 'CAST(e.millionths AS DOUBLE) / 1e6',
      foundSql: 'any_value(revenue)',
    },
    percent('ctr_percent', 'clicks', 'impressions'),
    percent('cvr_percent', 'conversions', 'clicks'),
  ]
}

export const COMPARED_COLUMNS: readonly string[] = [
  'campaign_id',
  'start_us',
  'events',
  'found_rows',
  'found_processed_at',
  'millionths',
  ...fieldsOf(1000).flatMap(({ name }) => [`expected_${name}`, `found_${name}`]),
]

/** The common table expression `compared`, over the windows that begin in one of the spans; no spans is all. */
export function comparedSql(
  snapshots: SnapshotIds,
  windowUs: number,
  spans: readonly OpenSpan[] | null,
): string {
  const within = (column: string): string => (spans === null ? '' : spansSql(column, spans))
  const foundWhere = within('window_start')
  const events = tableAtSql('campaign_events', snapshots.eventsId)
  const metrics = tableAtSql('campaign_metrics', snapshots.metricsId)
  const fields = fieldsOf(windowUs)
  const found = fields.map(({ name, foundSql }) => `${foundSql} AS found_${name}`)
  const both = fields.map(
    ({ name, expectedSql }) => `${expectedSql} AS expected_${name}, f.found_${name}`,
  )
  return `WITH expected AS (
    ${windowSumsSql(events, windowUs, within('"timestamp"'))}
  ), found AS (
    SELECT campaign_id, ${epochUsSql('window_start')} AS start_us, count(*) AS found_rows,
      any_value(${epochUsSql('processed_at')}) AS found_processed_at, ${found.join(', ')}
    FROM ${metrics}${foundWhere === '' ? '' : ` WHERE ${foundWhere}`}
    GROUP BY campaign_id, ${epochUsSql('window_start')}
  ), paired AS (
    SELECT coalesce(e.campaign_id, f.campaign_id) AS campaign_id,
      coalesce(e.start_us, f.start_us) AS start_us, coalesce(e.events, 0) AS events,
      coalesce(e.impressions, 0) AS impressions, coalesce(e.clicks, 0) AS clicks,
      coalesce(e.conversions, 0) AS conversions,
      f.found_rows, f.found_processed_at, ${both.join(', ')},
      e.millionths, coalesce(abs(e.millionths) >= DECIMAL '${EXACT_MILLIONTHS}', false) AS is_large
    FROM expected e FULL JOIN found f
      ON coalesce(e.campaign_id, '') = coalesce(f.campaign_id, '')
      AND (e.campaign_id IS NULL) = (f.campaign_id IS NULL)
      AND coalesce(e.start_us, -1) = coalesce(f.start_us, -1)
  ), compared AS (
    SELECT *, found_rows IS DISTINCT FROM 1 OR events = 0 OR found_processed_at IS NULL
      OR ${fields.map(differsSql).join(' OR ')} AS is_different
    FROM paired
  )`
}

function differsSql({ name }: ComparedField): string {
  const differs = `expected_${name} IS DISTINCT FROM found_${name}`
  return name === 'revenue' ? `(NOT is_large AND ${differs})` : differs
}
