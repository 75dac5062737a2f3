/** When a heartbeat is due, and when it is known what it has closed: by hand, in seconds. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  advanceClaim,
  type Claim,
  type ClaimBounds,
  type ClaimFacts,
  closesUntil,
  type DueFacts,
  isHeartbeatDue,
  noteEnds,
  SETTLE_MS,
} from '../../../src/flink/heartbeat/heartbeat-plan.ts'

const SECOND_US = 1_000_000

/** Windows of 300 s, a delay of 10 s, and five seconds that count as silence. */
function isDue(at: {
  now: number
  since: number
  /** Long ago, unless it is given. */
  firstEvent?: number
  lastEvent?: number
  closedUntil?: number | null
}): boolean {
  const us = (seconds: number | null | undefined): number | null =>
    seconds === null || seconds === undefined ? null : seconds * SECOND_US
  const facts: DueFacts = {
    nowUs: at.now * SECOND_US,
    standing: { ends: [1], sinceUs: at.since * SECOND_US },
    quietUs: 5 * SECOND_US,
    watermarkDelayUs: 10 * SECOND_US,
    windowUs: 300 * SECOND_US,
    events:
      at.lastEvent === undefined
        ? null
        : { firstUs: (at.firstEvent ?? 0) * SECOND_US, lastUs: at.lastEvent * SECOND_US },
    closedUntilUs: us(at.closedUntil),
  }
  return isHeartbeatDue(facts)
}

test('the window of the last event is closed once, its delay after its end', () => {
  const last = { since: 3100, lastEvent: 3100, closedUntil: 3000 }
  assert.equal(isDue({ ...last, now: 3309 }), false)
  assert.equal(isDue({ ...last, now: 3310 }), true)
  const closed = { ...last, closedUntil: 3300 }
  for (const now of [3310, 3610, 4000, 90_000]) assert.equal(isDue({ ...closed, now }), false)
})

test('while events come nothing is due', () => {
  assert.equal(isDue({ now: 3310, since: 3306, lastEvent: 3100, closedUntil: 3000 }), false)
  assert.equal(isDue({ now: 3311, since: 3306, lastEvent: 3100, closedUntil: 3000 }), true)
})

test('windows that ended before the first event of all are empty, and not waited for', () => {
  const young = { since: 3100, firstEvent: 3050, lastEvent: 3100 }
  assert.equal(isDue({ ...young, now: 3299 }), false)
  assert.equal(isDue({ ...young, now: 3310 }), true)
  assert.equal(isDue({ ...young, firstEvent: 2999, now: 3200 }), true)
})

test('an event dated ahead takes a second heartbeat, at the end of its own window', () => {
  const ahead = { since: 3250, lastEvent: 3400 }
  assert.equal(isDue({ ...ahead, now: 3310, closedUntil: 3000 }), true)
  assert.equal(isDue({ ...ahead, now: 3609, closedUntil: 3300 }), false)
  assert.equal(isDue({ ...ahead, now: 3610, closedUntil: 3300 }), true)
  assert.equal(isDue({ ...ahead, now: 3910, closedUntil: 3600 }), false)
})

test('what the tables do not hold yet counts as of the window in which it came', () => {
  for (const known of [{}, { lastEvent: 200, closedUntil: 300 }]) {
    assert.equal(isDue({ now: 3309, since: 3299, ...known }), false)
    assert.equal(isDue({ now: 3310, since: 3299, ...known }), true)
    // Within the delay it may have been for the window before, later for its own.
    assert.equal(isDue({ now: 3330, since: 3309, ...known }), true)
    assert.equal(isDue({ now: 3330, since: 3310, ...known }), false)
    assert.equal(isDue({ now: 3610, since: 3310, ...known }), true)
  }
})

test('an event dated into a silence is not waited with, once the tables hold it', () => {
  assert.equal(isDue({ now: 9010, since: 9001, lastEvent: 8000, closedUntil: 3300 }), true)
  assert.equal(isDue({ now: 9010, since: 9001, lastEvent: 3000, closedUntil: 3300 }), true)
  assert.equal(isDue({ now: 9020, since: 9011, lastEvent: 3000, closedUntil: 3300 }), false)
})

test('a silence of years before an event is no reason for more than one', () => {
  const late = { since: 3_000_000, lastEvent: 2_999_990, closedUntil: 1_800 }
  assert.equal(isDue({ ...late, now: 3_000_310 }), true)
  assert.equal(isDue({ ...late, now: 3_000_310, closedUntil: 3_000_300 }), false)
})

