/**
 * Event ids that stand in the raw table more than once.
 *
 * A repeat past the dedup horizon is a new event by the rules, so finding an id twice is not yet a fault. When a row came is
 * known as far as its file's range in the Parquet footer (`campaign-metrics.dedupe-…`, or `arrival-…` in files of earlier
 * versions): where even the farthest two moments of two files lie within the horizon, the repeat must have been a duplicate.
 * Files merged past the horizon have wide ranges, so there a repeat counts as `unplaced`.
 */
import { FOOTER_KEYS } from '../table.ts'
import { EVENT_COLUMNS } from './columns.ts'
import type { DuckConnection } from './duck.ts'
import { listSql } from './sql-text.ts'
import { tableSql } from './table-sql.ts'

export type RepeatedIds = Readonly<{
  /** Ids with two stored rows that surely arrived within the horizon: a fault. */
  withinHorizon: number
  /** Ids with several rows of which that cannot be said. */
  unplaced: number
  /** Some of those within the horizon. */
  examples: readonly string[]
}>

type Options = Readonly<{ horizonUs: number; differencesMax: number }>

/**
 * First by a hash of 64 bits, which costs a quarter of the memory of the ids, then the ids themselves for the few
 * hashes that come twice.
 */
export async function findRepeatedIds(
  connection: DuckConnection,
  files: readonly string[],
  { horizonUs, differencesMax }: Options,
): Promise<RepeatedIds> {
  const none = { withinHorizon: 0, unplaced: 0, examples: [] }
  if (files.length === 0) return none
  const suspects = await run(
    connection,
    `SELECT hash(event_id) AS suspect FROM ${tableSql(EVENT_COLUMNS, files)}
     WHERE event_id IS NOT NULL GROUP BY suspect HAVING count(*) > 1 LIMIT 1`,
  )
  if (suspects.length === 0) return none
  const [row = []] = await run(
    connection,
    `WITH suspects AS (
      SELECT hash(event_id) AS suspect FROM ${tableSql(EVENT_COLUMNS, files)}
      WHERE event_id IS NOT NULL GROUP BY suspect HAVING count(*) > 1
    ), ranges AS (${rangesSql(files)}), places AS (
      SELECT event_id, min_us, max_us FROM ${tableSql(EVENT_COLUMNS, files, ', filename = true')}
      LEFT JOIN ranges USING (filename)
      WHERE hash(event_id) IN (SELECT suspect FROM suspects)
    ), neighbours AS (
      SELECT event_id, greatest(max_us, lag(max_us) OVER ids) - least(min_us, lag(min_us) OVER ids) AS apart_us,
        lag(1) OVER ids IS NOT NULL AS is_repeat
      FROM places WINDOW ids AS (PARTITION BY event_id ORDER BY max_us, min_us)
    ), repeated AS (
      SELECT event_id, coalesce(min(apart_us) < ${horizonUs}, false) AS is_within
      FROM neighbours WHERE is_repeat GROUP BY event_id
    )
    SELECT count(*) FILTER (is_within), count(*) FILTER (NOT is_within),
      min(event_id, ${differencesMax}) FILTER (is_within)
    FROM repeated`,
  )
  const examples = row[2] as { items: readonly string[] } | null
  return {
    withinHorizon: Number(row[0]),
    unplaced: Number(row[1]),
    examples: examples?.items ?? [],
  }
}

function rangesSql(files: readonly string[]): string {
  const pick = (key: string): string =>
    `max(TRY_CAST(decode(value) AS BIGINT)) FILTER (decode(key) = '${key}')`
  return `SELECT file_name AS filename, coalesce(${pick(FOOTER_KEYS.dedupeMinUs)}, ${pick(FOOTER_KEYS.arrivalMinUs)}) AS min_us,
      coalesce(${pick(FOOTER_KEYS.dedupeMaxUs)}, ${pick(FOOTER_KEYS.arrivalMaxUs)}) AS max_us
    FROM parquet_kv_metadata(${listSql(files)}) GROUP BY file_name`
}

async function run(connection: DuckConnection, sql: string) {
  return await (await connection.run(sql)).getRows()
}
