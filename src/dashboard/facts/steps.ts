/**
 * The steps in which figures are kept and shown: rungs of one ladder, each a multiple of the window and a divisor of a
 * day, counted from the epoch. So a step never crosses a day, and the steps of one rung fill those of the next.
 */
import type { TimeSpan } from '../../event.ts'

export const SECOND_US = 1_000_000
export const MINUTE_US: number = 60 * SECOND_US
export const HOUR_US: number = 60 * MINUTE_US
export const DAY_US: number = 24 * HOUR_US

/** A stretch whose ends are multiples of the step in which its figures are kept. */
export type Span = TimeSpan & Readonly<{ stepUs: number }>

const RUNGS_US = [1, 5, 15, 60, 300, 900, 3600, 21_600, 86_400].map((s) => s * SECOND_US)
/** Up to this length figures are kept by window. */
const WINDOW_LENGTH_MAX_US = 26 * HOUR_US
/** Up to this length they are kept by the hour, beyond by the day. */
const HOUR_LENGTH_MAX_US = 62 * DAY_US
/** A piece is at least so long and holds at least so many steps, where a day has as many. */
const PIECE_LENGTH_MIN_US = 30 * MINUTE_US
const PIECE_STEPS_MIN = 6

/** Ascending; the window is the first rung, the day the last. `windowUs` divides a day. */
export function stepLadder(windowUs: number): readonly number[] {
  return [windowUs, ...RUNGS_US.filter((rung) => rung > windowUs && rung % windowUs === 0)]
}

/** The rungs that may keep a stretch of this length, the finest first. */
export function rungsFor(lengthUs: number, ladder: readonly number[]): readonly number[] {
  if (lengthUs <= WINDOW_LENGTH_MAX_US) return ladder
  const finestUs = lengthUs <= HOUR_LENGTH_MAX_US ? HOUR_US : DAY_US
  return ladder.filter((rung) => rung >= finestUs)
}

/** The smallest stretch of whole steps that holds this one. */
export function widen({ fromUs, toUs }: TimeSpan, stepUs: number): Span {
  return {
    fromUs: Math.floor(fromUs / stepUs) * stepUs,
    toUs: Math.ceil(toUs / stepUs) * stepUs,
    stepUs,
  }
}

/** How many steps, counted from the epoch, a stretch touches. */
export function countSteps(stretch: TimeSpan, stepUs: number): number {
  const { fromUs, toUs } = widen(stretch, stepUs)
  return (toUs - fromUs) / stepUs
}

/** The smallest rung that shows a span in so many points; past the last rung, whole numbers of days. */
export function shownStepUs(span: Span, ladder: readonly number[], pointsMax: number): number {
  const fits = (stepUs: number): boolean => countSteps(span, stepUs) <= pointsMax
  const rung = ladder.find((stepUs) => stepUs >= span.stepUs && fits(stepUs))
  if (rung !== undefined) return rung
  let days = 2
  while (!fits(days * DAY_US)) days++
  return days * DAY_US
}

/** How long the pieces are in which sums of a step are kept: a divisor of the day, long enough to be worth a piece. */
export function pieceLengthUs(stepUs: number): number {
  const stepsADay = DAY_US / stepUs
  const leastSteps = Math.max(PIECE_STEPS_MIN, Math.ceil(PIECE_LENGTH_MIN_US / stepUs))
  for (let steps = leastSteps; steps < stepsADay; steps++) {
    if (stepsADay % steps === 0) return steps * stepUs
  }
  return DAY_US
}
