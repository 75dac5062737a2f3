/**
 * The SQL of the sums. Bounds of time are written out, so that row groups outside are skipped; values of a filter are
 * parameters, because they are a user's.
 *
 * Making a string of each row's campaign would cost more than all the sums. So campaigns are numbered, and named in rows
 * of their own, among the others:
 *
 *   code  start_us  impressions  clicks  conversions  millionths  campaign_id
 *      0         …            …       …            …           …  NULL          sums of the campaign 0
 *     -1         0            0       0            0           0  'spring'      the name of -1 - code
 *
 * Sums of millionths are DOUBLE: whole, and exact up to 2^53 (9.0e9 of revenue). Rows without a campaign, which no
 * writer of ours makes, are left out.
 */
import { strict as assert } from 'node:assert'
import type { TimeSpan } from '../event.ts'
import { EVENT_COLUMNS, METRICS_COLUMNS } from './columns.ts'
import { nameSql } from './sql-text.ts'
import { tableSql } from './table-sql.ts'
import { momentSql, windowSumsSql } from './window-sums.ts'

/** An empty list is no condition; '' stands for NULL as well as for the empty text. */
export type EventFilter = Readonly<{
  platform: readonly string[]
  country: readonly string[]
  device: readonly string[]
}>

const FILTER_COLUMNS = { platform: 'platform', country: 'country', device: 'device_type' } as const
type FilterName = keyof typeof FILTER_COLUMNS
const FILTER_NAMES: readonly FilterName[] = ['platform', 'country', 'device']

export const VALUE_COLUMNS = ['platform', 'country', 'device_type'] as const
const VALUES_MAX = 200

/** Grouped also where a step is a window: two rows of one window, which should not be, are added. */
export function metricsSumsSql(files: readonly string[], span: TimeSpan, stepUs: number): string {
  assertSpan(span, stepUs)
  // Counted from the start of the step that holds `fromUs`, no row is negative, and `//` rounds down.
  const originUs = Math.floor(span.fromUs / stepUs) * stepUs
  return numberedSql(`
    SELECT campaign_id, (epoch_us(window_start) - ${originUs}) // ${stepUs} * ${stepUs} + ${originUs} AS start_us,
      sum(impressions) AS impressions, sum(clicks) AS clicks, sum(conversions) AS conversions,
      sum(round(revenue * 1e6)) AS millionths
    FROM ${tableSql(METRICS_COLUMNS, files)}
    WHERE ${spanSql('window_start', span)} GROUP BY campaign_id, start_us`)
}

/** With the parameters that `filterValues` gives. */
export function eventSumsSql(
  files: readonly string[],
  span: TimeSpan,
  stepUs: number,
  filter: EventFilter,
): string {
  assertSpan(span, stepUs)
  const conditions = [spanSql('"timestamp"', span), ...FILTER_NAMES.flatMap(conditionSql(filter))]
  const from = tableSql(EVENT_COLUMNS, files)
  return numberedSql(windowSumsSql(from, stepUs, conditions.join(' AND ')))
}

export function filterValues(filter: EventFilter): Record<string, string> {
  const bound = FILTER_NAMES.flatMap((name) =>
    filter[name].map((value, index) => [`${name}${index}`, value] as const),
  )
  return Object.fromEntries(bound)
}

/** Rows of column, value: the most frequent values of each column first. */
export function valuesSql(files: readonly string[]): string {
  const values = VALUE_COLUMNS.map((column) => `coalesce(${column}, '') AS ${column}`)
  const picked = VALUE_COLUMNS.map((column) => `WHEN grouping(${column}) = 0 THEN '${column}'`)
  return `SELECT name, encode(value) FROM (
      SELECT CASE ${picked.join(' ')} END AS name, coalesce(${VALUE_COLUMNS.join(', ')}) AS value, count(*) AS events
      FROM (SELECT ${values.join(', ')} FROM ${tableSql(EVENT_COLUMNS, files)})
      GROUP BY GROUPING SETS (${VALUE_COLUMNS.map((column) => `(${column})`).join(', ')})
    )
    QUALIFY row_number() OVER (PARTITION BY name ORDER BY events DESC, value) <= ${VALUES_MAX}
    ORDER BY name, events DESC, value`
}

const SUM_COLUMNS = ['impressions', 'clicks', 'conversions', 'millionths'] as const

function numberedSql(sums: string): string {
  const doubles = SUM_COLUMNS.map((column) => `coalesce(${column}, 0)::DOUBLE AS ${column}`)
  return `WITH sums AS MATERIALIZED (
      SELECT campaign_id, start_us::DOUBLE AS start_us, ${doubles.join(', ')} FROM (${sums})
    ), names AS MATERIALIZED (
      SELECT campaign_id, (row_number() OVER () - 1)::INTEGER AS code
      FROM (SELECT DISTINCT campaign_id FROM sums WHERE campaign_id IS NOT NULL)
    )
    SELECT code, start_us, ${SUM_COLUMNS.join(', ')}, NULL::BLOB AS campaign_id
    FROM sums JOIN names USING (campaign_id)
    UNION ALL
    SELECT -1 - code, 0, ${SUM_COLUMNS.map(() => '0').join(', ')}, encode(campaign_id) FROM names`
}

function conditionSql(filter: EventFilter): (name: FilterName) => string[] {
  return (name) => {
    const values = filter[name]
    if (values.length === 0) return []
    const column = nameSql(FILTER_COLUMNS[name])
    const listed = `${column} IN (${values.map((_, index) => `$${name}${index}`).join(', ')})`
    return [values.includes('') ? `(${listed} OR ${column} IS NULL)` : listed]
  }
}

function spanSql(column: string, { fromUs, toUs }: TimeSpan): string {
  return `${column} >= ${momentSql(fromUs)} AND ${column} < ${momentSql(toUs)}`
}

/** They become part of the SQL. */
function assertSpan({ fromUs, toUs }: TimeSpan, stepUs: number): void {
  for (const number of [fromUs, toUs, stepUs]) assert(Number.isSafeInteger(number))
  assert(stepUs > 0, 'a step has a length')
}
