/**
 * The windows that raw files touch, as stretches of time. Maintenance finds the windows that differ
 * in two steps, so that it never reads the whole table:
 *
 *     raw files added since the last amendment ─► windows they touch ─► those that differ
 */
import type { TimeSpan } from '../../event.ts'
import { textSql } from '../dialect.ts'
import type { TrinoClient } from './client.ts'
import { TRINO } from './dialect.ts'

export type TouchedOptions = Readonly<{
  snapshotId: bigint
  /** Paths of the raw files added, as they stand in the manifests. */
  files: readonly string[]
  windowUs: number
  /** Windows that end after it are left out: they are still open. */
  untilUs: number
}>

/** Paths in one statement: Trino plans a list of literals, and ends at a million characters. */
const FILES_MAX = 500
/** Conditions on time in one statement; past it, spans that lie closest are joined. */
const SPANS_MAX = 64

/**
 * The stretches of whole windows that rows of these files belong to: disjoint, in order, 64 at
 * most.
 */
export async function touchedSpans(
  client: TrinoClient,
  { snapshotId, files, windowUs, untilUs }: TouchedOptions,
): Promise<readonly TimeSpan[]> {
  const closedUs = Math.floor(untilUs / windowUs) * windowUs
  const starts = new Set<number>()
  const from = TRINO.table('campaign_events', snapshotId)
  for (let at = 0; at < files.length; at += FILES_MAX) {
    const part = files.slice(at, at + FILES_MAX).map(textSql)
    // As literals: of paths that come from a join Trino 476 makes a dynamic filter, which its
    // Iceberg connector refuses for this column ("Constraint on an unexpected column").
    const rows = await client.rows(
      `SELECT DISTINCT ${TRINO.windowStart('"timestamp"', windowUs)} FROM ${from}
        WHERE "$path" IN (${part.join(', ')})
        AND "timestamp" < ${TRINO.timestamp(closedUs)}`,
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
  const spans: { fromUs: number; toUs: number }[] = []
  for (const [index, start] of sorted.entries()) {
    const last = spans.at(-1)
    const gap = index === 0 ? Number.POSITIVE_INFINITY : (gaps[index - 1] ?? 0)
    if (last !== undefined && gap <= joinedUs) last.toUs = start + windowUs
    else spans.push({ fromUs: start, toUs: start + windowUs })
  }
  return spans
}
