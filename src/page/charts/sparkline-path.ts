/**
 * A sparkline as SVG paths in a box of 100 × 24. It starts at zero as every chart here does: a quiet hour looks quiet, and
 * is not stretched until its noise fills the box.
 */

export const SPARKLINE_BOX: Readonly<{ width: number; height: number }> = { width: 100, height: 24 }
/** Half of a thick line stands outside of its path. */
const EDGE = 2

export type SparklinePaths = Readonly<{
  complete: string
  /** The tail that may still grow, hung on the last complete value. */
  filling: string
  /** The last value that will not change: a line of no length, drawn as a dot by its round end. */
  last: string
}>

export function sparklinePaths(
  values: readonly (number | null)[],
  fillingFrom: number,
): SparklinePaths {
  const known = values.filter((value) => value !== null)
  const low = Math.min(0, ...known)
  const high = Math.max(0, ...known) || (low === 0 ? 1 : 0)
  const span = high - low
  const { width, height } = SPARKLINE_BOX
  const x = (index: number): string =>
    (EDGE + (index / Math.max(values.length - 1, 1)) * (width - 2 * EDGE)).toFixed(1)
  const y = (value: number): string =>
    (EDGE + ((high - value) / span) * (height - 2 * EDGE)).toFixed(1)
  const path = (from: number, to: number): string => {
    const steps: string[] = []
    let isDown = false
    for (let index = from; index < to; index++) {
      const value = values[index] ?? null
      if (value !== null) steps.push(`${isDown ? 'L' : 'M'}${x(index)} ${y(value)}`)
      // A value between two gaps is a dot.
      const isAlone = !isDown && ((values[index + 1] ?? null) === null || index + 1 === to)
      if (value !== null && isAlone) steps.push('h0')
      isDown = value !== null
    }
    return steps.join('')
  }
  const lastIndex = values.findLastIndex((value, index) => value !== null && index < fillingFrom)
  const last = values[lastIndex] ?? null
  return {
    complete: path(0, Math.min(fillingFrom, values.length)),
    filling: fillingFrom < values.length ? path(Math.max(fillingFrom - 1, 0), values.length) : '',
    last: last === null ? '' : `M${x(lastIndex)} ${y(last)}h0`,
  }
}
