/** What windows gain, from several sources together. */
import type { WindowDelta } from '../event.ts'
import { keyOf } from '../event.ts'

/** Each window once; in each of the lists it stands once already. */
export function sumDeltas(lists: readonly (readonly WindowDelta[])[]): readonly WindowDelta[] {
  const [first = [], ...others] = lists.filter((list) => list.length > 0)
  if (others.length === 0) return first
  const sums = new Map(first.map((delta) => [keyOf(delta), delta]))
  for (const delta of others.flat()) {
    const key = keyOf(delta)
    const sum = sums.get(key)
    sums.set(key, sum === undefined ? delta : addDelta(sum, delta))
  }
  return [...sums.values()]
}

function addDelta(a: WindowDelta, b: WindowDelta): WindowDelta {
  return {
    campaignId: a.campaignId,
    windowStartUs: a.windowStartUs,
    impressions: a.impressions + b.impressions,
    clicks: a.clicks + b.clicks,
    conversions: a.conversions + b.conversions,
    revenueMillionths: a.revenueMillionths + b.revenueMillionths,
  }
}
