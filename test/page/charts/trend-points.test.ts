/** Points of the trend: where they stand, where the line breaks, how firm they are, what fills. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MeasureId } from '../../../src/dashboard-definition/definition.ts'
import type { TrendAnswer, TrendLine } from '../../../src/dashboard-definition/wire.ts'
import { assignSlots } from '../../../src/page/charts/chart-keys.ts'
import {
  type DrawnPoint,
  lineParts,
  seriesEnd,
  type TrendModel,
  trendModel,
} from '../../../src/page/charts/trend-points.ts'
import { offScaleText, uncertainText } from '../../../src/page/charts/trend-text.ts'

const TEN = Date.parse('2026-11-22T10:00:00Z')
const FIVE_MIN_MS = 300_000

type Counts = readonly (readonly [impressions: number, clicks: number, conversions: number])[]

function lineOf(campaign: string | null, counts: Counts): TrendLine {
  return {
    campaign,
    totals: {
      impressions: counts.reduce((sum, [shown]) => sum + shown, 0),
      clicks: counts.reduce((sum, [, clicked]) => sum + clicked, 0),
      conversions: counts.reduce((sum, [, , converted]) => sum + converted, 0),
      revenue: counts.reduce((sum, [, , converted]) => sum + converted * 2.5, 0),
    },
    impressions: counts.map(([shown]) => shown),
    clicks: counts.map(([, clicked]) => clicked),
    conversions: counts.map(([, , converted]) => converted),
    revenue: counts.map(([, , converted]) => converted * 2.5),
  }
}

function modelOf(
  answer: TrendAnswer,
  measure: MeasureId = 'ctr',
  chosen: readonly string[] = [],
): TrendModel {
  return trendModel({ answer, measure, chosen }, new Map())
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

function allCampaigns(completeTo: string, measure: MeasureId = 'ctr'): TrendModel {
  return modelOf(answerOf([lineOf(null, COUNTS)], completeTo), measure)
}

test('a point stands in the middle of its step, with the measure over its sums', () => {
  const of = (measure: MeasureId) => allCampaigns('2026-11-22T10:20:00Z', measure).series[0]
  const first = of('ctr')?.points[0]
  assert.equal(first?.middleMs, TEN + 150_000)
  assert.deepEqual(first?.sums, { impressions: 1000, clicks: 20, conversions: 2, revenue: 5 })
  const values = (['impressions', 'clicks', 'ctr', 'conversions', 'cvr', 'revenue'] as const).map(
    (measure) => of(measure)?.points[0]?.value,
  )
  assert.deepEqual(values, [1000, 20, 2, 2, 10, 5])
  assert.equal(of('revenuePerClick')?.points[0]?.value, 0.25)
})

test('a line has the ratio of the sums of the whole range, not the mean of its points', () => {
  // 73 clicks of 3,100 impressions; the mean of 2 %, 2.5 % and 3 % would be 2.5 %.
  const total = allCampaigns('2026-11-22T10:20:00Z').series[0]?.total
  assert.ok(Math.abs((total ?? 0) - 7300 / 3100) < 1e-12)
})

test('steps of any length reach to the next start, the last one to the end of the range', () => {
  const answer = {
    ...answerOf([lineOf(null, COUNTS.slice(0, 3))], '2026-11-22T11:00:00Z'),
    starts: ['2026-11-22T10:00:00Z', '2026-11-22T10:05:00Z', '2026-11-22T10:35:00Z'],
    stepSeconds: 1,
    range: {
      from: '2026-11-22T10:02:00Z',
      to: '2026-11-22T11:00:00Z',
      stepSeconds: 60,
      completeTo: '2026-11-22T11:00:00Z',
      source: 'metrics',
    },
  } satisfies TrendAnswer
  const minutes = modelOf(answer).series[0]?.points.map(({ fromMs, toMs }) => [
    (fromMs - TEN) / 60_000,
    (toMs - TEN) / 60_000,
  ])
  assert.deepEqual(minutes, [
    [2, 5],
    [5, 35],
    [35, 60],
  ])
})

test('a step without impressions is a gap in a ratio, and zero in a sum', () => {
  const [ratio, sum] = (['ctr', 'clicks'] as const).map((measure) =>
    allCampaigns('2026-11-22T10:20:00Z', measure).series[0]?.points.map(({ value }) => value),
  )
  assert.deepEqual(ratio, [2, null, 2.5, 3])
  assert.deepEqual(sum, [20, 0, 50, 3])
})

test('one line of sums is bars; ratios and several lines are lines', () => {
  const one = [lineOf(null, COUNTS)]
  const two = [lineOf('a', COUNTS), lineOf('b', COUNTS)]
  const forms = ([one, two] as const).flatMap((lines) =>
    (['revenue', 'ctr'] as const).map(
      (measure) => modelOf(answerOf(lines, '2026-11-22T10:20:00Z'), measure).form,
    ),
  )
  assert.deepEqual(forms, ['bars', 'lines', 'lines', 'lines'])
})

test('steps from completeTo on are filling, and hang on the last complete one', () => {
  const counts: Counts = [
    [10_000, 200, 2],
    [0, 0, 0],
    [20_000, 500, 1],
    [10_000, 300, 0],
  ]
  const model = modelOf(answerOf([lineOf(null, counts)], '2026-11-22T10:15:00Z'))
  const points = model.series[0]?.points ?? []
  assert.deepEqual(
    points.map(({ isFilling }) => isFilling),
    [false, false, false, true],
  )
  assert.equal(model.fillingFromMs, TEN + 3 * FIVE_MIN_MS)
  const { certain, uncertain, filling } = lineParts(points)
  assert.deepEqual(drawnOf(certain), ['2 mark', 'break', '2.5 mark'])
  assert.deepEqual(drawnOf(filling), ['2.5 line', '3 mark'])
  assert.deepEqual(uncertain, [])
})

function drawnOf(points: readonly DrawnPoint[]): string[] {
  return points.map(({ y, look }) => (y === null ? 'break' : `${y} ${look}`))
}

test('a coarse point of which the last window is filling is filling', () => {
  const model = allCampaigns('2026-11-22T10:18:00Z')
  assert.equal(model.fillingFromMs, TEN + 3 * FIVE_MIN_MS)
})

test('nothing is filling when the range is complete to its end', () => {
  const model = allCampaigns('2026-11-22T10:20:00Z')
  assert.equal(model.fillingFromMs, null)
  assert.deepEqual(lineParts(model.series[0]?.points ?? []).filling, [])
})

test('a point is uncertain if its interval is wider than the ratio of the range', () => {
  const counts: Counts = [
    [10_000, 200, 0],
    [100, 3, 0],
    [1, 1, 0],
    [10_000, 0, 0],
    [10_000, 400, 0],
  ]
  const [series] = modelOf(answerOf([lineOf(null, counts)], '2026-11-22T10:25:00Z')).series
  // 604 clicks of 30,101 impressions are 2.01 %. The interval of 3 of 100 is 1.03 %–8.45 %; that of
  // 0 of 10,000 is 0 %–0.04 %: such a zero is certain.
  assert.deepEqual(
    series?.points.map(({ isUncertain }) => isUncertain),
    [false, true, true, false, false],
  )
  const { low, high } = series?.points[1]?.interval ?? { low: 0, high: 0 }
  assert.deepEqual([low.toFixed(2), high.toFixed(2)], ['1.03', '8.45'])
  const { certain, uncertain } = lineParts(series?.points ?? [])
  assert.deepEqual(drawnOf(certain), ['2 mark', 'break', '0 mark', '4 mark'])
  assert.deepEqual(drawnOf(uncertain), ['2 line', '3 dot', '100 dot', '0 line'])
})

test('sums are never uncertain; a ratio of money is, below thirty clicks', () => {
  const counts: Counts = [
    [100, 29, 2],
    [100, 30, 2],
  ]
  const uncertain = (measure: MeasureId) => {
    const model = modelOf(answerOf([lineOf(null, counts)], '2026-11-22T10:10:00Z'), measure)
    return model.series[0]?.points.map(({ isUncertain }) => isUncertain)
  }
  assert.deepEqual(uncertain('revenuePerClick'), [true, false])
  assert.deepEqual(uncertain('conversions'), [false, false])
})

test('in a long line only its ends have marks, and a point between two gaps is a dot', () => {
  const counts = Array.from({ length: 40 }, (_, index): [number, number, number] => {
    const isGap = index === 10 || index === 12
    return isGap ? [0, 0, 0] : [10_000, 200, 0]
  })
  const model = modelOf(answerOf([lineOf(null, counts)], '2026-11-22T13:20:00Z'))
  const looks = drawnOf(lineParts(model.series[0]?.points ?? []).certain)
  assert.deepEqual(looks.slice(9, 14), ['2 line', 'break', '2 dot', 'break', '2 line'])
  assert.equal(looks.at(-1), '2 mark')
  assert.equal(looks.filter((look) => /mark|dot/.test(look)).length, 2)
})

test('a step that has just begun stretches the axis a little at most', () => {
  const maxWith = (filling: Counts[number]): number => {
    const counts: Counts = [[100_000, 2000, 0], filling]
    return modelOf(answerOf([lineOf(null, counts)], '2026-11-22T10:05:00Z')).axis.max
  }
  // 2 % is complete, which needs an axis to 2.5; 2.8 % stretches it to 3, 50 % of two impressions
  // does not.
  assert.equal(maxWith([1000, 28, 0]), 3)
  assert.equal(maxWith([2, 1, 0]), 2.5)
})

test('the axis ends at 100 % unless a ratio is above', () => {
  const maxOf = (clicks: number): number => {
    const answer = answerOf([lineOf(null, [[100, clicks, 0]])], '2026-11-22T10:05:00Z')
    return modelOf(answer).axis.max
  }
  assert.equal(maxOf(100), 100)
  assert.equal(maxOf(104), 125)
})

test('points of few do not rule the axis; those outside are counted', () => {
  const counts: Counts = [
    [1, 1, 0],
    [1000, 20, 0],
    [30, 2, 0],
    [40, 1, 0],
  ]
  const model = modelOf(answerOf([lineOf(null, counts)], '2026-11-22T10:20:00Z'))
  // 24 of 1,071 are 2.24 %: up to 5.6 % is shown, 2.5 % of 40 is inside, 6.67 % of 30 is not.
  assert.equal(model.axis.max, 3)
  assert.equal(model.offScale, 2)
  assert.equal(offScaleText(model), '↑ 2 points off the scale, of few impressions')
  assert.equal(offScaleText({ ...model, measure: 'cvr', offScale: 1 }).slice(2, 9), '1 point')
  assert.equal(offScaleText({ ...model, offScale: 0 }), '')
  assert.equal(uncertainText(model), 'Thin: few impressions, with 95% interval')
})

test('a shop with a few impressions a step has the scale of its whole range', () => {
  const clicks = [0, 1, 0, 2, 1, 0, 4, 1, 0, 1, 1, 0, 2, 1, 0, 1, 0, 1, 2, 0]
  const counts = clicks.map((clicked): [number, number, number] => [20, clicked, 0])
  const one: Counts = [...counts, [1, 1, 0]]
  const model = modelOf(answerOf([lineOf(null, one)], '2026-11-22T11:45:00Z'))
  // 19 of 401 are 4.74 %: up to 11.8 % is shown, so 20 % and 100 % are outside.
  assert.deepEqual([model.axis.max, model.offScale], [12.5, 2])
  assert.ok(model.series[0]?.points.every(({ isUncertain }) => isUncertain))
  assert.equal(model.series[0]?.isScattered, false, 'one line has its interval instead')
})

test('several lines are thin where they are of few, and dots where a step has hardly any', () => {
  const hardlyAny: Counts = [
    [4, 0, 0],
    [5, 0, 0],
    [3, 0, 0],
    [2, 1, 0],
    [6, 0, 0],
  ]
  const few: Counts = hardlyAny.map(() => [200, 10, 0])
  const many: Counts = hardlyAny.map(() => [100_000, 2000, 0])
  const lines = [lineOf('hardly', hardlyAny), lineOf('few', few), lineOf('many', many)]
  const model = modelOf(answerOf(lines, '2026-11-22T10:25:00Z'))
  assert.deepEqual(
    model.series.map(({ isScattered, total }) => [isScattered, total]),
    [
      [true, 5],
      [false, 5],
      [false, 2],
    ],
  )
  assert.ok(model.series[1]?.points.every(({ isUncertain }) => isUncertain))
  assert.equal(uncertainText(model), 'Dots: few impressions; their line is the whole range')
  const thin = { ...model, series: model.series.slice(1) }
  assert.equal(uncertainText(thin), 'Thin: few impressions')
})

test('refunds are below zero, on a scale that has room for them', () => {
  const line = { ...lineOf(null, COUNTS), revenue: [100, -40, 0, 20] }
  const { axis, offScale } = modelOf(answerOf([line], '2026-11-22T10:20:00Z'), 'revenue')
  assert.deepEqual([axis.min, axis.max, offScale], [-50, 150, 0])
})

test('a small campaign is weighed by its own steps, not by those of a large one', () => {
  const large: Counts = [[100_000, 2000, 0]]
  const small: Counts = [[50, 4, 0]]
  const answer = answerOf([lineOf('large', large), lineOf('small', small)], '2026-11-22T10:05:00Z')
  const model = modelOf(answer)
  assert.deepEqual([model.axis.max, model.offScale], [10, 0])
})

test('beside chosen campaigns the others are context; without a choice none is', () => {
  const answer = answerOf([lineOf('a', COUNTS), lineOf('b', COUNTS)], '2026-11-22T10:20:00Z')
  const context = (chosen: readonly string[]) =>
    modelOf(answer, 'ctr', chosen).series.map(({ isContext }) => isContext)
  assert.deepEqual(context(['a']), [false, true])
  assert.deepEqual(context([]), [false, false])
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
  const model = trendModel({ answer, measure: 'ctr', chosen: [] }, after)
  const slots = model.series.map(({ slot }) => slot)
  assert.deepEqual(slots, [2, 1])
})
