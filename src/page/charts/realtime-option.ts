/**
 * The last five minutes as an ECharts option: three panels, one above the other, on a common time
 * axis, each with a labelled scale of its own from zero. There are about thirty impressions for
 * each click and ten clicks for each conversion: stacked or on one scale, clicks and conversions
 * would be a flat line; a log scale has no place for a second without conversions. In panels all
 * three are visible, and dips line up. Each second is a step, because it is a count: there is
 * nothing to interpolate.
 */
import type { Format } from '../format.ts'
import { type ChartOption, type ChartTheme, FONT_SIZE, seriesColour } from './chart-option.ts'
import { textWidth } from './plot-area.ts'
import { REALTIME_PANELS, type RealtimeModel } from './realtime-model.ts'

/** In pixels, as in charts.css: a panel is a head (an element) with a plot below it. */
export const HEAD_PX = 32
export const PANEL_PX = 62
export const PANEL_GAP_PX = 12
export const RIGHT_PX = 16

export function realtimeLeft({ axes }: RealtimeModel, format: Format): number {
  return Math.max(...axes.map(({ max }) => textWidth(scaleText(max, format), FONT_SIZE)), 24) + 8
}

function scaleText(value: number, format: Format): string {
  return format.compact('impressions', value)
}

export function panelTop(panel: number): number {
  return panel * (HEAD_PX + PANEL_PX + PANEL_GAP_PX) + HEAD_PX
}

export function realtimeOption(
  model: RealtimeModel,
  theme: ChartTheme,
  format: Format,
): ChartOption {
  const left = realtimeLeft(model, format)
  const label = { color: theme.textMuted, fontFamily: theme.fontFamily, fontSize: FONT_SIZE }
  const last = REALTIME_PANELS.length - 1
  return {
    animation: false,
    grid: REALTIME_PANELS.map((_, panel) => ({
      left,
      right: RIGHT_PX,
      top: panelTop(panel),
      height: PANEL_PX,
      outerBoundsMode: 'none',
    })),
    xAxis: REALTIME_PANELS.map((_, gridIndex) => ({
      gridIndex,
      type: 'value',
      min: model.from,
      max: model.to,
      interval: 60,
      axisLine: { lineStyle: { color: theme.lineStrong } },
      axisTick: { show: gridIndex === last, length: 4, lineStyle: { color: theme.lineStrong } },
      splitLine: { show: false },
      axisLabel: {
        ...label,
        show: gridIndex === last,
        formatter: (second: number) => agoText(model.to - second),
      },
    })),
    yAxis: model.axes.map(({ max }, gridIndex) => ({
      gridIndex,
      type: 'value',
      min: 0,
      max,
      interval: max,
      axisLine: { show: false },
      axisTick: { show: false },
      axisLabel: { ...label, formatter: (value: number) => scaleText(value, format) },
      splitLine: { lineStyle: { color: theme.line } },
    })),
    series: REALTIME_PANELS.map((_, panel) => ({
      type: 'line',
      silent: true,
      xAxisIndex: panel,
      yAxisIndex: panel,
      step: 'end',
      symbol: 'none',
      data: stepsOf(model, panel),
      lineStyle: { color: seriesColour(theme, panel), width: 1.25 },
      areaStyle: { color: seriesColour(theme, panel), opacity: 0.16 },
    })),
  }
}

/** The last known second is as wide as the others. */
function stepsOf({ seconds }: RealtimeModel, panel: number): [number, number][] {
  const steps = seconds.map(({ at, counts }): [number, number] => [at, counts[panel] ?? 0])
  const last = steps.at(-1)
  return last === undefined ? steps : [...steps, [last[0] + 1, last[1]]]
}

/** The ticks do not move with the data, so they tell how long ago, not when. */
function agoText(seconds: number): string {
  return seconds === 0 ? 'now' : `−${seconds / 60} min`
}
