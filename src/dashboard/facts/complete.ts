/**
 * How far figures are complete: windows that ended so long ago that what belongs to them has arrived, as far as anybody can
 * know. The page, the API and the event stream all ask here, so that they never disagree.
 */
import type { TimeSpan } from '../../event.ts'

/** Events are taken to be under way for so long. */
const UNDER_WAY_US = 10_000_000

export type Sight = Readonly<{
  nowUs: number
  /** Events wait that are not in the figures yet. */
  waiting: boolean
  /** When the last event in the figures arrived; null before the first. */
  arrivedUs: number | null
}>

/**
 * Everything that arrived before this moment is in the figures. With nothing waiting that is now; and it never goes
 * back: the first event after a quiet hour does not make that hour unknown again.
 */
export function seenUntilUs(previousUs: number, { nowUs, waiting, arrivedUs }: Sight): number {
  const seenUs = waiting ? (arrivedUs ?? Number.NEGATIVE_INFINITY) : nowUs
  return Math.max(previousUs, seenUs)
}

/** Windows that end at or before this moment are complete. -Infinity while nothing has been seen. */
export function completeToUs(seenUs: number, windowUs: number): number {
  return Math.floor((seenUs - UNDER_WAY_US) / windowUs) * windowUs
}

/** The same within a stretch: `fromUs` where nothing of it is complete, `toUs` where all of it is. */
export function completeWithin({ fromUs, toUs }: TimeSpan, completeUs: number): number {
  return Math.min(Math.max(completeUs, fromUs), toUs)
}
