/**
 * Both tables compared, window by window: the SQL for it, and the windows in which
 * campaign_metrics and the raw table disagree.
 *
 * The revenue of windows past 9.0e9 is not judged in SQL but by `isLargeDifferent`: an engine's
 * cast of a whole number to DOUBLE need not round like Number(bigint).
 */

import { strict as assert } from 'node:assert'
import type { Dialect, SqlRow, SqlValue } from './dialect.ts'
import { whereSql, windowSumsSql } from './window-sums.ts'

export type FieldDifference = Readonly<{
  /** The column's name. */
  name: string
  /** As text; null is NULL, or no such row. Moments are microseconds since the epoch. */
  expected: string | null
  found: string | null
}>

export type Difference = Readonly<{
  campaignId: string | null
  windowStartUs: number | null
  /**
   * `missing`: events without a metrics row. `unexpected`: a metrics row without events (or one
   * whose window_start is no start of a window). `repeated`: more than one metrics row.
   * `different`: one row that says something else.
   */
  kind: 'missing' | 'unexpected' | 'repeated' | 'different'
  fields: readonly FieldDifference[]
}>

/** One state of both tables. */
export type Tables<Source> = Readonly<{ events: Source; metrics: Source }>

/** A span of which either end may be open: null. */
export type OpenSpan = Readonly<{ fromUs: number | null; toUs: number | null }>

type ComparedField = Readonly<{
  name: string
  /** What the row must say, from the sums `e` of a window; NULL where it has no events. */
  expectedSql: string
  /** What it says; over the rows of one window, of which there should be one. */
  foundSql: string
}>

/** The columns that are compared, in the table's order. */
const FIELD_NAMES = [
  'window_end',
  'impressions',
  'clicks',
  'conversions',
  'revenue',
  'ctr_percent',
  'cvr_percent',
] as const
type FieldName = (typeof FIELD_NAMES)[number]

function fieldsOf(dialect: Dialect<never>, windowUs: number): readonly ComparedField[] {
  const percent = (part: string, whole: string): string =>
    `CASE WHEN e.${whole} > 0 THEN ${doubleSql(`e.${part}`)} * 100e0 / ` +
    `${doubleSql(`e.${whole}`)} END`
  const expected: Readonly<Record<FieldName, string>> = {
    window_end: `e.start_us + ${windowUs}`,
    impressions: 'e.impressions',
    clicks: 'e.clicks',
    conversions: 'e.conversions',
    revenue: `${doubleSql('e.millionths')} / 1e6`,
    ctr_percent: percent('clicks', 'impressions'),
    cvr_percent: percent('conversions', 'clicks'),
  }
  return FIELD_NAMES.map((name) => ({
    name,
    expectedSql: expected[name],
    foundSql: `any_value(${name === 'window_end' ? dialect.epochUs(name) : name})`,
  }))
}

function doubleSql(value: string): string {
  return `CAST(${value} AS DOUBLE)`
}

/** What `differenceOf` reads, in this order. */
export const COMPARED_COLUMNS: readonly string[] = [
  'campaign_id',
  'start_us',
  'events',
  'found_rows',
  'found_processed_at',
  'millionths',
  ...FIELD_NAMES.flatMap((name) => [`expected_${name}`, `found_${name}`]),
]

/**
 * Below this, in millionths, an integer is exact as a double, and an engine's division by 1e6 the
 * same as ours.
 */
const EXACT_MILLIONTHS = 9_000_000_000_000_000n

/**
 * The common table expression `compared`, over the windows that begin in one of the spans (null is
 * all): a row for each window that either side knows, with what the raw rows say (`expected_…`),
 * what campaign_metrics says (`found_…`), and `is_different`. The revenue of `is_large` windows is
 * not judged here.
 */
