/**
 * Sums of windows over the raw table: what campaign_metrics must say. All of them, to verify it; or
 * some of them, exact to the millionth, where a DOUBLE cannot hold the revenue and so must not be
 * read back and added to.
 */
import type { WindowKey, WindowSums } from '../event.ts'
import type { Dialect, SqlPort, SqlValue } from './dialect.ts'

/**
 * SELECT of campaign_id, start_us, events, impressions, clicks, conversions and millionths for each
 * window that has events; a revenue that is no number counts as nothing. `from` is a FROM item;
 * `where` is a condition on the events, or empty; `key` names what takes the place of the
 * campaign.
 */
export function windowSumsSql(
  dialect: Dialect<never>,
  from: string,
  windowUs: number,
  where: string,
  key = 'campaign_id',
): string {
  const countOf = (type: string): string => dialect.countIf(`event_type = '${type}'`)
  return `SELECT campaign_id, start_us, count(*) AS events,
    ${countOf('impression')} AS impressions,
    ${countOf('click')} AS clicks,
    ${countOf('conversion')} AS conversions,
    ${dialect.sumMillionths('rounded')} AS millionths
  FROM (
    SELECT ${key}, event_type, ${dialect.windowStart('"timestamp"', windowUs)} AS start_us,
      ${dialect.millionths('revenue')} AS rounded
    FROM ${from}${whereSql(where)}
  ) GROUP BY campaign_id, start_us`
}

/** ` WHERE …`, or nothing where there is no condition. */
export function whereSql(condition: string): string {
  return condition === '' ? '' : ` WHERE ${condition}`
}

const NO_EVENTS: WindowSums = { impressions: 0, clicks: 0, conversions: 0, revenueMillionths: 0n }

/**
 * The sums of these windows in the order of the keys; a window without events gives zeros. Throws
 * QueryError.
 */
export async function recomputeWindows<Source>(
  port: SqlPort,
  dialect: Dialect<Source>,
  events: Source,
  keys: readonly WindowKey[],
  windowUs: number,
): Promise<readonly WindowSums[]> {
  const sums: WindowSums[] = []
  for (const part of partsOf(keys, dialect.keyCharactersMax)) {
    const asked = dialect.windowKeys(part)
    const sql = recomputeSql(dialect, events, part, windowUs, asked.sql)
    const found = new Map<number, WindowSums>()
    for await (const rows of port.pages(sql, asked.parameters)) {
      for (const [place, ...row] of rows) found.set(Number(place), sumsOf(row))
    }
    for (const index of part.keys()) sums.push(found.get(index) ?? NO_EVENTS)
  }
  return sums
}

/** `row` is impressions, clicks, conversions, millionths. */
export function sumsOf(row: readonly SqlValue[]): WindowSums {
  const [impressions = 0, clicks = 0, conversions = 0, millionths = 0] = row
  return {
    impressions: Number(impressions),
    clicks: Number(clicks),
    conversions: Number(conversions),
    revenueMillionths: BigInt(String(millionths)),
  }
}

function recomputeSql<Source>(
  dialect: Dialect<Source>,
  events: Source,
  keys: readonly WindowKey[],
  windowUs: number,
  asked: string,
): string {
  const starts = keys.map((key) => key.windowStartUs)
  const where = [
    `"timestamp" >= ${dialect.timestamp(Math.min(...starts))}`,
    `"timestamp" < ${dialect.timestamp(Math.max(...starts) + windowUs)}`,
    'campaign_id IN (SELECT campaign_id FROM asked)',
  ].join(' AND ')
  const from = dialect.table('campaign_events', events)
  return `WITH asked AS (
      ${asked}
    ), sums AS (${windowSumsSql(dialect, from, windowUs, where)})
    SELECT place, impressions, clicks, conversions, millionths
    FROM asked JOIN sums
      ON asked.campaign_id = sums.campaign_id AND asked.start_us = sums.start_us`
}

function partsOf(
  keys: readonly WindowKey[],
  charactersMax: number,
): readonly (readonly WindowKey[])[] {
  const parts: WindowKey[][] = []
  let characters = 0
  for (const key of keys) {
    const length = JSON.stringify(key.campaignId).length * 2 + 40
    if (parts.length === 0 || characters + length > charactersMax) {
      parts.push([])
      characters = 0
    }
    parts.at(-1)?.push(key)
    characters += length
  }
  return parts
}
