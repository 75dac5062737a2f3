/** What the trend's ground and edges mean, in a line under it. The line keeps its room, so that nothing moves. */
import { element, setText } from '../element.ts'
import type { TrendModel } from './trend-points.ts'
import { offScaleText } from './trend-text.ts'

export type TrendLegend = Readonly<{ element: HTMLElement; update: (model: TrendModel) => void }>

export function openTrendLegend(): TrendLegend {
  const filling = element(
    'span',
    { class: 'chart-legend-part' },
    element('span', { class: 'chart-hatch' }),
    'Still filling: events may still be on their way',
  )
  const offScale = element('span', { class: 'chart-legend-part' })
  return {
    element: element('p', { class: 'chart-legend' }, filling, offScale),
    update(model) {
      filling.hidden = model.fillingFromMs === null
      offScale.hidden = model.offScale === 0
      setText(offScale, offScaleText(model))
    },
  }
}
