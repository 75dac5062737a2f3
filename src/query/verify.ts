/**
 * Holds campaign_metrics against the GROUP BY over campaign_events, window by window, in SQL; and looks for event ids
 * that stand in the raw table twice. Nothing of the job's or the engine's code takes part.
 *
 * One pass over the raw table gives the sums, DuckDB spills what does not fit its memory. A revenue past 9.0e9 is
 * compared here rather than there: DuckDB's HUGEINT -> DOUBLE need not round like Number(bigint).
 */
import { EVENT_COLUMNS, METRICS_COLUMNS } from './columns.ts'
import { type Difference, differenceOf, FOUND_SQL, WINDOW_FIELDS } from './comparison.ts'
import type { Duck, DuckConnection } from './duckdb/instance.ts'
import type { LakeFiles } from './duckdb/lake-query.ts'
import { queryErrorOf } from './duckdb/run-sql.ts'
import { tableSql } from './duckdb/tables.ts'
import { findRepeatedIds, type RepeatedIds } from './repeated-ids.ts'
import { momentSql, windowSumsSql } from './window-sums.ts'

export type VerifyOptions = Readonly<{
  windowUs: number
  /** Two stored events of one id are a fault when they arrived within this; see RepeatedIds. */
  horizonUs: number
  /** Windows before it are not compared: retention has dropped their events or their metrics. Null compares all. */
  fromUs: number | null
  /** Differing windows (and repeated ids) named in the result; all are counted. */
  differencesMax: number
}>

export type Verification = Readonly<{
  /** True when nothing differs, no id stands twice within the horizon, and every raw row fits the rules. */
  isEqual: boolean
  /** Windows compared, and the raw rows in them. */
  windows: number
  events: number
  differing: number
  /** Oldest windows first. */
  differences: readonly Difference[]
  repeatedIds: RepeatedIds
  /** Raw rows with no id, campaign or time, an unknown event type, or a revenue that is no number within the limits. */
  unfitEvents: number
  /** Windows before `fromUs`: they stand without their events, and nothing is said of them. Null where every window was compared. */
  withoutEvents: Readonly<{ windows: number; beforeUs: number }> | null
}>

export async function verifyLake(
  duck: Duck,
  files: LakeFiles,
  options: VerifyOptions,
): Promise<Verification> {
  const connection = await duck.connect()
  try {
    const compared = comparedSql(files, options)
    const counts = await countWindows(connection, compared)
    const limit = options.differencesMax
    const inSql = counts.differing === 0 ? [] : await readDifferences(connection, compared, limit)
    const large = counts.large === 0 ? NONE : await compareLarge(connection, compared, limit)
    const repeatedIds = await findRepeatedIds(connection, files.events, options)
    const unfitEvents = await countUnfit(connection, files)
    const withoutEvents = await countWithoutEvents(connection, files, options.fromUs)
    const found = { counts, inSql, large, repeatedIds, unfitEvents, withoutEvents }
    return verificationOf({ ...found, limit })
  } catch (error) {
    throw queryErrorOf(error, duck)
  } finally {
    connection.closeSync()
  }
}

type Compared = Readonly<{
  counts: Readonly<{ windows: number; events: number; differing: number }>
  inSql: readonly Difference[]
  /** Windows whose revenue is compared outside SQL. */
  large: Readonly<{ count: number; differences: readonly Difference[] }>
  repeatedIds: RepeatedIds
  unfitEvents: number
  withoutEvents: Verification['withoutEvents']
  limit: number
}>

/** The result of a comparison, whichever engine made it. */
export function verificationOf(compared: Compared): Verification {
  const { counts, inSql, large, repeatedIds, unfitEvents, withoutEvents, limit } = compared
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
  }
}

/** Below this, in millionths, an integer is exact as a double, and DuckDB's division by 1e6 the same as ours. */
const EXACT_MILLIONTHS = '9000000000000000'

/**
 * A row for each window that either side knows, with both sides and `is_different`. The revenue of `is_large` windows
 * is not judged here.
 */
