/**
 * RFC 3339 date-times, as docs/events-and-tables.md narrows and widens them: the offset may be
 * absent (UTC), and there is no leap second.
 */

const FORM =
  /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))?$/

const US_PER_SECOND = 1_000_000
const US_PER_MINUTE = 60 * US_PER_SECOND

/** Microseconds since the epoch; digits beyond the microsecond are cut. null: not such a date-time. */
export function parseTimestampUs(text: string): number | null {
  const parts = FORM.exec(text)
  if (parts === null) return null
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number) as Six
  const fractionUs = Number(`${parts[7] ?? ''}000000`.slice(0, 6))
  const offsetHour = Number(parts[9] ?? 0)
  const offsetMinute = Number(parts[10] ?? 0)
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return null
  if (hour > 23 || minute > 59 || second > 59 || offsetHour > 23 || offsetMinute > 59) return null
  const minutes = (daysBefore(year, month) + day - 1) * 1440 + hour * 60 + minute
  const offset = (parts[8] === '-' ? -1 : 1) * (offsetHour * 60 + offsetMinute)
  return (minutes - offset) * US_PER_MINUTE + second * US_PER_SECOND + fractionUs
}

type Six = [number, number, number, number, number, number]

function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** Days from 1970-01-01 to the first of the month. */
function daysBefore(year: number, month: number): number {
  let days = 0
  for (let y = 1970; y < year; y++) days += isLeap(y) ? 366 : 365
  for (let y = year; y < 1970; y++) days -= isLeap(y) ? 366 : 365
  for (let m = 1; m < month; m++) days += daysInMonth(year, m)
  return days
}
