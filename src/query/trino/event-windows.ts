/** Trino's SQL for windows made of raw events, for those who run it themselves: Superset. */
import { windowSumsSql } from '../window-sums.ts'
import { TRINO } from './dialect.ts'

/** The columns of campaign_metrics that events decide, over the events that `where` selects. */
export function eventWindowsSql(windowUs: number, where: string): string {
  const start = timestampSql('start_us')
  return `SELECT campaign_id, ${start} AS window_start,
  ${start} + ${windowLengthSql(windowUs)} AS window_end,
  impressions, clicks, conversions, CAST(millionths AS DOUBLE) / 1e6 AS revenue,
  clicks * 100e0 / NULLIF(impressions, 0) AS ctr_percent,
  conversions * 100e0 / NULLIF(clicks, 0) AS cvr_percent
FROM (${windowSumsSql(TRINO, 'campaign_events', windowUs, where)})`
}

/** The start of the window of a moment, both as TIMESTAMP. */
export function windowStartSql(moment: string, windowUs: number): string {
  return timestampSql(`(${TRINO.windowStart(moment, windowUs)})`)
}

export function windowLengthSql(windowUs: number): string {
  return `INTERVAL '${windowUs / 1_000_000}' SECOND`
}

/**
 * Of microseconds since 1970 that are whole milliseconds, as the starts of windows are. `date_add`
 * takes an INTEGER of milliseconds, which is 24 days.
 */
function timestampSql(epochUs: string): string {
  return `TIMESTAMP '1970-01-01 00:00:00.000000' + ${epochUs} / 1000 * INTERVAL '0.001' SECOND`
}
