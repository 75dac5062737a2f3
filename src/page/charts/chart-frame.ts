/**
 * What every chart stands in: a plot of reserved height with a canvas, said in words for who does not see it, a pointer,
 * the table behind it, and one call, `draw`, whenever size or theme are others.
 *
 *   .chart > .chart-body > .chart-plot[role=img] > .chart-canvas
 *          > details[data-as-table]
 */

import { element, setText } from '../element.ts'
import type { ChartTheme } from './chart-option.ts'
import { type ChartTable, openChartTable } from './chart-table.ts'
import { readTheme } from './chart-theme.ts'
import { type Canvas, openCanvas } from './echarts-core.ts'
import { openPlotPointer, type PlotPointer } from './plot-pointer.ts'

export type ChartFrame = Readonly<{
  body: HTMLElement
  plot: HTMLElement
  canvas: Canvas
  pointer: PlotPointer
  table: ChartTable
  size: () => Readonly<{ width: number; height: number }>
  theme: () => ChartTheme
  /** The picture in words. */
  describe: (text: string) => void
  /** A sentence in the middle of an empty plot; '' when there is something to see. */
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
  const canvas = openCanvas(surface)
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
