/**
 * When something may be removed for good: after an hour in which the clocks agree, and not before
 * what waits has come through.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openTrustedTime } from '../../src/table/maintenance/trusted-time.ts'

const MINUTE_US = 60_000_000
const HOUR_US = 60 * MINUTE_US
const START_US = Date.UTC(2026, 10, 22) * 1000

function openMachine() {
  const machine = { wallUs: START_US, steadyMs: 0, end: 0, taken: 0 }
  const trusted = openTrustedTime({ nowUs: () => machine.wallUs, steadyMs: () => machine.steadyMs })
  const look = (): number | null => trusted.look({ ends: [machine.end], taken: [machine.taken] })
  /** Looks every five seconds, as maintenance does. */
  const pass = (us: number): number | null => {
    let found = look()
    for (let passedUs = 0; passedUs < us; passedUs += 5_000_000) {
      machine.wallUs += 5_000_000
      machine.steadyMs += 5_000
      found = look()
    }
    return found
  }
  return { machine, pass }
}

test('nothing is trusted in the first hour; then the time an hour ago, within a minute', () => {
  const { pass } = openMachine()
  assert.equal(pass(59 * MINUTE_US), null)
  assert.equal(pass(MINUTE_US), START_US)
  const after = pass(3 * HOUR_US) ?? 0
  assert.ok(after > START_US + 3 * HOUR_US - MINUTE_US && after <= START_US + 3 * HOUR_US)
})

for (const [name, byUs] of [
  ['ahead by 91 days', 91 * 24 * HOUR_US],
  ['back by 91 days', -91 * 24 * HOUR_US],
  ['ahead by two seconds', 2_000_000],
] as const) {
  test(`a clock that steps ${name} begins the hour anew`, () => {
    const { machine, pass } = openMachine()
    pass(2 * HOUR_US)
    machine.wallUs += byUs
    assert.equal(pass(0), null)
    const steppedUs = machine.wallUs
    assert.equal(pass(HOUR_US - MINUTE_US), null)
    assert.equal(pass(MINUTE_US), steppedUs)
  })
}

test('a step ahead and back within eight seconds is noticed', () => {
  const { machine, pass } = openMachine()
  pass(2 * HOUR_US)
  machine.wallUs += 91 * 24 * HOUR_US
  pass(5_000_000)
  machine.wallUs -= 91 * 24 * HOUR_US
  assert.equal(pass(50 * MINUTE_US), null)
})

test('while an event that arrived by then is not in the tables, an earlier moment counts', () => {
  const { machine, pass } = openMachine()
  pass(2 * HOUR_US)
  machine.end = 10
  const waitsSinceUs = machine.wallUs
  machine.taken = 9
  const found = pass(9 * HOUR_US) ?? 0
  assert.ok(found <= waitsSinceUs && found > waitsSinceUs - 2 * MINUTE_US)
  machine.taken = 10
  assert.ok((pass(0) ?? 0) > waitsSinceUs + 7 * HOUR_US)
})
