/**
 * Days of a zone are those that its clock shows when it is read minute by minute, also where clocks
 * are changed at midnight and where a zone skips a day.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  addMonths,
  DAY_MS,
  dayOf,
  dayText,
  firstOfMonth,
  firstOfWeek,
  isZone,
  MINUTE_MS,
  momentOf,
  offsetMs,
  offsetsIn,
  offsetText,
  onDay,
  parseDay,
  startOfDay,
  stretchOfDays,
  wallOf,
  weekdayOf,
  zoneFault,
} from '../../src/dashboard-definition/calendar.ts'

const at = (text: string): number => Date.parse(text)
const day = (text: string): number => {
  const found = parseDay(text)
  assert.ok(found !== null, text)
  return found
}
const utc = (ms: number): string => new Date(ms).toISOString().replace(':00.000Z', 'Z')

/** What a clock on the wall of the zone shows: `2026-11-22 10:25`. The simpler model. */
function clockIn(timeZone: string): (ms: number) => string {
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone,
    dateStyle: 'short',
    timeStyle: 'short',
  })
  return (ms) => format.format(ms)
}

const WALKED: readonly (readonly [zone: string, from: string, to: string])[] = [
  ['UTC', '2026-11-21', '2026-11-24'],
  ['Europe/Berlin', '2026-03-27', '2026-04-01'],
  ['Europe/Berlin', '2026-10-23', '2026-10-28'],
  ['America/Santiago', '2026-09-04', '2026-09-09'],
  ['America/Santiago', '2026-04-03', '2026-04-07'],
  ['Asia/Kolkata', '2026-11-21', '2026-11-24'],
  ['Asia/Kathmandu', '2026-11-21', '2026-11-24'],
  ['Pacific/Apia', '2011-12-28', '2012-01-02'],
  ['America/Havana', '2026-10-30', '2026-11-04'],
  ['Australia/Lord_Howe', '2026-10-02', '2026-10-06'],
]

test('days begin where a clock that is read minute by minute first shows them', () => {
  for (const [zone, from, to] of WALKED) {
    const clock = clockIn(zone)
    const firsts = new Map<string, number>()
    for (let ms = at(`${from}T00:00Z`); ms < at(`${to}T00:00Z`); ms += MINUTE_MS) {
      const text = clock(ms).slice(0, 10)
      if (!firsts.has(text)) firsts.set(text, ms)
    }
    // The first one began before the walk did.
    for (const [text, ms] of [...firsts].slice(1)) {
      assert.equal(utc(startOfDay(day(text), zone)), utc(ms), `${text} in ${zone}`)
      assert.equal(dayText(dayOf(ms, zone)), text)
      assert.notEqual(dayOf(ms - MINUTE_MS, zone), dayOf(ms, zone))
    }
  }
})

test('a wall time is the first moment at which a clock shows it, or a later one', () => {
  for (const [zone, from, to] of WALKED) {
    const clock = clockIn(zone)
    const shown = new Map<string, number>()
    for (let ms = at(`${from}T00:00Z`); ms < at(`${to}T00:00Z`); ms += MINUTE_MS) {
      const text = clock(ms)
      if (!shown.has(text)) shown.set(text, ms)
      assert.equal(new Date(wallOf(ms, zone)).toISOString().slice(0, 16), text.replace(' ', 'T'))
    }
    const walls = [...shown].map(([text, ms]) => [at(`${text.replace(' ', 'T')}Z`), ms] as const)
    const ascending = walls.toSorted(([a], [b]) => a - b)
    for (const [index, [wallMs, ms]] of ascending.entries()) {
      assert.equal(utc(momentOf(wallMs, zone)), utc(ms), `${utc(wallMs)} in ${zone}`)
      const [next, nextMs] = ascending[index + 1] ?? [wallMs, ms]
      // Clocks skip what is between the two.
      if (next > wallMs + MINUTE_MS) {
        assert.equal(utc(momentOf(wallMs + MINUTE_MS, zone)), utc(nextMs), `a gap in ${zone}`)
      }
    }
  }
})

test('days with a clock change have 23 and 25 hours, and a skipped day has none', () => {
  const hours = (text: string, zone: string): number => {
    const { fromMs, toMs } = stretchOfDays(day(text), day(text), zone)
    return (toMs - fromMs) / (60 * MINUTE_MS)
  }
  assert.equal(hours('2026-03-29', 'Europe/Berlin'), 23)
  assert.equal(hours('2026-10-25', 'Europe/Berlin'), 25)
  assert.equal(hours('2026-09-06', 'America/Santiago'), 23)
  assert.equal(utc(startOfDay(day('2026-09-06'), 'America/Santiago')), '2026-09-06T04:00Z')
  assert.equal(hours('2026-04-04', 'America/Santiago'), 25)
  assert.equal(hours('2011-12-30', 'Pacific/Apia'), 0)
  assert.equal(hours('2011-12-31', 'Pacific/Apia'), 24)
})

