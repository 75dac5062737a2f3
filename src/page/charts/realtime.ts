/**
 * The chart "Real time": three small panels beside each other on a common scale of time, each from
 * zero on a scale of its own. There are about thirty impressions for each click and ten clicks for
 * each conversion: on one scale, clicks and conversions would be a flat line. Each second or window
 * is a step, because it is a count: there is nothing to interpolate.
 *
 * By the second it moves by the clock, with or without messages. Seconds that the stream has not
 * sent yet stay empty at the right edge, so that an interrupted connection shows as a growing gap.
 * Drawn as SVG, without ECharts, so that it is there as soon as the figures are.
 */
import { type LiveMessage, MEASURES, type SummaryAnswer } from '../../dashboard-definition.ts'
import { element, setText, svgElement } from '../element.ts'
import type { Format } from '../format.ts'
import { openChartTable } from './chart-table.ts'
import { chartCard, openPlotPointer, type Spots } from './plot-pointer.ts'
import {
  cutOff,
  describeRealtime,
  REALTIME_PANELS,
  type RealtimeModel,
  realtimeTable,
  SETTLE_MS,
  SecondsRing,
  secondsModel,
  sumSteps,
  windowsModel,
} from './realtime-model.ts'

export type RealtimeChart = Readonly<{
  plot: HTMLElement
  table: HTMLElement
  /** Takes the seconds of a message. */
  merge: (message: LiveMessage) => void
  /** With filters it shows windows, nothing before the first answer; else the seconds. */
  setFiltered: (isFiltered: boolean) => void
  showWindows: (answer: SummaryAnswer) => void
  close: () => void
}>

/** The edge lags behind the clock: the last second must be complete and its message arrived. */
const EDGE_DELAY_MS = SETTLE_MS + 250
/** How often the description is updated: not each second, since reading takes longer. */
const DESCRIBE_SECONDS = 10
const WAITING = 'Waiting for the first events'

/** `nowMs` is the server's clock. */
export function openRealtimeChart({
  format,
  nowMs,
}: Readonly<{ format: Format; nowMs: () => number }>): RealtimeChart {
  const ring = new SecondsRing()
  const panels = REALTIME_PANELS.map((_, panel) => openPanel(panel, format))
  const plot = element(
    'div',
    {
      class: 'chart-plot realtime-plot',
      attributes: { role: 'img', tabindex: 0, 'aria-label': WAITING },
    },
    ...panels.map((panel) => panel.element),
  )
  const pointer = openPlotPointer(plot)
  const table = openChartTable()
  let isFiltered = false
  let windows: SummaryAnswer | null = null
  let model: RealtimeModel | null = null
  let describedAt = Number.NEGATIVE_INFINITY
  let timer: number | undefined

  const modelAt = (edge: number): RealtimeModel | null => {
    if (isFiltered) return windows === null ? null : windowsModel(windows)
    return ring.knownTo === null ? null : secondsModel(ring, edge, model)
  }
  const draw = (): void => {
    const edge = Math.floor((nowMs() - EDGE_DELAY_MS) / 1000)
    const next = modelAt(edge)
    for (const panel of panels) panel.update(next)
    if (next === null) {
      plot.setAttribute('aria-label', WAITING)
      return
    }
    if (model === null || edge - describedAt >= DESCRIBE_SECONDS) {
      describedAt = edge
      plot.setAttribute('aria-label', describeRealtime(next, format))
    }
    model = next
    pointer.update(realtimeSpots(next, plot, panels, format))
    table.update(() => realtimeTable(next, format))
  }
  const tick = (): void => {
    clearTimeout(timer)
    if (document.hidden) return
    draw()
    const sinceEdgeMs = (nowMs() - EDGE_DELAY_MS) % 1000
    timer = setTimeout(tick, 1000 - sinceEdgeMs)
  }

  document.addEventListener('visibilitychange', tick)
  return {
    plot,
    table: table.element,
    merge(message) {
      const isFirst = ring.knownTo === null
      ring.merge(message)
      if (isFirst) tick()
    },
    setFiltered(filtered) {
      if (filtered === isFiltered) return
      isFiltered = filtered
      windows = null
      model = null
      draw()
    },
    showWindows(answer) {
      windows = answer
      draw()
    },
    close() {
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', tick)
      pointer.close()
    },
  }
}

type Panel = Readonly<{
  element: HTMLElement
  canvas: HTMLElement
  update: (model: RealtimeModel | null) => void
}>

const CUT_TITLE = 'Cut off: drawn to scale it would hide all the others.'
const BOX = { width: 300, height: 40 } as const

