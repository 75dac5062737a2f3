/** Revenue by campaign: the largest campaigns, and all others together. */

import type { RevenueAnswer } from '../../dashboard-definition.ts'
import { TOP_CAMPAIGNS } from '../../dashboard-definition.ts'
import { addSums, sumsAt, WIDTH } from '../store/sums-table.ts'
import { rank } from './ranking.ts'
import { answeredRange, type View } from './view.ts'
import type { ViewSums } from './view-sums.ts'

export function answerRevenue(view: View, sums: ViewSums): RevenueAnswer {
  const { names } = sums
  const campaigns = sums.campaigns(view.span)
  const { codes } = campaigns
  const places = names.places()
  const top = rank(campaigns, { by: 'revenue', order: 'desc' }, places, 0, TOP_CAMPAIGNS)
  const [total, others] = [new Float64Array(WIDTH), new Float64Array(WIDTH)]
  const isTop = new Set(top)
  for (let position = 0; position < codes.length; position++) {
    addSums(total, 0, campaigns.sums, position * WIDTH)
    if (!isTop.has(position)) addSums(others, 0, campaigns.sums, position * WIDTH)
  }
  return {
    range: answeredRange(view),
    total: sumsAt(total, 0).revenue,
    campaigns: top.map((position) => ({
      campaign: names.nameOf(codes[position] ?? 0),
      revenue: sumsAt(campaigns.sums, position * WIDTH).revenue,
    })),
    others: { campaigns: codes.length - top.length, revenue: sumsAt(others, 0).revenue },
  }
}
