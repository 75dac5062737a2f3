/**
 * Compares campaign_metrics with the GROUP BY over campaign_events, window by window, in SQL, and
 * looks for event ids that stand in the raw table twice. None of the job's or the engine's code
 * takes part. One pass over the raw table gives the sums.
 */
import {
  COMPARED_COLUMNS,
  comparedSql,
  comparedValue,
  type Difference,
  differenceOf,
  isLargeDifferent,
  type OpenSpan,
  type Tables,
} from './comparison.ts'
import type { Dialect, SqlPort } from './dialect.ts'
import { type ArrivalOfFile, findRepeatedIds, type RepeatedIds } from './repeated-ids.ts'

export type VerifyOptions = Readonly<{
  windowUs: number
  /** Two stored events of one id are a fault when they arrived within this; see RepeatedIds. */
  horizonUs: number
  /**
   * Windows before it are not compared: retention has dropped their events or their metrics. Null
   * compares all.
   */
  fromUs: number | null
  /** Differing windows (and repeated ids) named in the result; all are counted. */
  differencesMax: number
}>

/**
 * The Iceberg snapshots at which both tables are read. The caller chooses them, because no
 * transaction spans the tables.
 */
export type SnapshotIds = Readonly<{ eventsId: bigint; metricsId: bigint }>

/** What is asked of an engine that reads both tables at snapshots. */
export type SnapshotVerifyOptions = Omit<VerifyOptions, 'windowUs'> &
  Readonly<{
    snapshots: SnapshotIds
    /** Windows that end after it are not compared: they are still open. Null compares all. */
    untilUs: number | null
    /** When the rows of a raw file arrived, where that is known. */
    arrivalOf?: ArrivalOfFile
  }>

/** What some engines know, and what some need to be told. */
type EngineOptions = Readonly<{
  /** Windows that end after it are not compared: they are still open. Null compares all. */
  untilUs: number | null
  /** When the rows of a raw file arrived, where SQL cannot tell. */
  arrivalOf: ArrivalOfFile
}>

export type Verification = Readonly<{
  /**
   * True when nothing differs, no id stands twice within the horizon, and every raw row fits the
   * rules.
   */
  isEqual: boolean
  /** Windows compared, and the raw rows in them. */
  windows: number
  events: number
  differing: number
  /** Oldest windows first. */
  differences: readonly Difference[]
  repeatedIds: RepeatedIds
  /**
   * Raw rows with no id, campaign or time, an unknown event type, or a revenue that is no number
   * within the limits.
   */
  unfitEvents: number
  /**
   * Windows before `fromUs`: their events are gone, so nothing can be said of them. Null where
   * every window was compared.
   */
  withoutEvents: Readonly<{ windows: number; beforeUs: number }> | null
  /**
   * Raw rows whose windows have not closed yet, and so are not compared; they begin at `fromUs`,
   * null where no window has closed. Null where every window was compared.
   */
  openWindows: Readonly<{ events: number; fromUs: number | null }> | null
}>

/** Throws QueryError. */
export async function verifyTables<Source>(
  port: SqlPort,
  dialect: Dialect<Source>,
  tables: Tables<Source>,
  options: VerifyOptions & EngineOptions,
): Promise<Verification> {
  const { windowUs, differencesMax: limit, fromUs } = options
  const compared = comparedSql(dialect, tables, windowUs, spansOf(options))
  const counts = await countWindows(port, dialect, compared)
  const inSql = counts.differing === 0 ? [] : await readDifferences(port, compared, limit)
  const large = counts.large === 0 ? NONE : await compareLarge(port, compared, limit)
  const repeatedIds = await findRepeatedIds(port, dialect, tables.events, options)
  const unfitEvents = await countUnfit(port, dialect, tables.events)
  const withoutEvents = await countWithoutEvents(port, dialect, tables.metrics, fromUs)
  const openWindows = await countOpen(port, dialect, tables.events, endUs(options))
  const differing = counts.differing + large.count
  return {
    isEqual: differing === 0 && repeatedIds.withinHorizon === 0 && unfitEvents === 0,
    windows: counts.windows,
    events: counts.events,
    differing,
    differences: [...inSql, ...large.differences].sort(byStart).slice(0, limit),
    repeatedIds,
    unfitEvents,
    withoutEvents,
    openWindows,
  }
}

