/**
 * The steps in which figures are kept and shown. They form a ladder: each is a multiple of the
 * window and a divisor of a day, counted from the epoch. So a step never crosses midnight, and the
 * steps of one size fill those of the next.
 */
import type { TimeSpan } from '../event.ts'

export const SECOND_US = 1_000_000
export const MINUTE_US: number = 60 * SECOND_US
export const HOUR_US: number = 60 * MINUTE_US
export const DAY_US: number = 24 * HOUR_US

/** A stretch whose ends are multiples of the step in which its figures are kept. */
export type Span = TimeSpan & Readonly<{ stepUs: number }>

const LADDER_US = [1, 5, 15, 60, 300, 900, 3600, 21_600, 86_400].map((s) => s * SECOND_US)
/** Up to this length figures are kept by window. */
const WINDOW_LENGTH_MAX_US = 26 * HOUR_US
/** Up to this length they are kept by the hour, beyond by the day. */
const HOUR_LENGTH_MAX_US = 62 * DAY_US
/** A chunk has at least this length and this many steps, if a day has that many. */
const CHUNK_LENGTH_MIN_US = 30 * MINUTE_US
const CHUNK_STEPS_MIN = 6

/** Ascending, from the window to the day. `windowUs` divides a day. */
export function stepLadder(windowUs: number): readonly number[] {
  return [windowUs, ...LADDER_US.filter((stepUs) => stepUs > windowUs && stepUs % windowUs === 0)]
}

/** The steps in which a stretch of this length may be kept, the finest first. */
export function stepsFor(lengthUs: number, ladder: readonly number[]): readonly number[] {
  if (lengthUs <= WINDOW_LENGTH_MAX_US) return ladder
  const finestUs = lengthUs <= HOUR_LENGTH_MAX_US ? HOUR_US : DAY_US
  return ladder.filter((stepUs) => stepUs >= finestUs)
}

/**
 * The same for a zone with these offsets: of them only those whose steps begin at its midnights, or
 * else the coarsest that do.
 */
export function stepsInZone(
  lengthUs: number,
  ladder: readonly number[],
  offsetsUs: readonly number[],
): readonly number[] {
  const isAligned = (stepUs: number): boolean => offsetsUs.every((us) => us % stepUs === 0)
  const aligned = stepsFor(lengthUs, ladder).filter(isAligned)
  return aligned.length > 0 ? aligned : ladder.filter(isAligned).slice(-1)
}

/** The smallest stretch of whole steps that holds this one. */
export function widen({ fromUs, toUs }: TimeSpan, stepUs: number): Span {
  return {
    fromUs: Math.floor(fromUs / stepUs) * stepUs,
    toUs: Math.ceil(toUs / stepUs) * stepUs,
    stepUs,
  }
}

/** The length of the chunks in which the sums of a step are kept: a divisor of the day. */
export function chunkLengthUs(stepUs: number): number {
  const stepsADay = DAY_US / stepUs
  const leastSteps = Math.max(CHUNK_STEPS_MIN, Math.ceil(CHUNK_LENGTH_MIN_US / stepUs))
  for (let steps = leastSteps; steps < stepsADay; steps++) {
    if (stepsADay % steps === 0) return steps * stepUs
  }
  return DAY_US
}

/** RFC 3339 in UTC, without a fraction if there is none. */
export function momentText(us: number): string {
  return new Date(us / 1000).toISOString().replace('.000Z', 'Z')
}
