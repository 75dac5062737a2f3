/**
 * Sums of windows over the raw table, in SQL: what campaign_metrics must say. Used to verify it, and to recompute the
 * windows whose revenue a DOUBLE cannot hold to the millionth.
 */
import { millionthsSql, wholeMillionthsSql } from './duckdb/dialect.ts'

/**
 * SELECT of campaign_id, start_us, events, impressions, clicks, conversions and millionths (HUGEINT) for each window
 * that has events; a revenue that is no number counts as nothing. `where` is a condition on the events, or empty.
 */
export function windowSumsSql(from: string, windowUs: number, where: string): string {
  return `SELECT campaign_id, start_us, count(*) AS events,
    count(*) FILTER (event_type = 'impression') AS impressions,
    count(*) FILTER (event_type = 'click') AS clicks,
    count(*) FILTER (event_type = 'conversion') AS conversions,
    ${wholeMillionthsSql('coalesce(sum(rounded), 0)')} AS millionths
  FROM (
    SELECT campaign_id, event_type, ${startSql('"timestamp"', windowUs)} AS start_us,
      ${millionthsSql('revenue')} AS rounded
    FROM ${from}${where === '' ? '' : ` WHERE ${where}`}
  ) GROUP BY campaign_id, start_us`
}

/** The start of the window that holds a timestamp, in microseconds. Rounds down before 1970 as well. */
function startSql(timestamp: string, windowUs: number): string {
  const micros = `epoch_us(${timestamp})`
  return `${micros} - ((${micros} % ${windowUs}) + ${windowUs}) % ${windowUs}`
}

/** A moment as SQL; the bounds of the query's own rows are written out so that row groups outside are skipped. */
export function momentSql(epochUs: number): string {
  return `make_timestamp(${epochUs}::BIGINT)`
}
