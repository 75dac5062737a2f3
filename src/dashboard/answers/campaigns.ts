/** The campaign table: a sorted page of the campaigns that match a search, and totals of all. */
import { type CampaignsAnswer, searchText } from '../../dashboard-definition.ts'
import type { CampaignNames } from '../store/campaign-names.ts'
import { addSums, WIDTH } from '../store/sums-table.ts'
import { rank, type Sorting } from './ranking.ts'
import { answeredRange, figuresAt, type View } from './view.ts'
import type { CampaignSums, ViewSums } from './view-sums.ts'

export type CampaignList = Readonly<{ sorting: Sorting; search: string }>
export type CampaignPage = CampaignList & Readonly<{ page: number; size: number }>

export type CampaignRow = CampaignsAnswer['rows'][number]

export function answerCampaigns(
  view: View,
  sums: ViewSums,
  { sorting, search, page, size }: CampaignPage,
): CampaignsAnswer {
  const { names } = sums
  const matching = matchNames(sums.campaigns(view.span), names, search)
  const start = (page - 1) * size
  const totals = new Float64Array(WIDTH)
  for (let at = 0; at < matching.sums.length; at += WIDTH) addSums(totals, 0, matching.sums, at)
  return {
    range: answeredRange(view),
    page,
    size,
    matched: matching.codes.length,
    rows: rowsOf(matching, names, sorting, start, start + size),
    totals: figuresAt(totals, 0),
  }
}

/** All that match, sorted. */
export function listCampaigns(
  view: View,
  sums: ViewSums,
  { sorting, search }: CampaignList,
): readonly CampaignRow[] {
  const matching = matchNames(sums.campaigns(view.span), sums.names, search)
  return rowsOf(matching, sums.names, sorting, 0, matching.codes.length)
}

function rowsOf(
  campaigns: CampaignSums,
  names: CampaignNames,
  sorting: Sorting,
  start: number,
  end: number,
): readonly CampaignRow[] {
  return rank(campaigns, sorting, names.places(), start, end).map((position) => ({
    campaign: names.nameOf(campaigns.codes[position] ?? 0),
    ...figuresAt(campaigns.sums, position * WIDTH),
  }))
}

/** Campaigns whose name or id contains the text; case and accents are ignored. */
function matchNames(campaigns: CampaignSums, names: CampaignNames, search: string): CampaignSums {
  if (search === '') return campaigns
  const wanted = searchText(search)
  const positions: number[] = []
  for (const [position, code] of campaigns.codes.entries()) {
    if (names.searchedTextOf(code).includes(wanted)) positions.push(position)
  }
  const sums = new Float64Array(positions.length * WIDTH)
  for (const [index, position] of positions.entries()) {
    addSums(sums, index * WIDTH, campaigns.sums, position * WIDTH)
  }
  return { codes: Uint32Array.from(positions, (position) => campaigns.codes[position] ?? 0), sums }
}
