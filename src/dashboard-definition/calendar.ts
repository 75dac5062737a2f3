/**
 * Calendar arithmetic in a time zone, for server and page alike: JavaScript's dates know only UTC
 * and the machine's zone.
 *
 *   moment   milliseconds since 1970-01-01T00:00Z
 *   wall     what the zone's clocks show at a moment, counted as if it were UTC
 *   day      days since 1970-01-01 on the zone's calendar
 *
 * A day begins at the first moment whose wall time is not before its midnight. So a day without a
 * midnight (America/Santiago, 6 September 2026) begins at 01:00, a midnight that comes twice counts
 * once, and a day that a zone skipped (Pacific/Apia, 30 December 2011) is empty.
 */

export const MINUTE_MS = 60_000
export const HOUR_MS: number = 60 * MINUTE_MS
export const DAY_MS: number = 24 * HOUR_MS
const WEEK_DAYS = 7

/** A stretch of time, `[fromMs, toMs)`. */
export type Stretch = Readonly<{ fromMs: number; toMs: number }>

/** IANA names only: offsets such as `+01:00` are no zones of readers. */
export function isZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false
  try {
    clockOf(name)
    return true
  } catch {
    return false
  }
}

/** How far the zone is ahead of UTC at a moment. */
export function offsetMs(ms: number, zone: string): number {
  if (zone === 'UTC') return 0
  const part = Object.fromEntries(
    clockOf(zone)
      .formatToParts(ms)
      .map(({ type, value }) => [type, value]),
  )
  const number = (name: string): number => Number(part[name] ?? 0)
  const year = part.era === 'B' ? 1 - number('year') : number('year')
  const wall = new Date(0)
  // Not Date.UTC, which takes years below 100 for those of the 20th century.
  wall.setUTCFullYear(year, number('month') - 1, number('day'))
  wall.setUTCHours(number('hour'), number('minute'), number('second'))
  return wall.getTime() - Math.floor(ms / 1000) * 1000
}

export function wallOf(ms: number, zone: string): number {
  return ms + offsetMs(ms, zone)
}

/**
 * The first moment whose wall time is not before this one: the end of the gap if a clock change
 * skips it, the first of two if it comes twice.
 */
export function momentOf(wallMs: number, zone: string): number {
  // No zone is more than a day ahead of UTC or behind it.
  const before = offsetMs(wallMs - DAY_MS, zone)
  const after = offsetMs(wallMs + DAY_MS, zone)
  const earlier = wallMs - Math.max(before, after)
  const later = wallMs - Math.min(before, after)
  if (earlier === later) return earlier
  if (wallOf(earlier, zone) === wallMs) return earlier
  if (wallOf(later, zone) === wallMs) return later
  return endOfGap(earlier, later, wallMs, zone)
}

/** Clock changes are at whole seconds. */
function endOfGap(earlierMs: number, laterMs: number, wallMs: number, zone: string): number {
  let [low, high] = [Math.floor(earlierMs / 1000), Math.ceil(laterMs / 1000)]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (wallOf(middle * 1000, zone) >= wallMs) high = middle
    else low = middle
  }
  return high * 1000
}

export function dayOf(ms: number, zone: string): number {
  return Math.floor(wallOf(ms, zone) / DAY_MS)
}

export function startOfDay(day: number, zone: string): number {
  return momentOf(day * DAY_MS, zone)
}

/** From the midnight that begins the first day to the one that ends the last. */
export function stretchOfDays(firstDay: number, lastDay: number, zone: string): Stretch {
  return { fromMs: startOfDay(firstDay, zone), toMs: startOfDay(lastDay + 1, zone) }
}

/**
 * The same time on another day of the zone. The first moment of a day, whatever its clocks show
 * then, becomes the first moment of the other.
 */
export function onDay(ms: number, day: number, zone: string): number {
  const own = dayOf(ms, zone)
  if (ms === startOfDay(own, zone)) return startOfDay(day, zone)
  return momentOf(wallOf(ms, zone) + (day - own) * DAY_MS, zone)
}

/**
 * The same day of the month, so many months later; the last day of that month where it has no such
 * day.
 */
