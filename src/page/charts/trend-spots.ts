/** What the pointer finds on the trend: the card of a step, and the campaign of a line. */
import type { Format } from '../format.ts'
import type { PlotArea } from './plot-area.ts'
import { chartCard, type Spot, type Spots } from './plot-pointer.ts'
import type { TrendModel, TrendPoint, TrendSeries } from './trend-points.ts'
import { fractionText, intervalText, seriesName } from './trend-text.ts'

export function trendSpots(
  model: TrendModel,
  area: PlotArea,
  format: Format,
  onCampaign: (campaign: string) => void,
): Spots {
  const points = model.series[0]?.points ?? []
  const top = area.top
  const height = area.height - area.top - area.bottom
  const at = (place: number): Spot | null => {
    const point = points[place]
    if (point === undefined) return null
    const card = (): HTMLElement => trendCard(model, place, format)
    if (model.form === 'bars') {
      const left = area.toX(point.fromMs)
      return { box: { left, top, width: area.toX(point.toMs) - left, height }, marks: [], card }
    }
    const left = area.toX(point.middleMs)
    const marks = model.series.flatMap(({ points: its, slot }) => {
      const value = its[place]?.value ?? null
      const isOnPlot = value !== null && value <= model.axis.max && value >= model.axis.min
      return isOnPlot ? [{ x: left, y: area.toY(value), slot }] : []
    })
    return { box: { left: left - 0.5, top, width: 1, height }, marks, card }
  }
  const find = (x: number): number => {
    const atMs = area.fromX(x)
    const place = points.findIndex(({ toMs }) => atMs < toMs)
    return place === -1 ? points.length - 1 : place
  }
  const target = (x: number, y: number, isTouch: boolean): (() => void) | null => {
    // A finger on the plot looks at its card; campaigns have their buttons in the legend.
    const campaign = isTouch ? null : lineAt(model, area, x, y)
    return campaign === null ? null : () => onCampaign(campaign)
  }
  return { count: points.length, find, at, target }
}

/** How near a line is under the pointer. */
const NEAR_PX = 9

/** The campaign of the nearest line; null if none is near. */
export function lineAt(model: TrendModel, area: PlotArea, x: number, y: number): string | null {
  if (model.form === 'bars') return null
  let nearest: string | null = null
  let least = NEAR_PX
  for (const series of model.series) {
    const distance = distanceTo(series, area, x, y)
    if (series.campaign === null || distance > least) continue
    nearest = series.campaign
    least = distance
  }
  return nearest
}

function distanceTo(series: TrendSeries, area: PlotArea, x: number, y: number): number {
  const { points, isScattered, total } = series
  if (isScattered) return Math.abs(y - area.toY(total ?? Number.NaN))
  const places = points.map(({ middleMs, value }) =>
    value === null ? null : { x: area.toX(middleMs), y: area.toY(value) },
  )
  return places.reduce((least, place, index) => {
    if (place === null) return least
    const before = places[index - 1] ?? place
    const length = (place.x - before.x) ** 2 + (place.y - before.y) ** 2
    const along = (x - before.x) * (place.x - before.x) + (y - before.y) * (place.y - before.y)
    const share = length === 0 ? 0 : Math.min(Math.max(along / length, 0), 1)
    const [nearX, nearY] = [
      before.x + share * (place.x - before.x),
      before.y + share * (place.y - before.y),
    ]
    return Math.min(least, Math.hypot(x - nearX, y - nearY))
  }, Number.POSITIVE_INFINITY)
}

function trendCard(model: TrendModel, place: number, format: Format): HTMLElement {
  const ranked = model.series
    .flatMap((series) => {
      const point = series.points[place]
      return point === undefined ? [] : [{ series, point }]
    })
    .toSorted((a, b) => rankOf(b.point) - rankOf(a.point))
  const first = ranked[0]?.point
  const rows = ranked.map(({ series, point }) => ({
    slot: series.slot,
    name: model.series.length === 1 && series.campaign === null ? '' : seriesName(series),
    figure: format.figure(model.measure, point.value),
    detail: fractionText(model.measure, point.sums, format),
  }))
  const title = first === undefined ? '' : format.span(first.fromMs, first.toMs)
  return chartCard(title, rows, first === undefined ? '' : noteOf(model, first, format))
}

/** Where several lines are shown, their intervals are left out. */
function noteOf(model: TrendModel, point: TrendPoint, format: Format): string {
  const isOne = model.series.length === 1
  return [
    ...(isOne && point.isUncertain && point.interval !== null
      ? [`95% interval: ${intervalText(model, point, format)}.`]
      : []),
    ...(point.isFilling ? ['In progress: more events may come.'] : []),
  ].join(' ')
}

/** Gaps come last. */
function rankOf({ value }: TrendPoint): number {
  return value ?? Number.NEGATIVE_INFINITY
}
