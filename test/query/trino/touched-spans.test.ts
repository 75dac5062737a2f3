/** Windows as stretches of time: few enough for one statement, none of them lost. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TRINO } from '../../../src/query/trino/dialect.ts'
import { spansOfWindows } from '../../../src/query/trino/touched-spans.ts'
import { openRandom } from '../../support/random.ts'

test('neighbouring windows are one stretch', () => {
  assert.deepEqual(spansOfWindows([30, 10, 20, 50], 10, 64), [
    { fromUs: 10, toUs: 40 },
    { fromUs: 50, toUs: 60 },
  ])
  assert.deepEqual(spansOfWindows([], 10, 64), [])
})

test('past the limit the closest stretches are joined', () => {
  assert.deepEqual(spansOfWindows([0, 100, 120, 300], 10, 3), [
    { fromUs: 0, toUs: 10 },
    { fromUs: 100, toUs: 130 },
    { fromUs: 300, toUs: 310 },
  ])
})

test('whatever the windows, each lies in a stretch, and there are not too many', () => {
  const seed = Date.now() >>> 0
  const random = openRandom(seed)
  for (let round = 0; round < 500; round++) {
    const starts = Array.from({ length: random.below(200) }, () => random.below(1000) * 10)
    const spans = spansOfWindows([...new Set(starts)], 10, 16)
    assert.ok(spans.length <= 16, `${spans.length} stretches, seed ${seed}`)
    for (const start of starts) {
      assert.ok(
        spans.some(({ fromUs, toUs }) => fromUs <= start && start + 10 <= toUs),
        `${start}, seed ${seed}`,
      )
    }
    for (const [index, { fromUs }] of spans.entries()) {
      assert.ok(index === 0 || fromUs > (spans[index - 1]?.toUs ?? 0), `seed ${seed}`)
    }
  }
})

test('a moment is written to the microsecond, before 1970 as well', () => {
  assert.equal(
    TRINO.timestamp(Date.UTC(2026, 10, 22, 10) * 1000 + 7),
    "TIMESTAMP '2026-11-22 10:00:00.000007'",
  )
  assert.equal(TRINO.timestamp(-1), "TIMESTAMP '1969-12-31 23:59:59.999999'")
})
