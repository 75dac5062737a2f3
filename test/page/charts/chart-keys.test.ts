/** Labels at line ends never cover each other and stay near their lines. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { spreadLabels } from '../../../src/page/charts/chart-keys.ts'

test('labels with room stay where they want to be', () => {
  assert.deepEqual(spreadLabels([50, 120, 200], 30, 300), [50, 120, 200])
})

test('two that want the same place share it evenly', () => {
  assert.deepEqual(spreadLabels([100, 100], 30, 300), [85, 115])
})

test('a label at the edge moves inside, and pushes the next', () => {
  assert.deepEqual(spreadLabels([0, 10], 30, 300), [15, 45])
  assert.deepEqual(spreadLabels([300], 30, 300), [285])
})

test('whatever they want: in order, apart, and inside', () => {
  const wanted = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(wanted, (places) => {
      const placed = spreadLabels(places, 36, 300)
      const pairs = places.map((place, index) => ({ place, at: placed[index] ?? Number.NaN }))
      pairs.sort((a, b) => a.at - b.at)
      pairs.forEach(({ place, at }, index) => {
        assert.ok(at >= 18 - 1e-9 && at <= 282 + 1e-9, `${at} is outside`)
        const next = pairs[index + 1]
        if (next === undefined) return
        assert.ok(next.at - at >= 36 - 1e-9, `${at} and ${next.at} touch`)
        assert.ok(place <= next.place, 'the order has changed')
      })
    }),
  )
})
