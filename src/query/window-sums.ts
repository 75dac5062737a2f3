/**
 * Sums of windows over the raw table, in SQL: what campaign_metrics must say. Used to verify it, and to recompute the
 * windows whose revenue a DOUBLE cannot hold to the millionth.
 */
import { EVENT_COLUMNS } from './columns.ts'
import { type Duck, listValue } from './duck.ts'
import { millionthsSql, wholeMillionthsSql } from './revenue-sql.ts'
import { queryErrorOf } from './run-sql.ts'
import { tableSql } from './table-sql.ts'

export type WindowKey = Readonly<{ campaignId: string; windowStartUs: number }>

export type WindowSums = Readonly<{
  impressions: number
  clicks: number
  conversions: number
  revenueMillionths: bigint
}>

/**
 * SELECT of campaign_id, start_us, events, impressions, clicks, conversions, millionths (HUGEINT), unfit (rows whose
 * revenue is no number) for each window that has events. `where` is a condition on the events, or empty.
 */
export function windowSumsSql(from: string, windowUs: number, where: string): string {
  return `SELECT campaign_id, start_us, count(*) AS events,
    count(*) FILTER (event_type = 'impression') AS impressions,
    count(*) FILTER (event_type = 'click') AS clicks,
    count(*) FILTER (event_type = 'conversion') AS conversions,
    ${wholeMillionthsSql('coalesce(sum(rounded), 0)')} AS millionths,
    count(*) FILTER (rounded IS NULL) AS unfit
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

/** The sums of these windows over the files given, in the order of the keys; a window without events gives zeros. */
export async function recomputeWindows(
  duck: Duck,
  files: readonly string[],
  keys: readonly WindowKey[],
  windowUs: number,
): Promise<readonly WindowSums[]> {
  if (keys.length === 0) return []
  const starts = keys.map((key) => key.windowStartUs)
  const where = [
    `"timestamp" >= ${momentSql(Math.min(...starts))}`,
    `"timestamp" < ${momentSql(Math.max(...starts) + windowUs)}`,
    'campaign_id IN (SELECT campaign_id FROM asked)',
  ].join(' AND ')
  const sql = `WITH asked AS (
      SELECT unnest($places::BIGINT[]) AS place, unnest($campaigns::VARCHAR[]) AS campaign_id,
        unnest($starts::BIGINT[]) AS start_us
    ), sums AS (${windowSumsSql(tableSql(EVENT_COLUMNS, files), windowUs, where)})
    SELECT place, impressions, clicks, conversions, millionths
    FROM asked JOIN sums USING (campaign_id, start_us)`
  const connection = await duck.connect()
  try {
    const parameters = {
      places: listValue(keys.map((_, index) => BigInt(index))),
      campaigns: listValue(keys.map((key) => key.campaignId)),
      starts: listValue(starts.map(BigInt)),
    }
    const found = new Map<number, WindowSums>()
    for await (const rows of (await connection.stream(sql, parameters)).yieldRows()) {
      for (const [place, impressions, clicks, conversions, millionths] of rows) {
        found.set(Number(place), {
          impressions: Number(impressions),
          clicks: Number(clicks),
          conversions: Number(conversions),
          revenueMillionths: millionths as bigint,
        })
      }
    }
    return keys.map((_, index) => found.get(index) ?? NO_EVENTS)
  } catch (error) {
    throw queryErrorOf(error, duck)
  } finally {
    connection.closeSync()
  }
}

const NO_EVENTS: WindowSums = { impressions: 0, clicks: 0, conversions: 0, revenueMillionths: 0n }
