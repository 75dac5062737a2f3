/** The reader's clock may be off by hours: ages and the real-time chart go by the server's. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openServerClock } from '../../src/page/live.ts'

const HERE = Date.parse('2026-11-22T10:25:00Z')
const HOUR_MS = 3_600_000

test('the server’s time runs on between messages, set by the fastest one', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: HERE })
  const clock = openServerClock()
  assert.equal(clock.nowMs(), HERE, 'until a message has come there is only the own clock')
  // The server is an hour ahead; this message took 80 ms, the next ones 30 and 400.
  clock.sync(HERE + HOUR_MS - 80)
  assert.equal(clock.nowMs(), HERE + HOUR_MS - 80)
  clock.sync(HERE + HOUR_MS - 30)
  clock.sync(HERE + HOUR_MS - 400)
  t.mock.timers.setTime(HERE + 5000)
  assert.equal(clock.nowMs(), HERE + 5000 + HOUR_MS - 30)
})

test('a clock that was set, here or there, is followed; a time that is none is not', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: HERE })
  const clock = openServerClock()
  clock.sync(HERE)
  t.mock.timers.setTime(HERE + HOUR_MS)
  clock.sync(HERE + 1000)
  assert.equal(clock.nowMs(), HERE + 1000)
  clock.sync(Number.NaN)
  assert.equal(clock.nowMs(), HERE + 1000)
})
