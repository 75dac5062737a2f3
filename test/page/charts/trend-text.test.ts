/**
 * The trend in words and as a table: the same figures as the picture, gaps and filling windows
 * named.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MeasureId } from '../../../src/dashboard-definition/definition.ts'
import type { TrendAnswer, TrendLine } from '../../../src/dashboard-definition/wire.ts'
import { trendModel } from '../../../src/page/charts/trend-points.ts'
import {
  describeTrend,
  fractionText,
  stepText,
  trendTable,
} from '../../../src/page/charts/trend-text.ts'
import { createFormat } from '../../../src/page/format.ts'

const format = createFormat({ locale: 'en-GB', timezone: 'Europe/Berlin', currency: null })

const LINE: TrendLine = {
  campaign: null,
  totals: { impressions: 1102, clicks: 24, conversions: 2, revenue: 12 },
  impressions: [1000, 0, 100, 2],
  clicks: [20, 0, 3, 1],
  conversions: [2, 0, 0, 0],
  revenue: [12, 0, 0, 0],
}

function modelOf(campaigns: readonly (string | null)[], measure: MeasureId = 'ctr') {
  const answer: TrendAnswer = {
    range: {
      from: '2026-11-22T22:45:00Z',
      to: '2026-11-22T23:05:00Z',
      stepSeconds: 300,
      completeTo: '2026-11-22T23:00:00Z',
      source: 'metrics',
    },
    stepSeconds: 300,
    starts: [45, 50, 55, 60].map((minute) =>
      new Date(Date.parse('2026-11-22T22:00:00Z') + minute * 60_000).toISOString(),
    ),
    lines: campaigns.map((campaign) => ({ ...LINE, campaign })),
  }
  return trendModel({ answer, measure, chosen: [] }, new Map())
}

test('the description has first, last, lowest and highest values, in the zone', () => {
  assert.equal(
    describeTrend(modelOf([null]), format),
    'CTR, 22 Nov 23:45 – 23 Nov 00:05, one point for 5 minutes. ' +
      'All campaigns: 2.18% in the whole range, 2.00% at first, 3.00% in the last complete part, ' +
      'between 2.00% (22 Nov 23:45) and 3.00% (22 Nov 23:55), 1 of 2 points of few events. ' +
      'The last point is in progress.',
  )
  assert.match(describeTrend(modelOf([]), format), /no campaigns\.$/)
})

test('a ratio says what it is of, a sum nothing', () => {
  const of = (measure: MeasureId) => fractionText(measure, LINE.totals, format)
  assert.equal(of('ctr'), '24 clicks of 1,102 impressions')
  assert.equal(of('cvr'), '2 conversions of 24 clicks')
  assert.equal(of('revenuePerClick'), '12.00 of 24 clicks')
  assert.equal(of('revenue'), '')
})

test('the table of one ratio has its interval and its counts, and says what is filling', () => {
  const { columns, rows } = trendTable(modelOf([null]), format)
  assert.deepEqual(columns, [
    ...['Time', 'CTR, All campaigns', '95% interval', 'Clicks', 'Impressions'],
  ])
  // Wilson's interval of 20 of 1,000, of 3 of 100 and of 1 of 2, worked out apart from the code.
  assert.deepEqual(
    rows.map(({ cells }) => cells),
    [
      ['22 Nov 23:45–23:50', '2.00%', '1.30%–3.07%', '20', '1,000'],
      ['22 Nov 23:50–23:55', '–', '–', '0', '0'],
      ['22 Nov 23:55 – 23 Nov 00:00', '3.00%', '1.03%–8.45%', '3', '100'],
      ['23 Nov 00:00–00:05 (in progress)', '50.00%', '9.45%–90.55%', '1', '2'],
    ],
  )
})

test('the table of a sum has just the sum', () => {
  const { caption, columns, rows } = trendTable(modelOf([null], 'revenue'), format)
  assert.match(caption, /^Revenue 22 Nov/)
  assert.deepEqual(columns, ['Time', 'Revenue, All campaigns'])
  assert.deepEqual(rows[0]?.cells, ['22 Nov 23:45–23:50', '12.00'])
})

test('the table of several lines has a column for each', () => {
  const { columns, rows } = trendTable(modelOf(['\u200b', '<b>']), format)
  assert.deepEqual(columns, ['Time', '(invisible: U+200B)', '<b>'])
  assert.deepEqual(rows[0]?.cells, ['22 Nov 23:45–23:50', '2.00%', '2.00%'])
})

test('steps are said in their largest whole unit', () => {
  assert.deepEqual([60_000, 300_000, 3_600_000, 21_600_000, 86_400_000].map(stepText), [
    ...['1 minute', '5 minutes', '1 hour', '6 hours', '1 day'],
  ])
})
