/** Dedupe time goes on only as far as the steady clock and the arrivals agree (F25). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { openDedupeClock } from '../../src/embedded/dedupe.ts'

const SECOND_US = 1_000_000
const HOUR_US = 3_600 * SECOND_US
const START_US = Date.UTC(2026, 10, 22) * 1000

/** A clock on a machine whose wall clock and steady clock the test moves. */
function openMachine(start = { dedupeUs: START_US, arrivedUs: START_US }) {
  const machine = { wallUs: START_US, steadyMs: 0 }
  const clock = openDedupeClock(start, {
    nowUs: () => machine.wallUs,
    steadyMs: () => machine.steadyMs,
  })
  const pass = (us: number): void => {
    machine.wallUs += us
    machine.steadyMs += us / 1000
  }
  /** Of an event that arrives now, since the start. */
  const agedUs = (): number => clock.advance(machine.wallUs) - START_US
  return { machine, clock, pass, agedUs }
}

test('while the clocks agree, dedupe time is time, whether events come or not', () => {
  const { pass, agedUs, clock } = openMachine()
  pass(SECOND_US)
  assert.equal(agedUs(), SECOND_US)
  pass(5 * HOUR_US)
  clock.idle()
  assert.equal(agedUs(), 5 * HOUR_US + SECOND_US)
})

test('a wall clock that ticks in milliseconds costs no dedupe time, at any rate of events', () => {
  const { machine, clock } = openMachine()
  let last = 0
  for (let us = 0; us <= 10 * SECOND_US; us += 130) {
    machine.steadyMs = us / 1000
    last = clock.advance(START_US + Math.floor(us / 1000) * 1000) - START_US
  }
  assert.ok(last > 9_990_000 && last <= 10 * SECOND_US, `${last} µs`)
})

test('a jump ahead and back passes no time, neither does an event that arrives in it', () => {
  const { machine, pass, agedUs } = openMachine()
  pass(SECOND_US)
  machine.wallUs += 91 * 24 * HOUR_US
  assert.equal(agedUs(), SECOND_US)
  pass(SECOND_US)
  assert.equal(agedUs(), 2 * SECOND_US)
  machine.wallUs -= 91 * 24 * HOUR_US
  assert.equal(agedUs(), 2 * SECOND_US)
  pass(SECOND_US)
  assert.equal(agedUs(), 3 * SECOND_US)
})

test('a suspended machine passes no time: the steady clock stood still', () => {
  const { machine, agedUs } = openMachine()
  machine.wallUs += 8 * HOUR_US
  assert.equal(agedUs(), 0)
})

test('events that waited during a held-up commit have the age of arrival, not of reading', () => {
  const { machine, clock } = openMachine()
  machine.steadyMs += 3 * 3_600_000
  assert.equal(clock.advance(START_US + SECOND_US) - START_US, SECOND_US)
  assert.equal(clock.advance(START_US + 2 * HOUR_US) - START_US, 60 * SECOND_US)
  assert.equal(clock.advance(START_US + 4 * HOUR_US) - START_US, 60 * SECOND_US)
})

test('new tables begin at the first arrival, and time between two runs does not count', () => {
  const fresh = openMachine({ dedupeUs: 0, arrivedUs: 0 })
  assert.equal(fresh.agedUs(), 0)
  const restarted = openMachine({ dedupeUs: START_US - 9 * HOUR_US, arrivedUs: START_US - HOUR_US })
  restarted.pass(SECOND_US)
  assert.equal(restarted.agedUs(), SECOND_US - 9 * HOUR_US)
})

test('over any steps of the clock it never goes back, nor faster than the steady clock', () => {
  const steps = fc.array(
    fc.record({
      passedUs: fc.integer({ min: 0, max: 3 * HOUR_US }),
      steppedUs: fc.oneof(fc.constant(0), fc.integer({ min: -HOUR_US * 50, max: HOUR_US * 50 })),
    }),
    { maxLength: 50 },
  )
  fc.assert(
    fc.property(steps, (all) => {
      const { machine, clock, pass, agedUs } = openMachine()
      let before = 0
      for (const { passedUs, steppedUs } of all) {
        pass(passedUs)
        machine.wallUs += steppedUs
        clock.idle()
        const now = clock.now() - START_US
        const aged = agedUs()
        assert.equal(now, aged)
        assert.ok(aged >= before && aged <= machine.steadyMs * 1000 + 1)
        before = aged
      }
    }),
    { numRuns: 500 },
  )
})
