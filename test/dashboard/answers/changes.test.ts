/** When a change of a ratio may be by chance; expected values by hand. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changeOf } from '../../../src/dashboard/answers/changes.ts'
import type { Sums } from '../../../src/dashboard-definition/definition.ts'

const sums = (some: Partial<Sums>): Sums => {
  return { impressions: 0, clicks: 0, conversions: 0, revenue: 0, ...some }
}

test('a ratio that fell in a few events may have fallen by chance', () => {
  const ctr = (clicks: number, impressions: number) => sums({ clicks, impressions })
  assert.deepEqual(changeOf('ctr', ctr(1, 20), ctr(0, 20)), { percent: -100, isUncertain: true })
  assert.deepEqual(changeOf('ctr', ctr(100, 2000), ctr(50, 2000)), {
    percent: -50,
    isUncertain: false,
  })
})

test('the limit is 1.96 standard errors of two proportions', () => {
  // Both of 1,000 and together 10 %: one standard error is √(0.1 · 0.9 · 2 / 1000) = 1.3416 %, so
  // the limit is 2.6295 %, between 113 against 87 (2.6 %) and 114 against 86 (2.8 %).
  const cvr = (conversions: number) => sums({ conversions, clicks: 1000 })
  assert.equal(changeOf('cvr', cvr(113), cvr(87)).isUncertain, true)
  assert.equal(changeOf('cvr', cvr(114), cvr(86)).isUncertain, false)
  assert.equal(changeOf('cvr', cvr(86), cvr(114)).isUncertain, false)
})

test('what is no proportion is uncertain below 30, and sums never are', () => {
  const perClick = (clicks: number) => sums({ clicks, revenue: 2 * clicks })
  assert.equal(changeOf('revenuePerClick', perClick(29), perClick(900)).isUncertain, true)
  assert.equal(changeOf('revenuePerClick', perClick(30), perClick(30)).isUncertain, false)
  const more = (impressions: number) => sums({ clicks: 50, impressions })
  assert.equal(changeOf('ctr', more(29), more(30)).isUncertain, true)
  assert.equal(changeOf('ctr', more(30), more(31)).isUncertain, false)
  assert.equal(changeOf('clicks', sums({ clicks: 1 }), sums({ clicks: 2 })).isUncertain, false)
})

test('nothing is known without an earlier figure, and a loss that shrinks is a gain', () => {
  const unknown = { percent: null, isUncertain: false }
  assert.deepEqual(changeOf('clicks', sums({}), sums({ clicks: 5 })), unknown)
  assert.deepEqual(changeOf('ctr', sums({ clicks: 1 }), sums({ clicks: 1 })), unknown)
  const change = changeOf('revenue', sums({ revenue: -8 }), sums({ revenue: -2 }))
  assert.equal(change.percent, 75)
})