export function addMonths(day: number, months: number): number {
  const { year, month, dayOfMonth } = partsOfDay(day)
  const nextMonth = dayFrom(year, month + months + 1, 1)
  return Math.min(dayFrom(year, month + months, dayOfMonth), nextMonth - 1)
}

/** `month` from 0; months beyond a year belong to the next. */
function dayFrom(year: number, month: number, dayOfMonth: number): number {
  return new Date(0).setUTCFullYear(year, month, dayOfMonth) / DAY_MS
}

function partsOfDay(day: number): { year: number; month: number; dayOfMonth: number } {
  const date = new Date(day * DAY_MS)
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth(),
    dayOfMonth: date.getUTCDate(),
  }
}

/** The first day of the month of a day, or of one so many months later. */
export function firstOfMonth(day: number, months = 0): number {
  const { year, month } = partsOfDay(day)
  return dayFrom(year, month + months, 1)
}

/** 1 is Monday, 7 is Sunday, as in ISO 8601. */
export type Weekday = 1 | 2 | 3 | 4 | 5 | 6 | 7

/** In the order of their numbers. */
export const WEEKDAYS = [
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday',
  'sunday',
] as const

export function weekdayOf(day: number): Weekday {
  // 1970-01-01 was a Thursday.
  return (((((day + 3) % WEEK_DAYS) + WEEK_DAYS) % WEEK_DAYS) + 1) as Weekday // 1 to 7
}

export function firstOfWeek(day: number, weekStart: Weekday): number {
  return day - ((weekdayOf(day) - weekStart + WEEK_DAYS) % WEEK_DAYS)
}

/** `2026-11-22` */
export function dayText(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10)
}

/** Null if there is no such day. */
export function parseDay(text: string): number | null {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return null
  const ms = Date.parse(`${text}T00:00:00Z`)
  return Number.isFinite(ms) && dayText(ms / DAY_MS) === text ? ms / DAY_MS : null
}

/** An offset that holds for less than this may be missed. */
const SAMPLE_MS = WEEK_DAYS * DAY_MS

/** The offsets that a zone has in a stretch, each once. */
export function offsetsIn({ fromMs, toMs }: Stretch, zone: string): readonly number[] {
  const offsets = new Set([offsetMs(fromMs, zone), offsetMs(toMs, zone)])
  if (zone !== 'UTC') {
    for (let ms = fromMs + SAMPLE_MS; ms < toMs; ms += SAMPLE_MS) offsets.add(offsetMs(ms, zone))
  }
  return [...offsets]
}

/** `UTC+5:45`, `UTC−3:30` */
export function offsetText(ms: number): string {
  const size = Math.abs(ms)
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0')
  const seconds = (size % MINUTE_MS) / 1000
  const text = `${Math.floor(size / HOUR_MS)}:${two((size % HOUR_MS) / MINUTE_MS)}`
  return `UTC${ms < 0 ? '−' : '+'}${text}${seconds === 0 ? '' : `:${two(seconds)}`}`
}

/**
 * Why a zone cannot be shown: figures are kept by window, so a day can only begin where a window
 * does. Null if it can.
 */
export function zoneFault(zone: string, windowMs: number, stretch: Stretch): string | null {
  const odd = offsetsIn(stretch, zone).find((offset) => offset % windowMs !== 0)
  if (odd === undefined) return null
  return (
    `${zone} is ${offsetText(odd)}, which is no multiple of the window of ` +
    `${windowText(windowMs)}: its days begin within a window`
  )
}

function windowText(ms: number): string {
  if (ms % HOUR_MS === 0) return `${ms / HOUR_MS} h`
  return ms % MINUTE_MS === 0 ? `${ms / MINUTE_MS} min` : `${ms / 1000} s`
}

const CLOCKS_MAX = 64
const clocks = new Map<string, Intl.DateTimeFormat>()

/** Kept, because making a format is expensive; not all, because senders of requests choose. */
function clockOf(timeZone: string): Intl.DateTimeFormat {
  const known = clocks.get(timeZone)
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
    timeZone,
    hourCycle: 'h23',
    era: 'narrow',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  if (clocks.size >= CLOCKS_MAX) clocks.clear()
  clocks.set(timeZone, made)
  return made
}
