/** Recomputes single windows from the raw table, exact to the millionth, so that late events can be added to them. */
import type { WindowKey, WindowSums } from '../../event.ts'
import type { TrinoClient } from './client.ts'
import { momentSql, rowsSql, tableAtSql } from './dialect.ts'
import { windowSumsSql } from './window-sums.ts'

/** Keys in one statement: Trino's limit is a million characters, and a campaign has 256 bytes, escaped up to 1,536. */
const CHARACTERS_MAX = 600_000

const NO_EVENTS: WindowSums = { impressions: 0, clicks: 0, conversions: 0, revenueMillionths: 0n }

/** The sums of these windows in the order of the keys; a window without events gives zeros. Throws QueryError. */
export async function recomputeWindows(
  client: TrinoClient,
  snapshotId: bigint,
  keys: readonly WindowKey[],
  windowUs: number,
): Promise<readonly WindowSums[]> {
  const sums: WindowSums[] = []
  for (const part of partsOf(keys)) {
    const found = new Map<number, WindowSums>()
    for (const row of await client.rows(recomputeSql(snapshotId, part, windowUs))) {
      found.set(Number(row[0]), sumsOf(row.slice(1)))
    }
    for (const index of part.keys()) sums.push(found.get(index) ?? NO_EVENTS)
  }
  return sums
}

/** `row` is impressions, clicks, conversions, millionths. */
export function sumsOf(row: readonly unknown[]): WindowSums {
  const [impressions = 0, clicks = 0, conversions = 0, millionths = '0'] = row
  return {
    impressions: Number(impressions),
    clicks: Number(clicks),
    conversions: Number(conversions),
    revenueMillionths: BigInt(String(millionths)),
  }
}

function recomputeSql(snapshotId: bigint, keys: readonly WindowKey[], windowUs: number): string {
  const starts = keys.map((key) => key.windowStartUs)
  const rows = keys.map((key, index) => [index, key.campaignId, key.windowStartUs] as const)
  const where = [
    `"timestamp" >= ${momentSql(Math.min(...starts))}`,
    `"timestamp" < ${momentSql(Math.max(...starts) + windowUs)}`,
    'campaign_id IN (SELECT campaign_id FROM asked)',
  ].join(' AND ')
  const from = tableAtSql('campaign_events', snapshotId)
  return `WITH asked AS (
      SELECT * FROM ${rowsSql(rows, 'place INTEGER, campaign_id VARCHAR, start_us BIGINT')}
    ), sums AS (${windowSumsSql(from, windowUs, where)})
    SELECT place, impressions, clicks, conversions, millionths
    FROM asked JOIN sums ON asked.campaign_id = sums.campaign_id AND asked.start_us = sums.start_us`
}

function partsOf(keys: readonly WindowKey[]): readonly (readonly WindowKey[])[] {
  const parts: WindowKey[][] = []
  let characters = Number.POSITIVE_INFINITY
  for (const key of keys) {
    const length = JSON.stringify(key.campaignId).length * 2 + 40
    if (characters + length > CHARACTERS_MAX) {
      parts.push([])
      characters = 0
    }
    parts.at(-1)?.push(key)
    characters += length
  }
  return parts
}
