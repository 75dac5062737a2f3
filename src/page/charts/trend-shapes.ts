/**
 * The areas of the trend as SVG paths over the canvas: bars of one line's sums, and the band of the
 * 95 % interval around one line's ratio. Bars are as wide as their steps, which need not be even.
 */
import { svgElement } from '../element.ts'
import type { PlotArea } from './plot-area.ts'
import type { TrendModel, TrendPoint } from './trend-points.ts'

type Shapes = Readonly<{ bars: string; fillingBars: string; band: string }>

type TrendShapes = Readonly<{
  element: SVGSVGElement
  update: (model: TrendModel, area: PlotArea) => void
}>

const NAMES = ['band', 'bars', 'fillingBars'] as const
const CLASSES = { band: 'trend-band', bars: 'trend-bars', fillingBars: 'trend-bars is-filling' }

export function openTrendShapes(): TrendShapes {
  const paths = NAMES.map((name) => ({ name, path: svgElement('path', { class: CLASSES[name] }) }))
  const svg = svgElement(
    'svg',
    { class: 'trend-shapes', 'aria-hidden': 'true' },
    ...paths.map(({ path }) => path),
  )
  return {
    element: svg,
    update(model, area) {
      const shapes = trendShapes(model, area)
      const slot = model.series[0]?.slot ?? 0
      svg.setAttribute('class', `trend-shapes series-${slot + 1}`)
      for (const { name, path } of paths) path.setAttribute('d', shapes[name])
    },
  }
}

/** Empty paths where there is nothing to draw. */
export function trendShapes(model: TrendModel, area: PlotArea): Shapes {
  const [only] = model.series
  if (only === undefined || model.series.length > 1) return { bars: '', fillingBars: '', band: '' }
  const barsOf = (isFilling: boolean): string =>
    model.form === 'lines'
      ? ''
      : only.points
          .filter((point) => point.isFilling === isFilling)
          .map((point) => barPath(point, area))
          .join('')
  return {
    bars: barsOf(false),
    fillingBars: barsOf(true),
    band: hasBand(model) ? bandPath(only.points, model, area) : '',
  }
}

/** Where every point is certain, the band would be about as thin as the line. */
export function hasBand({ series }: TrendModel): boolean {
  const [only] = series
  if (only === undefined || series.length > 1) return false
  return only.points.some(({ isUncertain, interval }) => isUncertain && interval !== null)
}

/** The share of a step that is left free between bars, in pixels at most. */
const GAP_SHARE = 0.2
const GAP_PX_MAX = 4
/** Of the bar of a small figure beside large ones. */
const BAR_PX_MIN = 1

function barPath({ fromMs, toMs, value }: TrendPoint, area: PlotArea): string {
  if (value === null || value === 0) return ''
  const [left, right] = [area.toX(fromMs), area.toX(toMs)]
  const gap = Math.min((right - left) * GAP_SHARE, GAP_PX_MAX) / 2
  const [zero, end] = [area.toY(0), area.toY(value)]
  const top = value > 0 ? Math.min(end, zero - BAR_PX_MIN) : Math.max(end, zero + BAR_PX_MIN)
  return `M${px(left + gap)} ${px(zero)}V${px(top)}H${px(right - gap)}V${px(zero)}Z`
}

/** Half the width of the interval of a point without neighbours. */
const ALONE_PX = 3

function bandPath(points: readonly TrendPoint[], { axis }: TrendModel, area: PlotArea): string {
  const toY = (value: number): number => area.toY(Math.min(Math.max(value, axis.min), axis.max))
  return runsOf(points)
    .map((run) => {
      const edge = run.map(({ middleMs, interval }) => ({
        x: area.toX(middleMs),
        high: toY(interval?.high ?? 0),
        low: toY(interval?.low ?? 0),
      }))
      const [one] = edge
      const wide =
        edge.length > 1 || one === undefined
          ? edge
          : [-ALONE_PX, ALONE_PX].map((aside) => ({ ...one, x: one.x + aside }))
      const above = wide.map(({ x, high }) => `${px(x)} ${px(high)}`)
      const below = wide.toReversed().map(({ x, low }) => `${px(x)} ${px(low)}`)
      return `M${[...above, ...below].join('L')}Z`
    })
    .join('')
}

/** Neighbours that have an interval. */
function runsOf(points: readonly TrendPoint[]): TrendPoint[][] {
  const runs: TrendPoint[][] = []
  points.forEach((point, index) => {
    if (point.interval === null) return
    if (index === 0 || points[index - 1]?.interval === null) runs.push([])
    runs.at(-1)?.push(point)
  })
  return runs
}

function px(value: number): string {
  return String(Math.round(value * 10) / 10)
}
