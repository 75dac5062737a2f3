/**
 * Trino reads what the tables were before, beside the whole distributed side at work: two minutes
 * back by the time, and by the snapshots of then that are kept.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { askTrino } from '../stack/support/ask-trino.ts'
import { onFlinkSide } from '../stack/support/on-side.ts'
import { postAccepted } from '../support/client.ts'
import { eventLine } from '../support/events.ts'
import { runCommand, startProduct } from '../support/product.ts'
import { until } from '../support/until.ts'

const SETUP_LIMIT_MS = 300_000
const FIRST_LIMIT_MS = 180_000
const SEND_MS = 1_000
const BACK_MS = 120_000
/** One snapshot a minute stays of earlier ones. */
const STEP_MS = 60_000
/** From a post to its row: Flink's checkpoint interval of 2 s, many times over. */
const VISIBLE_MS = 30_000

test('a time and a snapshot of two minutes ago lead to what was there then', () =>
  onFlinkSide('travel', async (stack, { folder, environment }) => {
    const made = await runCommand(folder, ['setup'], { environment, limitMs: SETUP_LIMIT_MS })
    assert.equal(made.exit.code, 0, made.stdout + made.stderr)
    const ask = (sql: string) => askTrino(stack.address('trino'), sql)
    const ids = async (version = ''): Promise<readonly string[]> => {
      const rows = await ask(`SELECT event_id FROM campaign_events ${version}`)
      return rows.map(([id]) => String(id)).sort((a, b) => placeOf(a) - placeOf(b))
    }
    const product = await startProduct(folder, { environment })
    const sentMs: number[] = []
    let isOver = false
    const sending = (async () => {
      for (; !isOver; await sleep(SEND_MS)) {
        await postAccepted(product.url, eventLine({ event_id: `event-${sentMs.length}` }))
        sentMs.push(Date.now())
      }
    })()
    try {
      await until(async () => (await ids()).length > 0, FIRST_LIMIT_MS)
      const begunMs = Date.now()
      await sleep(BACK_MS + STEP_MS)

      const now = await ids()
      const backMs = Date.now() - BACK_MS
      assert.ok(backMs > begunMs)
      const found = await ids(`FOR TIMESTAMP AS OF ${trinoTime(backMs)}`)
      assert.deepEqual(found, idsTo(found.length), 'all from the first one on')
      assert.ok(found.length < now.length)
      const [last = 0, next = 0] = [sentMs[found.length - 1], sentMs[found.length]]
      assert.ok(last <= backMs, 'nothing of later')
      assert.ok(next > backMs - STEP_MS - VISIBLE_MS, 'at most a minute older')
      // The first of each minute stays; the others go whenever the upkeep comes to it.
      const kept = await ask(`
        SELECT CAST(min_by(snapshot_id, committed_at) AS VARCHAR),
          min_by(element_at(summary, 'total-records'), committed_at)
        FROM "campaign_events$snapshots" WHERE committed_at < ${trinoTime(backMs)}
        GROUP BY date_trunc('minute', committed_at)`)
      assert.ok(kept.length > 0, 'one a minute is kept')
      for (const [snapshot, total] of kept) {
        assert.deepEqual(await ids(`FOR VERSION AS OF ${snapshot}`), idsTo(Number(total ?? 0)))
      }
    } finally {
      isOver = true
      await sending
      await product.stop()
    }
  }))

function placeOf(id: string): number {
  return Number(id.split('-')[1])
}

function idsTo(count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => `event-${at}`)
}

function trinoTime(ms: number): string {
  return `TIMESTAMP '${new Date(ms).toISOString().replace('T', ' ').replace('Z', ' UTC')}'`
}
