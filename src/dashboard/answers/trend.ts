/** The trend: sums over time, for all campaigns together or for each of a few. */

import {
  type SumColumn,
  TREND_LINES,
  type TrendAnswer,
  type TrendLine,
} from '../../dashboard-definition.ts'
import { pointsOf } from '../points.ts'
import { momentText, SECOND_US } from '../steps.ts'
import { addSums, sumsAt, WIDTH } from '../store/sums-table.ts'
import { rank } from './ranking.ts'
import { answeredRange, type View } from './view.ts'
import type { CampaignSums, ViewSums } from './view-sums.ts'

/** `by` is the sum by which campaigns are ranked. */
export type TrendLines = Readonly<{ lines: 'all' | 'campaigns'; by: SumColumn }>

export function answerTrend(view: View, sums: ViewSums, { lines, by }: TrendLines): TrendAnswer {
  const { span } = view
  const { startsUs, stepUs } = pointsOf(span, view.zone)
  return {
    range: answeredRange(view),
    stepSeconds: stepUs / SECOND_US,
    starts: startsUs.map(momentText),
    lines:
      lines === 'all'
        ? [lineOf(null, sums.series(span, startsUs))]
        : campaignLines(view, sums, startsUs, by),
  }
}

function campaignLines(
  { span }: View,
  sums: ViewSums,
  startsUs: readonly number[],
  by: SumColumn,
): TrendLine[] {
  const codes = lineCodes(sums, sums.campaigns(span), by, TREND_LINES)
  if (sums.hasChoice && codes.length < TREND_LINES) {
    // One line says little about how good a campaign is: the largest others are beside it.
    const others = sums.campaigns(span, 'others')
    codes.push(...lineCodes(sums, others, by, TREND_LINES - codes.length))
  }
  const lines = sums.lines(span, startsUs, codes)
  return lines.map((line, index) => lineOf(sums.names.nameOf(codes[index] ?? 0), line))
}

/** The largest of some campaigns. */
function lineCodes(
  { names }: ViewSums,
  campaigns: CampaignSums,
  by: SumColumn,
  countMax: number,
): number[] {
  const largest = rank(campaigns, { by, order: 'desc' }, names.places(), 0, countMax)
  return largest.map((position) => campaigns.codes[position] ?? 0)
}

/** `series` has four sums for each point. */
function lineOf(campaign: string | null, series: Float64Array): TrendLine {
  const totals = new Float64Array(WIDTH)
  for (let at = 0; at < series.length; at += WIDTH) addSums(totals, 0, series, at)
  const points = Array.from({ length: series.length / WIDTH }, (_, point) =>
    sumsAt(series, point * WIDTH),
  )
  return {
    campaign,
    totals: sumsAt(totals, 0),
    impressions: points.map(({ impressions }) => impressions),
    clicks: points.map(({ clicks }) => clicks),
    conversions: points.map(({ conversions }) => conversions),
    revenue: points.map(({ revenue }) => revenue),
  }
}