/** Name, newest figure, the steps, and below them what they add up to. */
function openPanel(panel: number, format: Format): Panel {
  const id = REALTIME_PANELS[panel] ?? 'impressions'
  const figure = element('span', { class: 'realtime-figure', text: '–' })
  const sum = element('span')
  const peak = element('span', { attributes: { title: CUT_TITLE } })
  const area = svgElement('path', { class: 'realtime-area' })
  const cut = svgElement('path', { class: 'realtime-cut' })
  const picture = svgElement(
    'svg',
    {
      class: 'realtime-steps',
      viewBox: `0 0 ${BOX.width} ${BOX.height}`,
      preserveAspectRatio: 'none',
      'aria-hidden': 'true',
    },
    area,
    cut,
  )
  const canvas = element('div', { class: 'realtime-canvas' }, picture)
  return {
    element: element(
      'div',
      { class: `realtime-panel series-${panel + 1}`, attributes: { 'data-realtime': id } },
      element(
        'p',
        { class: 'realtime-head' },
        element('span', { class: 'realtime-name', text: MEASURES[id].label }),
        figure,
      ),
      canvas,
      element('p', { class: 'realtime-sum' }, sum, peak),
    ),
    canvas,
    update(model) {
      const texts = model === null ? NO_TEXTS : panelTexts(model, panel, format)
      setText(figure, texts.figure)
      setText(sum, texts.sum)
      setText(peak, texts.peak)
      area.setAttribute('d', model === null ? '' : areaPath(model, panel))
      cut.setAttribute('d', model === null ? '' : cutPath(model, panel))
    },
  }
}

type PanelTexts = Readonly<{ figure: string; sum: string; peak: string }>

const NO_TEXTS: PanelTexts = { figure: '–', sum: '\u00a0', peak: '' }

function panelTexts(model: RealtimeModel, panel: number, format: Format): PanelTexts {
  const newest = model.steps.at(-1)?.counts[panel]
  const newestText = newest === undefined ? '–' : format.count(newest)
  const most = cutOff(model, panel)
  const total = format.count(sumSteps(model.steps)[panel] ?? 0)
  const isSeconds = model.each === 'second'
  const hours = Math.round((model.to - model.from) / 3600)
  return {
    figure: isSeconds ? `${newestText} /s` : newestText,
    sum: `${total} in ${isSeconds ? '5 min' : `${hours} h`}`,
    peak: most === null ? '' : `peak ${format.count(most)}`,
  }
}

function areaPath(model: RealtimeModel, panel: number): string {
  const top = model.axes[panel]?.max ?? 1
  const y = (count: number): string => ((1 - Math.min(count, top) / top) * BOX.height).toFixed(1)
  const parts = model.steps.map(
    ({ at, counts }) => `V${y(counts[panel] ?? 0)}H${xOf(model, at + model.stepSeconds)}`,
  )
  const [first] = model.steps
  if (first === undefined) return ''
  return `M${xOf(model, first.at)} ${BOX.height}${parts.join('')}V${BOX.height}Z`
}

/** A line over each step that reaches beyond the scale. */
function cutPath(model: RealtimeModel, panel: number): string {
  const top = model.axes[panel]?.max ?? 1
  return model.steps
    .filter(({ counts }) => (counts[panel] ?? 0) > top)
    .map(({ at }) => `M${xOf(model, at)} 0H${xOf(model, at + model.stepSeconds)}`)
    .join('')
}

function xOf({ from, to }: RealtimeModel, at: number): string {
  return (((at - from) / (to - from)) * BOX.width).toFixed(1)
}

/** The crosshair is in the panel under the pointer, and the marks in all three. */
function realtimeSpots(
  model: RealtimeModel,
  plot: HTMLElement,
  panels: readonly Panel[],
  format: Format,
): Spots {
  const { steps, from, to, stepSeconds, axes } = model
  const plotBox = plot.getBoundingClientRect()
  const areas = panels.map(({ canvas }) => {
    const { left, top, width, height } = canvas.getBoundingClientRect()
    return { left: left - plotBox.left, top: top - plotBox.top, width, height }
  })
  const toX = (panel: number, second: number): number => {
    const area = areas[panel]
    return area === undefined ? 0 : area.left + ((second - from) / (to - from)) * area.width
  }
  let hovered = 0
  return {
    count: steps.length,
    target: () => null,
    find: (x, y) => {
      const isInside = ({ left, top, width, height }: (typeof areas)[number]): boolean =>
        x >= left && x <= left + width && y >= top - PANEL_EDGE_PX && y <= top + height
      hovered = Math.max(0, areas.findIndex(isInside))
      const area = areas[hovered]
      const share = area === undefined ? 0 : (x - area.left) / Math.max(area.width, 1)
      const second = from + Math.min(Math.max(share, 0), 1) * (to - from)
      return Math.floor((second - (steps[0]?.at ?? second)) / stepSeconds)
    },
    at(place) {
      const step = steps[place]
      const area = areas[hovered]
      if (step === undefined || area === undefined) return null
      const middle = step.at + stepSeconds / 2
      const rows = REALTIME_PANELS.map((id, panel) => ({
        slot: panel,
        name: MEASURES[id].label,
        figure: format.count(step.counts[panel] ?? 0),
        detail: '',
      }))
      const startMs = step.at * 1000
      const title =
        model.each === 'second'
          ? format.timeWithSeconds(startMs)
          : format.span(startMs, startMs + stepSeconds * 1000)
      return {
        box: { left: toX(hovered, middle) - 0.5, top: area.top, width: 1, height: area.height },
        marks: areas.map(({ top, height }, slot) => {
          const max = axes[slot]?.max ?? 1
          const share = Math.min((step.counts[slot] ?? 0) / max, 1)
          return { x: toX(slot, middle), y: top + (1 - share) * height, slot }
        }),
        card: () => chartCard(title, rows, ''),
      }
    },
  }
}

/** The head of a panel belongs to it. */
const PANEL_EDGE_PX = 24
