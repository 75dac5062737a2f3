/**
 * The parts of ECharts that the page uses, and the only place that imports it: lines, bars, grids, canvas. Legend,
 * tooltip, crosshair and line ends are elements of ours (text that can be selected, themed by CSS, reached by keys), which
 * leaves out ECharts' components for them: 142 KB compressed instead of 160.
 *
 * Canvas, not SVG: with the real-time chart drawn once a second and nothing else to do, Chromium's main thread is busy for
 * 24 ms a second with either; SVG is 3 KB larger and keeps some hundred elements in the page.
 */
import { BarChart, LineChart } from 'echarts/charts'
import { GridSimpleComponent } from 'echarts/components'
import { type ECharts, init, use } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'

use([LineChart, BarChart, GridSimpleComponent, CanvasRenderer])

export type Canvas = ECharts

/** An empty canvas that fills the element. Nothing animates: figures that change each second are read, not watched. */
export function openCanvas(element: HTMLElement): Canvas {
  return init(element, null, { renderer: 'canvas' })
}