test('a heartbeat closes what ended the delay before it, not a moment later', () => {
  assert.equal(closesUntil(3310, 10, 300), 3300)
  assert.equal(closesUntil(3309, 10, 300), 3000)
})

test('a topic stands still while nothing but heartbeats comes', () => {
  const first = noteEnds(null, [5, 7], 100, true)
  assert.deepEqual(first, { ends: [5, 7], sinceUs: 100 })
  assert.deepEqual(noteEnds(first, [5, 7], 200, true), first)
  assert.deepEqual(noteEnds(first, [5, 8], 200, false), { ends: [5, 8], sinceUs: 200 })
  // Those of another process, too, and a partition that is added and holds nothing.
  assert.deepEqual(noteEnds(first, [6, 8], 200, true), { ends: [6, 8], sinceUs: 100 })
  assert.deepEqual(noteEnds(first, [5, 7, 0], 200, true), { ends: [5, 7, 0], sinceUs: 100 })
})

const WRITTEN: Claim = {
  jobId: 'job',
  restored: 2,
  offsets: [11, 21],
  closesUntilUs: 3300,
  stage: 'written',
}

const IDLE_MS = 4_000

type Parts = Partial<ClaimFacts & ClaimBounds> & { newest?: number; restored?: number }

function facts(parts: Parts): ClaimFacts & ClaimBounds {
  const { newest = 40, restored = 2, ...rest } = parts
  return {
    nowMs: 0,
    attempt: { jobId: 'job', restored, newestCheckpoint: newest },
    taken: [],
    commits: [],
    partitions: 2,
    idleTimeoutMs: IDLE_MS,
    ...rest,
  }
}

function commit(checkpointId: number, jobId = 'job') {
  return { jobId, checkpointId }
}

test('a heartbeat has closed its windows behind a later checkpoint that both tables hold', () => {
  const at = (claim: Claim | null, given: Parameters<typeof facts>[0]): Claim => {
    assert(claim !== null)
    const next = advanceClaim(claim, facts(given))
    assert(next !== null)
    return next
  }
  assert.equal(at(WRITTEN, { taken: [11, 20] }).stage, 'written')
  assert.equal(at(WRITTEN, { taken: [11, null] }).stage, 'written')
  const taken = at(WRITTEN, { taken: [11, 21], nowMs: 1_000 })
  assert.equal(taken.stage, 'taken')
  // The checkpoint that holds the heartbeat need not hold its watermark: the next one does.
  // Until then a task without a partition may hold the watermark up.
  assert.equal(at(taken, { nowMs: 999 + SETTLE_MS + IDLE_MS }).stage, 'taken')
  const awaited = at(taken, { nowMs: 1_000 + SETTLE_MS + IDLE_MS, newest: 44 })
  assert.deepEqual([awaited.stage, Reflect.get(awaited, 'checkpoint')], ['awaited', 45])
  for (const commits of [
    [commit(45), commit(44)],
    [commit(45), null],
    [commit(45), commit(45, 'other')],
  ]) {
    assert.equal(at(awaited, { commits }).stage, 'awaited')
  }
  const committed = at(awaited, { commits: [commit(45), commit(50)], nowMs: 60_000 })
  assert.equal(committed.stage, 'committed')
  assert.equal(at(committed, { nowMs: 59_999 + SETTLE_MS }).stage, 'committed')
  assert.equal(at(committed, { nowMs: 60_000 + SETTLE_MS }).stage, 'closed')
})

test('a restart at any time before that ends the claim, and so does a new partition', () => {
  const stages: readonly Claim[] = [
    WRITTEN,
    { ...WRITTEN, stage: 'taken', sinceMs: 0 },
    { ...WRITTEN, stage: 'awaited', checkpoint: 45 },
    { ...WRITTEN, stage: 'committed', sinceMs: 0 },
  ]
  const whole = { taken: [11, 21], commits: [commit(50), commit(50)], nowMs: 10 * SETTLE_MS }
  for (const claim of stages) {
    assert.notEqual(advanceClaim(claim, facts(whole)), null)
    assert.equal(advanceClaim(claim, facts({ ...whole, restored: 3 })), null)
    assert.equal(advanceClaim(claim, facts({ ...whole, partitions: 3 })), null)
    assert.equal(advanceClaim(claim, facts({ ...whole, attempt: null })), null)
    const other = { jobId: 'other', restored: 2, newestCheckpoint: 50 }
    assert.equal(advanceClaim(claim, facts({ ...whole, attempt: other })), null)
  }
})
