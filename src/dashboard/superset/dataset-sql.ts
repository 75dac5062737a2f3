/**
 * The SQL of the virtual datasets, in Trino's words with Superset's Jinja around them.
 *
 * Jinja is what lets one dataset read two tables: campaign_metrics has no platform, country or
 * device, so that a filter by them reads windows from campaign_events, within the range that is
 * asked for. It also gives the length of the range, and with it the period before.
 */
import { EVENT_FILTER_IDS, FILTERS, type SumColumn } from '../../dashboard-definition.ts'
import { eventWindowsSql, windowLengthSql, windowStartSql } from '../../query.ts'
import { TRANSIT_US } from '../watermark.ts'

const SUMS: readonly SumColumn[] = ['impressions', 'clicks', 'conversions', 'revenue']
const METRICS_COLUMNS = [
  ...['campaign_id', 'window_start', 'window_end', ...SUMS],
  ...['ctr_percent', 'cvr_percent', 'processed_at'],
].join(', ')
const SECONDS_COLUMNS = [
  ...['campaign_id', 'event_type', '"timestamp"'],
  ...EVENT_FILTER_IDS.map((id) => FILTERS[id].column),
].join(', ')

const NOW = `CAST(current_timestamp AT TIME ZONE 'UTC' AS TIMESTAMP(6))`
/** Trino's `sequence` ends at 10,000. */
const SILENT_WINDOWS_MAX = 9_000
const SILENT_SECONDS_MAX = 3_600
/** Until then, a second without events may only be late: with Flink, by some checkpoints. */
const SETTLED_SECONDS = 30

/** The range as literals of whole seconds; filters by event as lists, taken off the outer query. */
const VARIABLES = [
  `{%- set first = "TIMESTAMP '" ~ from_dttm[:19].replace('T', ' ') ~ "'" if from_dttm else '' %}`,
  `{%- set last = "TIMESTAMP '" ~ to_dttm[:19].replace('T', ' ') ~ "'" if to_dttm else '' %}`,
  ...EVENT_FILTER_IDS.map(
    (id) => `{%- set ${id} = filter_values('${FILTERS[id].column}', remove_filter=True) %}`,
  ),
].join('\n')
const IS_FILTERED = EVENT_FILTER_IDS.join(' or ')

/** The names of the sums that the change compares, in both periods. */
export const comparedName = (column: SumColumn): string => `compared_${column}`
export const beforeName = (column: SumColumn): string => `before_${column}`

/** The rows of campaign_metrics; with a filter by event, the same windows of those events. */
export function metricsDatasetSql(windowUs: number): string {
  const jinja = `${VARIABLES}
{%- if ${IS_FILTERED} %}
SELECT *, CAST(NULL AS TIMESTAMP(6)) AS processed_at FROM (
${filteredWindowsSql(windowUs, 'first')}
)
{%- else %}
SELECT ${METRICS_COLUMNS} FROM campaign_metrics
{%- endif %}`
  return switched(jinja, `SELECT ${METRICS_COLUMNS} FROM campaign_metrics`)
}

/**
 * Windows for sums over time: those of the range, zeros for windows in which nothing happened, and
 * the sums of the period before at the place of their counterparts. `compared_` and `before_` hold
 * only windows that are complete, so that a window that is filling is not compared.
 */
export function timelineDatasetSql(windowUs: number): string {
  const length = `({{ last }} - {{ first }})`
  const isCurrent = `{% if first %}window_start >= {{ first }}{% else %}true{% endif %}`
  const jinja = `${VARIABLES}
{%- set period = first and last %}
{%- set start = first ~ ' - (' ~ last ~ ' - ' ~ first ~ ')' if period else first %}
WITH windows AS (
{%- if ${IS_FILTERED} %}
${filteredWindowsSql(windowUs, 'start')}
{%- else %}
SELECT ${METRICS_COLUMNS} FROM campaign_metrics WHERE true
{%- if start %} AND window_start >= {{ start }}{% endif %}
{%- if last %} AND window_start < {{ last }}{% endif %}
{%- endif %}
), complete AS (
${completeSql(windowUs, `{% if first %}{{ first }}{% else %}${NOW}{% endif %}`)}
), marked AS (
SELECT *, ${isCurrent} AS is_current,
  {% if period %}window_end + ${length} <= complete_until{% else %}false{% endif %} AS is_before
FROM windows CROSS JOIN complete
)
SELECT campaign_id, complete_until,
  {% if period %}IF(is_current, window_start, window_start + ${length})
  {%- else %}window_start{% endif %} AS window_start,
  ${SUMS.map((name) => `IF(is_current, ${name}, 0) AS ${name}`).join(', ')},
  ${SUMS.map((name) => `IF(is_current AND window_end <= complete_until, ${name}) AS ${comparedName(name)}`).join(',\n  ')},
  ${SUMS.map((name) => `IF(NOT is_current AND is_before, ${name}) AS ${beforeName(name)}`).join(',\n  ')}
FROM marked
{%- if period %}
UNION ALL
SELECT ${chosenValueSql('campaign_id')}, complete_until, window_start,
  ${SUMS.map(() => '0').join(', ')}, ${[...SUMS, ...SUMS].map(() => 'NULL').join(', ')}
FROM UNNEST(sequence(
  ${windowStartSql(`GREATEST({{ first }}, {{ last }} - ${windowLengthSql(windowUs * SILENT_WINDOWS_MAX)})`, windowUs)},
  {{ last }}, ${windowLengthSql(windowUs)}
)) AS silent (window_start) CROSS JOIN complete
WHERE window_start >= {{ first }} AND window_start < LEAST({{ last }}, complete_until)
{%- endif %}`
  const plain = `SELECT campaign_id, complete_until, window_start, ${SUMS.join(', ')},
  ${[comparedName, beforeName].flatMap((nameOf) => SUMS.map((name) => `CAST(NULL AS DOUBLE) AS ${nameOf(name)}`)).join(',\n  ')}
FROM campaign_metrics CROSS JOIN (${completeSql(windowUs, NOW)})`
  return switched(jinja, plain)
}

