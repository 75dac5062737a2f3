/** Points of the trend: where they stand, where the line breaks, and what is still filling. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TrendAnswer, TrendLine } from '../../../src/dashboard-definition/wire.ts'
import { assignSlots } from '../../../src/page/charts/chart-keys.ts'
import {
  seriesEnd,
  splitSeries,
  type TrendModel,
  trendModel,
} from '../../../src/page/charts/trend-points.ts'
import { offScaleText } from '../../../src/page/charts/trend-text.ts'

const TEN = Date.parse('2026-11-22T10:00:00Z')
const FIVE_MIN_MS = 300_000

type Counts = readonly (readonly [impressions: number, clicks: number, conversions: number])[]

function lineOf(campaign: string | null, counts: Counts): TrendLine {
  return {
    campaign,
    ctr: counts.map(([shown, clicked]) => (shown === 0 ? null : (clicked * 100) / shown)),
    cvr: counts.map(([, clicked, converted]) =>
      clicked === 0 ? null : (converted * 100) / clicked,
    ),
    impressions: counts.map(([shown]) => shown),
    clicks: counts.map(([, clicked]) => clicked),
    conversions: counts.map(([, , converted]) => converted),
  }
}

function answerOf(lines: readonly TrendLine[], completeTo: string): TrendAnswer {
  const count = lines[0]?.impressions.length ?? 0
  const at = (index: number): string => new Date(TEN + index * FIVE_MIN_MS).toISOString()
  return {
    range: { from: at(0), to: at(count), stepSeconds: 300, completeTo, source: 'metrics' },
    stepSeconds: 300,
    starts: Array.from({ length: count }, (_, index) => at(index)),
    lines,
  }
}

const COUNTS: Counts = [
  [1000, 20, 2],
  [0, 0, 0],
  [2000, 50, 1],
  [100, 3, 0],
]

function allCampaigns(completeTo: string, measure: 'ctr' | 'cvr' = 'ctr'): TrendModel {
  return trendModel(answerOf([lineOf(null, COUNTS)], completeTo), measure, new Map())
}

test('a point stands in the middle of its window, with what its ratio is of', () => {
  const [series] = allCampaigns('2026-11-22T10:20:00Z').series
  const first = series?.points[0]
  assert.equal(first?.middleMs, TEN + 150_000)
  assert.equal(first?.value, 2)
  assert.deepEqual([first?.part, first?.whole], [20, 1000])
  const conversions = allCampaigns('2026-11-22T10:20:00Z', 'cvr').series[0]?.points[0]
  assert.equal(conversions?.value, 10)
  assert.deepEqual([conversions?.part, conversions?.whole], [2, 20])
})

test('a window without impressions is a gap, not a zero', () => {
  const points = allCampaigns('2026-11-22T10:20:00Z').series[0]?.points ?? []
  assert.deepEqual(
    splitSeries(points).complete.map(({ y }) => y),
    [2, null, 2.5, 3],
  )
})

test('windows from completeTo on are filling, and hang on the last complete one', () => {
  const model = allCampaigns('2026-11-22T10:15:00Z')
  const points = model.series[0]?.points ?? []
  assert.deepEqual(
    points.map(({ isFilling }) => isFilling),
    [false, false, false, true],
  )
  assert.equal(model.fillingFromMs, TEN + 3 * FIVE_MIN_MS)
  const { complete, filling } = splitSeries(points)
  assert.deepEqual(
    complete.map(({ y }) => y),
    [2, null, 2.5],
  )
  assert.deepEqual(
    filling.map(({ y, look }) => [y, look]),
    [
      [2.5, 'line'],
      [3, 'mark'],
    ],
  )
})

test('a coarse point of which the last window is filling is filling', () => {
  const model = allCampaigns('2026-11-22T10:18:00Z')
  assert.equal(model.fillingFromMs, TEN + 3 * FIVE_MIN_MS)
})

test('nothing is filling when the range is complete to its end', () => {
  const model = allCampaigns('2026-11-22T10:20:00Z')
  assert.equal(model.fillingFromMs, null)
  assert.deepEqual(splitSeries(model.series[0]?.points ?? []).filling, [])
})

test('the first and last window end where the range does', () => {
  const answer = answerOf([lineOf(null, COUNTS)], '2026-11-22T10:20:00Z')
  const cut = {
    ...answer,
    range: { ...answer.range, from: '2026-11-22T10:02:00Z', to: '2026-11-22T10:17:00Z' },
  }
  const points = trendModel(cut, 'ctr', new Map()).series[0]?.points
  assert.equal(points?.[0]?.fromMs, Date.parse('2026-11-22T10:02:00Z'))
  assert.equal(points?.at(-1)?.toMs, Date.parse('2026-11-22T10:17:00Z'))
})

test('in a long line only its ends have marks, and a point between two gaps is a dot', () => {
  const counts = Array.from({ length: 40 }, (_, index): [number, number, number] => {
    const isGap = index === 10 || index === 12
    return isGap ? [0, 0, 0] : [100, 2, 0]
  })
  const answer = answerOf([lineOf(null, counts)], '2026-11-22T13:20:00Z')
  const points = trendModel(answer, 'ctr', new Map()).series[0]?.points ?? []
  const looks = splitSeries(points).complete.map(({ look }) => look)
  assert.equal(looks[11], 'dot')
  assert.equal(looks[39], 'mark')
  assert.equal(looks.filter((look) => look !== 'line').length, 2)
})

test('a window that has just begun stretches the axis by half at most', () => {
  const maxWith = (filling: Counts[number]): number => {
    const answer = answerOf([lineOf(null, [[1000, 20, 0], filling])], '2026-11-22T10:05:00Z')
    return trendModel(answer, 'ctr', new Map()).axis.max
  }
  // 2 % is complete, which needs an axis to 2.5; 2.8 % stretches it to 3, 50 % of two impressions
  // does not.
  assert.equal(maxWith([1000, 28, 0]), 3)
  assert.equal(maxWith([2, 1, 0]), 2.5)
})

test('the axis ends at 100 % unless a ratio is above', () => {
  const maxOf = (clicks: number): number => {
    const answer = answerOf([lineOf(null, [[100, clicks, 0]])], '2026-11-22T10:05:00Z')
    return trendModel(answer, 'ctr', new Map()).axis.max
  }
  assert.equal(maxOf(100), 100)
  assert.equal(maxOf(104), 125)
})

test('one click of one impression beside thousands is off the scale, and counted', () => {
  const counts: Counts = [
    [1, 1, 0],
    [1000, 20, 0],
    [30, 2, 0],
  ]
  const answer = answerOf([lineOf(null, counts)], '2026-11-22T10:15:00Z')
  const model = trendModel(answer, 'ctr', new Map())
  // 30 of 1,000 is enough weight: 6.67 % stands inside, 100 % does not.
  assert.equal(model.axis.max, 8)
  assert.equal(model.offScale, 1)
  assert.equal(offScaleText(model), '↑ 1 point above the scale, of few impressions')
  assert.equal(offScaleText({ ...model, measure: 'cvr', offScale: 0 }), '')
})

test('a small campaign is weighed by its own windows, not by those of a large one', () => {
  const large: Counts = [[100_000, 2000, 0]]
  const small: Counts = [[50, 4, 0]]
  const answer = answerOf([lineOf('large', large), lineOf('small', small)], '2026-11-22T10:05:00Z')
  const model = trendModel(answer, 'ctr', new Map())
  assert.deepEqual([model.axis.max, model.offScale], [10, 0])
})

test('a line’s label has its last complete value, a filling one only without any', () => {
  const valueTo = (completeTo: string) =>
    seriesEnd(allCampaigns(completeTo).series[0]?.points ?? [])?.value
  assert.equal(valueTo('2026-11-22T10:20:00Z'), 3)
  assert.equal(valueTo('2026-11-22T10:15:00Z'), 2.5)
  assert.equal(valueTo('2026-11-22T10:00:00Z'), 3)
  assert.equal(seriesEnd([]), null)
})

test('a campaign keeps its colour and mark while others come and go', () => {
  const before = assignSlots(new Map(), ['a', 'b', 'c'])
  assert.deepEqual([...before], Object.entries({ a: 0, b: 1, c: 2 }))
  const after = assignSlots(before, ['d', 'c', 'a'])
  assert.deepEqual(Object.fromEntries(after), { a: 0, c: 2, d: 1 })
  const answer = answerOf([lineOf('c', COUNTS), lineOf('d', COUNTS)], '2026-11-22T10:20:00Z')
  const slots = trendModel(answer, 'ctr', after).series.map(({ slot }) => slot)
  assert.deepEqual(slots, [2, 1])
})
