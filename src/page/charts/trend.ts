/**
 * The chart "CTR trend": one line for all campaigns, or one for each of the largest. A ratio
 * without divisor is a gap; what may still grow is dashed, hollow and on a hatched background;
 * every line has its name at its end.
 */
import { element, setText } from '../element.ts'
import type { Format } from '../format.ts'
import type { TrendMeasure } from '../view.ts'
import { openChartFrame } from './chart-frame.ts'
import { assignSlots, KEY_HEIGHT_PX, openChartKeys, spreadLabels } from './chart-keys.ts'
import type { Chart } from './chart-option.ts'
import type { PlotArea } from './plot-area.ts'
import { chartCard, type Spot, type Spots } from './plot-pointer.ts'
import { openTimeAxis } from './time-axis.ts'
import { TIME_LABEL_PX, trendArea, trendOption } from './trend-option.ts'
import { seriesEnd, type TrendContent, type TrendModel, trendModel } from './trend-points.ts'
import {
  describeTrend,
  fractionText,
  offScaleText,
  STILL_FILLING,
  seriesName,
  trendTable,
} from './trend-text.ts'

/** From this width on names are beside the plot; charts.css changes at the same width. */
const BESIDE_FROM_PX = 560

export function openTrendChart(
  host: HTMLElement,
  { format }: Readonly<{ format: Format }>,
): Chart<TrendContent> {
  const timeAxis = openTimeAxis(format)
  const keys = openChartKeys()
  const band = element('div', { class: 'chart-band' })
  const legend = openTrendLegend()
  let slots = new Map<string, number>()
  let model: TrendModel | null = null

  const draw = (): void => {
    if (model === null || frame.plot.clientWidth === 0) return
    const area = trendArea(model, frame.size(), format.locale)
    const plotWidth = area.width - area.left - area.right
    const ticks = timeAxis.ticks(model.fromMs, model.toMs, Math.floor(plotWidth / TIME_LABEL_PX))
    const option = trendOption(model, area, ticks, frame.theme(), format.locale)
    frame.canvas.setOption(option, { notMerge: true })
    placeBand(band, model, area)
    const isBeside = frame.body.clientWidth >= BESIDE_FROM_PX
    keys.update(keysOf(model, format), isBeside ? keyTops(model, area) : null)
    frame.pointer.update(trendSpots(model, area, format))
  }

  const frame = openChartFrame(host, 'trend-chart', draw)
  frame.plot.prepend(band)
  frame.body.append(keys.element, legend.element)
  return {
    update({ answer, measure }) {
      const campaigns = answer.lines.flatMap(({ campaign }) => campaign ?? [])
      slots = assignSlots(slots, campaigns)
      const next = trendModel(answer, measure, slots)
      model = next
      const isEmpty = next.series.every(({ points }) => points.every(({ value }) => value === null))
      frame.setNote(isEmpty ? noteOf(measure) : '')
      legend.update(next)
      frame.describe(describeTrend(next, format))
      frame.table.update(() => trendTable(next, format))
      draw()
    },
    setTheme: frame.setTheme,
    close: frame.close,
  }
}

function noteOf(measure: TrendMeasure): string {
  return `No ${measure === 'ctr' ? 'impressions' : 'clicks'} in this range.`
}

function placeBand(band: HTMLElement, model: TrendModel, area: PlotArea): void {
  band.hidden = model.fillingFromMs === null
  if (model.fillingFromMs === null) return
  const left = area.toX(Math.max(model.fillingFromMs, model.fromMs))
  band.style.transform = `translate(${left}px, ${area.top}px)`
  band.style.width = `${area.toX(model.toMs) - left}px`
  band.style.height = `${area.height - area.top - area.bottom}px`
}

function keysOf(model: TrendModel, format: Format) {
  return model.series.map((series) => {
    const end = seriesEnd(series.points)
    const name = seriesName(series)
    const figure = format.figure(model.measure, end?.value ?? null)
    const look = end?.isFilling === true ? ('filling' as const) : ('complete' as const)
    const detail = end === null ? '' : `: ${figure}, ${format.span(end.fromMs, end.toMs)}`
    return { name, figure, slot: series.slot, look, title: `${name}${detail}` }
  })
}

function keyTops(model: TrendModel, area: PlotArea): number[] {
  const wanted = model.series.map(({ points }) => {
    const value = seriesEnd(points)?.value ?? model.axis.min
    return Math.max(area.toY(value), area.top)
  })
  return spreadLabels(wanted, KEY_HEIGHT_PX, area.height)
}

function trendSpots(model: TrendModel, area: PlotArea, format: Format): Spots {
  const points = model.series[0]?.points ?? []
  const top = area.top
  const height = area.height - area.top - area.bottom
  const at = (place: number): Spot | null => {
    const point = points[place]
    if (point === undefined) return null
    const left = area.toX(point.middleMs)
    const marks = model.series.flatMap(({ points: its, slot }) => {
      const value = its[place]?.value ?? null
      return value === null || value > model.axis.max ? [] : [{ x: left, y: area.toY(value), slot }]
    })
    const card = (): HTMLElement => trendCard(model, place, format)
    return { box: { left: left - 0.5, top, width: 1, height }, marks, card }
  }
  const find = (x: number): number => {
    const atMs = area.fromX(x)
    const place = points.findIndex(({ toMs }) => atMs < toMs)
    return place === -1 ? points.length - 1 : place
  }
  return { count: points.length, find, at }
}

function trendCard(model: TrendModel, place: number, format: Format): HTMLElement {
  const ranked = model.series
    .flatMap((series) => {
      const point = series.points[place]
      return point === undefined ? [] : [{ series, point }]
    })
    .toSorted((a, b) => (b.point.value ?? -1) - (a.point.value ?? -1))
  const first = ranked[0]?.point
  const rows = ranked.map(({ series, point }) => ({
    slot: series.slot,
    name: model.series.length === 1 && series.campaign === null ? '' : seriesName(series),
    figure: format.figure(model.measure, point.value),
    detail: fractionText(model, point, format),
  }))
  const title = first === undefined ? '' : format.span(first.fromMs, first.toMs)
  const note = first?.isFilling === true ? `This window is ${STILL_FILLING}.` : ''
  return chartCard(title, rows, note)
}

type TrendLegend = Readonly<{ element: HTMLElement; update: (model: TrendModel) => void }>

/** The line below the trend that explains it. It keeps its space, so that nothing moves. */
function openTrendLegend(): TrendLegend {
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
