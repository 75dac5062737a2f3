/** The trend: ratios of sums over time, for all campaigns together or each of the largest. */

import {
  measureOf,
  TREND_LINES,
  type TrendAnswer,
  type TrendLine,
} from '../../dashboard-definition.ts'
import { momentText, SECOND_US, shownStepUs } from '../steps.ts'
import { gridOf, sumsAt, WIDTH } from '../store/sums-table.ts'
import { rank } from './ranking.ts'
import { answeredRange, type View } from './view.ts'
import type { ViewSums } from './view-sums.ts'

export type LinesChoice = 'all' | 'campaigns'

const TREND_POINTS_MAX = 300

export function answerTrend(view: View, sums: ViewSums, choice: LinesChoice): TrendAnswer {
  const { span } = view
  const stepUs = shownStepUs(span, view.ladder, TREND_POINTS_MAX)
  const { originUs, points } = gridOf(span, stepUs)
  return {
    range: answeredRange(view),
    stepSeconds: stepUs / SECOND_US,
    starts: Array.from({ length: points }, (_, point) => momentText(originUs + point * stepUs)),
    lines:
      choice === 'all'
        ? [lineOf(null, sums.series(span, stepUs))]
        : largestLines(view, sums, stepUs),
  }
}

function largestLines({ span }: View, sums: ViewSums, stepUs: number): TrendLine[] {
  const { names } = sums
  const campaigns = sums.campaigns(span)
  const largest = rank(
    campaigns,
    { by: 'impressions', order: 'desc' },
    names.places(),
    0,
    TREND_LINES,
  )
  const codes = largest.map((position) => campaigns.codes[position] ?? 0)
  const lines = sums.lines(span, stepUs, codes)
  return lines.map((line, index) => lineOf(names.nameOf(codes[index] ?? 0), line))
}

/** `series` has four sums for each point. */
function lineOf(campaign: string | null, series: Float64Array): TrendLine {
  const points = Array.from({ length: series.length / WIDTH }, (_, point) =>
    sumsAt(series, point * WIDTH),
  )
  return {
    campaign,
    ctr: points.map((point) => measureOf('ctr', point)),
    cvr: points.map((point) => measureOf('cvr', point)),
    impressions: points.map(({ impressions }) => impressions),
    clicks: points.map(({ clicks }) => clicks),
    conversions: points.map(({ conversions }) => conversions),
  }
}
