/** The campaign table: a sorted page of the campaigns that match a search, and totals of all. */
import { type CampaignsAnswer, type Figures, searchText } from '../../dashboard-definition.ts'
import type { CampaignNames } from '../store/campaign-names.ts'
import { addSums, WIDTH } from '../store/sums-table.ts'
import { type Compared, changesOf, comparedOf, comparisonOf, NO_CHANGE } from './comparison.ts'
import { rank, type Sorting } from './ranking.ts'
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
  const changes = changesBy(compared, sums, search)
  return {
    range: answeredRange(view),
    page,
    size,
    matched: matching.codes.length,
    rows: rowsOf(matching, names, sorting, start, start + size).map((row) => ({
      ...row,
      change: changes.of(row.campaign),
    })),
    totals: { ...figuresAt(sumOf(matching), 0), change: changes.ofAll },
    comparison: comparisonOf(view, compared),
  }
}

type Changes = Readonly<{ of: (campaign: string) => Figures; ofAll: Figures }>

/** The totals are of all that match in either period. */
function changesBy({ now, then, reason }: Compared, sums: ViewSums, search: string): Changes {
  if (then === null || reason !== null) return { of: () => NO_CHANGE, ofAll: NO_CHANGE }
  const { names } = sums
  const [later, earlier] = [now, then].map((stretch) => {
    const found = matchNames(sums.campaigns(stretch), names, search)
    const positions = new Map([...found.codes].map((code, position) => [code, position]))
    const figuresOf = (code: number): Figures => {
      const position = positions.get(code)
      return position === undefined ? NONE : figuresAt(found.sums, position * WIDTH)
    }
    return { figuresOf, total: figuresAt(sumOf(found), 0) }
  }) as [PeriodFigures, PeriodFigures] // one for each stretch
  return {
    of: (campaign) => {
      const code = names.find(campaign) ?? -1
      return changesOf(earlier.figuresOf(code), later.figuresOf(code))
    },
    ofAll: changesOf(earlier.total, later.total),
  }
}

type PeriodFigures = Readonly<{ figuresOf: (code: number) => Figures; total: Figures }>

const NONE: Figures = figuresAt(new Float64Array(WIDTH), 0)

function sumOf(campaigns: CampaignSums): Float64Array {
  const total = new Float64Array(WIDTH)
  for (let at = 0; at < campaigns.sums.length; at += WIDTH) addSums(total, 0, campaigns.sums, at)
  return total
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
