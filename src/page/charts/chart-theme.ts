/**
 * Reads the page's colours and font for the canvas. Custom properties are resolved where the chart stands, so that a
 * section with colours of its own would be followed too.
 */
import type { ChartTheme } from './chart-option.ts'

const SERIES_COUNT = 8

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
