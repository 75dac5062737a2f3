/**
 * Revenue as bars: the largest campaigns first, then a separate bar for all others. If that bar
 * would make the rest too small to read, it is cut, and marked as cut.
 */
import type { RevenueAnswer } from '../../dashboard-definition.ts'
import { campaignText } from '../campaign-name.ts'
import type { Format } from '../format.ts'
import type { TableContent } from './chart-table.ts'
import { countText } from './trend-text.ts'

export type RevenueBar = Readonly<{
  /** null for the others. */
  campaign: string | null
  name: string
  revenue: number
  /** In percent of the total; null if refunds make shares meaningless. */
  sharePercent: number | null
}>

export type RevenueModel = Readonly<{
  bars: readonly RevenueBar[]
  others: RevenueBar | null
  total: number
  /** Includes 0 and every bar that is not cut. */
  min: number
  max: number
  isCut: boolean
  /** There is neither revenue nor refunds. */
  isEmpty: boolean
}>

export const NO_REVENUE = 'No revenue in this range.'

/** How many times the longest bar the others' bar may be before it is cut. */
const OTHERS_STRETCH = 1.6

export function revenueModel(
  { campaigns, others, total }: RevenueAnswer,
  format: Format,
): RevenueModel {
  const hasRefunds = others.revenue < 0 || campaigns.some(({ revenue }) => revenue < 0)
  const shareOf = (revenue: number): number | null =>
    hasRefunds || total <= 0 ? null : (revenue * 100) / total
  const bars = campaigns.map(({ campaign, revenue }) => ({
    campaign,
    name: campaignText(campaign),
    revenue,
    sharePercent: shareOf(revenue),
  }))
  const rest =
    others.campaigns === 0
      ? null
      : {
          campaign: null,
          name: `Others (${countText(others.campaigns, 'campaign', format)})`,
          revenue: others.revenue,
          sharePercent: shareOf(others.revenue),
        }
  const revenues = bars.map(({ revenue }) => revenue)
  const longest = Math.max(0, ...revenues.map(Math.abs))
  const isCut = rest !== null && longest > 0 && Math.abs(rest.revenue) > longest * OTHERS_STRETCH
  const drawn = rest === null || isCut ? revenues : [...revenues, rest.revenue]
  return {
    bars,
    others: rest,
    total,
    min: Math.min(0, ...drawn),
    max: Math.max(0, ...drawn) || (Math.min(0, ...drawn) === 0 ? 1 : 0),
    isCut,
    isEmpty: longest === 0 && others.revenue === 0,
  }
}

/** A share without needless digits: `31%`, `0.4%`. */
export function shareText(sharePercent: number, locale: string): string {
  const digits = sharePercent > 0 && sharePercent < 10 ? 1 : 0
  const text = new Intl.NumberFormat(locale, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(sharePercent)
  return `${text}%`
}

export function describeRevenue(model: RevenueModel, format: Format): string {
  if (model.isEmpty) return `Revenue by campaign. ${NO_REVENUE}`
  const all = [...model.bars, ...(model.others === null ? [] : [model.others])]
  const bars = all.map(({ name, revenue }) => `${name} ${format.figure('revenue', revenue)}`)
  const total = format.figure('revenue', model.total)
  return `Revenue by campaign, largest first: ${bars.join('; ')}. Total ${total}.`
}

export function revenueTable(model: RevenueModel, format: Format): TableContent {
  const all = [...model.bars, ...(model.others === null ? [] : [model.others])]
  const rows = all.map(({ campaign, name, revenue, sharePercent }) => ({
    // A campaign may have any name, also the keys of the last two rows.
    key: campaign === null ? 'others' : `campaign ${campaign}`,
    cells: [
      name,
      format.figure('revenue', revenue),
      sharePercent === null ? '–' : shareText(sharePercent, format.locale),
    ],
  }))
  const total = { key: 'total', cells: ['Total', format.figure('revenue', model.total), ''] }
  return {
    caption: 'Revenue by campaign',
    columns: ['Campaign', 'Revenue', 'Share'],
    rows: [...rows, total],
  }
}
