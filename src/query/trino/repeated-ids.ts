/**
 * Event ids that stand in the raw table more than once, through Trino; what it means is said in ../repeated-ids.ts.
 *
 * Trino cannot read the footers of the files, in which the embedded writer leaves when their rows arrived, and Flink
 * leaves nothing there. So the caller says what it knows of a file (its footer, or the commits around it), and repeats
 * are grouped by the files they stand in: a file that is referenced twice is one group, however many rows it has.
 */
import type { RepeatedIds } from '../repeated-ids.ts'
import type { TrinoClient } from './client.ts'
import { tableAtSql } from './dialect.ts'

/** When the rows of a file (its path as in the manifests) arrived at the earliest and the latest; null is unknown. */
export type ArrivalOfFile = (path: string) => Readonly<{ minUs: number; maxUs: number }> | null

type Options = Readonly<{ horizonUs: number; differencesMax: number; arrivalOf: ArrivalOfFile }>

/** Groups that are placed in time; the ids of further ones count as unplaced. */
const GROUPS_MAX = 20_000
const EXAMPLES_MAX = 100

/** First by a hash of 64 bits, as narrow as Trino has it, then the ids themselves for the hashes that come twice. */
export async function findRepeatedIds(
  client: TrinoClient,
  eventsId: bigint,
  { horizonUs, differencesMax, arrivalOf }: Options,
): Promise<RepeatedIds> {
  const from = tableAtSql('campaign_events', eventsId)
  const hash = 'from_big_endian_64(xxhash64(to_utf8(event_id)))'
  const suspects = `SELECT ${hash} AS suspect FROM ${from}
    WHERE event_id IS NOT NULL GROUP BY 1 HAVING count(*) > 1`
  const none = { withinHorizon: 0, unplaced: 0, examples: [] }
  if ((await client.rows(`${suspects} LIMIT 1`)).length === 0) return none
  const examplesMax = Math.min(differencesMax, EXAMPLES_MAX)
  const result = await client.start(
    `WITH repeated AS (
      SELECT event_id, array_sort(array_agg("$path")) AS paths FROM ${from}
      WHERE ${hash} IN (${suspects}) GROUP BY event_id HAVING count(*) > 1
    )
    SELECT paths, count(*), min(event_id, ${examplesMax}) FROM repeated
    GROUP BY paths ORDER BY count(*) DESC, paths`,
  )
  let [withinHorizon, unplaced, groups] = [0, 0, 0]
  const examples: string[] = []
  for await (const page of result.pages) {
    for (const [paths, ids, some] of page) {
      groups++
      const isWithin =
        groups <= GROUPS_MAX && isWithinHorizon(paths as readonly string[], arrivalOf, horizonUs)
      if (isWithin) {
        withinHorizon += Number(ids)
        examples.push(...(some as readonly string[]).slice(0, examplesMax - examples.length))
      } else unplaced += Number(ids)
    }
  }
  return { withinHorizon, unplaced, examples }
}

/** Whether two of the rows surely arrived within the horizon: the farthest moments of two neighbours lie in it. */
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
