/** Revenue goes through a DOUBLE and comes back to the millionth, below the limit that says so. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  EXACT_REVENUE_LIMIT,
  isExactRevenue,
  millionthsOf,
  revenueOf,
} from '../../src/table/metrics-row.ts'

test('every number of millionths below the limit survives the revenue column', () => {
  const limit = BigInt(EXACT_REVENUE_LIMIT) * 1_000_000n
  const anyMillionths = fc.oneof(
    fc.bigInt({ min: -limit, max: limit }),
    fc.bigInt({ min: limit - 10_000_000n, max: limit }),
    fc.bigInt({ min: -1_000_000n, max: 1_000_000n }),
  )
  fc.assert(
    fc.property(anyMillionths, (millionths) => {
      const revenue = revenueOf(millionths)
      if (isExactRevenue(revenue)) assert.equal(millionthsOf(revenue), millionths)
    }),
    { numRuns: 20_000 },
  )
})

test('a sum once read back a millionth off, because its product was rounded twice', () => {
  assert.equal(revenueOf(5_455_248_330_302_188n), 5455248330.302188)
  for (let m = 5_455_248_330_302_000n; m < 5_455_248_330_303_000n; m++) {
    assert.equal(millionthsOf(revenueOf(m)), m)
  }
})
