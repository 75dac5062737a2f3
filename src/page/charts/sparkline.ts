/**
 * A sparkline: the shape of a measure over the range, as SVG paths in a box of 100 × 24, without
 * axes. Like all charts here it starts at zero: a quiet hour looks quiet, and its noise is not
 * magnified.
 */
import { MEASURES, type MeasureId, type SummaryAnswer } from '../../dashboard-definition.ts'
import { svgElement } from '../element.ts'

type Sparkline = Readonly<{ update: (answer: SummaryAnswer) => void }>

/** In the text colour of the host. */
export function openSparkline(
  host: HTMLElement,
  { measure }: Readonly<{ measure: MeasureId }>,
): Sparkline {
  const parts = ['complete', 'filling', 'last'] as const
  const paths = parts.map((part) => ({ part, path: svgElement('path', { class: `is-${part}` }) }))
  const svg = svgElement(
    'svg',
    {
      class: 'sparkline',
      viewBox: `0 0 ${SPARKLINE_BOX.width} ${SPARKLINE_BOX.height}`,
      preserveAspectRatio: 'none',
      'aria-hidden': 'true',
    },
    ...paths.map(({ path }) => path),
  )
  host.replaceChildren(svg)
  return {
    update(answer) {
      const { values, fillingFrom } = sparklineValues(answer, measure)
      const drawn = sparklinePaths(values, fillingFrom)
      for (const { part, path } of paths) path.setAttribute('d', drawn[part])
    },
  }
}

const SPARKLINE_BOX: Readonly<{ width: number; height: number }> = { width: 100, height: 24 }
/** Half of a thick line is outside its path. */
const EDGE = 2

type SparklinePaths = Readonly<{
  complete: string
  /** The tail that may still grow; it begins at the last complete value. */
  filling: string
  /** The last complete value: a line without length, which its round cap draws as a dot. */
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

type SparklineValues = Readonly<{
  values: readonly (number | null)[]
  /** The index of the first value that may still grow; the number of values if none may. */
  fillingFrom: number
}>

/**
 * The values to draw. Steps are often coarser than those of the range, and the first one then only
 * partly inside it: for a sum it is left out, since it would look like a rise.
 */
export function sparklineValues(
  { range, sparkline }: Pick<SummaryAnswer, 'range' | 'sparkline'>,
  measure: MeasureId,
): SparklineValues {
  const starts = sparkline.starts.map((start) => Date.parse(start))
  const stepMs = sparkline.stepSeconds * 1000
  const fromMs = Date.parse(range.from)
  const toMs = Date.parse(range.to)
  const completeMs = Date.parse(range.completeTo)
  const filling = starts.findIndex((start) => Math.min(start + stepMs, toMs) > completeMs)
  const [first = fromMs, second = toMs] = starts
  const isFirstWhole = second - Math.max(first, fromMs) >= stepMs || starts.length < 3
  const isSum = MEASURES[measure].value.kind === 'sum'
  const values = sparkline.figures[measure]
  return {
    values: isSum && !isFirstWhole ? [null, ...values.slice(1)] : values,
    fillingFrom: filling === -1 ? values.length : filling,
  }
}
