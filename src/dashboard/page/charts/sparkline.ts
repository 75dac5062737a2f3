/** A sparkline: the shape of a measure over the range, beside its number. No axis, no ECharts; the tile says the figures. */
import type { MeasureId } from '../../definition.ts'
import type { SummaryAnswer } from '../../wire.ts'
import { SPARKLINE_BOX, sparklinePaths } from './sparkline-path.ts'
import { svgElement } from './svg-element.ts'

export type Sparkline = Readonly<{
  update: (answer: SummaryAnswer) => void
  close: () => void
}>

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
    update({ range, sparkline }) {
      const completeMs = Date.parse(range.completeTo)
      const stepMs = sparkline.stepSeconds * 1000
      const toMs = Date.parse(range.to)
      const filling = sparkline.starts.findIndex(
        (start) => Math.min(Date.parse(start) + stepMs, toMs) > completeMs,
      )
      const values = sparkline.figures[measure]
      const drawn = sparklinePaths(values, filling === -1 ? values.length : filling)
      for (const { part, path } of paths) path.setAttribute('d', drawn[part])
    },
    close: () => svg.remove(),
  }
}
