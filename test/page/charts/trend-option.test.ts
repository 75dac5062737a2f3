/**
 * The trend as drawn: solid, then dashed and hollow; labels and gridlines with units; names nowhere
 * near the canvas.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MeasureId } from '../../../src/dashboard-definition/definition.ts'
import type { TrendAnswer } from '../../../src/dashboard-definition/wire.ts'
import { trendArea, trendOption } from '../../../src/page/charts/trend-option.ts'
import { trendModel } from '../../../src/page/charts/trend-points.ts'
import type { ValueAxis } from '../../../src/page/charts/value-axis.ts'
import { createFormat } from '../../../src/page/format.ts'
import { THEME } from './named-theme.ts'

const ANSWER: TrendAnswer = {
  range: {
    from: '2026-11-22T10:00:00Z',
    to: '2026-11-22T10:10:00Z',
    stepSeconds: 300,
    completeTo: '2026-11-22T10:05:00Z',
    source: 'metrics',
  },
  stepSeconds: 300,
  starts: ['2026-11-22T10:00:00Z', '2026-11-22T10:05:00Z'],
  lines: [
    {
      campaign: '{evil|x}',
      totals: { impressions: 20_000, clicks: 300, conversions: 0, revenue: 0 },
      impressions: [10_000, 10_000],
      clicks: [200, 100],
      conversions: [0, 0],
      revenue: [0, 0],
    },
  ],
}
const FORMAT = createFormat({ locale: 'en-GB', timezone: 'UTC', currency: 'EUR' })
const MODEL = trendModel({ answer: ANSWER, measure: 'ctr', chosen: [] }, new Map([['{evil|x}', 1]]))
const AREA = trendArea(MODEL, { width: 600, height: 300 }, FORMAT)
const FROM = Date.parse('2026-11-22T10:00:00Z')

function drawn() {
  const ticks = [{ atMs: FROM, label: '10:00', context: '22 Nov' }]
  return trendOption(MODEL, AREA, ticks, THEME, FORMAT)
}

test('the area holds the range from edge to edge and the axis from zero', () => {
  assert.equal(AREA.toX(FROM), AREA.left)
  assert.equal(AREA.toX(FROM + 600_000), 600 - AREA.right)
  assert.equal(AREA.toY(0), 300 - AREA.bottom)
  assert.equal(AREA.toY(MODEL.axis.max), AREA.top)
  assert.equal(AREA.fromX(AREA.toX(FROM + 60_000)), FROM + 60_000)
  assert.equal(AREA.fromX(-50), FROM)
})

test('complete is solid, filling is dashed and hollow, both in the slot’s colour', () => {
  const [level, complete, uncertain, filling] = [drawn().series].flat() as {
    lineStyle: { color: string; type?: unknown }
    itemStyle: { color: string; borderColor?: string }
    data: { value: unknown[] }[]
  }[]
  // The level of the whole range: 300 clicks of 20,000 impressions.
  assert.deepEqual(
    level?.data.map(({ value }) => value),
    [
      [FROM, 1.5],
      [FROM + 600_000, 1.5],
    ],
  )
  assert.equal(complete?.lineStyle.color, '#s2')
  assert.equal(complete?.lineStyle.type, undefined)
  assert.equal(complete?.itemStyle.color, '#s2')
  assert.deepEqual(uncertain?.data, [])
  assert.notEqual(filling?.lineStyle.type, undefined)
  assert.deepEqual([filling?.itemStyle.color, filling?.itemStyle.borderColor], ['#surface', '#s2'])
  assert.deepEqual(
    filling?.data.map(({ value }) => value),
    [
      [FROM + 150_000, 2],
      [FROM + 450_000, 1],
    ],
  )
})

test('gridlines are percentages and the first tick says its day', () => {
  const { xAxis, yAxis } = drawn() as {
    xAxis: { axisLabel: { formatter: (value: number) => string } }
    yAxis: { min: number; axisLabel: { formatter: (value: number) => string } }
  }
  assert.equal(yAxis.min, 0)
  assert.equal(yAxis.axisLabel.formatter(MODEL.axis.max), '2.5%')
  assert.equal(xAxis.axisLabel.formatter(FROM), '10:00\n{context|22 Nov}')
})

test('no campaign name is handed to the canvas, which would read it as markup', () => {
  assert.doesNotMatch(JSON.stringify(drawn()), /evil/)
})

test('gridlines of money and of large counts are short', () => {
  const texts = (measure: MeasureId, axis: ValueAxis): string[] => {
    const model = { ...MODEL, measure, axis }
    const { yAxis } = trendOption(model, AREA, [], THEME, FORMAT) as {
      yAxis: { axisLabel: { formatter: (value: number) => string } }
    }
    return [0, axis.step, axis.max].map((value) => yAxis.axisLabel.formatter(value))
  }
  assert.deepEqual(texts('revenue', { min: 0, max: 1000, step: 250 }), ['€0', '€250', '€1,000'])
  const large = texts('revenue', { min: 0, max: 20_000, step: 5000 })
  assert.deepEqual(large, ['€0', '€5,000', '€20.0k'])
  assert.equal(texts('revenuePerClick', { min: 0, max: 0.5, step: 0.1 })[1], '€0.100')
  assert.deepEqual(texts('clicks', { min: 0, max: 50_000, step: 10_000 }), ['0', '10.0k', '50.0k'])
})

test('lines to compare with are paler and below those of chosen campaigns', () => {
  const [line] = ANSWER.lines
  assert.ok(line)
  const answer = { ...ANSWER, lines: [line, { ...line, campaign: 'other' }] }
  const model = trendModel({ answer, measure: 'ctr', chosen: ['{evil|x}'] }, new Map())
  const series = [trendOption(model, AREA, [], THEME, FORMAT).series].flat() as {
    z: number
    lineStyle: { opacity: number }
  }[]
  const [chosen, context] = [series[0], series[3]]
  assert.equal(chosen?.lineStyle.opacity, 1)
  assert.ok((context?.lineStyle.opacity ?? 1) < 0.6)
  assert.ok((context?.z ?? 0) < (chosen?.z ?? 0))
})
