/**
 * The SQL of the sums. Bounds of time are written out, so that row groups outside are skipped;
 * values of a filter are parameters, because they are a user's.
 *
 * Making a string of each row's campaign would cost more than all the sums. So campaigns are
 * numbered, and named in rows of their own, among the others:
 *
 *   code  start_us  impressions  clicks  conversions  millionths  campaign_id
 *      0         …            …       …            …           …  NULL         sums of campaign 0
 *     -1         0            0       0            0           0  'spring'     name of -1 - code
 *
 * The values of another column, by which raw events may be added up, take the same way.
 *
 * Sums of millionths are DOUBLE: whole, and exact up to 2^53 (9.0e9 of revenue). Rows without a
 * campaign, which no writer of ours makes, are left out.
 */

import { strict as assert } from 'node:assert'
import {
  EVENT_FILTER_IDS,
  type EventFilterId,
  FILTER_IDS,
  FILTERS,
  type FilterId,
  OFFERED_VALUES_MAX,
} from '../../dashboard-definition.ts'
import type { TimeSpan } from '../../event.ts'
import { spanSql } from '../comparison.ts'
import { nameSql } from '../dialect.ts'
import { windowSumsSql } from '../window-sums.ts'
import { DUCKDB } from './dialect.ts'

/** An empty list is no condition; '' stands for NULL as well as for the empty text. */
export type EventFilter = Readonly<Record<EventFilterId, readonly string[]>>

/** Which raw events are added up, and by what. */
export type EventSelection = Readonly<{
  by: FilterId
  where: EventFilter & Readonly<{ campaign: readonly string[] }>
}>

export type FilterValues = Readonly<Record<EventFilterId, string[]>>

/**
 * Grouped also where a step is a window: two rows of one window, which should not be, are added.
 */
export function metricsSumsSql(files: readonly string[], span: TimeSpan, stepUs: number): string {
  assertSpan(span, stepUs)
  // Counted from the start of the step that holds `fromUs`, no row is negative, and `//` rounds
  // down.
  const originUs = Math.floor(span.fromUs / stepUs) * stepUs
  return numberedSql(`
    SELECT campaign_id,
      (epoch_us(window_start) - ${originUs}) // ${stepUs} * ${stepUs} + ${originUs} AS start_us,
      sum(impressions) AS impressions, sum(clicks) AS clicks, sum(conversions) AS conversions,
      sum(round(revenue * 1e6)) AS millionths
    FROM ${DUCKDB.table('campaign_metrics', files)}
    WHERE ${spanSql(DUCKDB, 'window_start', span)} GROUP BY campaign_id, start_us`)
}

/** With the parameters that `selectedValues` gives. */
export function eventSumsSql(
  files: readonly string[],
  span: TimeSpan,
  stepUs: number,
  { by, where }: EventSelection,
): string {
  assertSpan(span, stepUs)
  const conditions = [
    spanSql(DUCKDB, '"timestamp"', span),
    'campaign_id IS NOT NULL',
    ...FILTER_IDS.flatMap((name) => conditionSql(name, where[name])),
  ]
  const from = DUCKDB.table('campaign_events', files)
  const column = nameSql(FILTERS[by].column)
  const key = by === 'campaign' ? column : `coalesce(${column}, '') AS campaign_id`
  return numberedSql(windowSumsSql(DUCKDB, from, stepUs, conditions.join(' AND '), key))
}

export function selectedValues({ where }: EventSelection): Record<string, string> {
  const bound = FILTER_IDS.flatMap((name) =>
    where[name].map((value, index) => [`${name}${index}`, value] as const),
  )
  return Object.fromEntries(bound)
}

/** Rows of filter, value: the most frequent values of each filter first. */
export function valuesSql(files: readonly string[]): string {
  const values = EVENT_FILTER_IDS.map((name) => `coalesce(${FILTERS[name].column}, '') AS ${name}`)
  const picked = EVENT_FILTER_IDS.map((name) => `WHEN grouping(${name}) = 0 THEN '${name}'`)
  return `SELECT name, encode(value) FROM (
      SELECT CASE ${picked.join(' ')} END AS name,
        coalesce(${EVENT_FILTER_IDS.join(', ')}) AS value,
        count(*) AS events
      FROM (SELECT ${values.join(', ')} FROM ${DUCKDB.table('campaign_events', files)})
      GROUP BY GROUPING SETS (${EVENT_FILTER_IDS.map((name) => `(${name})`).join(', ')})
    )
    QUALIFY row_number() OVER (PARTITION BY name ORDER BY events DESC, value)
      <= ${OFFERED_VALUES_MAX}
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

function conditionSql(name: FilterId, values: readonly string[]): string[] {
  if (values.length === 0) return []
  const column = nameSql(FILTERS[name].column)
  const listed = `${column} IN (${values.map((_, index) => `$${name}${index}`).join(', ')})`
  return [values.includes('') ? `(${listed} OR ${column} IS NULL)` : listed]
}

/** They become part of the SQL. */
function assertSpan({ fromUs, toUs }: TimeSpan, stepUs: number): void {
  for (const number of [fromUs, toUs, stepUs]) assert(Number.isSafeInteger(number))
  assert(stepUs > 0, 'a step has a length')
}
