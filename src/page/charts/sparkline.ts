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
  const parts = ['complete', 'last'] as const
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
      const drawn = sparklinePaths(sparklineValues(answer, measure))
      for (const { part, path } of paths) path.setAttribute('d', drawn[part])
    },
  }
}

const SPARKLINE_BOX: Readonly<{ width: number; height: number }> = { width: 100, height: 24 }
/** Half of a thick line is outside its path. */
const EDGE = 2

type SparklinePaths = Readonly<{
  complete: string
  /** The last complete value: a line without length, which its round cap draws as a dot. */
  last: string
}>

export function sparklinePaths(values: readonly (number | null)[]): SparklinePaths {
  const known = values.filter((value) => value !== null)
  const low = Math.min(0, ...known)
  const high = Math.max(0, ...known) || (low === 0 ? 1 : 0)
  const span = high - low
  const { width, height } = SPARKLINE_BOX
  const x = (index: number): string =>
    (EDGE + (index / Math.max(values.length - 1, 1)) * (width - 2 * EDGE)).toFixed(1)
  const y = (value: number): string =>
    (EDGE + ((high - value) / span) * (height - 2 * EDGE)).toFixed(1)
  const steps: string[] = []
  let isDown = false
  for (const [index, value] of values.entries()) {
    if (value !== null) steps.push(`${isDown ? 'L' : 'M'}${x(index)} ${y(value)}`)
    // A value between two gaps is a dot.
    const isAlone = !isDown && (values[index + 1] ?? null) === null
    if (value !== null && isAlone) steps.push('h0')
    isDown = value !== null
  }
  const lastIndex = values.findLastIndex((value) => value !== null)
  const last = values[lastIndex] ?? null
  return {
    complete: steps.join(''),
    last: last === null ? '' : `M${x(lastIndex)} ${y(last)}h0`,
  }
}

/**
 * The values to draw. The first point is often only partly inside the range: for a sum it is left
 * out, since it would look like a rise. Points that are still filling are left out too: they would
 * look like a fall, and scaling them up would be a guess.
 */
export function sparklineValues(
  { range, sparkline }: Pick<SummaryAnswer, 'range' | 'sparkline'>,
  measure: MeasureId,
): readonly (number | null)[] {
  const starts = sparkline.starts.map((start) => Date.parse(start))
  const fromMs = Date.parse(range.from)
  const toMs = Date.parse(range.to)
  const completeMs = Date.parse(range.completeTo)
  const isSum = MEASURES[measure].value.kind === 'sum'
  return sparkline.figures[measure].map((value, index) => {
    const isCut = index === 0 && (starts[0] ?? fromMs) < fromMs && starts.length > 2
    const isFilling = (starts[index + 1] ?? toMs) > completeMs
    return isFilling || (isCut && isSum) ? null : value
  })
}
