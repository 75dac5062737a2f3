/** A sparkline: the shape of a measure over the range, beside its number. No axis, no ECharts; the tile says the figures. */
import type { MeasureId, SummaryAnswer } from '../../dashboard-definition.ts'
import { SPARKLINE_BOX, sparklinePaths } from './sparkline-path.ts'
import { sparklineValues } from './sparkline-values.ts'
import { svgElement } from './svg-element.ts'

export type Sparkline = Readonly<{ update: (answer: SummaryAnswer) => void }>

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
