/**
 * Event ids that stand in the raw table more than once.
 *
 * A repeat past the dedup horizon is a new event by the rules, so finding an id twice is not yet a
 * fault. When a row arrived is known as far as the range of its file: where even the farthest two
 * moments of two files lie within the horizon, the repeat must have been a duplicate. Files merged
 * past the horizon have wide ranges, so there a repeat counts as `unplaced`, and so does one in a
 * file of which nothing is known.
 *
 * DuckDB reads the ranges in the footers of the files. Trino cannot, and Flink leaves nothing
 * there. So Trino groups the repeats by the files they stand in (a file that is referenced twice is
 * one group, however many rows it has), and the caller says what it knows of a file: its footer, or
 * the commits around it.
 */
import type { Dialect, SqlPort, SqlValue } from './dialect.ts'

export type RepeatedIds = Readonly<{
  /** Ids with two stored rows that surely arrived within the horizon: a fault. */
  withinHorizon: number
  /** Ids with several rows of which that cannot be said. */
  unplaced: number
  /** Some of those within the horizon. */
  examples: readonly string[]
}>

/**
 * When the rows of a file (its path as in the manifests) arrived at the earliest and the latest;
 * null is unknown.
 */
export type ArrivalOfFile = (path: string) => Readonly<{ minUs: number; maxUs: number }> | null

type Options = Readonly<{ horizonUs: number; differencesMax: number; arrivalOf: ArrivalOfFile }>

/** Groups that are placed in time by their files; the ids of further ones count as unplaced. */
const GROUPS_MAX = 20_000
const EXAMPLES_MAX = 100

/**
 * First by a hash of 64 bits, which costs a quarter of the memory of the ids, then the ids
 * themselves for the few hashes that come twice.
 */
export async function findRepeatedIds<Source>(
  port: SqlPort,
  dialect: Dialect<Source>,
  events: Source,
  { horizonUs, differencesMax, arrivalOf }: Options,
): Promise<RepeatedIds> {
  const from = dialect.table('campaign_events', events)
  const suspects = `SELECT ${dialect.idHash} AS suspect FROM ${from}
    WHERE event_id IS NOT NULL GROUP BY 1 HAVING count(*) > 1`
  if ((await port.rows(`${suspects} LIMIT 1`)).length === 0) {
    return { withinHorizon: 0, unplaced: 0, examples: [] }
  }
  const examplesMax = Math.min(differencesMax, EXAMPLES_MAX)
  const sql = dialect.repeatedIds(events, suspects, { horizonUs, examplesMax })
  const isWithin = (where: SqlValue): boolean =>
    typeof where === 'boolean'
      ? where
      : groups <= GROUPS_MAX && isWithinHorizon(textsOf(where), arrivalOf, horizonUs)
  let [withinHorizon, unplaced, groups] = [0, 0, 0]
  const examples: string[] = []
  for await (const rows of port.pages(sql, {})) {
    for (const [where = null, ids = 0, some = null] of rows) {
      groups++
      if (isWithin(where)) {
        withinHorizon += Number(ids)
        examples.push(...textsOf(some).slice(0, examplesMax - examples.length))
      } else unplaced += Number(ids)
    }
  }
  return { withinHorizon, unplaced, examples }
}

function textsOf(list: SqlValue): readonly string[] {
  return Array.isArray(list) ? list.map(String) : []
}

/**
 * Whether two of the rows surely arrived within the horizon: the farthest moments of two neighbours
 * lie in it.
 */
function isWithinHorizon(
  paths: readonly string[],
  arrivalOf: ArrivalOfFile,
  horizonUs: number,
): boolean {
  const known = paths.map(arrivalOf).filter((range) => range !== null)
  known.sort((a, b) => a.maxUs - b.maxUs || a.minUs - b.minUs)
  return known.some((range, index) => {
    const before = known[index - 1]
    if (before === undefined) return false
    const apartUs = Math.max(range.maxUs, before.maxUs) - Math.min(range.minUs, before.minUs)
    return apartUs < horizonUs
  })
}
