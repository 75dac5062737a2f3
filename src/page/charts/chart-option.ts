/**
 * The types of what is handed to ECharts, so that the builders of options are checked without loading it; and what all
 * charts share.
 */
import type { BarSeriesOption, LineSeriesOption } from 'echarts/charts'
import type { GridComponentOption } from 'echarts/components'
import type { ComposeOption } from 'echarts/core'

export type ChartOption = ComposeOption<LineSeriesOption | BarSeriesOption | GridComponentOption>
export type { BarSeriesOption, LineSeriesOption }

/** Colours and type of the page, as the canvas needs them: resolved, no custom properties. */
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