export function comparedSql<Source>(
  dialect: Dialect<Source>,
  tables: Tables<Source>,
  windowUs: number,
  spans: readonly OpenSpan[] | null,
): string {
  const events = dialect.table('campaign_events', tables.events)
  const metrics = dialect.table('campaign_metrics', tables.metrics)
  const fields = fieldsOf(dialect, windowUs)
  const found = fields.map(({ name, foundSql }) => `${foundSql} AS found_${name}`)
  const both = fields.map(
    ({ name, expectedSql }) => `${expectedSql} AS expected_${name}, f.found_${name}`,
  )
  return `WITH expected AS (
    ${windowSumsSql(dialect, events, windowUs, spansSql(dialect, '"timestamp"', spans))}
  ), found AS (
    SELECT campaign_id, ${dialect.epochUs('window_start')} AS start_us, count(*) AS found_rows,
      any_value(${dialect.epochUs('processed_at')}) AS found_processed_at, ${found.join(', ')}
    FROM ${metrics}${whereSql(spansSql(dialect, 'window_start', spans))}
    GROUP BY campaign_id, ${dialect.epochUs('window_start')}
  ), paired AS (
    SELECT coalesce(e.campaign_id, f.campaign_id) AS campaign_id,
      coalesce(e.start_us, f.start_us) AS start_us, coalesce(e.events, 0) AS events,
      coalesce(e.impressions, 0) AS impressions, coalesce(e.clicks, 0) AS clicks,
      coalesce(e.conversions, 0) AS conversions,
      f.found_rows, f.found_processed_at, ${both.join(', ')}, e.millionths,
      coalesce(abs(e.millionths) >= ${dialect.wholeMillionths(EXACT_MILLIONTHS)}, false) AS is_large
    FROM expected e FULL JOIN found f
      ON ${dialect.isSame('e.campaign_id', 'f.campaign_id', "''")}
      AND ${dialect.isSame('e.start_us', 'f.start_us', '-1')}
  ), compared AS (
    SELECT *, found_rows IS DISTINCT FROM 1 OR events = 0 OR found_processed_at IS NULL
      OR ${FIELD_NAMES.map(differsSql).join(' OR ')} AS is_different
    FROM paired
  )`
}

function differsSql(name: FieldName): string {
  const differs = `expected_${name} IS DISTINCT FROM found_${name}`
  return name === 'revenue' ? `(NOT is_large AND ${differs})` : differs
}

/** A condition that a time lies in one of the spans; empty where there is none. */
function spansSql(
  dialect: Dialect<never>,
  column: string,
  spans: readonly OpenSpan[] | null,
): string {
  if (spans === null) return ''
  assert(spans.length > 0, 'there is a span')
  return `(${spans.map((span) => `(${spanSql(dialect, column, span)})`).join(' OR ')})`
}

/** A condition that a time lies in a span. */
export function spanSql(
  dialect: Dialect<never>,
  column: string,
  { fromUs, toUs }: OpenSpan,
): string {
  const bounds = [
    ...(fromUs === null ? [] : [`${column} >= ${dialect.timestamp(fromUs)}`]),
    ...(toUs === null ? [] : [`${column} < ${dialect.timestamp(toUs)}`]),
  ]
  return bounds.length === 0 ? 'true' : bounds.join(' AND ')
}

/**
 * Whether the revenue of a large window, which SQL does not judge, differs from the one that was
 * found.
 */
export function isLargeDifferent(millionths: SqlValue, foundRevenue: SqlValue): boolean {
  return Number(millionths) / 1e6 !== Number(foundRevenue)
}

/** `row` has the columns COMPARED_COLUMNS. */
export function comparedValue(row: SqlRow, name: string): SqlValue {
  return row[COMPARED_COLUMNS.indexOf(name)] ?? null
}

/** `row` has the columns COMPARED_COLUMNS. */
export function differenceOf(row: SqlRow): Difference {
  const at = (name: string): SqlValue => comparedValue(row, name)
  const millionths = at('millionths')
  const expectedOf = (name: FieldName): SqlValue =>
    name === 'revenue' && millionths !== null ? Number(millionths) / 1e6 : at(`expected_${name}`)
  const fields = FIELD_NAMES.map((name) => ({
    name,
    expected: textOf(expectedOf(name)),
    found: textOf(at(`found_${name}`)),
  })).filter(({ expected, found }) => expected !== found)
  const rows = at('found_rows')
  const startUs = at('start_us')
  const isUnprocessed = rows !== null && at('found_processed_at') === null
  return {
    campaignId: textOf(at('campaign_id')),
    windowStartUs: startUs === null ? null : Number(startUs),
    kind: kindOf(rows, at('events')),
    fields: isUnprocessed
      ? [...fields, { name: 'processed_at', expected: 'a moment', found: null }]
      : fields,
  }
}

function kindOf(rows: SqlValue, events: SqlValue): Difference['kind'] {
  if (rows === null) return 'missing'
  if (Number(events) === 0) return 'unexpected'
  return Number(rows) === 1 ? 'different' : 'repeated'
}

function textOf(value: SqlValue): string | null {
  return value === null ? null : String(value)
}
