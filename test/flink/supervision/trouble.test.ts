/** Troubles of the Flink job: short ones are not said, long ones with their newest reason. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openTrouble } from '../../../src/flink/supervision/trouble.ts'

test('a trouble is said once it has lasted, with what was noted last, and no more when it is over', () => {
  let nowMs = 1_000
  const trouble = openTrouble(() => nowMs)
  assert.equal(trouble.problem(), null)
  trouble.note('no answer')
  nowMs += 44_999
  trouble.note('RESTARTING')
  assert.equal(trouble.problem(), null, 'it may mend itself')
  nowMs += 1
  assert.match(trouble.problem() ?? '', /for 45 s: RESTARTING/)
  trouble.clear()
  assert.equal(trouble.problem(), null)
  trouble.note('again')
  assert.equal(trouble.problem(), null, 'another trouble begins anew')
})
