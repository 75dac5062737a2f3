/** The campaign table: a sorted page of the campaigns that match a search, and totals of all. */
import { type CampaignsAnswer, type Figures, searchText } from '../../dashboard-definition.ts'
import type { CampaignNames } from '../store/campaign-names.ts'
import { addSums, WIDTH } from '../store/sums-table.ts'
import { changedBy, changesBetween, NO_CHANGES, sumOf } from './changes.ts'
import { comparedOf, comparisonOf } from './comparison.ts'
import { isByChange, rank, type Sorting } from './ranking.ts'
import { answeredRange, figuresAt, type View } from './view.ts'
import type { CampaignSums, ViewSums } from './view-sums.ts'

export type CampaignList = Readonly<{ sorting: Sorting; search: string }>
export type CampaignPage = CampaignList & Readonly<{ page: number; size: number }>

export type CampaignRow = Readonly<{ campaign: string }> & Figures

export function answerCampaigns(
  view: View,
  sums: ViewSums,
  { sorting, search, page, size }: CampaignPage,
): CampaignsAnswer {
  const { names } = sums
  const matching = matchNames(sums.campaigns(view.span), names, search)
  const start = (page - 1) * size
  const compared = comparedOf(view)
  const changes = changesBetween(compared, sums, (all) => matchNames(all, names, search))
  const shown = rank(matching, sorting, names.places(), start, start + size, changes)
  return {
    range: answeredRange(view),
    page,
    size,
    matched: matching.codes.length,
    rows: shown.map((position) => ({
      ...rowAt(matching, names, position),
      ...changedBy((id) => changes.of(matching.codes[position] ?? 0, id)),
    })),
    // The changes are of all that match in either period.
    totals: { ...figuresAt(sumOf(matching), 0), ...changedBy(changes.ofAll) },
    comparison: comparisonOf(view, compared),
  }
}

/** All that match, sorted. */
export function listCampaigns(
  view: View,
  sums: ViewSums,
  { sorting, search }: CampaignList,
): readonly CampaignRow[] {
  const { names } = sums
  const matching = matchNames(sums.campaigns(view.span), names, search)
  const changes = isByChange(sorting) ? changesBetween(comparedOf(view), sums) : NO_CHANGES
  const all = rank(matching, sorting, names.places(), 0, matching.codes.length, changes)
  return all.map((position) => rowAt(matching, names, position))
}

function rowAt(campaigns: CampaignSums, names: CampaignNames, position: number): CampaignRow {
  return {
    campaign: names.nameOf(campaigns.codes[position] ?? 0),
    ...figuresAt(campaigns.sums, position * WIDTH),
  }
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
