/**
 * Sums of windows over the raw table, in Trino's SQL: the same as ../window-sums.ts says in DuckDB's.
 *
 * Trino's cast of a DOUBLE to DECIMAL goes through the shortest decimal form (Java's BigDecimal.valueOf) and rounds half
 * away from zero, which is the rule of src/event.ts. It fails past the precision and on NaN, and so is tried: no writer
 * of ours stores such values, and `verify` counts them.
 */
import { strict as assert } from 'node:assert'

/** The start of the year 1, from which all moments of the tables count upwards, so that divisions round down. */
const ORIGIN = "TIMESTAMP '0001-01-01 00:00:00.000000'"
const ORIGIN_US = -62_135_596_800_000_000

/** SELECT of campaign_id, start_us, events, impressions, clicks, conversions and millionths, a DECIMAL(38,0). */
export function windowSumsSql(from: string, windowUs: number, where: string): string {
  return `SELECT campaign_id, start_us, count(*) AS events,
    count_if(event_type = 'impression') AS impressions,
    count_if(event_type = 'click') AS clicks,
    count_if(event_type = 'conversion') AS conversions,
    ${wholeMillionthsSql("coalesce(sum(rounded), DECIMAL '0.000000')")} AS millionths
  FROM (
    SELECT campaign_id, event_type, ${startSql('"timestamp"', windowUs)} AS start_us,
      ${millionthsSql('revenue')} AS rounded
    FROM ${from}${where === '' ? '' : ` WHERE ${where}`}
  ) GROUP BY campaign_id, start_us`
}

/** A revenue rounded to millionths, as DECIMAL(18,6); NULL is 0, what is no number within the limits is NULL. */
export function millionthsSql(column: string): string {
  return `TRY_CAST(coalesce(${column}, 0e0) AS DECIMAL(18,6))`
}

/** A sum of those, DECIMAL(38,6), as whole millionths. */
export function wholeMillionthsSql(sum: string): string {
  return `CAST(CAST(${sum} AS DECIMAL(32,6)) * 1000000 AS DECIMAL(38,0))`
}

/** The start of the window that holds a timestamp, in microseconds. */
export function startSql(timestamp: string, windowUs: number): string {
  assert(Number.isSafeInteger(windowUs) && windowUs > 0 && windowUs % 1000 === 0)
  const windows = `date_diff('millisecond', ${ORIGIN}, ${timestamp}) / ${windowUs / 1000}`
  return `(${windows}) * ${windowUs} + (${ORIGIN_US})`
}

/** A timestamp in whole microseconds since the epoch; Trino's own functions stop at milliseconds or at a DOUBLE. */
export function epochUsSql(timestamp: string): string {
  const fraction = `CAST(substr(CAST(${timestamp} AS VARCHAR), -6) AS BIGINT)`
  return `date_diff('second', ${ORIGIN}, ${timestamp}) * 1000000 + ${fraction} + (${ORIGIN_US})`
}