test('days follow each other without a gap, in any zone and year', () => {
  const zones = Intl.supportedValuesOf('timeZone')
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      fc.integer({ min: day('1900-01-01'), max: day('2100-01-01') }),
      (zone, one) => {
        const { fromMs, toMs } = stretchOfDays(one, one, zone)
        assert.ok(toMs >= fromMs && toMs - fromMs <= 2 * DAY_MS)
        assert.ok(dayOf(fromMs, zone) >= one)
        assert.ok(wallOf(fromMs - 1000, zone) < one * DAY_MS)
        if (toMs > fromMs) assert.equal(dayOf(fromMs, zone), one)
      },
    ),
    { numRuns: 1000 },
  )
})

test('a time is the same on another day, and the first moment of a day stays the first', () => {
  const moved = (text: string, to: string, zone: string): string =>
    utc(onDay(at(text), day(to), zone))
  const berlin = 'Europe/Berlin'
  assert.equal(moved('2026-03-28T09:30Z', '2026-03-29', berlin), '2026-03-29T08:30Z')
  assert.equal(moved('2026-03-28T01:30Z', '2026-03-29', berlin), '2026-03-29T01:00Z')
  assert.equal(moved('2026-10-25T23:00Z', '2026-10-25', berlin), '2026-10-24T22:00Z')
  // 6 September begins at 01:00, and other days do not for that.
  const santiago = 'America/Santiago'
  assert.equal(moved('2026-09-06T04:00Z', '2026-09-05', santiago), '2026-09-05T04:00Z')
  assert.equal(moved('2026-09-05T04:00Z', '2026-09-06', santiago), '2026-09-06T04:00Z')
  assert.equal(moved('2026-09-06T05:00Z', '2026-09-05', santiago), '2026-09-05T06:00Z')
})

test('the same day of the month so many months later, or its last day', () => {
  const months = (text: string, count: number): string => dayText(addMonths(day(text), count))
  assert.equal(months('2026-11-25', -1), '2026-10-25')
  assert.equal(months('2026-03-31', -1), '2026-02-28')
  assert.equal(months('2028-02-29', -12), '2027-02-28')
  assert.equal(months('2027-02-28', 12), '2028-02-28')
  assert.equal(months('2026-01-01', -1), '2025-12-01')
  assert.equal(months('2026-08-31', 18), '2028-02-29')
})

test('weeks and months begin with their first days', () => {
  assert.equal(weekdayOf(day('2026-11-22')), 7)
  assert.equal(weekdayOf(day('1969-12-29')), 1)
  assert.equal(dayText(firstOfWeek(day('2026-11-25'), 1)), '2026-11-23')
  assert.equal(dayText(firstOfWeek(day('2026-11-25'), 7)), '2026-11-22')
  assert.equal(dayText(firstOfWeek(day('2026-11-25'), 6)), '2026-11-21')
  assert.equal(dayText(firstOfWeek(day('2026-11-23'), 1)), '2026-11-23')
  assert.equal(dayText(firstOfMonth(day('2026-01-31'), -1)), '2025-12-01')
})

test('only real days are read, and only names of zones', () => {
  for (const text of ['', '2026-02-29', '2026-13-01', '2026-1-1', '2026-11-22T10:00', 'today']) {
    assert.equal(parseDay(text), null, text)
  }
  assert.equal(parseDay('1970-01-02'), 1)
  for (const zone of ['UTC', 'Europe/Berlin', 'europe/berlin', 'Asia/Calcutta']) {
    assert.equal(isZone(zone), true, zone)
  }
  for (const zone of ['', '+01:00', '-0300', 'Mars/Olympus', 'Europe/Berlin ', '1']) {
    assert.equal(isZone(zone), false, zone)
  }
})

test('a zone whose days begin within a window is refused with its offset', () => {
  const year = { fromMs: at('2026-01-01'), toMs: at('2027-01-01') }
  assert.deepEqual(offsetsIn(year, 'Europe/Berlin').toSorted(), [3_600_000, 7_200_000])
  assert.equal(zoneFault('Asia/Kolkata', 30 * MINUTE_MS, year), null)
  assert.equal(
    zoneFault('Asia/Kathmandu', 30 * MINUTE_MS, year),
    'Asia/Kathmandu is UTC+5:45, which is no multiple of the window of 30 min: its days begin ' +
      'within a window',
  )
  assert.match(zoneFault('Australia/Lord_Howe', 60 * MINUTE_MS, year) ?? '', /UTC\+10:30.* 1 h/)
  assert.equal(zoneFault('UTC', DAY_MS, year), null)
  // Only at the moments that are asked for: Lord Howe has 11:00 in summer.
  const summer = { fromMs: at('2026-01-01'), toMs: at('2026-02-01') }
  assert.equal(zoneFault('Australia/Lord_Howe', 60 * MINUTE_MS, summer), null)
  assert.equal(offsetText(offsetMs(at('2026-11-22'), 'America/St_Johns')), 'UTC−3:30')
})
