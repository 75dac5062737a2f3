/**
 * Sorts campaigns when only a page of them is needed. Sorting bare numbers, which is fast, gives
 * the first and last key of the page; only campaigns between the two are then sorted exactly.
 */
import { type MeasureId, measureOf } from '../../dashboard-definition.ts'
import { sumsAt, WIDTH } from '../store/sums-table.ts'
import type { CampaignSums } from './view-sums.ts'

export type Sorting = Readonly<{ by: 'campaign' | MeasureId; order: 'asc' | 'desc' }>

/**
 * Positions in `campaigns` in this order, `[start, end)`. A campaign whose measure is null comes
 * last in both directions. Equal campaigns are sorted by name; `places` is the order of names, by
 * code.
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

/** Numbers that ascend in the wanted order. */
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
