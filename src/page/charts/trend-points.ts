/**
 * The trend as points to draw. Each is in the middle of its window; null if the ratio has no
 * divisor, which is a gap in the line, never zero; and filling while its window may still grow.
 */
import type { TrendAnswer, TrendLine } from '../../dashboard-definition.ts'
import type { TrendMeasure } from '../view.ts'
import { type ValueAxis, valueAxis } from './value-axis.ts'

export type TrendContent = Readonly<{ answer: TrendAnswer; measure: TrendMeasure }>

export type TrendPoint = Readonly<{
  fromMs: number
  toMs: number
  middleMs: number
  value: number | null
  /** The ratio is `part / whole`: clicks of impressions, or conversions of clicks. */
  part: number
  whole: number
  isFilling: boolean
}>

export type TrendSeries = Readonly<{
  /** null for all campaigns together. */
  campaign: string | null
  slot: number
  points: readonly TrendPoint[]
}>

export type TrendModel = Readonly<{
  measure: TrendMeasure
  fromMs: number
  toMs: number
  stepMs: number
  /** Where filling begins on the time axis; null if no point is filling. */
  fillingFromMs: number | null
  axis: ValueAxis
  /** How many points are above the axis; they mean little, see `trendAxis`. */
  offScale: number
  series: readonly TrendSeries[]
}>

export function trendModel(
  answer: TrendAnswer,
  measure: TrendMeasure,
  slots: ReadonlyMap<string, number>,
): TrendModel {
  const { range } = answer
  const starts = answer.starts.map((start) => Date.parse(start))
  const span = {
    stepMs: answer.stepSeconds * 1000,
    fromMs: Date.parse(range.from),
    toMs: Date.parse(range.to),
  }
  const completeMs = Date.parse(range.completeTo)
  const series = answer.lines.map((line) => ({
    campaign: line.campaign,
    slot: line.campaign === null ? 0 : (slots.get(line.campaign) ?? 0),
    points: starts.map((start, index) => pointOf(line, measure, index, start, span, completeMs)),
  }))
  const axis = trendAxis(series.map(({ points }) => points))
  const filling = series[0]?.points.find(({ isFilling }) => isFilling)
  return {
    measure,
    ...span,
    fillingFromMs: filling?.fromMs ?? null,
    axis,
    offScale: countOffScale(series, axis),
    series,
  }
}

function countOffScale(series: readonly TrendSeries[], { max }: ValueAxis): number {
  const points = series.flatMap((one) => one.points)
  return points.filter(({ value }) => value !== null && value > max).length
}

function pointOf(
  line: TrendLine,
  measure: TrendMeasure,
  index: number,
  startMs: number,
  span: Readonly<{ stepMs: number; fromMs: number; toMs: number }>,
  completeMs: number,
): TrendPoint {
  // The first and the last step may extend beyond the range; their figures do not.
  const fromMs = Math.max(startMs, span.fromMs)
  const toMs = Math.min(startMs + span.stepMs, span.toMs)
  const [parts, wholes] =
    measure === 'ctr' ? [line.clicks, line.impressions] : [line.conversions, line.clicks]
  return {
    fromMs,
    toMs,
    middleMs: (fromMs + toMs) / 2,
    value: line[measure][index] ?? null,
    part: parts[index] ?? 0,
    whole: wholes[index] ?? 0,
    isFilling: toMs > completeMs,
  }
}

/** `dot`: without a line to it, so drawn as thick as one; `mark`: with the mark of its series. */
export type DrawnPoint = Readonly<{ x: number; y: number | null; look: 'line' | 'dot' | 'mark' }>

/** Up to this many points all have marks; beyond, only the last of each part. */
const MARKED_MAX = 31

/**
 * The two parts of a line: complete and filling. If they touch, the second begins with the last
 * complete point, so that the dashed part continues the solid one.
 */
export function splitSeries(points: readonly TrendPoint[]): {
  complete: DrawnPoint[]
  filling: DrawnPoint[]
} {
  const first = points.findIndex(({ isFilling }) => isFilling)
  const end = first === -1 ? points.length : first
  const isEveryMarked = points.length <= MARKED_MAX
  const lastComplete = points.findLastIndex(({ value }, index) => value !== null && index < end)
  const drawn = points.map(({ middleMs, value }, index) => {
    const isAlone = !hasValue(points[index - 1]) && !hasValue(points[index + 1])
    const isLast = index === lastComplete || index === points.length - 1
    const isMarked = value !== null && (isEveryMarked || isLast)
    const isDot = value !== null && isAlone
    const look = isMarked ? ('mark' as const) : isDot ? ('dot' as const) : ('line' as const)
    return { x: middleMs, y: value, look }
  })
  const joint = end < points.length && end > 0 ? drawn.slice(end - 1, end) : []
  const unmarked = joint.map((point) => ({ ...point, look: 'line' as const }))
  return { complete: drawn.slice(0, end), filling: [...unmarked, ...drawn.slice(end)] }
}

function hasValue(point: TrendPoint | undefined): boolean {
  return point !== undefined && point.value !== null
}

/** The point of the line's label: the newest complete one, if there is one. */
export function seriesEnd(points: readonly TrendPoint[]): TrendPoint | null {
  const known = points.filter(({ value }) => value !== null)
  return known.findLast(({ isFilling }) => !isFilling) ?? known.at(-1) ?? null
}

/** A window with less than this share of its line's largest divisor is light. */
const LIGHT_SHARE = 0.02
/** How far light and filling windows may extend the scale. */
const STRETCH = 1.5

/**
 * The scale of the trend. One click of one impression is 100 % and would make all other values
 * unreadable. So the scale fits windows with enough events; light and filling windows may extend it
 * only a little. Points above it leave the plot, and the chart says so.
 */
function trendAxis(lines: readonly (readonly TrendPoint[])[]): ValueAxis {
  const weighty: number[] = []
  const light: number[] = []
  for (const points of lines) {
    const largest = points.reduce((most, { whole }) => Math.max(most, whole), 0)
    for (const { value, whole, isFilling } of points) {
      const isLight = isFilling || whole < largest * LIGHT_SHARE
      if (value !== null) (isLight ? light : weighty).push(value)
    }
  }
  const bound = Math.max(0, ...weighty)
  const shown = bound === 0 ? light : light.filter((value) => value <= bound * STRETCH)
  return cappedAxis(Math.max(bound, ...shown))
}

/** No room above 100 %, unless there are more clicks than impressions, which repeats can cause. */
function cappedAxis(highest: number): ValueAxis {
  const axis = valueAxis(0, highest)
  return highest <= 100 && axis.max > 100 ? { min: 0, max: 100, step: 25 } : axis
}
