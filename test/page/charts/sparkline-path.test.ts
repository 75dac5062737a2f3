/** Sparklines: from zero, gaps as gaps, the filling tail apart. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sparklinePaths } from '../../../src/page/charts/sparkline-path.ts'

test('a line goes from edge to edge, its highest value at the top and zero at the bottom', () => {
  const { complete, filling, last } = sparklinePaths([10, 0, 5], 3)
  assert.equal(complete, 'M2.0 2.0L50.0 22.0L98.0 12.0')
  assert.equal(filling, '')
  assert.equal(last, 'M98.0 12.0h0')
})

test('a gap breaks the line, and a value between gaps is a dot', () => {
  assert.equal(
    sparklinePaths([4, null, 4, null, 4, 4], 6).complete,
    'M2.0 2.0h0M40.4 2.0h0M78.8 2.0L98.0 2.0',
  )
})

test('what is filling hangs on the last complete value, where the dot stands', () => {
  const { complete, filling, last } = sparklinePaths([8, 8, 2], 2)
  assert.equal(complete, 'M2.0 2.0L50.0 2.0')
  assert.equal(filling, 'M50.0 2.0L98.0 17.0')
  assert.equal(last, 'M50.0 2.0h0')
})

test('nothing but gaps, and nothing at all, draw nothing', () => {
  assert.deepEqual(sparklinePaths([null, null], 2), { complete: '', filling: '', last: '' })
  assert.deepEqual(sparklinePaths([], 0), { complete: '', filling: '', last: '' })
})

test('all zeros lie on the bottom, and refunds below the zero line', () => {
  assert.equal(sparklinePaths([0, 0], 2).complete, 'M2.0 22.0L98.0 22.0')
  assert.equal(sparklinePaths([10, -10], 2).complete, 'M2.0 2.0L98.0 22.0')
})