/** The end of the last window that is compared; null where all are. */
function endUs({ untilUs, windowUs }: VerifyOptions & EngineOptions): number | null {
  return untilUs === null ? null : Math.floor(untilUs / windowUs) * windowUs
}

function spansOf(options: VerifyOptions & EngineOptions): readonly OpenSpan[] | null {
  const [fromUs, toUs] = [options.fromUs, endUs(options)]
  return fromUs === null && toUs === null ? null : [{ fromUs, toUs }]
}

type Counts = Readonly<{ windows: number; events: number; differing: number; large: number }>

async function countWindows(
  port: SqlPort,
  dialect: Dialect<never>,
  compared: string,
): Promise<Counts> {
  const [row = []] = await port.rows(
    `${compared} SELECT count(*), coalesce(sum(events), 0), ${dialect.countIf('is_different')},
      ${dialect.countIf('is_large AND NOT is_different')} FROM compared`,
  )
  const [windows = 0, events = 0, differing = 0, large = 0] = row.map(Number)
  return { windows, events, differing, large }
}

async function readDifferences(
  port: SqlPort,
  compared: string,
  limit: number,
): Promise<readonly Difference[]> {
  const rows = await port.rows(
    `${compared} SELECT ${COMPARED_COLUMNS.join(', ')} FROM compared WHERE is_different
      ORDER BY start_us, campaign_id LIMIT ${limit}`,
  )
  return rows.map(differenceOf)
}

type LargeDifferences = Readonly<{ count: number; differences: readonly Difference[] }>

const NONE: LargeDifferences = { count: 0, differences: [] }

/**
 * The windows whose revenue SQL does not judge; those that differ otherwise are counted already.
 */
async function compareLarge(
  port: SqlPort,
  compared: string,
  limit: number,
): Promise<LargeDifferences> {
  const differences: Difference[] = []
  let count = 0
  const sql = `${compared} SELECT ${COMPARED_COLUMNS.join(', ')} FROM compared
    WHERE is_large AND NOT is_different`
  for await (const rows of port.pages(sql, {})) {
    for (const row of rows) {
      if (!isLargeDifferent(comparedValue(row, 'millionths'), comparedValue(row, 'found_revenue')))
        continue
      count++
      if (differences.length < limit) differences.push(differenceOf(row))
    }
  }
  return { count, differences }
}

function byStart(a: Difference, b: Difference): number {
  return (a.windowStartUs ?? 0) - (b.windowStartUs ?? 0)
}

/** `NOT … <=` counts NaN as well: it is not at most 1e9 in any engine. */
async function countUnfit<Source>(
  port: SqlPort,
  dialect: Dialect<Source>,
  events: Source,
): Promise<number> {
  const [row = []] = await port.rows(
    `SELECT count(*) FROM ${dialect.table('campaign_events', events)} WHERE event_id IS NULL
      OR campaign_id IS NULL OR "timestamp" IS NULL OR event_type IS NULL
      OR event_type NOT IN ('impression', 'click', 'conversion')
      OR revenue IS NULL OR NOT abs(revenue) <= 1e9`,
  )
  return Number(row[0])
}

async function countOpen<Source>(
  port: SqlPort,
  dialect: Dialect<Source>,
  events: Source,
  fromUs: number | null,
): Promise<Verification['openWindows']> {
  if (fromUs === null) return null
  const [row = []] = await port.rows(
    `SELECT count(*) FROM ${dialect.table('campaign_events', events)}
      WHERE "timestamp" >= ${dialect.timestamp(fromUs)}`,
  )
  return { events: Number(row[0]), fromUs }
}

async function countWithoutEvents<Source>(
  port: SqlPort,
  dialect: Dialect<Source>,
  metrics: Source,
  fromUs: number | null,
): Promise<Verification['withoutEvents']> {
  if (fromUs === null) return null
  const [row = []] = await port.rows(
    `SELECT count(*) FROM ${dialect.table('campaign_metrics', metrics)}
      WHERE window_start < ${dialect.timestamp(fromUs)}`,
  )
  return { windows: Number(row[0]), beforeUs: fromUs }
}
