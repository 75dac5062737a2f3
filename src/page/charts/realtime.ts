/**
 * The chart "Real time": events a second by type, moving once a second by a clock of its own whether or not messages come;
 * what the stream has not told yet stays empty at the right edge, so a broken connection is seen as a growing gap.
 */

import type { LiveMessage } from '../../dashboard-definition.ts'
import { MEASURES } from '../../dashboard-definition.ts'
import { element, setText } from '../element.ts'
import type { Format } from '../format.ts'
import { chartCard } from './chart-card.ts'
import { openChartFrame } from './chart-frame.ts'
import { keyMark } from './chart-keys.ts'
import { plotArea } from './plot-area.ts'
import type { Spots } from './plot-pointer.ts'
import {
  PANEL_PX,
  panelTop,
  REALTIME_PANELS,
  REALTIME_RIGHT_PX,
  type RealtimeModel,
  realtimeLeft,
  realtimeModel,
  realtimeOption,
} from './realtime-option.ts'
import { describeRealtime, realtimeTable, sumSeconds } from './realtime-text.ts'
import { SECONDS_KEPT, SETTLE_MS, SecondsRing } from './seconds-ring.ts'

export type RealtimeChart = Readonly<{
  update: (message: LiveMessage) => void
  setTheme: () => void
  close: () => void
}>

/** The edge waits for what is told of a second after it is over, and for the message to arrive. */
const EDGE_DELAY_MS = SETTLE_MS + 250
/** How often the picture in words is said anew: its figures change each second, reading takes longer. */
const DESCRIBE_SECONDS = 10

/** `nowMs` is the server's clock. */
export function openRealtimeChart(
  host: HTMLElement,
  { format, nowMs }: Readonly<{ format: Format; nowMs: () => number }>,
): RealtimeChart {
  const ring = new SecondsRing()
  const heads = openHeads(format)
  let isTold = false
  let model: RealtimeModel | null = null
  let timer: number | undefined

  const draw = (): void => {
    if (!isTold || frame.plot.clientWidth === 0) return
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
      if (isTold) return
      isTold = true
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
    const margins = { left, right: REALTIME_RIGHT_PX, top, bottom: size.height - top - PANEL_PX }
    return plotArea(size, margins, { x: [model.from, model.to], y: [0, max] })
  })
  const [first] = areas
  const known = model.seconds
  const height = panelTop(REALTIME_PANELS.length - 1) + PANEL_PX - panelTop(0)
  return {
    count: known.length,
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
