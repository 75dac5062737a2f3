/**
 * Ranges and what they are compared with are those that a person would find with a wall calendar
 * and a clock of the zone: the model lists the days of a range by name, finds for each the day it
 * is compared with, and reads the clock every five minutes to see when days begin.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WEEKDAYS, type Weekday } from '../../src/dashboard-definition/calendar.ts'
import { RANGES, type RangeId } from '../../src/dashboard-definition/definition.ts'
import {
  COMPARISONS,
  type CompareId,
  comparedWith,
  periodOf,
  periodOfDays,
} from '../../src/dashboard-definition/periods.ts'

const MINUTE_MS = 60_000
const WINDOW_MS = 5 * MINUTE_MS
const DAY_MS = 24 * 60 * MINUTE_MS

/** A zone, and moments at which its ranges are looked at: around changes of its clocks. */
const LOOKS: readonly (readonly [zone: string, ...nows: string[]])[] = [
  ['UTC', '2026-11-25T10:22Z', '2027-01-01T00:00Z', '2026-03-31T23:59Z'],
  ['Europe/Berlin', '2026-03-29T00:58Z', '2026-03-29T12:00Z', '2026-04-05T00:58Z'],
  ['Europe/Berlin', '2026-10-25T00:30Z', '2026-10-25T01:30Z', '2026-11-01T22:59Z'],
  ['America/Santiago', '2026-09-06T04:00Z', '2026-09-06T15:00Z', '2026-09-07T03:30Z'],
  ['America/Santiago', '2026-04-05T03:30Z', '2026-04-05T04:30Z', '2026-04-06T15:00Z'],
  ['Asia/Kathmandu', '2026-11-25T18:14Z', '2026-11-25T18:16Z'],
  ['Australia/Lord_Howe', '2026-10-03T15:40Z', '2026-10-05T01:00Z', '2026-04-05T00:20Z'],
  ['Africa/Cairo', '2026-04-24T09:00Z', '2026-04-23T22:10Z', '2026-10-29T20:50Z'],
  ['America/Havana', '2026-03-08T12:00Z', '2026-11-01T05:10Z', '2026-11-02T12:00Z'],
  ['Pacific/Apia', '2026-11-25T10:22Z', '2012-01-05T10:00Z'],
  ['Asia/Beirut', '2026-03-29T12:00Z', '2026-04-01T12:00Z', '2026-10-25T12:00Z'],
]
/** In a leap year, and a year after one. */
const LEAP_LOOKS: typeof LOOKS = [
  ['UTC', '2028-02-29T10:22Z', '2028-03-01T00:30Z', '2029-02-28T10:22Z', '2029-03-01T10:22Z'],
  ['Europe/Berlin', '2028-02-28T23:10Z', '2029-03-01T22:58Z'],
]

/** Dates are texts such as `2026-11-25`; they know nothing of a zone. */
const dateAfter = (date: string, days: number): string =>
  new Date(Date.parse(date) + days * DAY_MS).toISOString().slice(0, 10)
const isDate = (date: string): boolean => dateAfter(date, 0) === date
const weekdayOf = (date: string): number => new Date(date).getUTCDay() || 7

function datesBetween(first: string, last: string): readonly string[] {
  const dates: string[] = []
  for (let date = first; date <= last; date = dateAfter(date, 1)) dates.push(date)
  return dates
}

/** So many months before, whether there is such a day or not: `2026-02-31`. */
function monthsBefore(date: string, months: number): string {
  const [year = 0, month = 0, day = 0] = date.split('-').map(Number)
  const count = year * 12 + month - 1 - months
  const two = (number: number): string => String(number).padStart(2, '0')
  return `${Math.floor(count / 12)}-${two((count % 12) + 1)}-${two(day)}`
}

function lastOfMonth(date: string): string {
  let last = `${date.slice(0, 8)}28`
  while (dateAfter(last, 1).slice(0, 7) === date.slice(0, 7)) last = dateAfter(last, 1)
  return last
}

/** The clock of a zone, read every five minutes: `2026-11-25 10:20`. */
type Readings = Readonly<{
  ms: readonly number[]
  texts: readonly string[]
  /** The place of the first reading of each date. */
  firsts: ReadonlyMap<string, number>
}>

const readings = new Map<string, Readings>()

