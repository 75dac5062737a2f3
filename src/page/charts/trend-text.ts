/**
 * The trend in words: the names of lines, the texts of points, and the paragraph that describes the
 * picture to those who cannot see it.
 */
import { MEASURES } from '../../dashboard-definition.ts'
import { campaignText } from '../campaign-name.ts'
import type { Format } from '../format.ts'
import type { TableContent } from './chart-table.ts'
import type { TrendModel, TrendPoint, TrendSeries } from './trend-points.ts'

export const ALL_CAMPAIGNS = 'All campaigns'
export const STILL_FILLING = 'still filling'

export function seriesName({ campaign }: TrendSeries): string {
  return campaign === null ? ALL_CAMPAIGNS : campaignText(campaign)
}

/** `1,204 clicks of 52,110 impressions` */
export function fractionText(model: TrendModel, point: TrendPoint, format: Format): string {
  const [part, whole] = model.measure === 'ctr' ? ['click', 'impression'] : ['conversion', 'click']
  return `${countText(point.part, part, format)} of ${countText(point.whole, whole, format)}`
}

/** `1 click`, `1,204 clicks` */
export function countText(count: number, one: string, format: Format): string {
  return `${format.count(count)} ${one}${count === 1 ? '' : 's'}`
}

/** How many points are above the plot, and why; '' if none is. */
export function offScaleText({ measure, offScale }: TrendModel): string {
  if (offScale === 0) return ''
  const whole = measure === 'ctr' ? 'impressions' : 'clicks'
  const points = offScale === 1 ? '1 point' : `${offScale} points`
  return `↑ ${points} above the scale, of few ${whole}`
}

export function describeTrend(model: TrendModel, format: Format): string {
  const measure = MEASURES[model.measure].label
  const span = format.span(model.fromMs, model.toMs)
  const lines = model.series.map((series) => describeSeries(series, model, format))
  if (lines.length === 0) return `${measure}, ${span}: no campaigns.`
  const filling = model.series[0]?.points.filter(({ isFilling }) => isFilling).length ?? 0
  return [
    `${measure}, ${span}, one point for ${stepText(model.stepMs)}.`,
    ...lines,
    ...(filling > 0
      ? [`The last ${filling === 1 ? 'point is' : `${filling} points are`} ${STILL_FILLING}.`]
      : []),
  ].join(' ')
}

function describeSeries(series: TrendSeries, model: TrendModel, format: Format): string {
  const figure = (point: TrendPoint): string => format.figure(model.measure, point.value)
  const known = series.points.filter(({ value, isFilling }) => value !== null && !isFilling)
  const [first] = known
  const last = known.at(-1)
  if (first === undefined || last === undefined) return `${seriesName(series)}: no figures yet.`
  if (known.length === 1)
    return `${seriesName(series)}: ${figure(first)} in the only complete window.`
  const byValue = known.toSorted((a, b) => (a.value ?? 0) - (b.value ?? 0))
  const lowest = byValue[0] ?? first
  const highest = byValue.at(-1) ?? first
  const at = (point: TrendPoint): string => `${figure(point)} (${format.dayTime(point.fromMs)})`
  return (
    `${seriesName(series)}: ${figure(first)} at first, ${figure(last)} in the last complete ` +
    `window, between ${at(lowest)} and ${at(highest)}.`
  )
}

const UNITS: readonly Readonly<{ seconds: number; name: string }>[] = [
  { seconds: 86_400, name: 'day' },
  { seconds: 3600, name: 'hour' },
  { seconds: 60, name: 'minute' },
  { seconds: 1, name: 'second' },
]

/** `5 minutes`, `1 hour` */
export function stepText(stepMs: number): string {
  const seconds = Math.round(stepMs / 1000)
  const unit = UNITS.find((one) => seconds % one.seconds === 0 && seconds >= one.seconds)
  const count = seconds / (unit?.seconds ?? 1)
  return `${count} ${unit?.name ?? 'second'}${count === 1 ? '' : 's'}`
}

export function trendTable(model: TrendModel, format: Format): TableContent {
  const [only] = model.series
  const isOne = model.series.length === 1
  const [part, whole] =
    model.measure === 'ctr' ? ['Clicks', 'Impressions'] : ['Conversions', 'Clicks']
  const label = model.measure.toUpperCase()
  const points = only?.points ?? []
  return {
    caption: `${label} ${format.span(model.fromMs, model.toMs)}`,
    columns: isOne
      ? ['Window', only === undefined ? label : `${label}, ${seriesName(only)}`, part, whole]
      : ['Window', ...model.series.map(seriesName)],
    rows: points.map((point, place) => ({
      key: String(point.fromMs),
      cells: [
        `${format.span(point.fromMs, point.toMs)}${point.isFilling ? ` (${STILL_FILLING})` : ''}`,
        ...model.series.map(({ points: its }) =>
          format.figure(model.measure, its[place]?.value ?? null),
        ),
        ...(isOne ? [format.count(point.part), format.count(point.whole)] : []),
      ],
    })),
  }
}
