/**
 * Sorts campaigns when only a page of them is needed. Sorting bare numbers, which is fast, gives
 * the first and last key of the page; only campaigns between the two are then sorted exactly.
 */
import {
  type ChangeId,
  changedMeasure,
  type MeasureId,
  measureOf,
} from '../../dashboard-definition.ts'
import { sumsAt, WIDTH } from '../store/sums-table.ts'
import { type Change, type Changes, NO_CHANGES } from './changes.ts'
import type { CampaignSums } from './view-sums.ts'

export type Sorting = Readonly<{ by: 'campaign' | MeasureId | ChangeId; order: 'asc' | 'desc' }>

export function isByChange({ by }: Sorting): boolean {
  return changedMeasure(by) !== null
}

/**
 * Positions in `campaigns` in this order, `[start, end)`. A campaign whose measure is null comes
 * last in both directions, and before it one whose change is uncertain. Equal campaigns are sorted
 * by name; `places` is the order of names, by code.
 */
export function rank(
  campaigns: CampaignSums,
  sorting: Sorting,
  places: Uint32Array,
  start: number,
  end: number,
  changes: Changes = NO_CHANGES,
): readonly number[] {
  const placeOf = (position: number): number => places[campaigns.codes[position] ?? 0] ?? 0
  const changed = changedMeasure(sorting.by)
  if (changed !== null) {
    const sign = sorting.order === 'asc' ? 1 : -1
    const found = Array.from(campaigns.codes, (code) => changes.of(code, changed))
    return [...found.keys()]
      .sort((a, b) => compareChanges(found[a], found[b], sign) || placeOf(a) - placeOf(b))
      .slice(start, end)
  }
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
  between.sort((a, b) => {
    const [x, y] = [keys[a] as number, keys[b] as number] // positions of keys
    return x === y ? placeOf(a) - placeOf(b) : x < y ? -1 : 1
  })
  return between.slice(start - before, last + 1 - before)
}

/** Certain changes, then uncertain ones, then those that are not known. */
function compareChanges(a: Change | undefined, b: Change | undefined, sign: number): number {
  const [x, y] = [a?.percent ?? null, b?.percent ?? null]
  if (x === null || y === null) return Number(x === null) - Number(y === null)
  return Number(a?.isUncertain) - Number(b?.isUncertain) || sign * (x - y)
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
        : measureOf(by as MeasureId, sumsAt(sums, position * WIDTH)) // no change
    keys[position] = value === null ? Number.POSITIVE_INFINITY : value * sign
  }
  return keys
}
