/** Every snapshot of the metrics that was ever committed, as a reader sees it through Trino. */
import assert from 'node:assert/strict'
import { askTrino } from './ask-trino.ts'

/** Snapshots that one statement asks for. */
const AT_ONCE = 20

export type Snapshots = Readonly<{
  count: number
  /** `snapshot campaign window` of windows that stand more than once. */
  doubled: readonly string[]
}>

/** Throws where a snapshot has expired, which could not be looked at any more. */
export async function listDoubledWindows(trino: string): Promise<Snapshots> {
  const rows = await askTrino(
    trino,
    'SELECT CAST(snapshot_id AS VARCHAR), parent_id FROM "campaign_metrics$snapshots" ' +
      'ORDER BY committed_at',
  )
  assert.equal(rows[0]?.[1], null, 'the first snapshot is still there')
  const ids = rows.map(([id]) => String(id))
  const doubled: string[] = []
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    const parts = ids
      .slice(from, from + AT_ONCE)
      .map(
        (id) =>
          `SELECT '${id}', campaign_id, CAST(window_start AS VARCHAR) FROM campaign_metrics ` +
          `FOR VERSION AS OF ${id} GROUP BY campaign_id, window_start HAVING count(*) > 1`,
      )
    const found = await askTrino(trino, parts.join(' UNION ALL '))
    doubled.push(...found.map((row) => row.join(' ')))
  }
  return { count: ids.length, doubled }
}