/** Fourteen months up to a week after a moment. */
function readingsOf(zone: string, nowMs: number): Readings {
  const month = new Date(nowMs).toISOString().slice(0, 7)
  const known = readings.get(`${zone} ${month}`)
  if (known !== undefined) return known
  const options = { timeZone: zone, dateStyle: 'short', timeStyle: 'short' } as const
  const format = new Intl.DateTimeFormat('sv-SE', options)
  const first = Date.parse(`${month}-01`) - 430 * DAY_MS
  const length = 475 * (DAY_MS / WINDOW_MS)
  const ms = Array.from({ length }, (_, at) => first + at * WINDOW_MS)
  const texts = ms.map((one) => format.format(one))
  const firsts = new Map<string, number>()
  for (const [place, text] of texts.entries()) {
    if (!firsts.has(text.slice(0, 10))) firsts.set(text.slice(0, 10), place)
  }
  const made = { ms, texts, firsts }
  readings.set(`${zone} ${month}`, made)
  return made
}

type Model = Readonly<{
  /** What the clock shows at a moment. */
  at: (ms: number) => string
  /** The first moment whose date is this one or a later one. */
  begin: (date: string) => number
  /** The first moment of a date at which the clock shows this time or more; or its end. */
  timeOn: (date: string, time: string) => number
}>

function modelOf(zone: string, nowMs: number): Model {
  const { ms, texts, firsts } = readingsOf(zone, nowMs)
  const placeOf = (date: string): number => {
    // A date that the zone skipped begins with the next one.
    const place = firsts.get(date) ?? firsts.get(dateAfter(date, 1)) ?? 0
    assert.ok(place > 0, `the clock of ${zone} was not read on ${date}`)
    return place
  }
  const begin = (date: string): number => ms[placeOf(date)] ?? 0
  return {
    at: (moment) => texts[Math.floor((moment - (ms[0] ?? 0)) / WINDOW_MS)] ?? '',
    begin,
    timeOn: (date, time) => {
      const end = placeOf(dateAfter(date, 1))
      const began = placeOf(date)
      const found = texts.slice(began, end).findIndex((text) => text >= `${date} ${time}`)
      return ms[found < 0 ? end : began + found] ?? 0
    },
  }
}

/** The first and the last date of a range. */
function datesOf(id: RangeId, today: string, weekStart: number): readonly [string, string] {
  const weekBegan = dateAfter(today, -((weekdayOf(today) - weekStart + 7) % 7))
  const monthBegan = `${today.slice(0, 8)}01`
  switch (id) {
    case 'today':
      return [today, today]
    case 'yesterday':
      return [dateAfter(today, -1), dateAfter(today, -1)]
    case 'this-week':
      return [weekBegan, dateAfter(weekBegan, 6)]
    case 'last-week':
      return [dateAfter(weekBegan, -7), dateAfter(weekBegan, -1)]
    case 'last-weekend': {
      const sunday = dateAfter(today, -weekdayOf(today))
      return [dateAfter(sunday, -1), sunday]
    }
    case '7d':
      return [dateAfter(today, -6), today]
    case '30d':
      return [dateAfter(today, -29), today]
    case 'this-month':
      return [monthBegan, lastOfMonth(today)]
    case 'last-month':
      return [monthsBefore(monthBegan, 1), dateAfter(monthBegan, -1)]
    default:
      throw new Error(`${id} has no dates`)
  }
}

/** The date that a date is compared with, which may be none: 29 February a year ago. */
function dateBefore(
  id: RangeId | 'days',
  date: string,
  dates: readonly string[],
  compare: CompareId,
): string {
  const weeks = Math.ceil(dates.length / 7)
  if (compare === 'year') return monthsBefore(date, 12)
  if (compare === 'weekdays' || /week(end)?$/.test(id)) return dateAfter(date, -7 * weeks)
  if (id.endsWith('month')) return monthsBefore(date, 1)
  return dateAfter(date, -dates.length)
}

