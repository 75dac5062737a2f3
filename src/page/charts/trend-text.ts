/**
 * The trend in words: the names of lines, the texts of points, and the paragraph that describes the
 * picture to those who cannot see it.
 */
import { MEASURES, type MeasureId, type SumColumn, type Sums } from '../../dashboard-definition.ts'
import { campaignText } from '../campaign-name.ts'
import type { Format } from '../format.ts'
import type { TableContent } from './chart-table.ts'
import type { TrendModel, TrendPoint, TrendSeries } from './trend-points.ts'
import { hasBand } from './trend-shapes.ts'

export const ALL_CAMPAIGNS = 'All campaigns'
export const STILL_FILLING = 'in progress'

const UNITS_OF_SUMS: Readonly<Record<Exclude<SumColumn, 'revenue'>, string>> = {
  impressions: 'impression',
  clicks: 'click',
  conversions: 'conversion',
}

export function seriesName({ campaign }: TrendSeries): string {
  return campaign === null ? ALL_CAMPAIGNS : campaignText(campaign)
}

/** What a ratio is of, `1,204 clicks of 52,110 impressions`; '' for a sum. */
export function fractionText(measure: MeasureId, sums: Sums, format: Format): string {
  const { value } = MEASURES[measure]
  if (value.kind === 'sum') return ''
  return `${sumText(value.of, sums, format)} of ${sumText(value.by, sums, format)}`
}

function sumText(column: SumColumn, sums: Sums, format: Format): string {
  if (column === 'revenue') return format.figure('revenue', sums.revenue)
  return countText(sums[column], UNITS_OF_SUMS[column], format)
}

/** `1 click`, `1,204 clicks` */
export function countText(count: number, one: string, format: Format): string {
  return `${format.count(count)} ${one}${count === 1 ? '' : 's'}`
}

/** `1.2%–4.0%`, or a dash where there is none. */
export function intervalText(model: TrendModel, point: TrendPoint, format: Format): string {
  const { interval } = point
  if (interval === null) return format.figure(model.measure, null)
  const [low, high] = [interval.low, interval.high].map((end) => format.figure(model.measure, end))
  return `${low}–${high}`
}

/** What the ratio is counted by: `impressions`. */
function wholeText(measure: MeasureId): string {
  const { value } = MEASURES[measure]
  return value.kind === 'sum' ? 'events' : value.by
}

/** The ratio of the whole range, which one line has as a level; '' without it. */
export function levelText({ measure, series }: TrendModel, format: Format): string {
  const [only] = series
  const isShown = series.length === 1 && MEASURES[measure].value.kind === 'ratio'
  if (!isShown || only === undefined || only.total === null) return ''
  return `Dashed: ${format.figure(measure, only.total)} in all`
}

/** How uncertain points are drawn; '' if none is. */
export function uncertainText(model: TrendModel): string {
  const isAny = model.series.some(({ points }) => points.some((point) => point.isUncertain))
  if (!isAny) return ''
  const few = `few ${wholeText(model.measure)}`
  if (model.series.some(({ isScattered }) => isScattered)) {
    return `Dots: ${few}; their line is the whole range`
  }
  return hasBand(model) ? `Thin: ${few}, with 95% interval` : `Thin: ${few}`
}

/** How many points are outside the plot, and why; '' if none is. */
export function offScaleText({ measure, offScale }: TrendModel): string {
  if (offScale === 0) return ''
  const points = offScale === 1 ? '1 point' : `${offScale} points`
  return `↑ ${points} off the scale, of few ${wholeText(measure)}`
}

/** Which lines are paler; '' if none is. */
export function contextText({ series }: TrendModel): string {
  return series.some(({ isContext }) => isContext) ? 'Paler: other campaigns, to compare with' : ''
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
  const name = seriesName(series)
  const figure = (point: TrendPoint): string => format.figure(model.measure, point.value)
  const known = series.points.filter(({ value, isFilling }) => value !== null && !isFilling)
  const [first] = known
  const last = known.at(-1)
  const whole = `${name}: ${format.figure(model.measure, series.total)} in the whole range`
  if (first === undefined || last === undefined) return `${name}: no figures yet.`
  if (known.length === 1) return `${whole}, ${figure(first)} in the only complete part.`
  const byValue = known.toSorted((a, b) => (a.value ?? 0) - (b.value ?? 0))
  const lowest = byValue[0] ?? first
  const highest = byValue.at(-1) ?? first
  const at = (point: TrendPoint): string => `${figure(point)} (${format.dayTime(point.fromMs)})`
  const uncertain = known.filter(({ isUncertain }) => isUncertain).length
  const few = uncertain === 0 ? '' : `, ${uncertain} of ${known.length} points of few events`
  return (
    `${whole}, ${figure(first)} at first, ${figure(last)} in the last complete part, ` +
    `between ${at(lowest)} and ${at(highest)}${few}.`
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

/** One line has what its ratio is of, and the interval; several have a column each. */
export function trendTable(model: TrendModel, format: Format): TableContent {
  const { measure, series } = model
  const [only] = series
  const { label } = MEASURES[measure]
  const details = series.length === 1 ? detailColumns(model, format) : []
  const points = only?.points ?? []
  return {
    caption: `${label} ${format.span(model.fromMs, model.toMs)}`,
    columns: [
      'Time',
      ...(series.length > 1 ? series.map(seriesName) : [lineTitle(label, only)]),
      ...details.map(({ title }) => title),
    ],
    rows: points.map((point, place) => ({
      key: String(point.fromMs),
      cells: [
        `${format.span(point.fromMs, point.toMs)}${point.isFilling ? ` (${STILL_FILLING})` : ''}`,
        ...series.map(({ points: its }) => format.figure(measure, its[place]?.value ?? null)),
        ...details.map(({ text }) => text(point)),
      ],
    })),
  }
}

function lineTitle(label: string, series: TrendSeries | undefined): string {
  return series === undefined ? label : `${label}, ${seriesName(series)}`
}

type DetailColumn = Readonly<{ title: string; text: (point: TrendPoint) => string }>

function detailColumns(model: TrendModel, format: Format): readonly DetailColumn[] {
  const { unit, value } = MEASURES[model.measure]
  if (value.kind === 'sum') return []
  const sumOf = (column: SumColumn): DetailColumn => ({
    title: MEASURES[column].label,
    text: ({ sums }) => format.figure(column, sums[column]),
  })
  const interval: DetailColumn = {
    title: '95% interval',
    text: (point) => intervalText(model, point, format),
  }
  return [...(unit === 'percent' ? [interval] : []), sumOf(value.of), sumOf(value.by)]
}
