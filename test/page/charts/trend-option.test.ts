/**
 * The trend as drawn: solid, then dashed and hollow; labels and gridlines with units; names nowhere
 * near the canvas.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TrendAnswer } from '../../../src/dashboard-definition/wire.ts'
import { trendArea, trendOption } from '../../../src/page/charts/trend-option.ts'
import { trendModel } from '../../../src/page/charts/trend-points.ts'
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
      ctr: [2, 1],
      cvr: [null, null],
      impressions: [100, 100],
      clicks: [2, 1],
      conversions: [0, 0],
    },
  ],
}
const MODEL = trendModel(ANSWER, 'ctr', new Map([['{evil|x}', 1]]))
const AREA = trendArea(MODEL, { width: 600, height: 300 }, 'en-GB')
const FROM = Date.parse('2026-11-22T10:00:00Z')

function drawn() {
  const ticks = [{ atMs: FROM, label: '10:00', context: '22 Nov' }]
  return trendOption(MODEL, AREA, ticks, THEME, 'en-GB')
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
  const [complete, filling] = [drawn().series].flat() as {
    lineStyle: { color: string; type?: unknown }
    itemStyle: { color: string; borderColor?: string }
    data: { value: unknown[] }[]
  }[]
  assert.equal(complete?.lineStyle.color, '#s2')
  assert.equal(complete?.lineStyle.type, undefined)
  assert.equal(complete?.itemStyle.color, '#s2')
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
