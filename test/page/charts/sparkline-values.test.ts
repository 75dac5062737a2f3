/** What a sparkline draws of a summary: no first step that is only a part, and where filling begins. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Figures, SummaryAnswer } from '../../../src/dashboard-definition/wire.ts'
import { sparklineValues } from '../../../src/page/charts/sparkline-values.ts'

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
  assert.deepEqual(sparklineValues(cut, 'impressions').values, [null, 20, 30, 40])
  assert.deepEqual(sparklineValues(cut, 'ctr').values, [10, 20, 30, 40])
  const whole = answerOf({ from: '10:15', completeTo: '11:05' }, STARTS)
  assert.deepEqual(sparklineValues(whole, 'impressions').values, [10, 20, 30, 40])
})

test('the same where the first step is told from the range on', () => {
  const cut = answerOf({ from: '10:25', completeTo: '11:05' }, ['10:25', ...STARTS.slice(1)])
  assert.deepEqual(sparklineValues(cut, 'revenue').values, [null, 20, 30, 40])
})

test('filling begins with the step in which completeTo lies, and nowhere when all is complete', () => {
  const filling = answerOf({ from: '10:15', completeTo: '10:50' }, STARTS)
  assert.equal(sparklineValues(filling, 'clicks').fillingFrom, 2)
  const complete = answerOf({ from: '10:15', completeTo: '11:05' }, STARTS)
  assert.equal(sparklineValues(complete, 'clicks').fillingFrom, 4)
})
