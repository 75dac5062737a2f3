/** The chart "Revenue by campaign": ranked bars, refunds left of zero, the others below. */
import type { RevenueAnswer } from '../../dashboard-definition.ts'
import { element, setText } from '../element.ts'
import type { Format } from '../format.ts'
import { openChartFrame } from './chart-frame.ts'
import type { Chart } from './chart-option.ts'
import { chartCard, type Spots } from './plot-pointer.ts'
import {
  describeRevenue,
  NO_REVENUE,
  type RevenueModel,
  revenueModel,
  revenueTable,
  shareText,
} from './revenue-bars.ts'
import { type RevenueLayout, revenueLayout, revenueOption, rowsOf } from './revenue-option.ts'

const CUT_TEXT = 'Its bar is cut: drawn to scale it would be longer.'

export function openRevenueChart(
  host: HTMLElement,
  { format }: Readonly<{ format: Format }>,
): Chart<RevenueAnswer> {
  const names = element('ol', { class: 'revenue-names' })
  names.setAttribute('aria-hidden', 'true')
  let model: RevenueModel | null = null

  const draw = (): void => {
    if (model === null || frame.plot.clientWidth === 0) return
    const layout = revenueLayout(model, frame.size().width, format)
    const option = revenueOption(model, layout, frame.theme(), format)
    frame.canvas.setOption(option, { notMerge: true })
    placeNames(names, model, layout)
    frame.pointer.update(revenueSpots(model, layout, frame.size().width, format))
  }

  const frame = openChartFrame(host, 'revenue-chart', draw)
  frame.plot.append(names)
  return {
    update(answer) {
      const next = revenueModel(answer, format)
      model = next
      frame.setNote(next.isEmpty ? NO_REVENUE : '')
      frame.describe(describeRevenue(next, format))
      frame.table.update(() => revenueTable(next, format))
      draw()
    },
    setTheme: frame.setTheme,
    close: frame.close,
  }
}

function placeNames(names: HTMLElement, model: RevenueModel, layout: RevenueLayout): void {
  const rows = rowsOf(model)
  while (names.children.length > rows.length) names.lastElementChild?.remove()
  rows.forEach(({ campaign, name }, index) => {
    let item = names.children[index] as HTMLElement | undefined
    if (item === undefined) {
      item = element('li', {})
      names.append(item)
    }
    setText(item, name)
    item.classList.toggle('is-others', campaign === null)
    item.style.transform = `translateY(${layout.tops[index] ?? 0}px)`
    item.style.width = `${layout.namesPx}px`
  })
}

function revenueSpots(
  model: RevenueModel,
  layout: RevenueLayout,
  width: number,
  format: Format,
): Spots {
  const rows = rowsOf(model)
  const find = (_x: number, y: number): number => {
    const next = layout.tops.findIndex((top) => y < top)
    return next === -1 ? rows.length - 1 : Math.max(next - 1, 0)
  }
  return {
    count: rows.length,
    find,
    at(place) {
      const bar = rows[place]
      const top = layout.tops[place]
      if (bar === undefined || top === undefined) return null
      const share =
        bar.sharePercent === null
          ? ''
          : `${shareText(bar.sharePercent, format.locale)} of all revenue`
      const row = {
        slot: null,
        name: '',
        figure: format.figure('revenue', bar.revenue),
        detail: share,
      }
      const note = bar.campaign === null && model.isCut ? CUT_TEXT : ''
      return {
        box: { left: 0, top, width, height: layout.rowPx },
        marks: [],
        card: () => chartCard(bar.name, [row], note),
      }
    },
  }
}
