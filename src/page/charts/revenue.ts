/**
 * The chart "Revenue by campaign": ranked bars, refunds left of zero, the others below. A click on a
 * bar shows its campaign alone.
 */
import type { RevenueAnswer } from '../../dashboard-definition.ts'
import { element, placeChildren, setText } from '../element.ts'
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

type RevenueOptions = Readonly<{ format: Format; onCampaign: (campaign: string) => void }>

export function openRevenueChart(
  host: HTMLElement,
  { format, onCampaign }: RevenueOptions,
): Chart<RevenueAnswer> {
  const names = openNames(onCampaign)
  let model: RevenueModel | null = null

  const draw = (): void => {
    if (model === null || frame.plot.clientWidth === 0) return
    const layout = revenueLayout(model, frame.size().width, format)
    // A new height is observed, and draws again at once.
    frame.plot.style.height = `${layout.heightPx}px`
    const option = revenueOption(model, layout, frame.theme(), format)
    frame.canvas.setOption(option, { notMerge: true })
    names.update(model, layout)
    frame.pointer.update(revenueSpots(model, layout, frame.size().width, format, onCampaign))
  }

  const frame = openChartFrame(host, 'revenue-chart', draw)
  // Beside the plot, not in it: what is in a picture cannot be reached by keyboard.
  frame.body.append(names.element)
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

type Names = Readonly<{
  element: HTMLElement
  update: (model: RevenueModel, layout: RevenueLayout) => void
}>

/** Buttons for the keyboard; the pointer goes through them to the rows of the plot. */
function openNames(onCampaign: (campaign: string) => void): Names {
  const list = element('ol', { class: 'revenue-names' })
  const known = new Map<string, HTMLElement>()
  const itemOf = (campaign: string | null): HTMLElement => {
    if (campaign === null) return element('li', { class: 'is-others' }, element('span'))
    const made =
      known.get(campaign) ??
      element(
        'li',
        {},
        element('button', {
          class: 'revenue-name',
          attributes: { type: 'button', 'data-bar': campaign },
          on: { click: () => onCampaign(campaign) },
        }),
      )
    known.set(campaign, made)
    return made
  }
  return {
    element: list,
    update(model, layout) {
      const rows = rowsOf(model)
      const items = rows.map(({ campaign, name }, index) => {
        const item = itemOf(campaign)
        if (item.firstElementChild !== null) setText(item.firstElementChild, name)
        item.style.transform = `translateY(${layout.tops[index] ?? 0}px)`
        item.style.width = `${layout.namesPx}px`
        return item
      })
      placeChildren(list, items)
      for (const [campaign, item] of known) if (!items.includes(item)) known.delete(campaign)
    },
  }
}

function revenueSpots(
  model: RevenueModel,
  layout: RevenueLayout,
  width: number,
  format: Format,
  onCampaign: (campaign: string) => void,
): Spots {
  const rows = rowsOf(model)
  const find = (_x: number, y: number): number => {
    const next = layout.tops.findIndex((top) => y < top)
    return next === -1 ? rows.length - 1 : Math.max(next - 1, 0)
  }
  return {
    count: rows.length,
    find,
    target(x, y) {
      const campaign = rows[find(x, y)]?.campaign ?? null
      return campaign === null ? null : () => onCampaign(campaign)
    },
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
