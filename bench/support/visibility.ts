/** From when an event was due to be sent until a reader of the tables can see it. */
import type { Sighting } from './children.ts'
import { type Percentiles, percentiles } from './histogram.ts'
import type { LoadReport } from './load.ts'

/**
 * An event is visible once a snapshot's next offset covers it. Its own
 * offset is not known, but is at most the number of events sent when its answer came. That bound is
 * used, so the result is never too early.
 */
export function visibility(
  load: LoadReport,
  base: number,
  sightings: readonly Sighting[],
): Percentiles {
  const values = load.trace.map(([dueMs, sentEvents]) => {
    const offset = base + Math.min(sentEvents, load.events)
    const seen = firstAtLeast(sightings, offset)
    return seen === undefined ? Number.POSITIVE_INFINITY : seen[0] - dueMs
  })
  return percentiles(values)
}

/** Next offsets ascend. */
function firstAtLeast(sightings: readonly Sighting[], offset: number): Sighting | undefined {
  let [low, high] = [0, sightings.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sightings[middle]?.[1] ?? Infinity) >= offset) high = middle
    else low = middle + 1
  }
  return sightings[low]
}
