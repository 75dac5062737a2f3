/**
 * Closed windows in which campaign_metrics does not say what the raw table says, with what it must say: the late events
 * that Flink left out of its windows. Maintenance finds them in two steps, so that it never reads the whole table:
 *
 *     raw files added since the last amendment ─► the windows they touch ─► those of them that differ
 */

import { strict as assert } from 'node:assert'
import type { TimeSpan, WindowSums } from '../../event.ts'
import type { TrinoClient } from './client.ts'
import { comparedSql } from './comparison.ts'
import { sumsOf } from './recompute.ts'
import { momentSql, rowsSql, type SnapshotIds, tableAtSql } from './sql-text.ts'
import { startSql } from './window-sums.ts'

export type DifferingWindow = Readonly<{
  campaignId: string
  windowStartUs: number
  /** What the row must say; zeros where the window has no events and must have no row. */
  sums: WindowSums
  /** Rows of campaign_metrics that stand for it now. */
  rows: number
}>

export type TouchedOptions = Readonly<{
  snapshotId: bigint
  /** Paths of the raw files added, as they stand in the manifests. */
  files: readonly string[]
  windowUs: number
  /** Windows that end after it are left out: they are still open. */
  untilUs: number
}>

/** Paths in one statement: Trino's limit is a million characters. */
const FILES_MAX = 2_000
/** Conditions on time in one statement; past it, spans that lie closest are joined. */
const SPANS_MAX = 64

/** The stretches of whole windows that rows of these files belong to: disjoint, in order, 64 at most. */
export async function touchedSpans(
  client: TrinoClient,
  { snapshotId, files, windowUs, untilUs }: TouchedOptions,
): Promise<readonly TimeSpan[]> {
  const closedUs = Math.floor(untilUs / windowUs) * windowUs
  const starts = new Set<number>()
  for (let at = 0; at < files.length; at += FILES_MAX) {
    const part = files.slice(at, at + FILES_MAX).map((path) => [path])
    const rows = await client.rows(
      `SELECT DISTINCT ${startSql('"timestamp"', windowUs)} FROM ${tableAtSql('campaign_events', snapshotId)}
        WHERE "$path" IN (SELECT path FROM ${rowsSql(part, 'path VARCHAR')})
        AND "timestamp" < ${momentSql(closedUs)}`,
    )
    for (const [start] of rows) starts.add(Number(start))
  }
  return spansOfWindows([...starts], windowUs, SPANS_MAX)
}

/** Joins neighbouring windows, and past `spansMax` those with the smallest gaps. */
export function spansOfWindows(
  startsUs: readonly number[],
  windowUs: number,
  spansMax: number,
): readonly TimeSpan[] {
  const sorted = [...startsUs].sort((a, b) => a - b)
  const gaps = sorted.slice(1).map((start, index) => start - (sorted[index] ?? 0) - windowUs)
  const widest = [...gaps].sort((a, b) => b - a)
  // A gap is kept when it is one of the widest; equal ones at the edge are all joined.
  const joinedUs = Math.max(0, widest[spansMax - 1] ?? 0)
  const spans: TimeSpan[] = []
  for (const [index, start] of sorted.entries()) {
    const last = spans.at(-1)
    const gap = index === 0 ? Number.POSITIVE_INFINITY : (gaps[index - 1] ?? 0)
    if (last !== undefined && gap <= joinedUs)
      spans[spans.length - 1] = { ...last, toUs: start + windowUs }
    else spans.push({ fromUs: start, toUs: start + windowUs })
  }
  return spans
}

export type DifferingOptions = Readonly<{
  snapshots: SnapshotIds
  windowUs: number
  /** Stretches of whole closed windows. */
  spans: readonly TimeSpan[]
  /** Windows returned at most, oldest first. */
  limit: number
}>

/** Throws QueryError. Windows without a campaign, which no writer of ours makes, are left to `verify`. */
export async function differingWindows(
  client: TrinoClient,
  { snapshots, windowUs, spans, limit }: DifferingOptions,
): Promise<readonly DifferingWindow[]> {
  if (spans.length === 0) return []
  for (const { fromUs, toUs } of spans) {
    assert(fromUs % windowUs === 0 && toUs % windowUs === 0, 'spans of whole windows')
  }
  // A revenue that SQL does not judge is looked at here, so those windows come along, beyond the limit.
  const compared = comparedSql(snapshots, windowUs, spans)
  const columns = 'campaign_id, start_us, coalesce(found_rows, 0), impressions, clicks, conversions'
  const sums = `${columns}, coalesce(millionths, DECIMAL '0')`
  const found: DifferingWindow[] = []
  const differing = await client.rows(
    `${compared} SELECT ${sums} FROM compared WHERE is_different AND campaign_id IS NOT NULL
      ORDER BY start_us, campaign_id LIMIT ${limit}`,
  )
  for (const row of differing) found.push(differingOf(row))
  const large = await client.rows(
    `${compared} SELECT ${sums}, found_revenue FROM compared
      WHERE is_large AND NOT is_different AND campaign_id IS NOT NULL`,
  )
  for (const row of large) {
    if (Number(row[6]) / 1e6 !== Number(row[7])) found.push(differingOf(row))
  }
  return found
    .sort((a, b) => a.windowStartUs - b.windowStartUs || (a.campaignId < b.campaignId ? -1 : 1))
    .slice(0, limit)
}

function differingOf(row: readonly unknown[]): DifferingWindow {
  return {
    campaignId: String(row[0]),
    windowStartUs: Number(row[1]),
    rows: Number(row[2]),
    sums: sumsOf(row.slice(3, 7)),
  }
}
