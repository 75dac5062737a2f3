/** Downtime of the Flink job: a short one is not reported, a long one with its newest reason. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDowntime } from '../../../src/flink/supervision/downtime.ts'

test('a downtime is reported once it has lasted, with the last note, and not after its end', () => {
  let nowMs = 1_000
  const downtime = openDowntime(() => nowMs)
  assert.equal(downtime.problem(), null)
  downtime.note('no answer')
  nowMs += 44_999
  downtime.note('RESTARTING')
  assert.equal(downtime.problem(), null, 'it may end by itself')
  nowMs += 1
  assert.match(downtime.problem() ?? '', /for 45 s: RESTARTING/)
  downtime.clear()
  assert.equal(downtime.problem(), null)
  downtime.note('again')
  assert.equal(downtime.problem(), null, 'another downtime begins anew')
})
