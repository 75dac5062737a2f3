/**
 * The trend as an ECharts option: axes, and lines. A line is solid where it is complete, thin where
 * it is of few events, and dashed with hollow marks where it is filling. Names, legend, crosshair,
 * bars and bands are elements over the canvas (trend.ts), on the same area.
 */

import { MEASURES } from '../../dashboard-definition.ts'
import type { Format } from '../format.ts'
import { markPath } from './chart-keys.ts'
import {
  type ChartOption,
  type ChartTheme,
  FONT_SIZE,
  type LineSeriesOption,
  seriesColour,
} from './chart-option.ts'
import { type PlotArea, plotArea, textWidth } from './plot-area.ts'
import type { TimeTick } from './time-axis.ts'
import { type DrawnPoint, lineParts, type TrendModel, type TrendSeries } from './trend-points.ts'
import { axisText } from './value-axis.ts'

/** Time labels are centred on their ticks: half of the widest may extend beyond either end. */
const SIDE_PX = 30
/** Between the labels of the value axis and the plot. */
const LABEL_GAP_PX = 10
const TOP_PX = 10
/** Two lines of labels. */
const BOTTOM_PX = 42
/** The width of a label such as `22 Nov`, with some space. */
export const TIME_LABEL_PX = 60
const MARK_PX = 7
/** A point without neighbours: as thick as the line. */
const DOT_PX = 3.5
/** Lines that are there to compare with are paler than those of chosen campaigns. */
const CONTEXT_OPACITY = 0.45
/** Of the points of a line that is scattered. */
const DOT_OPACITY = 0.5
/** From here on an axis shows thousands and millions. */
const COMPACT_FROM = 10_000

export function trendArea(
  model: TrendModel,
  size: Readonly<{ width: number; height: number }>,
  format: Format,
): PlotArea {
  const texts = gridValues(model).map((value) => trendAxisText(model, value, format))
  const widest = Math.max(...texts.map((text) => textWidth(text, FONT_SIZE)))
  const left = Math.max(widest + LABEL_GAP_PX, SIDE_PX)
  return plotArea(
    size,
    { left, right: SIDE_PX, top: TOP_PX, bottom: BOTTOM_PX },
    { x: [model.fromMs, model.toMs], y: [model.axis.min, model.axis.max] },
  )
}

export function trendOption(
  model: TrendModel,
  area: PlotArea,
  ticks: readonly TimeTick[],
  theme: ChartTheme,
  format: Format,
): ChartOption {
  return {
    animation: false,
    grid: {
      left: area.left,
      right: area.right,
      top: area.top,
      bottom: area.bottom,
      outerBoundsMode: 'none',
    },
    xAxis: timeAxisOption({ fromMs: model.fromMs, toMs: model.toMs }, ticks, theme),
    yAxis: {
      type: 'value',
      min: model.axis.min,
      max: model.axis.max,
      interval: model.axis.step,
      axisLine: { show: false },
      axisTick: { show: false },
      axisLabel: {
        color: theme.textMuted,
        fontFamily: theme.fontFamily,
        fontSize: FONT_SIZE,
        formatter: (value: number) => trendAxisText(model, value, format),
      },
      splitLine: { lineStyle: { color: theme.line } },
    },
    series:
      model.form === 'bars'
        ? []
        : model.series.flatMap((series) => seriesOptions(series, model, theme)),
  }
}

function trendAxisText({ measure, axis }: TrendModel, value: number, format: Format): string {
  const text = axisText(value, axis.step, format.locale)
  const { unit } = MEASURES[measure]
  if (unit === 'percent') return `${text}%`
  if (Math.abs(value) >= COMPACT_FROM) return format.compact(measure, value)
  if (unit === 'count') return text
  return Number.isInteger(axis.step) ? format.wholeMoney(value) : format.figure(measure, value)
}

function gridValues({ axis }: TrendModel): number[] {
  const count = Math.round((axis.max - axis.min) / axis.step)
  return Array.from({ length: count + 1 }, (_, index) => axis.min + index * axis.step)
}