/**
 * Events for sums by the second, and rows that are no event for the seconds without one. The newest
 * second is left out: it is filling, and would look like a collapse.
 */
export function secondsDatasetSql(): string {
  const settled = `INTERVAL '${SETTLED_SECONDS}' SECOND`
  const columns = EVENT_FILTER_IDS.map((id) => chosenValueSql(FILTERS[id].column)).join(',\n  ')
  const jinja = `${VARIABLES.split('\n').slice(0, 2).join('\n')}
SELECT ${SECONDS_COLUMNS} FROM campaign_events
{%- if first and last %}
WHERE "timestamp" < GREATEST(${NOW} - ${settled},
  (SELECT date_trunc('second', max("timestamp")) FROM campaign_events
    WHERE "timestamp" >= {{ first }} AND "timestamp" < {{ last }}))
UNION ALL
SELECT ${chosenValueSql('campaign_id')}, NULL, second,
  ${columns}
FROM UNNEST(sequence(
  GREATEST({{ first }}, {{ last }} - INTERVAL '${SILENT_SECONDS_MAX}' SECOND), {{ last }},
  INTERVAL '1' SECOND
)) AS silent (second)
WHERE second < ${NOW} - ${settled}
{%- endif %}`
  return switched(jinja, `SELECT ${SECONDS_COLUMNS} FROM campaign_events`)
}

// A Superset that does not process templates sends the text to Trino as it is. So the Jinja stands
// in a comment, which it closes and opens itself where it is processed:
//     /*{% if true %}{{ close }} … with Jinja … {{ open }}{% else %}*/ … without … /*{% endif %}*/
function switched(jinja: string, plain: string): string {
  return `/*{% if true %}{{ '*' ~ '/' }}
${jinja}
{{ '/' ~ '*' }}{% else %}*/
${plain}
/*{% endif %}*/`
}

/**
 * Windows of the events that the filters choose, from the moment in the variable `start` on. They
 * end where campaign_metrics ends, so that a part is never more than the whole.
 */
function filteredWindowsSql(windowUs: number, start: string): string {
  const conditions = EVENT_FILTER_IDS.map((id) => {
    const { column } = FILTERS[id]
    const named = `${id} | reject('none') | list`
    return `{% if ${id} %} AND ({% if ${named} %}${column} IN {{ ${named} | where_in }}{% else %}false{% endif %}{% if none in ${id} %} OR ${column} IS NULL{% endif %}){% endif %}`
  })
  const where = `"timestamp" < (SELECT max(window_end) FROM campaign_metrics{% if first %} WHERE window_start >= {{ first }}{% endif %})
{%- if ${start} %} AND "timestamp" >= {{ ${start} }}{% endif %}
{%- if last %} AND "timestamp" < {{ last }} + ${windowLengthSql(windowUs)}{% endif %}
${conditions.join('\n')}`
  return eventWindowsSql(windowUs, where)
}

/** One row: the moment up to which windows are complete, by the rule of the page. */
function completeSql(windowUs: number, from: string): string {
  const settled = windowStartSql(`${NOW} - INTERVAL '${TRANSIT_US / 1_000_000}' SECOND`, windowUs)
  return `SELECT LEAST(max(window_end), ${settled}) AS complete_until FROM campaign_metrics
WHERE window_start >= ${from} - INTERVAL '1' DAY`
}

/** A value that passes the outer query's filter of a column: the first one chosen, or NULL. */
function chosenValueSql(column: string): string {
  const named = `filter_values('${column}') | reject('none') | list`
  return `{% if ${named} %}{{ (${named})[:1] | where_in }}{% else %}CAST(NULL AS VARCHAR){% endif %}`
}
