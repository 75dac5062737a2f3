/** When a heartbeat is tried again: after a failure, and where the broker's clock is behind. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type HeartbeatState,
  isDue,
  NOTHING_KNOWN,
  noteFailed,
  noteLook,
  noteWritten,
} from '../../../src/flink/heartbeat/heartbeat-state.ts'

const SECOND_US = 1_000_000
const RULES = {
  windowUs: 300 * SECOND_US,
  watermarkDelayUs: 10 * SECOND_US,
  idleTimeoutUs: 10 * SECOND_US,
}
const ATTEMPT = { jobId: 'job', restored: 0, newestCheckpoint: 7 }
/** An event in the window that ends at 300 s, and has no row yet. */
const TABLES = { events: { firstUs: 0, lastUs: SECOND_US }, closedUntilUs: null }

function lookedAt(second: number): HeartbeatState {
  const look = { ends: [1, 0], areHeartbeats: false, nowUs: second * SECOND_US }
  return noteLook(NOTHING_KNOWN, look)
}

/** Seconds, by our clock, at which one is written to a broker that is behind by `skew`. */
function writtenUntil(end: number, skew: number): readonly number[] {
  const seconds: number[] = []
  let state = lookedAt(20)
  for (let now = 21; now < end; now++) {
    if (!isDue(state, TABLES, now * SECOND_US, RULES)) continue
    seconds.push(now)
    const appendedMs = (now - skew) * 1000
    const written = [0, 1].map((partition) => ({ partition, offset: now, appendedMs }))
    state = noteWritten(state, written, ATTEMPT, now * SECOND_US, RULES)
  }
  return seconds
}

test('a broker whose clock is behind gets one more, once the window has ended by its clock', () => {
  assert.deepEqual(writtenUntil(9_000, 0), [310])
  assert.deepEqual(writtenUntil(9_000, 2), [310, 315])
  assert.deepEqual(writtenUntil(9_000, 3_600), [310, 3_910])
})

test('after each failure it waits twice as long, and a minute at most', () => {
  const pauses: number[] = []
  let state = lookedAt(20)
  let now = 310
  for (let attempt = 0; attempt < 7; attempt++) {
    while (!isDue(state, TABLES, now * SECOND_US, RULES)) now += 1
    const failed = noteFailed(state, now * SECOND_US)
    pauses.push((failed.pausedUntilUs - now * SECOND_US) / SECOND_US)
    state = failed
  }
  assert.deepEqual(pauses, [5, 10, 20, 40, 60, 60, 60])
  const written = [{ partition: 0, offset: 9, appendedMs: 300_000 }]
  const again = noteFailed(noteWritten(state, written, ATTEMPT, 0, RULES), 0)
  assert.equal(again.pausedUntilUs, 5 * SECOND_US)
})

test('what was written is not read again, and what came before it is', () => {
  const appendedMs = 320_000
  const written = [
    { partition: 0, offset: 1, appendedMs },
    // An event came in between.
    { partition: 1, offset: 1, appendedMs },
  ]
  const { standing } = noteWritten(lookedAt(20), written, ATTEMPT, 320 * SECOND_US, RULES)
  assert.deepEqual(standing, { ends: [2, 0], sinceUs: 20 * SECOND_US })
})
