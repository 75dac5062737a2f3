/**
 * The chart "Real time": events a second by type. It moves once a second by the clock, with or
 * without messages. Seconds that the stream has not sent yet stay empty at the right edge, so that
 * an interrupted connection shows as a growing gap.
 */

import { type LiveMessage, MEASURES } from '../../dashboard-definition.ts'
import { element, setText } from '../element.ts'
import type { Format } from '../format.ts'
import { openChartFrame } from './chart-frame.ts'
import { keyMark } from './chart-keys.ts'
import type { Chart } from './chart-option.ts'
import { plotArea } from './plot-area.ts'
import { chartCard, type Spots } from './plot-pointer.ts'
import {
  describeRealtime,
  REALTIME_PANELS,
  type RealtimeModel,
  realtimeModel,
  realtimeTable,
  SECONDS_KEPT,
  SETTLE_MS,
  SecondsRing,
  sumSeconds,
} from './realtime-model.ts'
import { PANEL_PX, panelTop, RIGHT_PX, realtimeLeft, realtimeOption } from './realtime-option.ts'

/** The edge lags behind the clock: the last second must be complete and its message arrived. */
const EDGE_DELAY_MS = SETTLE_MS + 250
/** How often the description is updated: not each second, since reading takes longer. */
const DESCRIBE_SECONDS = 10

/** `nowMs` is the server's clock. */
export function openRealtimeChart(
  host: HTMLElement,
  { format, nowMs }: Readonly<{ format: Format; nowMs: () => number }>,
): Chart<LiveMessage> {
  const ring = new SecondsRing()
  const heads = openHeads(format)
  let hasData = false
  let model: RealtimeModel | null = null
  let timer: number | undefined

  const draw = (): void => {
    if (!hasData || frame.plot.clientWidth === 0) return
    const edge = Math.floor((nowMs() - EDGE_DELAY_MS) / 1000)
    const next = realtimeModel(ring, edge, model)
    model = next
    frame.canvas.setOption(realtimeOption(next, frame.theme(), format))
    heads.update(next)
    frame.pointer.update(realtimeSpots(next, frame.size(), format))
    if (edge % DESCRIBE_SECONDS === 0 || !frame.plot.hasAttribute('aria-label')) {
      frame.describe(describeRealtime(next, format))
    }
    frame.table.update(() => realtimeTable(next, format))
  }
  const tick = (): void => {
    clearTimeout(timer)
    if (document.hidden) return
    draw()
    const sinceEdgeMs = (nowMs() - EDGE_DELAY_MS) % 1000
    timer = setTimeout(tick, 1000 - sinceEdgeMs)
  }

  const frame = openChartFrame(host, 'realtime-chart', draw)
  frame.plot.append(heads.element)
  document.addEventListener('visibilitychange', tick)
  return {
    update(message) {
      ring.merge(message)
      if (hasData) return
      hasData = true
      tick()
    },
    setTheme: frame.setTheme,
    close() {
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', tick)
      frame.close()
    },
  }
}

/** The heads of the panels: name, the last full second, and the five minutes together. */
function openHeads(format: Format) {
  const rows = REALTIME_PANELS.map((id, panel) => {
    const rate = element('span', { class: 'realtime-rate' }, '–')
    const sum = element('span', { class: 'realtime-sum' }, '')
    const name = element('span', { class: 'realtime-name' }, MEASURES[id].label)
    const row = element('div', { class: 'realtime-head' }, keyMark(panel), name, rate, sum)
    row.style.transform = `translateY(${panelTop(panel)}px) translateY(-32px)`
    return { row, rate, sum }
  })
  const layer = element('div', { class: 'realtime-heads' }, ...rows.map(({ row }) => row))
  layer.setAttribute('aria-hidden', 'true')
  return {
    element: layer,
    update({ seconds }: RealtimeModel) {
      const last = seconds.at(-1)
      const sums = sumSeconds(seconds)
      rows.forEach(({ rate, sum }, panel) => {
        const count = last?.counts[panel]
        setText(rate, count === undefined ? '–' : `${format.count(count)} /s`)
        setText(sum, `${format.count(sums[panel] ?? 0)} in 5 min`)
      })
    },
  }
}

function realtimeSpots(
  model: RealtimeModel,
  size: Readonly<{ width: number; height: number }>,
  format: Format,
): Spots {
  const left = realtimeLeft(model, format)
  const areas = model.axes.map(({ max }, panel) => {
    const top = panelTop(panel)
    const margins = { left, right: RIGHT_PX, top, bottom: size.height - top - PANEL_PX }
    return plotArea(size, margins, { x: [model.from, model.to], y: [0, max] })
  })
  const [first] = areas
  const known = model.seconds
  const height = panelTop(REALTIME_PANELS.length - 1) + PANEL_PX - panelTop(0)
  return {
    count: known.length,
    target: () => null,
    find: (x) => {
      const second = Math.floor(first?.fromX(x) ?? model.from)
      return Math.min(second - (known[0]?.at ?? second), SECONDS_KEPT)
    },
    at(place) {
      const second = known[place]
      if (second === undefined || first === undefined) return null
      const middle = first.toX(second.at + 0.5)
      const rows = REALTIME_PANELS.map((id, panel) => ({
        slot: panel,
        name: MEASURES[id].label,
        figure: format.count(second.counts[panel] ?? 0),
        detail: '',
      }))
      return {
        box: { left: middle - 0.5, top: panelTop(0), width: 1, height },
        marks: areas.map(({ toY }, slot) => ({
          x: middle,
          y: toY(second.counts[slot] ?? 0),
          slot,
        })),
        card: () => chartCard(format.timeWithSeconds(second.at * 1000), rows, ''),
      }
    },
  }
}
