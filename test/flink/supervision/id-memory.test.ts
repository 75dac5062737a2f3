import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type IdMemory, whyForgotten } from '../../../src/flink/supervision/recovery.ts'

const HOUR_MS = 3_600_000
const NOW_MS = Date.UTC(2026, 10, 22, 12)

/** `waitedMs`: for how long each record of the topic has waited. */
function memory(
  outageMs: number | null,
  waitedMs: readonly number[],
  more: Partial<IdMemory> = {},
): IdMemory {
  return {
    horizonMs: HOUR_MS,
    committedMs: outageMs === null ? null : NOW_MS - outageMs,
    nowMs: NOW_MS,
    countWaiting: async (beforeMs) => waitedMs.filter((ms) => NOW_MS - ms < beforeMs).length,
    ...more,
  }
}

test('after an outage as long as the horizon the job goes on, whatever waits', async () => {
  assert.equal(await whyForgotten(memory(HOUR_MS, [HOUR_MS, 10 * HOUR_MS])), null)
})

test('after a longer one, records waiting as long are refused, with count and remedy', async () => {
  const why = await whyForgotten(memory(3 * HOUR_MS, [0, HOUR_MS, HOUR_MS + 1, 2 * HOUR_MS]))
  assert.match(
    why ?? '',
    /nothing for 180 minutes.* 2 records have waited for more than 60 minutes/,
  )
  assert.match(why ?? '', /start --accept-repeats$/)
})

test('records that came within the last horizon repeat nothing that is forgotten', async () => {
  assert.equal(await whyForgotten(memory(3 * HOUR_MS, [0, HOUR_MS])), null)
})

test('where nothing waits, or nothing was ever committed, nothing can come twice', async () => {
  assert.equal(await whyForgotten(memory(1_000 * HOUR_MS, [])), null)
  assert.equal(await whyForgotten(memory(null, [9 * HOUR_MS])), null)
})

test('a short horizon is said in seconds', async () => {
  const why = await whyForgotten(memory(60_000, [30_000], { horizonMs: 10_000 }))
  assert.match(why ?? '', /nothing for 1 minutes.* more than 10 s\./)
})
