/**
 * The types of ECharts options, so that option builders are checked without loading ECharts; and
 * the theme of the charts.
 */
import type { BarSeriesOption, LineSeriesOption } from 'echarts/charts'
import type { GridComponentOption } from 'echarts/components'
import type { ComposeOption } from 'echarts/core'

export type ChartOption = ComposeOption<LineSeriesOption | BarSeriesOption | GridComponentOption>
export type { BarSeriesOption, LineSeriesOption }

/** A chart as its section uses it. */
export type Chart<Content> = Readonly<{
  update: (content: Content) => void
  setTheme: () => void
  close: () => void
}>

/** The page's colours and font for the canvas: resolved, without custom properties. */
export type ChartTheme = Readonly<{
  /** Eight colours; slot 0 first. */
  series: readonly string[]
  text: string
  textMuted: string
  line: string
  lineStrong: string
  surface: string
  fontFamily: string
}>

export const FONT_SIZE = 12

export function seriesColour(theme: ChartTheme, slot: number): string {
  return theme.series[slot % theme.series.length] ?? theme.text
}

const SERIES_COUNT = 8

/** Custom properties are resolved at the chart, so that colours of its section would apply. */
export function readTheme(host: HTMLElement): ChartTheme {
  const style = getComputedStyle(host)
  const token = (name: string): string => style.getPropertyValue(name).trim()
  return {
    series: Array.from({ length: SERIES_COUNT }, (_, slot) => token(`--series-${slot + 1}`)),
    text: token('--text'),
    textMuted: token('--text-muted'),
    line: token('--line'),
    lineStrong: token('--line-strong'),
    surface: token('--surface'),
    fontFamily: style.fontFamily,
  }
}
