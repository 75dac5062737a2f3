/** Axes start at zero, end at a round number above the data, and do not jump. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { axisText, steadyAxis, valueAxis } from '../../../src/page/charts/value-axis.ts'

test('an axis goes from zero to a round number with room above the data', () => {
  assert.deepEqual(valueAxis(0, 2.31), { min: 0, max: 2.5, step: 0.5 })
  assert.deepEqual(valueAxis(0, 0.8), { min: 0, max: 1, step: 0.2 })
  assert.deepEqual(valueAxis(0, 97), { min: 0, max: 125, step: 25 })
})

test('an axis of counts has no gridlines at halves', () => {
  const axis = valueAxis(0, 9, { isCount: true })
  assert.deepEqual(axis, { min: 0, max: 10, step: 2 })
  assert.deepEqual(valueAxis(0, 1, { isCount: true }), { min: 0, max: 2, step: 1 })
})

test('without data the axis ends where it is told to', () => {
  assert.deepEqual(valueAxis(0, 0), { min: 0, max: 1, step: 0.2 })
  assert.deepEqual(valueAxis(0, 0, { isCount: true, leastMax: 2 }), { min: 0, max: 2, step: 1 })
})

test('whatever the data, it lies inside, zero too, and there are two to seven gridlines', () => {
  const value = fc.double({ min: 1e-6, max: 1e12, noNaN: true })
  fc.assert(
    fc.property(value, (highest) => {
      const { min, max, step } = valueAxis(0, highest)
      const lines = max / step
      assert.equal(min, 0)
      assert.ok(max >= highest, `${max} is below ${highest}`)
      assert.ok(lines >= 1.9 && lines <= 7, `${lines} gridlines`)
      assert.ok(Math.abs(lines - Math.round(lines)) < 1e-6, 'the axis ends at a gridline')
    }),
  )
})

test('values below zero stand inside as well', () => {
  assert.deepEqual(valueAxis(-30, 60), { min: -40, max: 80, step: 20 })
})

test('an axis is kept while data fills it, grows at once, and shrinks if mostly empty', () => {
  const before = { min: 0, max: 100, step: 20 }
  assert.equal(steadyAxis(before, { min: 0, max: 60, step: 20 }), before)
  assert.equal(steadyAxis(before, { min: 0, max: 120, step: 20 }).max, 120)
  assert.equal(steadyAxis(before, { min: 0, max: 30, step: 10 }).max, 30)
  assert.equal(steadyAxis(null, before), before)
})

test('gridlines have the digits of their step, in the language of the reader', () => {
  assert.equal(axisText(2, 0.5, 'en-GB'), '2.0')
  assert.equal(axisText(0.25, 0.25, 'en-GB'), '0.25')
  assert.equal(axisText(2.5, 2.5, 'de-DE'), '2,5')
  assert.equal(axisText(3, 1, 'en-GB'), '3')
  assert.equal(axisText(0, 0.25, 'en-GB'), '0')
})
