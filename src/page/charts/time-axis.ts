/**
 * Ticks of a time axis in the zone of the page: round times on that zone's clock, far enough apart
 * not to touch. Below the first tick, and wherever it changes, is the context: the day below hours,
 * the weekday or year below days.
 *
 *   21:00   22:00   23:00   00:00   01:00
 * 21 Nov 22 Nov
 */
import { momentOf, wallOf } from '../../dashboard-definition.ts'

export type TimeTick = Readonly<{ atMs: number; label: string; context: string }>

export type TimeAxis = Readonly<{
  /** At most about `ticksMax` ticks in `[fromMs, toMs]`. */
  ticks: (fromMs: number, toMs: number, ticksMax: number) => TimeTick[]
}>

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const MONTH_MS = 30.4 * DAY_MS
/** 1970-01-05 was the first Monday. */
const FIRST_MONDAY_MS = 4 * DAY_MS

const CLOCK_STEPS_MS: readonly number[] = [
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE_MS),
  ...[1, 2, 3, 4, 6, 12].map((hours) => hours * HOUR_MS),
]
const DAY_STEPS_MS: readonly number[] = [DAY_MS, 2 * DAY_MS, 7 * DAY_MS, 14 * DAY_MS]
const MONTH_STEPS: readonly number[] = [1, 2, 3, 6, 12]

export function openTimeAxis(zone: Readonly<{ locale: string; timezone: string }>): TimeAxis {
  let timezone = zone.timezone
  let texts = axisTexts(zone)
  let clock = zoneClock(timezone)
  return {
    ticks(fromMs, toMs, ticksMax) {
      if (zone.timezone !== timezone) {
        timezone = zone.timezone
        texts = axisTexts(zone)
        clock = zoneClock(timezone)
      }
      const leastMs = (toMs - fromMs) / Math.max(ticksMax, 1)
      const clockStep = CLOCK_STEPS_MS.find((step) => step >= leastMs)
      const dayStep = DAY_STEPS_MS.find((step) => step >= leastMs)
      const walls =
        (clockStep ?? dayStep) !== undefined
          ? evenWalls(clock.read(fromMs), clock.read(toMs), clockStep ?? dayStep ?? DAY_MS)
          : monthWalls(clock.read(fromMs), clock.read(toMs), leastMs / MONTH_MS)
      // A day may begin at 01:00 and has its tick there; an hour that is left out has none.
      const shown = walls.filter(
        (wall) => clockStep === undefined || clock.read(clock.find(wall)) === wall,
      )
      const moments = [...new Set(shown.map(clock.find))].filter(
        (atMs) => atMs >= fromMs && atMs <= toMs,
      )
      if (clockStep !== undefined) return label(moments, texts.time, texts.day, 'where new')
      if (dayStep === DAY_MS) return label(moments, texts.day, texts.weekday, 'always')
      return label(
        moments,
        dayStep === undefined ? texts.month : texts.day,
        texts.year,
        'where new',
      )
    },
  }
}

type Text = (atMs: number) => string

function axisTexts({ locale, timezone }: Readonly<{ locale: string; timezone: string }>) {
  const text = (options: Intl.DateTimeFormatOptions): Text => {
    const format = new Intl.DateTimeFormat(locale, { timeZone: timezone, ...options })
    return (atMs) => format.format(atMs)
  }
  return {
    time: text({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }),
    day: text({ day: 'numeric', month: 'short' }),
    weekday: text({ weekday: 'short' }),
    month: text({ month: 'short' }),
    year: text({ year: 'numeric' }),
  }
}

type ContextShown = 'always' | 'where new'

function label(
  moments: readonly number[],
  text: Text,
  context: Text,
  shown: ContextShown,
): TimeTick[] {
  const contexts = moments.map(context)
  return moments.map((atMs, index) => {
    const isNew = contexts[index] !== contexts[index - 1]
    const isShown = shown === 'always' || isNew
    return { atMs, label: text(atMs), context: isShown ? (contexts[index] ?? '') : '' }
  })
}

/** A "wall" is the wall time of the zone, counted as if it were UTC. */
function evenWalls(fromWall: number, toWall: number, stepMs: number): number[] {
  const anchor = stepMs % (7 * DAY_MS) === 0 ? FIRST_MONDAY_MS : 0
  const walls = []
  const first = Math.ceil((fromWall - anchor) / stepMs) * stepMs + anchor
  // If the clock goes back, the end may show less than the start: `ticks` drops what is too much.
  const more = Math.ceil(DAY_MS / stepMs) * stepMs
  for (let wall = first - more; wall <= toWall + more; wall += stepMs) walls.push(wall)
  return walls
}

function monthWalls(fromWall: number, toWall: number, leastMonths: number): number[] {
  const step = MONTH_STEPS.find((months) => months >= leastMonths) ?? 12
  const walls = []
  const start = new Date(fromWall)
  const firstMonth = Math.floor((start.getUTCFullYear() * 12 + start.getUTCMonth()) / step) * step
  for (let month = firstMonth; ; month += step) {
    const wall = Date.UTC(Math.floor(month / 12), month % 12)
    if (wall > toWall + DAY_MS) return walls
    walls.push(wall)
  }
}

type ZoneClock = Readonly<{
  read: (atMs: number) => number
  /** The moment of a wall time; where clocks skip it, the end of what they skip. */
  find: (wall: number) => number
}>

function zoneClock(timezone: string): ZoneClock {
  return {
    read: (atMs) => wallOf(Math.floor(atMs / 1000) * 1000, timezone),
    find: (wall) => momentOf(wall, timezone),
  }
}