/** What the dates up to a moment are compared with. */
function expectedBefore(
  id: RangeId | 'days',
  dates: readonly string[],
  endMs: number,
  compare: CompareId,
  model: Model,
): readonly [number, number] {
  const before = (date: string): string => dateBefore(id, date, dates, compare)
  const isByMonth = id.endsWith('month') && compare !== 'weekdays'
  const first = before(dates[0] ?? '')
  // No 29 February: the day before it.
  const fromMs = model.begin(isDate(first) ? first : dateAfter(first, -1))
  const last = dates.findLast((date) => model.begin(date) < endMs) ?? ''
  const lastBefore = before(last)
  const isWhole = model.begin(dateAfter(last, 1)) === endMs
  // A month that is over is compared with a whole one.
  if (isWhole && isByMonth && lastOfMonth(last) === last) {
    return [fromMs, model.begin(dateAfter(lastOfMonth(`${lastBefore.slice(0, 8)}01`), 1))]
  }
  if (!isDate(lastBefore)) {
    const end = lastOfMonth(`${lastBefore.slice(0, 8)}01`)
    const time = model.at(endMs).slice(11)
    const toMs = isWhole || isByMonth ? model.begin(dateAfter(end, 1)) : model.timeOn(end, time)
    return [fromMs, toMs]
  }
  const toMs = isWhole
    ? model.begin(dateAfter(lastBefore, 1))
    : model.timeOn(lastBefore, model.at(endMs).slice(11))
  return [fromMs, toMs]
}

const text = ([fromMs, toMs]: readonly [number, number]): string =>
  `${new Date(fromMs).toISOString()} ${new Date(toMs).toISOString()}`

/** Compares all ranges of days at one moment; ranges by the clock are compared by hand below. */
function expectDays(zone: string, nowMs: number, weekStart: Weekday): number {
  const model = modelOf(zone, nowMs)
  const fillingMs = (Math.floor(nowMs / WINDOW_MS) + 1) * WINDOW_MS
  let compared = 0
  for (const { id, by } of RANGES) {
    if (by === 'time') continue
    const period = periodOf(id, { nowMs, zone, weekStart, windowMs: WINDOW_MS })
    const [first, last] = datesOf(id, model.at(nowMs).slice(0, 10), weekStart)
    const toMs = Math.min(model.begin(dateAfter(last, 1)), fillingMs)
    const what = `${id} in ${zone} at ${new Date(nowMs).toISOString()}`
    assert.equal(text([period.fromMs, period.toMs]), text([model.begin(first), toMs]), what)
    const dates = datesBetween(first, last).filter((date) => model.begin(date) < toMs)
    // All of it, and up to the last complete window.
    for (const endMs of [toMs, toMs - WINDOW_MS]) {
      if (endMs <= period.fromMs) continue
      for (const { id: compare } of COMPARISONS) {
        const found = comparedWith(period, endMs, compare, zone)
        if (compare === 'none') {
          assert.equal(found, null)
          continue
        }
        const expected = expectedBefore(id, dates, endMs, compare, model)
        assert.ok(found !== null)
        const end = new Date(endMs).toISOString()
        assert.equal(
          text([found.fromMs, found.toMs]),
          text(expected),
          `${what}, up to ${end}, against ${compare}`,
        )
        compared++
      }
    }
  }
  return compared
}

test('ranges of days, and what they are compared with, in zones whose clocks change', () => {
  let compared = 0
  for (const [zone, ...nows] of LOOKS) {
    for (const now of nows) compared += expectDays(zone, Date.parse(now), 1)
  }
  assert.ok(compared > 900, `${compared} comparisons`)
})

test('weeks that begin on any day', () => {
  for (const place of WEEKDAYS.keys()) {
    const weekStart = (place + 1) as Weekday // 1 to 7
    expectDays('Europe/Berlin', Date.parse('2026-10-28T10:22Z'), weekStart)
    expectDays('America/Santiago', Date.parse('2026-09-08T10:22Z'), weekStart)
  }
})

test('a year ago over 29 February', () => {
  for (const [zone, ...nows] of LEAP_LOOKS) {
    for (const now of nows) expectDays(zone, Date.parse(now), 7)
  }
})

/** `2026-09-05 00:00` is what the zone's clock shows. */
function shown(zone: string, found: Readonly<{ fromMs: number; toMs: number }> | null): string {
  assert.ok(found !== null)
  const options = { timeZone: zone, dateStyle: 'short', timeStyle: 'short' } as const
  const format = new Intl.DateTimeFormat('sv-SE', options)
  return `${format.format(found.fromMs)} – ${format.format(found.toMs)}`
}

function compareAt(id: RangeId, now: string, zone: string, compare: CompareId): string {
  const clock = { nowMs: Date.parse(now), zone, weekStart: 1, windowMs: WINDOW_MS } as const
  const period = periodOf(id, clock)
  return shown(zone, comparedWith(period, period.toMs, compare, zone))
}

