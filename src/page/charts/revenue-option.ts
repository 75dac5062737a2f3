/**
 * The revenue bars as an ECharts option, and the position of each row. Two grids share one scale:
 * the campaigns, and separately the others. Names are elements over the canvas (revenue.ts), so
 * that the browser truncates them and shows them in full on demand.
 */
import type { Format } from '../format.ts'
import {
  type BarSeriesOption,
  type ChartOption,
  type ChartTheme,
  FONT_SIZE,
  seriesColour,
} from './chart-option.ts'
import { textWidth } from './plot-area.ts'
import type { RevenueBar, RevenueModel } from './revenue-bars.ts'

export type RevenueLayout = Readonly<{
  /** Margins of the bars; their labels are inside the margins. */
  left: number
  right: number
  /** The top of each row, the others' last. */
  tops: readonly number[]
  rowPx: number
  barPx: number
  /** From a row's top to the middle of its bar. */
  barMiddlePx: number
  namesPx: number
  /** Of the whole plot: as many rows as there are. */
  heightPx: number
  /** Not if names are above bars that begin at the edge: the names would interrupt the line. */
  hasZeroLine: boolean
}>

/** Below this width names are above their bars. */
const STACKED_BELOW_PX = 460
const BOTTOM_PX = 4
/** Room for a sentence where there are no bars. */
const EMPTY_PX = 120
const TOP_PX = 4
const OTHERS_GAP_PX = 14
const NAMES_PX_MAX = 200
const NAMES_SHARE = 0.32
const LABEL_GAP_PX = 12

export function revenueLayout(model: RevenueModel, width: number, format: Format): RevenueLayout {
  const isStacked = width < STACKED_BELOW_PX
  const rowPx = isStacked ? 36 : 30
  const namesPx = isStacked ? width : Math.round(Math.min(NAMES_PX_MAX, width * NAMES_SHARE))
  const texts = rowsOf(model).map(({ revenue }) => revenue)
  const room = (some: readonly number[]): number =>
    Math.max(0, ...some.map((revenue) => textWidth(format.figure('revenue', revenue), FONT_SIZE))) +
    LABEL_GAP_PX
  const tops = rowsOf(model).map(
    (bar, index) => TOP_PX + index * rowPx + (bar.campaign === null ? OTHERS_GAP_PX : 0),
  )
  const last = tops.at(-1)
  const negative = texts.filter((revenue) => revenue < 0)
  return {
    left: (isStacked ? 0 : namesPx + 8) + (negative.length > 0 ? room(negative) : 0),
    right: model.max > 0 ? room(texts.filter((revenue) => revenue >= 0)) : LABEL_GAP_PX,
    tops,
    rowPx,
    barPx: isStacked ? 12 : 18,
    barMiddlePx: isStacked ? 27 : 15,
    namesPx,
    heightPx: last === undefined ? EMPTY_PX : last + rowPx + BOTTOM_PX,
    hasZeroLine: !isStacked || model.min < 0,
  }
}

export function rowsOf({ bars, others, isEmpty }: RevenueModel): readonly RevenueBar[] {
  if (isEmpty) return []
  return others === null ? bars : [...bars, others]
}

export function revenueOption(
  model: RevenueModel,
  layout: RevenueLayout,
  theme: ChartTheme,
  format: Format,
): ChartOption {
  const { others } = model
  if (model.isEmpty) return { grid: [], xAxis: [], yAxis: [], series: [] }
  const parts = [model.bars, ...(others === null ? [] : [[others]])]
  // ECharts centres bars in rows of equal height: this moves them to their place in the row.
  const shift = layout.barMiddlePx - layout.rowPx / 2
  let row = 0
  const grids = parts.map((bars) => {
    const top = (layout.tops[row] ?? TOP_PX) + shift
    row += bars.length
    const height = bars.length * layout.rowPx
    return { left: layout.left, right: layout.right, top, height, outerBoundsMode: 'none' as const }
  })
  return {
    animation: false,
    grid: grids,
    xAxis: parts.map((_, gridIndex) => ({
      gridIndex,
      type: 'value',
      min: model.min,
      max: model.max,
      show: false,
    })),
    yAxis: parts.map((bars, gridIndex) => ({
      gridIndex,
      type: 'category',
      inverse: true,
      data: bars.map((_, index) => String(index)),
      axisLabel: { show: false },
      axisTick: { show: false },
      axisLine: { show: layout.hasZeroLine, onZero: true, lineStyle: { color: theme.lineStrong } },
    })),
    series: [
      ...(model.bars.length > 0 ? [campaignBars(model, layout, theme, format)] : []),
      ...(others === null ? [] : othersBars(model, others, layout, theme, format)),
    ],
  }
}

function barText(revenue: number, theme: ChartTheme, format: Format) {
  return {
    show: true,
    position: revenue < 0 ? ('left' as const) : ('right' as const),
    distance: 6,
    color: theme.text,
    fontFamily: theme.fontFamily,
    fontSize: FONT_SIZE,
    formatter: format.figure('revenue', revenue),
  }
}

function campaignBars(
  { bars }: RevenueModel,
  layout: RevenueLayout,
  theme: ChartTheme,
  format: Format,
): BarSeriesOption {
  return {
    type: 'bar',
    silent: true,
    barWidth: layout.barPx,
    data: bars.map(({ revenue }) => ({
      value: revenue,
      itemStyle: {
        // A refund is also shown by its side and its minus sign.
        color: seriesColour(theme, revenue < 0 ? 1 : 0),
        borderRadius: revenue < 0 ? [2, 0, 0, 2] : [0, 2, 2, 0],
      },
      label: barText(revenue, theme, format),
    })),
  }
}

const CUT_TEXT = 'not to scale'

/** Shares of the whole width: the part before the cut, the cut, the part after it. */
const CUT = [0.82, 0.025, 0.155] as const

function othersBars(
  model: RevenueModel,
  others: RevenueBar,
  layout: RevenueLayout,
  theme: ChartTheme,
  format: Format,
): BarSeriesOption[] {
  const end = others.revenue < 0 ? model.min : model.max
  const lengths = model.isCut ? CUT.map((share) => share * end) : [others.revenue]
  return lengths.map((length, index) => ({
    type: 'bar',
    silent: true,
    stack: 'others',
    xAxisIndex: 1,
    yAxisIndex: 1,
    barWidth: layout.barPx,
    itemStyle: {
      color: model.isCut && index === 1 ? 'transparent' : theme.line,
      ...(model.isCut && index === 1 ? {} : { borderColor: theme.lineStrong, borderWidth: 1 }),
    },
    data: [length],
    ...(model.isCut && index === 0 ? { label: cutText(theme) } : {}),
    ...(index === lengths.length - 1 ? { label: barText(others.revenue, theme, format) } : {}),
  }))
}

function cutText(theme: ChartTheme) {
  return {
    show: true,
    position: 'inside' as const,
    color: theme.textMuted,
    fontFamily: theme.fontFamily,
    fontSize: FONT_SIZE - 1,
    formatter: CUT_TEXT,
  }
}
