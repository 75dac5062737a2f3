/**
 * The trend as an ECharts option: solid lines for complete windows, a dashed tail with hollow marks
 * for those that are filling. Names, legend, crosshair and the hatched band are elements over the
 * canvas (trend.ts), on the same area.
 */

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
import { type DrawnPoint, splitSeries, type TrendModel, type TrendSeries } from './trend-points.ts'
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

export function trendArea(
  model: TrendModel,
  size: Readonly<{ width: number; height: number }>,
  locale: string,
): PlotArea {
  const texts = gridValues(model).map((value) => trendAxisText(model, value, locale))
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
  locale: string,
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
        formatter: (value: number) => trendAxisText(model, value, locale),
      },
      splitLine: { lineStyle: { color: theme.line } },
    },
    series: model.series.flatMap((series) => seriesOptions(series, model, theme)),
  }
}

function trendAxisText(model: TrendModel, value: number, locale: string): string {
  return `${axisText(value, model.axis.step, locale)}%`
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
    axisLine: { lineStyle: { color: theme.lineStrong } },
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
  const { complete, filling } = splitSeries(series.points)
  const colour = seriesColour(theme, series.slot)
  const shared = {
    type: 'line',
    silent: true,
    clip: true,
    showSymbol: true,
    symbol: 'none',
    symbolSize: MARK_PX,
    z: 3,
  } as const
  const mark = `path://${markPath(series.slot)}`
  const isAlone = model.series.length === 1
  return [
    {
      ...shared,
      data: complete.map((point) => itemOf(point, mark)),
      lineStyle: { color: colour, width: isAlone ? 2.25 : 2, join: 'round', cap: 'round' },
      itemStyle: { color: colour, borderWidth: 0 },
    },
    {
      ...shared,
      data: filling.map((point) => itemOf(point, mark)),
      lineStyle: { color: colour, width: 2, type: [2, 4], cap: 'round' },
      itemStyle: { color: theme.surface, borderColor: colour, borderWidth: 1.5 },
    },
  ]
}

function itemOf({ x, y, look }: DrawnPoint, mark: string) {
  const value = [x, y ?? '-']
  if (look === 'line') return { value }
  return look === 'mark' ? { value, symbol: mark } : { value, symbol: 'circle', symbolSize: DOT_PX }
}