test('the examples of the documentation', () => {
  const now = '2026-11-25T10:22Z'
  const before = (id: RangeId): string => compareAt(id, now, 'UTC', 'previous')
  assert.equal(before('1h'), '2026-11-25 08:25 – 2026-11-25 09:25')
  assert.equal(before('today'), '2026-11-24 00:00 – 2026-11-24 10:25')
  assert.equal(before('7d'), '2026-11-12 00:00 – 2026-11-18 10:25')
  assert.equal(before('this-week'), '2026-11-16 00:00 – 2026-11-18 10:25')
  assert.equal(before('this-month'), '2026-10-01 00:00 – 2026-10-25 10:25')
  assert.equal(before('last-month'), '2026-09-01 00:00 – 2026-10-01 00:00')
})

test('a day without a midnight is compared with whole days, and whole days with it', () => {
  const zone = 'America/Santiago'
  const at = (id: RangeId, now: string, compare: CompareId): string =>
    compareAt(id, now, zone, compare)
  assert.equal(
    at('yesterday', '2026-09-06T15:00Z', 'previous'),
    '2026-09-04 00:00 – 2026-09-05 00:00',
  )
  assert.equal(
    at('yesterday', '2026-09-07T15:00Z', 'previous'),
    '2026-09-05 00:00 – 2026-09-06 01:00',
  )
  assert.equal(
    at('yesterday', '2026-09-08T15:00Z', 'previous'),
    '2026-09-06 01:00 – 2026-09-07 00:00',
  )
  assert.equal(at('today', '2026-09-06T15:00Z', 'year'), '2025-09-06 00:00 – 2025-09-06 12:05')
})

test('a range by the clock is compared with one as long, whatever clocks and calendars do', () => {
  const lengthOf = (id: RangeId, now: string, zone: string, compare: CompareId): number => {
    const clock = { nowMs: Date.parse(now), zone, weekStart: 1, windowMs: WINDOW_MS } as const
    const period = periodOf(id, clock)
    const found = comparedWith(period, period.toMs, compare, zone)
    return ((found?.toMs ?? 0) - (found?.fromMs ?? 0)) / (period.toMs - period.fromMs)
  }
  // 02:00 – 03:00 does not exist a week before.
  assert.equal(lengthOf('1h', '2026-04-05T00:58Z', 'Europe/Berlin', 'weekdays'), 1)
  assert.equal(
    compareAt('1h', '2026-04-05T00:58Z', 'Europe/Berlin', 'weekdays'),
    '2026-03-29 03:00 – 2026-03-29 04:00',
  )
  assert.equal(
    compareAt('24h', '2026-03-30T10:03Z', 'Europe/Berlin', 'weekdays'),
    '2026-03-22 12:05 – 2026-03-23 12:05',
  )
  const leap = '2028-02-29T10:22Z'
  assert.equal(compareAt('1h', leap, 'UTC', 'year'), '2027-02-28 09:25 – 2027-02-28 10:25')
  for (const [zone, ...nows] of [...LOOKS, ...LEAP_LOOKS]) {
    for (const now of nows) {
      for (const { id, by } of RANGES) {
        if (by !== 'time') continue
        for (const compare of ['previous', 'weekdays', 'year'] as const) {
          assert.equal(lengthOf(id, now, zone, compare), 1, `${id} ${zone} ${now} ${compare}`)
        }
      }
    }
  }
})

test('days of a choice are compared as whole days, up to a year of them', () => {
  const zone = 'Europe/London'
  const day = (date: string): number => Date.parse(date) / DAY_MS
  const between = (first: string, last: string, compare: CompareId): string => {
    const period = periodOfDays(day(first), day(last), zone)
    return shown(zone, comparedWith(period, period.toMs, compare, zone))
  }
  assert.equal(
    between('2026-11-01', '2027-01-31', 'previous'),
    '2026-08-01 00:00 – 2026-11-01 00:00',
  )
  assert.equal(between('2028-02-01', '2028-02-29', 'year'), '2027-02-01 00:00 – 2027-03-01 00:00')
  assert.equal(between('2029-02-28', '2029-02-28', 'year'), '2028-02-28 00:00 – 2028-02-29 00:00')
  assert.equal(
    between('2026-10-24', '2026-10-25', 'weekdays'),
    '2026-10-17 00:00 – 2026-10-19 00:00',
  )
})
