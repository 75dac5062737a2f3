/**
 * Closed windows in which campaign_metrics does not say what the raw table says, with what it must
 * say: late events that the writer left out of its windows.
 */
import { strict as assert } from 'node:assert'
import type { TimeSpan, WindowSums } from '../event.ts'
import { comparedSql, isLargeDifferent, type Tables } from './comparison.ts'
import type { Dialect, SqlPort, SqlRow } from './dialect.ts'
import { sumsOf } from './window-sums.ts'

export type DifferingWindow = Readonly<{
  campaignId: string
  windowStartUs: number
  /** What the row must say; zeros where the window has no events and must have no row. */
  sums: WindowSums
  /** Rows of campaign_metrics that stand for it now. */
  rows: number
  /** Events that the row does not count; negative where it counts more than there are. */
  uncounted: number
}>

export type DifferingOptions = Readonly<{
  windowUs: number
  /** Stretches of whole closed windows. */
  spans: readonly TimeSpan[]
  /** Windows returned at most, oldest first. */
  limit: number
}>

/**
 * Throws QueryError. Windows without a campaign, which no writer of ours makes, are left to
 * `verify`.
 */
export async function differingWindows<Source>(
  port: SqlPort,
  dialect: Dialect<Source>,
  tables: Tables<Source>,
  { windowUs, spans, limit }: DifferingOptions,
): Promise<readonly DifferingWindow[]> {
  if (spans.length === 0) return []
  for (const { fromUs, toUs } of spans) {
    assert(fromUs % windowUs === 0 && toUs % windowUs === 0, 'spans of whole windows')
  }
  // SQL does not judge the revenue of large windows, so all of them come along, beyond the limit.
  const compared = comparedSql(dialect, tables, windowUs, spans)
  const columns = 'campaign_id, start_us, coalesce(found_rows, 0), impressions, clicks, conversions'
  const sums = `${columns}, coalesce(millionths, ${dialect.wholeMillionths(0n)}), ${UNCOUNTED_SQL}`
  const differing = await port.rows(
    `${compared} SELECT ${sums} FROM compared WHERE is_different AND campaign_id IS NOT NULL
      ORDER BY start_us, campaign_id LIMIT ${limit}`,
  )
  const large = await port.rows(
    `${compared} SELECT ${sums}, found_revenue FROM compared
      WHERE is_large AND NOT is_different AND campaign_id IS NOT NULL`,
  )
  const largeDiffering = large.filter((row) => isLargeDifferent(row[6] ?? null, row[8] ?? null))
  return [...differing, ...largeDiffering]
    .map(differingOf)
    .sort((a, b) => a.windowStartUs - b.windowStartUs || (a.campaignId < b.campaignId ? -1 : 1))
    .slice(0, limit)
}

const UNCOUNTED_SQL =
  'events - coalesce(found_impressions, 0) - coalesce(found_clicks, 0) - ' +
  'coalesce(found_conversions, 0)'

function differingOf(row: SqlRow): DifferingWindow {
  return {
    campaignId: String(row[0]),
    windowStartUs: Number(row[1]),
    rows: Number(row[2]),
    sums: sumsOf(row.slice(3, 7)),
    uncounted: Number(row[7]),
  }
}
