/**
 * Which stretch of time a range is in a zone, and which one it is compared with.
 *
 *   range          at 10:22 on Wednesday 25 November   compared with `previous`
 *   1 h            09:25 – 10:25                        08:25 – 09:25
 *   Today          25 Nov 00:00 – 10:25                 24 Nov 00:00 – 10:25
 *   7 d            19 Nov 00:00 – 25 Nov 10:25          12 Nov 00:00 – 18 Nov 10:25
 *   This week      23 Nov 00:00 – 25 Nov 10:25          16 Nov 00:00 – 18 Nov 10:25
 *   Last weekend   21 Nov – 22 Nov                      14 Nov – 15 Nov
 *   This month      1 Nov 00:00 – 25 Nov 10:25           1 Oct 00:00 – 25 Oct 10:25
 *   Last month      1 Oct – 31 Oct                       1 Sep – 30 Sep
 */
import {
  addMonths,
  DAY_MS,
  dayOf,
  firstOfMonth,
  firstOfWeek,
  momentOf,
  onDay,
  type Stretch,
  startOfDay,
  stretchOfDays,
  type Weekday,
  wallOf,
} from './calendar.ts'
import { RANGES, type RangeId } from './definition.ts'

/** How a period is counted: by the clock, or in days, weeks or months of the zone's calendar. */
export type Period = Stretch & Readonly<{ by: 'time' | 'day' | 'week' | 'month' }>

type Clock = Readonly<{ nowMs: number; zone: string; weekStart: Weekday; windowMs: number }>

const WEEK_DAYS = 7
const YEAR_MONTHS = 12
const MONDAY: Weekday = 1

/** A range that is not over ends with the window that is filling now. */
export function periodOf(id: RangeId, { nowMs, zone, weekStart, windowMs }: Clock): Period {
  const range = RANGES.find((one) => one.id === id)
  if (range === undefined) throw new TypeError(`the definition has no range ${id}`)
  const fillingMs = (Math.floor(nowMs / windowMs) + 1) * windowMs
  if (range.by === 'time') {
    return { fromMs: fillingMs - range.seconds * 1000, toMs: fillingMs, by: 'time' }
  }
  const [first, last] = daysOf(range, dayOf(nowMs, zone), weekStart)
  const { fromMs, toMs } = stretchOfDays(first, last, zone)
  const by = range.by === 'weekend' ? 'week' : range.by
  return { fromMs, toMs: Math.min(toMs, fillingMs), by }
}

type DayRange = Exclude<(typeof RANGES)[number], { by: 'time' }>

function daysOf(range: DayRange, today: number, weekStart: Weekday): readonly [number, number] {
  const { by, ago } = range
  switch (by) {
    case 'day':
      return [today - ago - range.days + 1, today - ago]
    case 'week': {
      const first = firstOfWeek(today, weekStart) - ago * WEEK_DAYS
      return [first, first + WEEK_DAYS - 1]
    }
    case 'weekend': {
      const monday = firstOfWeek(today, MONDAY) - (ago - 1) * WEEK_DAYS
      return [monday - 2, monday - 1]
    }
    case 'month':
      return [firstOfMonth(today, -ago), firstOfMonth(today, 1 - ago) - 1]
    default:
      return by satisfies never
  }
}

/** A choice of days by hand, both included. */
export function periodOfDays(firstDay: number, lastDay: number, zone: string): Period {
  return { ...stretchOfDays(firstDay, lastDay, zone), by: 'day' }
}

export const COMPARISONS = [
  { id: 'previous', label: 'Period before' },
  { id: 'weekdays', label: 'Same weekdays' },
  { id: 'year', label: 'A year ago' },
  { id: 'none', label: 'Nothing' },
] as const

export type CompareId = (typeof COMPARISONS)[number]['id']

export const DEFAULT_COMPARE: CompareId = 'previous'

/**
 * What the part of a period that ends at `endMs` is compared with; null for nothing. A period by
 * the clock is compared with one of the same length, days with days up to the same wall time: a day
 * of 25 hours with one of 24.
 */
export function comparedWith(
  period: Period,
  endMs: number,
  compare: CompareId,
  zone: string,
): Stretch | null {
  if (compare === 'none') return null
  const { fromMs, by } = period
  if (by === 'time') {
    const startMs = startByClock(period, compare, zone)
    return { fromMs: startMs, toMs: startMs + (endMs - fromMs) }
  }
  const earlier = dayBefore(period, compare, zone)
  const startMs = onDay(fromMs, earlier(dayOf(fromMs, zone)), zone)
  if (endMs <= fromMs) return { fromMs: startMs, toMs: startMs }
  const toMs = by === 'month' ? endInMonth(endMs, earlier, zone) : endOnDay(endMs, earlier, zone)
  return { fromMs: startMs, toMs }
}

/** A kind of comparison that has something to compare with. */
type Compared = Exclude<CompareId, 'none'>

function startByClock({ fromMs, toMs }: Period, compare: Compared, zone: string): number {
  const day = dayOf(fromMs, zone)
  const sameTime = (other: number): number =>
    momentOf(wallOf(fromMs, zone) + (other - day) * DAY_MS, zone)
  switch (compare) {
    case 'previous':
      return fromMs - (toMs - fromMs)
    case 'weekdays':
      return sameTime(day - wholeWeeks((toMs - fromMs) / DAY_MS))
    case 'year':
      return sameTime(addMonths(day, -YEAR_MONTHS))
    default:
      return compare satisfies never
  }
}

/** Which day a day is compared with. */
function dayBefore(
  { fromMs, toMs, by }: Period,
  compare: Compared,
  zone: string,
): (day: number) => number {
  // The last millisecond of a period belongs to its last day.
  const days = dayOf(toMs - 1, zone) - dayOf(fromMs, zone) + 1
  switch (compare) {
    case 'previous':
      if (by === 'month') return (day) => addMonths(day, -1)
      return by === 'week' ? (day) => day - wholeWeeks(days) : (day) => day - days
    case 'weekdays':
      return (day) => day - wholeWeeks(days)
    case 'year':
      return (day) => addMonths(day, -YEAR_MONTHS)
    default:
      return compare satisfies never
  }
}

/** As many days as the weeks have that so many days need. */
function wholeWeeks(days: number): number {
  return Math.max(1, Math.ceil(days / WEEK_DAYS)) * WEEK_DAYS
}

/** A whole last day is compared with a whole one, also around 29 February. */
function endOnDay(endMs: number, earlier: (day: number) => number, zone: string): number {
  const last = dayOf(endMs - 1, zone)
  const isWhole = endMs === startOfDay(last + 1, zone)
  return isWhole ? startOfDay(earlier(last) + 1, zone) : onDay(endMs, earlier(last), zone)
}

/** A day that the earlier month does not have is compared with the end of that month. */
function endInMonth(endMs: number, earlier: (day: number) => number, zone: string): number {
  const day = dayOf(endMs, zone)
  const found = earlier(day)
  const isMissing = earlier(day - 1) === found
  return isMissing ? startOfDay(found + 1, zone) : onDay(endMs, found, zone)
}
