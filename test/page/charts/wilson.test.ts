/** The Wilson score interval against published values. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { wilsonInterval } from '../../../src/page/charts/wilson.ts'

test('it equals the values that Newcombe published (1998, table I, method 3)', () => {
  const published: readonly [successes: number, trials: number, low: number, high: number][] = [
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ]
  for (const [successes, trials, low, high] of published) {
    const interval = wilsonInterval(successes, trials)
    const rounded = [interval?.low, interval?.high].map((end) => end?.toFixed(4))
    assert.deepEqual(rounded, [low.toFixed(4), high.toFixed(4)], `${successes} of ${trials}`)
  }
})

test('what is no proportion has none', () => {
  for (const [successes, trials] of [
    [0, 0],
    [2, 1],
    [-1, 5],
  ] as const) {
    assert.equal(wilsonInterval(successes, trials), null)
  }
})

test('it solves the equation it is defined by, and mirrors when success is failure', () => {
  const counts = fc.integer({ min: 1, max: 1_000_000 })
  fc.assert(
    fc.property(counts, counts, (a, b) => {
      const [successes, trials] = [Math.min(a, b), Math.max(a, b)]
      const interval = wilsonInterval(successes, trials)
      const mirrored = wilsonInterval(trials - successes, trials)
      assert.ok(interval !== null && mirrored !== null)
      assert.ok(interval.low >= 0 && interval.high <= 1 && interval.low < interval.high)
      assert.ok(Math.abs(interval.low - (1 - mirrored.high)) < 1e-9)
      // Each end is a share from which the observed one is 1.96 standard deviations away.
      for (const end of [interval.low, interval.high]) {
        if (end === 0 || end === 1) continue
        const deviations = (successes / trials - end) / Math.sqrt((end * (1 - end)) / trials)
        assert.ok(Math.abs(Math.abs(deviations) - 1.959964) < 1e-4, `${deviations}`)
      }
    }),
  )
})