function comparedSql(files: LakeFiles, { windowUs, fromUs }: VerifyOptions): string {
  const from = (column: string): string =>
    fromUs === null ? '' : `${column} >= ${momentSql(fromUs)}`
  const metricsFrom = from('window_start')
  const bothSides = WINDOW_FIELDS.map(
    ({ name, expectedSql }) => `${expectedSql(windowUs)} AS expected_${name}, f.found_${name}`,
  )
  return `WITH expected AS (
    ${windowSumsSql(tableSql(EVENT_COLUMNS, files.events), windowUs, from('"timestamp"'))}
  ), found AS (
    SELECT campaign_id, epoch_us(window_start) AS start_us, count(*) AS found_rows, ${FOUND_SQL}
    FROM ${tableSql(METRICS_COLUMNS, files.metrics)}${metricsFrom === '' ? '' : ` WHERE ${metricsFrom}`}
    GROUP BY campaign_id, start_us
  ), paired AS (
    SELECT coalesce(e.campaign_id, f.campaign_id) AS campaign_id,
      coalesce(e.start_us, f.start_us) AS start_us, coalesce(e.events, 0) AS events,
      f.found_rows, f.found_processed_at, ${bothSides.join(', ')},
      e.millionths, coalesce(abs(e.millionths) >= ${EXACT_MILLIONTHS}, false) AS is_large
    FROM expected e FULL JOIN found f
      ON e.campaign_id IS NOT DISTINCT FROM f.campaign_id AND e.start_us IS NOT DISTINCT FROM f.start_us
  ), compared AS (
    SELECT *, found_rows IS DISTINCT FROM 1 OR events = 0 OR found_processed_at IS NULL
      OR ${WINDOW_FIELDS.map(differsSql).join(' OR ')} AS is_different
    FROM paired
  )`
}

function differsSql({ name }: { name: string }): string {
  const differs = `expected_${name} IS DISTINCT FROM found_${name}`
  return name === 'revenue' ? `(NOT is_large AND ${differs})` : differs
}

type Counts = Readonly<{ windows: number; events: number; differing: number; large: number }>

async function countWindows(connection: DuckConnection, compared: string): Promise<Counts> {
  const sql = `${compared} SELECT count(*), coalesce(sum(events), 0), count(*) FILTER (is_different),
    count(*) FILTER (is_large AND NOT is_different) FROM compared`
  const [row = []] = await (await connection.run(sql)).getRows()
  const [windows = 0, events = 0, differing = 0, large = 0] = row.map(Number)
  return { windows, events, differing, large }
}

async function readDifferences(
  connection: DuckConnection,
  compared: string,
  limit: number,
): Promise<readonly Difference[]> {
  const sql = `${compared} SELECT * FROM compared WHERE is_different
    ORDER BY start_us, campaign_id LIMIT ${limit}`
  const rows = await (await connection.run(sql)).getRowObjects()
  return rows.map(differenceOf)
}

/** The windows whose revenue is compared outside SQL; those that differ otherwise are counted already. */
async function compareLarge(
  connection: DuckConnection,
  compared: string,
  limit: number,
): Promise<Readonly<{ count: number; differences: readonly Difference[] }>> {
  const differences: Difference[] = []
  let count = 0
  const sql = `${compared} SELECT * FROM compared WHERE is_large AND NOT is_different`
  for await (const rows of (await connection.stream(sql)).yieldRowObjects()) {
    for (const row of rows) {
      if (Number(row.millionths) / 1e6 === row.found_revenue) continue
      count++
      if (differences.length < limit) differences.push(differenceOf(row))
    }
  }
  return { count, differences }
}

const NONE = { count: 0, differences: [] as readonly Difference[] }

function byStart(a: Difference, b: Difference): number {
  return (a.windowStartUs ?? 0) - (b.windowStartUs ?? 0)
}

async function countUnfit(connection: DuckConnection, files: LakeFiles): Promise<number> {
  const sql = `SELECT count(*) FROM ${tableSql(EVENT_COLUMNS, files.events)} WHERE event_id IS NULL
    OR campaign_id IS NULL OR "timestamp" IS NULL OR event_type IS NULL
    OR event_type NOT IN ('impression', 'click', 'conversion')
    OR revenue IS NULL OR NOT abs(revenue) <= 1e9`
  const [row = []] = await (await connection.run(sql)).getRows()
  return Number(row[0])
}

async function countWithoutEvents(
  connection: DuckConnection,
  files: LakeFiles,
  fromUs: number | null,
): Promise<Verification['withoutEvents']> {
  if (fromUs === null) return null
  const sql = `SELECT count(*) FROM ${tableSql(METRICS_COLUMNS, files.metrics)}
    WHERE window_start < ${momentSql(fromUs)}`
  const [row = []] = await (await connection.run(sql)).getRows()
  return { windows: Number(row[0]), beforeUs: fromUs }
}
