/** A theme whose colours are their own names, so that a test sees which one was taken. */
import type { ChartTheme } from '../../../src/page/charts/chart-option.ts'

export const THEME: ChartTheme = {
  series: ['#s1', '#s2', '#s3', '#s4', '#s5', '#s6', '#s7', '#s8'],
  text: '#text',
  textMuted: '#muted',
  line: '#line',
  lineStrong: '#strong',
  surface: '#surface',
  fontFamily: 'sans-serif',
}
