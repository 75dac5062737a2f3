/** How old an event may be for the job. */
import { KEEPS_ALL_US, keptFromUs } from '../event.ts'
import { type Lake, wholeFromUs } from '../table.ts'
import type { JobSettings } from './message.ts'

const MS_PER_DAY = 86_400_000
const SPARE_DAYS = 1

/**
 * The retention of both tables in days, 0 for ever. A topic may hold events that the collector let in on the day before they reached
 * it: these find their day a day longer.
 */
export function retentionDaysOf(
  settings: JobSettings,
): Readonly<{ events: number; metrics: number }> {
  const spareDays = settings.log.kind === 'kafka' ? SPARE_DAYS : 0
  const daysOf = (ms: number): number => (ms === 0 ? 0 : ms / MS_PER_DAY + spareDays)
  return {
    events: daysOf(settings.retentionEventsMs),
    metrics: daysOf(settings.retentionMetricsMs),
  }
}

/**
 * The start of the oldest day that is kept, by arrival. What the folder holds the collector has judged, and what it accepted is
 * stored. A topic holds what others wrote past it: that is judged here, as far as it arrived since this start, so that a changed
 * setting reaches no event that was accepted under another. No event goes into a day that is no longer whole.
 */
export function openKeptFrom(
  settings: JobSettings,
  lake: Pick<Lake, 'events'>,
  startedUs: number,
): (arrivalUs: number) => number {
  const { events, metrics } = retentionDaysOf(settings)
  const isJudged = settings.log.kind === 'kafka'
  return (arrivalUs) => {
    const wholeUs = wholeFromUs(lake.events) ?? KEEPS_ALL_US
    if (!isJudged || arrivalUs < startedUs) return wholeUs
    return Math.max(wholeUs, keptFromUs(arrivalUs, events, metrics))
  }
}
