/**
 * The points in which a span is shown: few enough to be read, each as long as a reader of that zone
 * would choose. Steps of hours and days begin on the zone's clock, so a point may be longer or
 * shorter than the others where clocks are changed; a day that begins at 01:00 is still one point.
 */
import { dayOf, momentOf, offsetsIn, type Stretch, startOfDay } from '../dashboard-definition.ts'
import { DAY_US, SECOND_US, type Span } from './steps.ts'

export type Points = Readonly<{
  /** Ascending. Each point ends where the next begins, the last one with the span. */
  startsUs: readonly number[]
  /** How long a point is where no clock is changed. */
  stepUs: number
}>

/** As many as a day with a clock change has hours. */
const POINTS_MIN = 23
const POINTS_MAX = 60
/** Not half a day: two points a day would show day and night rather than a course. */
const STEPS_US = [
  ...[1, 2, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * 60),
  ...[1, 2, 3, 6, 24].map((hours) => hours * 3600),
].map((seconds) => seconds * SECOND_US)
/** Beyond 60 days. */
const DAYS = [7, 3, 2]
const US_PER_MS = 1000

/** The longest steps that give so many points; where there are none, as many as there can be. */
export function pointsOf(span: Span, zone: string): Points {
  const lengthUs = span.toUs - span.fromUs
  const steps = stepsOf(span.stepUs)
  const count = (stepUs: number): number => Math.ceil(lengthUs / stepUs)
  const readable = steps.filter((stepUs) => count(stepUs) <= POINTS_MAX)
  const stepUs = readable.findLast((one) => count(one) >= POINTS_MIN) ?? readable[0]
  if (stepUs === undefined) return pointsOfDays(span, zone, daysFor(lengthUs / DAY_US))
  if (stepUs === DAY_US) return pointsOfDays(span, zone, 1)
  const offsets = offsetsIn(stretchOf(span), zone)
  const isEven = offsets.every((offset) => (offset * US_PER_MS) % stepUs === 0)
  return isEven ? evenPoints(span, stepUs) : pointsOnClock(span, zone, stepUs)
}

/** Ascending multiples of the step in which figures are kept, up to a day. */
function stepsOf(keptUs: number): readonly number[] {
  const known = STEPS_US.filter((stepUs) => stepUs % keptUs === 0)
  if (known[0] === keptUs) return known
  // An unusual window, such as 9 minutes.
  return Array.from({ length: DAY_US / keptUs }, (_, index) => (index + 1) * keptUs).filter(
    (stepUs) => DAY_US % stepUs === 0,
  )
}

function daysFor(length: number): number {
  return DAYS.find((days) => Math.ceil(length / days) >= POINTS_MIN) ?? 2
}

function evenPoints({ fromUs, toUs }: Span, stepUs: number): Points {
  const firstUs = Math.floor(fromUs / stepUs) * stepUs
  const length = Math.ceil((toUs - firstUs) / stepUs)
  return { startsUs: Array.from({ length }, (_, index) => firstUs + index * stepUs), stepUs }
}

/** `00:00`, `06:00`, … of each day. */
function pointsOnClock(span: Span, zone: string, stepUs: number): Points {
  const { fromMs, toMs } = stretchOf(span)
  const stepMs = stepUs / US_PER_MS
  const dayMs = DAY_US / US_PER_MS
  const startsMs: number[] = []
  for (let day = dayOf(fromMs, zone); day <= dayOf(toMs - 1, zone); day++) {
    for (let wallMs = day * dayMs; wallMs < (day + 1) * dayMs; wallMs += stepMs) {
      startsMs.push(momentOf(wallMs, zone))
    }
  }
  return { startsUs: within(startsMs, span), stepUs }
}

/** The last of several days may be one that is not over. */
function pointsOfDays(span: Span, zone: string, days: number): Points {
  const { fromMs, toMs } = stretchOf(span)
  const startsMs: number[] = []
  for (let day = dayOf(fromMs, zone); day <= dayOf(toMs - 1, zone); day += days) {
    startsMs.push(startOfDay(day, zone))
  }
  return { startsUs: within(startsMs, span), stepUs: days * DAY_US }
}

/** Each moment once, from the last that is not after the span's start to the last before its end. */
function within(startsMs: readonly number[], { fromUs, toUs }: Span): readonly number[] {
  const startsUs = [...new Set(startsMs)].map((ms) => ms * US_PER_MS).sort((a, b) => a - b)
  return startsUs.filter((us, index) => {
    const endUs = startsUs[index + 1] ?? toUs
    return us < toUs && endUs > fromUs
  })
}

function stretchOf({ fromUs, toUs }: Span): Stretch {
  return { fromMs: fromUs / US_PER_MS, toMs: toUs / US_PER_MS }
}
