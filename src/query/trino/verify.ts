/**
 * Holds campaign_metrics against the GROUP BY over campaign_events through Trino, window by window, and looks for event
 * ids that stand in the raw table twice: the distributed side's counterpart of ../verify.ts, with the same result. Both
 * tables are read at snapshots that the caller chose, because no transaction spans them.
 */

import { type Difference, differenceOf } from '../comparison.ts'
import { type Verification, verificationOf } from '../verify.ts'
import type { TrinoClient } from './client.ts'
import { COMPARED_COLUMNS, comparedSql } from './comparison.ts'
import { momentSql, type OpenSpan, type SnapshotIds, tableAtSql } from './dialect.ts'
import { type ArrivalOfFile, findRepeatedIds } from './repeated-ids.ts'

export type TrinoVerifyOptions = Readonly<{
  windowUs: number
  snapshots: SnapshotIds
  /** Two stored events of one id are a fault when they arrived within this; see ArrivalOfFile. */
  horizonUs: number
  /** Windows before it are not compared: retention has dropped their events or their metrics. Null compares all. */
  fromUs: number | null
  /** Windows that end after it are not compared: they are still open. Null compares all. */
  untilUs: number | null
  /** Differing windows (and repeated ids) named in the result; all are counted. */
  differencesMax: number
  /** When the rows of a raw file arrived, where that is known. */
  arrivalOf?: ArrivalOfFile
}>

export async function verifyTables(
  client: TrinoClient,
  options: TrinoVerifyOptions,
): Promise<Verification> {
  const { windowUs, snapshots, differencesMax: limit } = options
  const compared = comparedSql(snapshots, windowUs, spansOf(options))
  const counts = await countWindows(client, compared)
  const inSql = counts.differing === 0 ? [] : await readDifferences(client, compared, limit)
  const large = counts.large === 0 ? NONE : await compareLarge(client, compared, limit)
  const repeatedIds = await findRepeatedIds(client, snapshots.eventsId, {
    horizonUs: options.horizonUs,
    differencesMax: limit,
    arrivalOf: options.arrivalOf ?? (() => null),
  })
  const unfitEvents = await countUnfit(client, snapshots.eventsId)
  const withoutEvents = await countWithoutEvents(client, snapshots.metricsId, options.fromUs)
  const found = { counts, inSql, large, repeatedIds, unfitEvents, withoutEvents }
  return verificationOf({ ...found, limit })
}

/** The last window that is compared begins a window's length before `untilUs`. */
function spansOf({ fromUs, untilUs, windowUs }: TrinoVerifyOptions): readonly OpenSpan[] | null {
  if (fromUs === null && untilUs === null) return null
  return [{ fromUs, toUs: untilUs === null ? null : Math.floor(untilUs / windowUs) * windowUs }]
}

type Counts = Readonly<{ windows: number; events: number; differing: number; large: number }>

async function countWindows(client: TrinoClient, compared: string): Promise<Counts> {
  const [row = []] = await client.rows(
    `${compared} SELECT count(*), coalesce(sum(events), 0), count_if(is_different),
      count_if(is_large AND NOT is_different) FROM compared`,
  )
  const [windows = 0, events = 0, differing = 0, large = 0] = row.map(Number)
  return { windows, events, differing, large }
}

async function readDifferences(
  client: TrinoClient,
  compared: string,
  limit: number,
): Promise<readonly Difference[]> {
  const rows = await client.rows(
    `${compared} SELECT ${COMPARED_COLUMNS.join(', ')} FROM compared WHERE is_different
      ORDER BY start_us, campaign_id LIMIT ${limit}`,
  )
  return rows.map((row) => differenceOf(comparedRow(row)))
}

/** The windows whose revenue is compared outside SQL; those that differ otherwise are counted already. */
async function compareLarge(
  client: TrinoClient,
  compared: string,
  limit: number,
): Promise<Readonly<{ count: number; differences: readonly Difference[] }>> {
  const differences: Difference[] = []
  let count = 0
  const result = await client.start(
    `${compared} SELECT ${COMPARED_COLUMNS.join(', ')} FROM compared WHERE is_large AND NOT is_different`,
  )
  for await (const page of result.pages) {
    for (const row of page.map(comparedRow)) {
      if (Number(row.millionths) / 1e6 === row.found_revenue) continue
      count++
      if (differences.length < limit) differences.push(differenceOf(row))
    }
  }
  return { count, differences }
}

const NONE = { count: 0, differences: [] as readonly Difference[] }

/** In the types that differenceOf takes: Trino writes NaN and the infinities as texts, and the DECIMAL of millionths. */
function comparedRow(row: readonly unknown[]): Parameters<typeof differenceOf>[0] {
  const entries = COMPARED_COLUMNS.map((name, index) => {
    const value = row[index] ?? null
    if (value === null) return [name, null] as const
    if (name === 'millionths') return [name, BigInt(String(value))] as const
    const isText = name === 'campaign_id'
    return [
      name,
      isText ? String(value) : typeof value === 'string' ? Number(value) : value,
    ] as const
  })
  return Object.fromEntries(entries) as Parameters<typeof differenceOf>[0]
}

async function countUnfit(client: TrinoClient, eventsId: bigint): Promise<number> {
  const [row = []] = await client.rows(
    `SELECT count(*) FROM ${tableAtSql('campaign_events', eventsId)} WHERE event_id IS NULL
      OR campaign_id IS NULL OR "timestamp" IS NULL OR event_type IS NULL
      OR event_type NOT IN ('impression', 'click', 'conversion')
      OR revenue IS NULL OR NOT abs(revenue) <= 1e9`,
  )
  return Number(row[0])
}

async function countWithoutEvents(
  client: TrinoClient,
  metricsId: bigint,
  fromUs: number | null,
): Promise<Verification['withoutEvents']> {
  if (fromUs === null) return null
  const [row = []] = await client.rows(
    `SELECT count(*) FROM ${tableAtSql('campaign_metrics', metricsId)} WHERE window_start < ${momentSql(fromUs)}`,
  )
  return { windows: Number(row[0]), beforeUs: fromUs }
}
