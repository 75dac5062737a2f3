/**
 * The frame of every chart: a plot of reserved height with a canvas and a description in words, a
 * pointer, the table behind the chart, and one callback, `draw`, for a new size or theme.
 *
 * This is the only file that loads ECharts, and only its lines, bars, grids and canvas. Legend,
 * tooltip, crosshair and line ends are elements of ours: their text can be selected, CSS styles
 * them and keys reach them. Without ECharts' components for these it is 142 KB compressed, not 160.
 *
 * Canvas, not SVG: with the real-time chart drawn once a second, Chromium's main thread is busy for
 * 24 ms a second with either, but SVG is 3 KB larger and adds some hundred elements to the page.
 *
 *   .chart > .chart-body > .chart-plot[role=img] > .chart-canvas
 *          > details[data-as-table]
 */

import { BarChart, LineChart } from 'echarts/charts'
import { GridSimpleComponent } from 'echarts/components'
import { type ECharts, init, use } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'
import { element, setText } from '../element.ts'
import { type ChartTheme, readTheme } from './chart-option.ts'
import { type ChartTable, openChartTable } from './chart-table.ts'
import { openPlotPointer, type PlotPointer } from './plot-pointer.ts'

type ChartFrame = Readonly<{
  body: HTMLElement
  plot: HTMLElement
  canvas: ECharts
  pointer: PlotPointer
  table: ChartTable
  size: () => Readonly<{ width: number; height: number }>
  theme: () => ChartTheme
  /** Sets the description in words. */
  describe: (text: string) => void
  /** A sentence in the middle of an empty plot; '' if there is something to see. */
  setNote: (text: string) => void
  setTheme: () => void
  close: () => void
}>

export function openChartFrame(host: HTMLElement, className: string, draw: () => void): ChartFrame {
  const surface = element('div', { class: 'chart-canvas' })
  const note = element('p', { class: 'chart-note' })
  note.hidden = true
  const plot = element('div', { class: 'chart-plot' }, surface, note)
  plot.setAttribute('role', 'img')
  plot.tabIndex = 0
  const body = element('div', { class: 'chart-body' }, plot)
  const table = openChartTable()
  const chart = element('div', { class: `chart ${className}` }, body, table.element)
  host.replaceChildren(chart)
  const canvas = init(surface, null, { renderer: 'canvas' })
  const pointer = openPlotPointer(plot)
  let theme = readTheme(host)

  const resize = (): void => {
    if (plot.clientWidth === 0) return
    canvas.resize({ width: plot.clientWidth, height: plot.clientHeight })
    draw()
  }
  const observer = new ResizeObserver(resize)
  observer.observe(plot)
  return {
    body,
    plot,
    canvas,
    pointer,
    table,
    size: () => ({ width: plot.clientWidth, height: plot.clientHeight }),
    theme: () => theme,
    describe: (text) => {
      if (plot.getAttribute('aria-label') !== text) plot.setAttribute('aria-label', text)
    },
    setNote: (text) => {
      note.hidden = text === ''
      setText(note, text)
    },
    setTheme: () => {
      theme = readTheme(host)
      draw()
    },
    close: () => {
      observer.disconnect()
      pointer.close()
      canvas.dispose()
      chart.remove()
    },
  }
}

use([LineChart, BarChart, GridSimpleComponent, CanvasRenderer])
