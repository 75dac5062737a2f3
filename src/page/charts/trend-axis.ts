/**
 * The scale of the trend. One click of one impression is 100 %, and would press everything that means something onto the
 * zero line. So the scale is made for windows with weight; one that has just begun, or holds almost nothing beside others
 * of its line, may stretch it a little. What is above that leaves the plot, and the chart says so.
 */
import type { TrendPoint } from './trend-points.ts'
import { type ValueAxis, valueAxis } from './value-axis.ts'

/** A window with less than this of its line's largest divisor is light. */
const LIGHT_SHARE = 0.02
/** How far light and filling windows may stretch the scale. */
const STRETCH = 1.5

export function trendAxis(lines: readonly (readonly TrendPoint[])[]): ValueAxis {
  const weighty: number[] = []
  const light: number[] = []
  for (const points of lines) {
    const largest = points.reduce((most, { whole }) => Math.max(most, whole), 0)
    for (const { value, whole, isFilling } of points) {
      const isLight = isFilling || whole < largest * LIGHT_SHARE
      if (value !== null) (isLight ? light : weighty).push(value)
    }
  }
  const bound = Math.max(0, ...weighty)
  const shown = bound === 0 ? light : light.filter((value) => value <= bound * STRETCH)
  return cappedAxis(Math.max(bound, ...shown))
}

/** Room above 100 % would speak of what cannot be; but repeats can make more clicks than impressions. */
function cappedAxis(highest: number): ValueAxis {
  const axis = valueAxis(0, highest)
  return highest <= 100 && axis.max > 100 ? { min: 0, max: 100, step: 25 } : axis
}
