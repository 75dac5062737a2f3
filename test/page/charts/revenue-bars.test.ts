/**
 * Revenue bars: one scale from zero for all, others apart, and a cut where the scale would not hold
 * them.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RevenueAnswer } from '../../../src/dashboard-definition/wire.ts'
import {
  describeRevenue,
  revenueModel,
  revenueTable,
  shareText,
} from '../../../src/page/charts/revenue-bars.ts'
import { revenueLayout, revenueOption } from '../../../src/page/charts/revenue-option.ts'
import { createFormat } from '../../../src/page/format.ts'
import { THEME } from './named-theme.ts'

const format = createFormat({ locale: 'en-GB', timezone: 'UTC', currency: null })

function answerOf(
  revenues: readonly number[],
  others = { campaigns: 0, revenue: 0 },
): RevenueAnswer {
  return {
    range: {
      from: '2026-11-22T10:00:00Z',
      to: '2026-11-22T11:00:00Z',
      stepSeconds: 300,
      completeTo: '2026-11-22T11:00:00Z',
      source: 'metrics',
    },
    total: revenues.reduce((sum, revenue) => sum + revenue, others.revenue),
    campaigns: revenues.map((revenue, index) => ({ campaign: `c${index}`, revenue })),
    others,
  }
}

test('bars have their share of the total, others included', () => {
  const model = revenueModel(answerOf([60, 30], { campaigns: 3, revenue: 10 }), format)
  assert.deepEqual(
    model.bars.map(({ sharePercent }) => sharePercent),
    [60, 30],
  )
  assert.equal(model.others?.name, 'Others (3 campaigns)')
  assert.equal(model.others?.sharePercent, 10)
  assert.deepEqual([model.min, model.max, model.isCut], [0, 60, false])
})

test('a longer bar of the others extends the scale; a far longer one is cut', () => {
  const near = revenueModel(answerOf([60, 30], { campaigns: 1, revenue: 90 }), format)
  assert.deepEqual([near.max, near.isCut], [90, false])
  assert.equal(near.others?.name, 'Others (1 campaign)')
  const far = revenueModel(answerOf([60, 30], { campaigns: 990, revenue: 9000 }), format)
  assert.deepEqual([far.max, far.isCut], [60, true])
})

test('refunds go to the left of zero, and shares are not told', () => {
  const model = revenueModel(answerOf([50, -20]), format)
  assert.deepEqual([model.min, model.max], [-20, 50])
  assert.deepEqual(
    model.bars.map(({ sharePercent }) => sharePercent),
    [null, null],
  )
  const layout = revenueLayout(model, 600, format)
  const [series] = [revenueOption(model, layout, THEME, format).series].flat()
  const labels = (series as { data: { label: { position: string } }[] }).data
  assert.deepEqual(
    labels.map(({ label }) => label.position),
    ['right', 'left'],
  )
})

test('without campaigns, and with revenue of zero only, there is a scale', () => {
  const none = revenueModel(answerOf([]), format)
  assert.deepEqual([none.bars.length, none.min, none.max], [0, 0, 1])
  const zero = revenueModel(answerOf([0, 0]), format)
  assert.deepEqual([zero.min, zero.max], [0, 1])
  assert.equal(zero.bars[0]?.sharePercent, null)
  assert.deepEqual([none.isEmpty, zero.isEmpty], [true, true])
  assert.equal(describeRevenue(zero, format), 'Revenue by campaign. No revenue in this range.')
  const refunds = revenueModel(answerOf([-5]), format)
  assert.deepEqual([refunds.min, refunds.max, refunds.isEmpty], [-5, 0, false])
})

test('rows stand evenly, the others apart from them, and the plot ends below the last one', () => {
  const model = revenueModel(answerOf([60, 30], { campaigns: 3, revenue: 10 }), format)
  const [wide, narrow] = [revenueLayout(model, 600, format), revenueLayout(model, 358, format)]
  assert.deepEqual(wide.tops, [4, 34, 78])
  assert.equal(wide.heightPx, 78 + 30 + 4)
  assert.deepEqual(narrow.tops, [4, 40, 90])
  assert.equal(narrow.heightPx, 90 + 36 + 4)
})

test('a campaign called "others" is not taken for the others', () => {
  const answer = answerOf([5], { campaigns: 2, revenue: 3 })
  const named = { ...answer, campaigns: [{ campaign: 'others', revenue: 5 }] }
  const { rows } = revenueTable(revenueModel(named, format), format)
  assert.equal(new Set(rows.map(({ key }) => key)).size, rows.length)
  assert.deepEqual(
    rows.map(({ cells }) => cells),
    [
      ['others', '5.00', '63%'],
      ['Others (2 campaigns)', '3.00', '38%'],
      ['Total', '8.00', ''],
    ],
  )
})

test('the words say every bar and the total', () => {
  const model = revenueModel(answerOf([1200.5, 30], { campaigns: 3, revenue: 10 }), format)
  assert.equal(
    describeRevenue(model, format),
    'Revenue by campaign, largest first: c0 1,200.50; c1 30.00; ' +
      'Others (3 campaigns) 10.00. Total 1,240.50.',
  )
})

test('small shares have a digit more', () => {
  assert.equal(shareText(31.4, 'en-GB'), '31%')
  assert.equal(shareText(0.42, 'en-GB'), '0.4%')
  assert.equal(shareText(0, 'en-GB'), '0%')
})