/** A value axis with our own ticks: ECharts' time axis only knows the browser's zone and UTC. */
export function timeAxisOption(
  span: Readonly<{ fromMs: number; toMs: number }>,
  ticks: readonly TimeTick[],
  theme: ChartTheme,
): NonNullable<ChartOption['xAxis']> {
  const byMoment = new Map(ticks.map((tick) => [tick.atMs, tick]))
  const moments = ticks.map(({ atMs }) => atMs)
  return {
    type: 'value',
    min: span.fromMs,
    max: span.toMs,
    // At the edge of the plot, also where refunds are below zero.
    axisLine: { onZero: false, lineStyle: { color: theme.lineStrong } },
    axisTick: {
      show: true,
      length: 4,
      customValues: moments,
      lineStyle: { color: theme.lineStrong },
    },
    splitLine: { show: false },
    axisLabel: {
      customValues: moments,
      color: theme.textMuted,
      fontFamily: theme.fontFamily,
      fontSize: FONT_SIZE,
      lineHeight: 16,
      formatter: (atMs: number) => {
        const tick = byMoment.get(atMs)
        if (tick === undefined) return ''
        return tick.context === '' ? tick.label : `${tick.label}\n{context|${tick.context}}`
      },
      rich: {
        context: { color: theme.text, fontSize: FONT_SIZE, lineHeight: 16, fontWeight: 600 },
      },
    },
  }
}

function seriesOptions(
  series: TrendSeries,
  model: TrendModel,
  theme: ChartTheme,
): LineSeriesOption[] {
  const { certain, uncertain, filling } = lineParts(series.points)
  const colour = seriesColour(theme, series.slot)
  const opacity = series.isContext ? CONTEXT_OPACITY : 1
  const shared = {
    type: 'line',
    silent: true,
    clip: true,
    showSymbol: true,
    symbol: 'none',
    symbolSize: MARK_PX,
    // Context stays below the lines of chosen campaigns.
    z: series.isContext ? 2 : 3,
  } as const
  const mark = `path://${markPath(series.slot)}`
  const isAlone = model.series.length === 1
  const line = { color: colour, opacity, join: 'round', cap: 'round' } as const
  const solid = { color: colour, opacity, borderWidth: 0 }
  if (series.isScattered) {
    const faint = { color: colour, opacity: opacity * DOT_OPACITY, borderWidth: 0 }
    const dots = series.points.map(({ middleMs, value }) => ({
      value: [middleMs, value ?? '-'],
      symbol: 'circle',
      symbolSize: DOT_PX,
    }))
    return [
      { ...shared, data: dots, lineStyle: { width: 0 }, itemStyle: faint },
      { ...shared, data: levelOf(series, model), lineStyle: { ...line, width: 2 } },
    ]
  }
  const isFaint =
    filling.length > 0 && series.points.some((one) => one.isFilling && one.isUncertain)
  const isRatio = MEASURES[model.measure].value.kind === 'ratio'
  const level = { color: theme.text, width: 1.25, type: [6, 4] }
  return [
    ...(isAlone && isRatio
      ? [{ ...shared, z: 2, data: levelOf(series, model), lineStyle: level }]
      : []),
    {
      ...shared,
      data: certain.map((point) => itemOf(point, mark)),
      lineStyle: { ...line, width: isAlone ? 2.25 : 2 },
      itemStyle: solid,
    },
    {
      ...shared,
      data: uncertain.map((point) => itemOf(point, mark)),
      lineStyle: { ...line, width: 0.75 },
      itemStyle: solid,
    },
    {
      ...shared,
      data: filling.map((point) => itemOf(point, mark)),
      lineStyle: { ...line, width: isFaint ? 1 : 2, type: [2, 4] },
      itemStyle: { color: theme.surface, opacity, borderColor: colour, borderWidth: 1.5 },
    },
  ]
}

/** The ratio of the whole range, from edge to edge. */
function levelOf({ total }: TrendSeries, { fromMs, toMs }: TrendModel) {
  return total === null ? [] : [fromMs, toMs].map((atMs) => ({ value: [atMs, total] }))
}

function itemOf({ x, y, look }: DrawnPoint, mark: string) {
  const value = [x, y ?? '-']
  if (look === 'line') return { value }
  return look === 'mark' ? { value, symbol: mark } : { value, symbol: 'circle', symbolSize: DOT_PX }
}
