/** How old an event may be for the job. */
import { KEEPS_ALL_US, keptFromUs } from '../event.ts'
import { type Lake, wholeFromUs } from '../table.ts'
import type { JobSettings } from './message.ts'

const MS_PER_DAY = 86_400_000
/** By how much a record of a topic may be older than the retention: the collector may have let it in on the day before. */
const SPARE_DAYS = 1

/**
 * The start of the oldest day that is kept, by arrival. What the folder holds the collector has judged, and what it accepted is
 * stored. A topic holds what others wrote past it: that is judged here, as far as it arrived since this start, so that a changed
 * setting reaches no event that was accepted under another. No event goes into a day that is no longer whole.
 */
export function openKeptFrom(
  settings: JobSettings,
  lake: Lake,
  startedUs: number,
): (arrivalUs: number) => number {
  const { events, metrics } = retentionDaysOf(settings)
  const retentions = [events, metrics].map((days) => (days === 0 ? 0 : days + SPARE_DAYS))
  const isJudged = settings.log.kind === 'kafka'
  return (arrivalUs) => {
    const wholeUs = wholeFromUs(lake.events) ?? KEEPS_ALL_US
    if (!isJudged || arrivalUs < startedUs) return wholeUs
    return Math.max(wholeUs, keptFromUs(arrivalUs, ...retentions))
  }
}

export function retentionDaysOf(
  settings: JobSettings,
): Readonly<{ events: number; metrics: number }> {
  const { retentionEventsMs, retentionMetricsMs } = settings
  return { events: retentionEventsMs / MS_PER_DAY, metrics: retentionMetricsMs / MS_PER_DAY }
}
