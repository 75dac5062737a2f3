/**
 * Sparklines: from zero, with gaps. A first point that is only a part is left out of sums, and
 * points that are still filling of all.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Figures, SummaryAnswer } from '../../../src/dashboard-definition/wire.ts'
import { sparklinePaths, sparklineValues } from '../../../src/page/charts/sparkline.ts'

test('a line goes from edge to edge, its highest value at the top and zero at the bottom', () => {
  const { complete, last } = sparklinePaths([10, 0, 5])
  assert.equal(complete, 'M2.0 2.0L50.0 22.0L98.0 12.0')
  assert.equal(last, 'M98.0 12.0h0')
})

test('a gap breaks the line, and a value between gaps is a dot', () => {
  assert.equal(
    sparklinePaths([4, null, 4, null, 4, 4]).complete,
    'M2.0 2.0h0M40.4 2.0h0M78.8 2.0L98.0 2.0',
  )
})

test('a line that is still filling ends at the last complete value, where the dot stands', () => {
  const { complete, last } = sparklinePaths([8, 8, null])
  assert.equal(complete, 'M2.0 2.0L50.0 2.0')
  assert.equal(last, 'M50.0 2.0h0')
})

test('nothing but gaps, and nothing at all, draw nothing', () => {
  assert.deepEqual(sparklinePaths([null, null]), { complete: '', last: '' })
  assert.deepEqual(sparklinePaths([]), { complete: '', last: '' })
})

test('all zeros lie on the bottom, and refunds below the zero line', () => {
  assert.equal(sparklinePaths([0, 0]).complete, 'M2.0 22.0L98.0 22.0')
  assert.equal(sparklinePaths([10, -10]).complete, 'M2.0 2.0L98.0 22.0')
})

type Answer = Pick<SummaryAnswer, 'range' | 'sparkline'>

function answerOf(range: { from: string; completeTo: string }, starts: readonly string[]): Answer {
  const at = (time: string): string => `2026-11-22T${time}:00Z`
  const values = starts.map((_, index) => (index + 1) * 10)
  const figures: Readonly<Record<keyof Figures, readonly number[]>> = {
    impressions: values,
    clicks: values,
    ctr: values,
    conversions: values,
    cvr: values,
    revenue: values,
    revenuePerClick: values,
  }
  return {
    range: {
      from: at(range.from),
      to: at('11:05'),
      completeTo: at(range.completeTo),
      stepSeconds: 300,
      source: 'metrics',
    },
    sparkline: { stepSeconds: 900, starts: starts.map(at), figures },
  }
}

const STARTS = ['10:15', '10:30', '10:45', '11:00']

test('a first step that the range cuts is left out of sums, kept in ratios', () => {
  const cut = answerOf({ from: '10:25', completeTo: '11:05' }, STARTS)
  assert.deepEqual(sparklineValues(cut, 'impressions'), [null, 20, 30, 40])
  assert.deepEqual(sparklineValues(cut, 'ctr'), [10, 20, 30, 40])
  const whole = answerOf({ from: '10:15', completeTo: '11:05' }, STARTS)
  assert.deepEqual(sparklineValues(whole, 'impressions'), [10, 20, 30, 40])
})

test('points that are still filling are left out, of sums and of ratios', () => {
  const filling = answerOf({ from: '10:15', completeTo: '10:50' }, STARTS)
  assert.deepEqual(sparklineValues(filling, 'clicks'), [10, 20, null, null])
  assert.deepEqual(sparklineValues(filling, 'ctr'), [10, 20, null, null])
  const complete = answerOf({ from: '10:15', completeTo: '11:05' }, STARTS)
  assert.deepEqual(sparklineValues(complete, 'clicks'), [10, 20, 30, 40])
})
