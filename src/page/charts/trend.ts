/**
 * The trend of a measure: one line, or bars, for all campaigns together, or a line for each of a
 * few. A ratio without divisor is a gap; one of few events is thin; what may still grow is dashed,
 * hollow and on a hatched background; each of several lines has its name at its end.
 */
import { MEASURES, type MeasureId } from '../../dashboard-definition.ts'
import { element, setText } from '../element.ts'
import type { Format } from '../format.ts'
import { openChartFrame } from './chart-frame.ts'
import { assignSlots, KEY_HEIGHT_PX, openChartKeys, spreadLabels } from './chart-keys.ts'
import type { Chart } from './chart-option.ts'
import type { PlotArea } from './plot-area.ts'
import { openTimeAxis } from './time-axis.ts'
import { TIME_LABEL_PX, trendArea, trendOption } from './trend-option.ts'
import { seriesEnd, type TrendContent, type TrendModel, trendModel } from './trend-points.ts'
import { openTrendShapes } from './trend-shapes.ts'
import { trendSpots } from './trend-spots.ts'
import {
  contextText,
  describeTrend,
  fractionText,
  levelText,
  offScaleText,
  seriesName,
  trendTable,
  uncertainText,
} from './trend-text.ts'

/** From this width on names are beside the plot; charts.css changes at the same width. */
const BESIDE_FROM_PX = 560

type TrendOptions = Readonly<{ format: Format; onCampaign: (campaign: string) => void }>

export function openTrendChart(
  host: HTMLElement,
  { format, onCampaign }: TrendOptions,
): Chart<TrendContent> {
  const timeAxis = openTimeAxis(format)
  const keys = openChartKeys(onCampaign)
  const band = element('div', { class: 'chart-band' })
  const shapes = openTrendShapes()
  const legend = openTrendLegend(format)
  let slots = new Map<string, number>()
  let model: TrendModel | null = null

  const draw = (): void => {
    if (model === null || frame.plot.clientWidth === 0) return
    const area = trendArea(model, frame.size(), format)
    const plotWidth = area.width - area.left - area.right
    const ticks = timeAxis.ticks(model.fromMs, model.toMs, Math.floor(plotWidth / TIME_LABEL_PX))
    const option = trendOption(model, area, ticks, frame.theme(), format)
    frame.canvas.setOption(option, { notMerge: true })
    placeBand(band, model, area)
    shapes.update(model, area)
    const isBeside = hasKeysBeside(model) && frame.body.clientWidth >= BESIDE_FROM_PX
    keys.update(keysOf(model, format), isBeside ? keyTops(model, area) : null)
    frame.pointer.update(trendSpots(model, area, format, onCampaign))
  }

  const frame = openChartFrame(host, 'trend-chart', draw)
  frame.plot.prepend(band)
  frame.plot.append(shapes.element)
  frame.body.append(keys.element, legend.element)
  return {
    update(content) {
      const campaigns = content.answer.lines.flatMap(({ campaign }) => campaign ?? [])
      slots = assignSlots(slots, campaigns)
      const next = trendModel(content, slots)
      model = next
      const isEmpty = next.series.every(({ points }) => points.every(({ value }) => value === null))
      frame.setNote(isEmpty ? noteOf(next.measure) : '')
      // The plot gets the width of the names where there are none.
      frame.body.classList.toggle('has-keys-beside', hasKeysBeside(next))
      legend.update(next)
      frame.describe(describeTrend(next, format))
      frame.table.update(() => trendTable(next, format))
      draw()
    },
    setTheme: frame.setTheme,
    close: frame.close,
  }
}

function noteOf(measure: MeasureId): string {
  const { value } = MEASURES[measure]
  return `No ${value.kind === 'sum' ? 'events' : value.by} in this range.`
}

/** A single line needs no column of names. */
function hasKeysBeside({ series }: TrendModel): boolean {
  return series.length > 1
}

function placeBand(band: HTMLElement, model: TrendModel, area: PlotArea): void {
  band.hidden = model.fillingFromMs === null
  if (model.fillingFromMs === null) return
  const left = area.toX(Math.max(model.fillingFromMs, model.fromMs))
  band.style.transform = `translate(${left}px, ${area.top}px)`
  band.style.width = `${area.toX(model.toMs) - left}px`
  band.style.height = `${area.height - area.top - area.bottom}px`
}

/** Each with the figure of the whole range: a ratio is the ratio of its sums. */
function keysOf(model: TrendModel, format: Format) {
  return model.series.flatMap((series) => {
    const { campaign, slot, isContext, total, totals } = series
    if (campaign === null) return []
    const name = seriesName(series)
    const fraction = fractionText(model.measure, totals, format)
    const title = [name, fraction, 'Show only this campaign'].filter((line) => line !== '')
    return {
      campaign,
      name,
      figure: format.compact(model.measure, total),
      slot,
      isContext,
      title: title.join('\n'),
    }
  })
}

function keyTops(model: TrendModel, area: PlotArea): number[] {
  const wanted = model.series.map(({ points, isScattered, total }) => {
    const value = (isScattered ? total : seriesEnd(points)?.value) ?? model.axis.min
    return Math.max(area.toY(value), area.top)
  })
  return spreadLabels(wanted, KEY_HEIGHT_PX, area.height)
}

type TrendLegend = Readonly<{ element: HTMLElement; update: (model: TrendModel) => void }>

/** The line below the trend that explains it. It keeps its space, so that nothing moves. */
function openTrendLegend(format: Format): TrendLegend {
  const filling = element(
    'span',
    { class: 'chart-legend-part' },
    element('span', { class: 'chart-hatch' }),
    'In progress: more events may come',
  )
  const texts = [levelText, uncertainText, contextText, offScaleText].map((text) => ({
    text,
    part: element('span', { class: 'chart-legend-part' }),
  }))
  return {
    element: element('p', { class: 'chart-legend' }, filling, ...texts.map(({ part }) => part)),
    update(model) {
      filling.hidden = model.fillingFromMs === null
      for (const { text, part } of texts) {
        const said = text(model, format)
        part.hidden = said === ''
        setText(part, said)
      }
    },
  }
}
