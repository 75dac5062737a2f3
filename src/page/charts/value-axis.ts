/**
 * The value axis of a chart: from zero to a round number above the data, with about five gridlines.
 * The axis is never truncated: an axis that starts at 2 % would make 2.1 % look like a great rise.
 */

export type ValueAxis = Readonly<{ min: number; max: number; step: number }>

/** How much of the axis the data may fill, so that a line never runs along the edge. */
const ROOM_RATIO = 0.95
const ROUND_STEPS = [1, 2, 2.5, 5, 10]
const WHOLE_STEPS = [1, 2, 5, 10]
/** An axis is kept while the data fills at least this much of it. */
const STEADY_RATIO = 0.4

export type AxisWishes = Readonly<{
  gridlines?: number
  /** Counts have no gridlines at fractions. */
  isCount?: boolean
  /** The end of the axis if all values are zero. */
  leastMax?: number
}>

/** An axis that includes 0 and both values. */
export function valueAxis(
  lowest: number,
  highest: number,
  { gridlines = 5, isCount = false, leastMax = 1 }: AxisWishes = {},
): ValueAxis {
  const up = Math.max(highest, 0) / ROOM_RATIO
  const down = Math.min(lowest, 0) / ROOM_RATIO
  const span = up - down === 0 ? leastMax : up - down
  const step = isCount
    ? Math.max(roundStep(span / gridlines, WHOLE_STEPS), 1)
    : roundStep(span / gridlines, ROUND_STEPS)
  const max = up - down === 0 ? leastMax : Math.ceil(up / step - 1e-9) * step
  return { min: Math.floor(down / step + 1e-9) * step || 0, max, step }
}

/** The previous axis, unless the data no longer fits: so gridlines do not jump each second. */
export function steadyAxis(previous: ValueAxis | null, wanted: ValueAxis): ValueAxis {
  if (previous === null || wanted.max > previous.max) return wanted
  return wanted.max < previous.max * STEADY_RATIO ? wanted : previous
}

/** The smallest round number that is at least `least`. */
function roundStep(least: number, steps: readonly number[]): number {
  const power = 10 ** Math.floor(Math.log10(least))
  const factor = steps.find((one) => one * power >= least * (1 - 1e-9)) ?? 10
  return factor * power
}

/**
 * The label of a gridline, with the decimal places of the step: `2.0` beside `2.5`; zero is `0`.
 */
export function axisText(value: number, step: number, locale: string): string {
  const power = Math.floor(Math.log10(step) + 1e-9)
  const hasHalf = Math.abs(step / 10 ** power - 2.5) < 1e-6
  const digits = value === 0 ? 0 : Math.max(0, -power + (hasHalf ? 1 : 0))
  return new Intl.NumberFormat(locale, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(value)
}
