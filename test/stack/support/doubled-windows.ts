/**
 * Every snapshot of the metrics that is committed while a test runs, as a reader sees it through
 * Trino. Snapshots expire after a minute, so they are looked at as they come.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { BEYOND_LIMIT_MS, until } from '../../support/until.ts'
import { askTrino } from './ask-trino.ts'

const POLL_MS = 3_000
/** Snapshots that one statement asks for. */
const AT_ONCE = 20

export type Snapshots = Readonly<{
  count: number
  /** `snapshot campaign window` of windows that stand more than once. */
  doubled: readonly string[]
}>

export type SnapshotWatch = Readonly<{
  /** Waits for a snapshot that nobody has looked at yet. Traffic must go on meanwhile. */
  another(): Promise<void>
  /** Looks once more, and ends. Throws where one has expired unseen. */
  end(): Promise<Snapshots>
}>

/** While Trino is away nothing is seen; it must not be for longer than snapshots stay. */
export function watchSnapshots(trino: string): SnapshotWatch {
  const parents = new Map<string, string | null>()
  const doubled: string[] = []
  const stopping = new AbortController()

  async function look(): Promise<void> {
    const rows = await askTrino(
      trino,
      'SELECT CAST(snapshot_id AS VARCHAR), CAST(parent_id AS VARCHAR) FROM "campaign_metrics$snapshots"',
    )
    const fresh = rows.filter(([id]) => !parents.has(String(id)))
    for (let from = 0; from < fresh.length; from += AT_ONCE) {
      const some = fresh.slice(from, from + AT_ONCE)
      const parts = some.map(
        ([id]) =>
          `SELECT '${id}', campaign_id, CAST(window_start AS VARCHAR) FROM campaign_metrics ` +
          `FOR VERSION AS OF ${id} GROUP BY campaign_id, window_start HAVING count(*) > 1`,
      )
      const found = await askTrino(trino, parts.join(' UNION ALL '))
      doubled.push(...found.map((row) => row.join(' ')))
      for (const [id, parent] of some) parents.set(String(id), parent as string | null)
    }
  }

  async function watch(): Promise<void> {
    while (!stopping.signal.aborted) {
      await look().catch(() => {})
      // Keeps no test alive that has failed before it ended this.
      await sleep(POLL_MS, undefined, { signal: stopping.signal, ref: false }).catch(() => {})
    }
  }

  const watching = watch()
  return {
    async another() {
      await look()
      const before = parents.size
      await until(() => parents.size > before, BEYOND_LIMIT_MS)
    },
    async end() {
      stopping.abort()
      await watching
      await look()
      const unseen = [...parents.values()].filter((id) => id !== null && !parents.has(id))
      assert.deepEqual(unseen, [], 'every snapshot was seen before it expired')
      return { count: parents.size, doubled }
    },
  }
}
