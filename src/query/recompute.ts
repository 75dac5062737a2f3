/**
 * Recomputes single windows from the raw files, exact to the millionth: for those whose revenue a DOUBLE cannot hold,
 * so that it must not be read back from campaign_metrics and added to.
 */
import type { WindowKey, WindowSums } from '../event.ts'
import { EVENT_COLUMNS } from './columns.ts'
import { type Duck, listValue } from './duckdb/instance.ts'
import { queryErrorOf } from './duckdb/run-sql.ts'
import { tableSql } from './duckdb/tables.ts'
import { momentSql, windowSumsSql } from './window-sums.ts'

const NO_EVENTS: WindowSums = { impressions: 0, clicks: 0, conversions: 0, revenueMillionths: 0n }

/**
 * The sums of these windows over the files given, in the order of the keys; a window without events gives zeros. Files
 * of other days may be left out. Throws QueryError.
 */
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
