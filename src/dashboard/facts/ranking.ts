/**
 * Campaigns in an order, of which only a page is wanted: the page's first and last key are found by sorting bare numbers,
 * which is quick, and only what lies between them is put in order exactly.
 */
import { type MeasureId, measureOf } from '../../dashboard-definition.ts'
import { sumsAt, WIDTH } from './sums-table.ts'
import type { CampaignSums } from './view-sums.ts'

export type Sorting = Readonly<{ by: 'campaign' | MeasureId; order: 'asc' | 'desc' }>

/**
 * Positions in `campaigns`, from `start` to before `end` in this order. Where a measure is null a campaign comes last
 * either way; equals are in the order of their names, whose places are given by code.
 */
export function rank(
  campaigns: CampaignSums,
  sorting: Sorting,
  places: Uint32Array,
  start: number,
  end: number,
): readonly number[] {
  const keys = sortingKeys(campaigns, sorting, places)
  const last = Math.min(end, keys.length) - 1
  if (last < start) return []
  const sorted = keys.slice().sort()
  const [low, high] = [sorted[start] as number, sorted[last] as number] // start <= last < length
  let before = 0
  const between: number[] = []
  for (let position = 0; position < keys.length; position++) {
    const key = keys[position] as number // below its length
    if (key < low) before++
    else if (key <= high) between.push(position)
  }
  const placeOf = (position: number): number => places[campaigns.codes[position] ?? 0] ?? 0
  between.sort((a, b) => {
    const [x, y] = [keys[a] as number, keys[b] as number] // positions of keys
    return x === y ? placeOf(a) - placeOf(b) : x < y ? -1 : 1
  })
  return between.slice(start - before, last + 1 - before)
}

/** Numbers whose ascending order is the order wanted. */
function sortingKeys(
  { codes, sums }: CampaignSums,
  { by, order }: Sorting,
  places: Uint32Array,
): Float64Array {
  const sign = order === 'asc' ? 1 : -1
  const keys = new Float64Array(codes.length)
  for (let position = 0; position < codes.length; position++) {
    const value =
      by === 'campaign'
        ? (places[codes[position] ?? 0] ?? 0)
        : measureOf(by, sumsAt(sums, position * WIDTH))
    keys[position] = value === null ? Number.POSITIVE_INFINITY : value * sign
  }
  return keys
}
