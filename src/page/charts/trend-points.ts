/**
 * The trend as points to draw. Each is in the middle of its step; null if a ratio has no divisor,
 * which is a gap in the line, never zero; uncertain if it is of few events; and filling while its
 * step may still grow.
 */
import {
  MEASURES,
  type MeasureId,
  measureOf,
  rankingColumn,
  type Sums,
  type TrendAnswer,
  type TrendLine,
} from '../../dashboard-definition.ts'
import { type ValueAxis, valueAxis } from './value-axis.ts'
import { type Interval, wilsonInterval } from './wilson.ts'

export type TrendContent = Readonly<{
  answer: TrendAnswer
  measure: MeasureId
  /** The campaigns that are filtered by; the lines of others are there to compare with. */
  chosen: readonly string[]
}>

export type TrendPoint = Readonly<{
  fromMs: number
  toMs: number
  middleMs: number
  value: number | null
  sums: Sums
  /** Where the true ratio is likely to be, in the unit of the value; only of CTR and CVR. */
  interval: Interval | null
  /** See `doubtOf`; 0 of a sum. */
  doubt: number
  /** Of so few events that the value says little. */
  isUncertain: boolean
  isFilling: boolean
}>

export type TrendSeries = Readonly<{
  /** null for all campaigns together. */
  campaign: string | null
  slot: number
  /** Not one of the chosen campaigns. */
  isContext: boolean
  /** Of the whole range; a ratio is the ratio of its sums. */
  total: number | null
  totals: Sums
  /**
   * One of several lines whose points are mostly chance: they are dots, and the line is the ratio of
   * the whole range.
   */
  isScattered: boolean
  points: readonly TrendPoint[]
}>

export type TrendModel = Readonly<{
  measure: MeasureId
  /** The sums of one line are bars, since each stands for the whole of its step. */
  form: 'bars' | 'lines'
  fromMs: number
  toMs: number
  /** The usual length of a point: on days when clocks change, some are longer or shorter. */
  stepMs: number
  /** Where filling begins on the time axis; null if no point is filling. */
  fillingFromMs: number | null
  axis: ValueAxis
  /** How many points are outside the axis; they mean little, see `ratioAxis`. */
  offScale: number
  series: readonly TrendSeries[]
}>

export function trendModel(
  { answer, measure, chosen }: TrendContent,
  slots: ReadonlyMap<string, number>,
): TrendModel {
  const { range } = answer
  const span = { fromMs: Date.parse(range.from), toMs: Date.parse(range.to) }
  const steps = stepsOf(answer, span)
  const completeMs = Date.parse(range.completeTo)
  const series = answer.lines.map((line): TrendSeries => {
    const { campaign, totals } = line
    const total = measureOf(measure, totals)
    const points = steps.map((step, index) =>
      pointOf(line, measure, index, step, completeMs, total),
    )
    return {
      campaign,
      slot: campaign === null ? 0 : (slots.get(campaign) ?? 0),
      isContext: campaign !== null && chosen.length > 0 && !chosen.includes(campaign),
      total,
      totals,
      isScattered: answer.lines.length > 1 && isMostlyChance(points),
      points,
    }
  })
  const isSum = MEASURES[measure].value.kind === 'sum'
  const axis = isSum ? sumAxis(measure, series) : ratioAxis(measure, series)
  const filling = series[0]?.points.find(({ isFilling }) => isFilling)
  return {
    measure,
    form: isSum && series.length === 1 ? 'bars' : 'lines',
    ...span,
    stepMs: usualLength(steps),
    fillingFromMs: filling?.fromMs ?? null,
    axis,
    offScale: countOffScale(series, axis),
    series,
  }
}

type Step = Readonly<{ fromMs: number; toMs: number }>

/** A step ends where the next one starts; the first and the last end where the range does. */
function stepsOf({ starts }: TrendAnswer, span: Step): Step[] {
  const moments = starts.map((start) => Date.parse(start))
  return moments.map((startMs, index) => ({
    fromMs: Math.max(startMs, span.fromMs),
    toMs: Math.min(moments[index + 1] ?? span.toMs, span.toMs),
  }))
}

/** The most frequent one. */
function usualLength(steps: readonly Step[]): number {
  const byLength = Map.groupBy(steps, ({ fromMs, toMs }) => toMs - fromMs)
  const [usual] = [...byLength].sort(([, a], [, b]) => b.length - a.length)
  return usual?.[0] ?? 0
}

function pointOf(
  line: TrendLine,
  measure: MeasureId,
  index: number,
  { fromMs, toMs }: Step,
  completeMs: number,
  total: number | null,
): TrendPoint {
  const sums: Sums = {
    impressions: line.impressions[index] ?? 0,
    clicks: line.clicks[index] ?? 0,
    conversions: line.conversions[index] ?? 0,
    revenue: line.revenue[index] ?? 0,
  }
  const value = measureOf(measure, sums)
  const interval = intervalOf(measure, sums)
  const doubt = value === null ? 0 : doubtOf(measure, sums, interval, total)
  return {
    fromMs,
    toMs,
    middleMs: (fromMs + toMs) / 2,
    value,
    sums,
    interval,
    doubt,
    isUncertain: doubt > 1,
    isFilling: toMs > completeMs,
  }
}

/** Only of a ratio of events of which each either led to another one or did not. */
export function intervalOf(measure: MeasureId, sums: Sums): Interval | null {
  const { unit, value } = MEASURES[measure]
  if (value.kind === 'sum' || unit !== 'percent') return null
  const interval = wilsonInterval(sums[value.of], sums[value.by])
  if (interval === null) return null
  return { low: interval.low * value.factor, high: interval.high * value.factor }
}

/** A ratio that has no interval is uncertain below this divisor. */
const FEW = 30

/**
 * How uncertain a ratio is: the width of its interval in ratios of the whole range. Above 1, a point
 * at twice the level of the line, or at zero, is no news. At a CTR of 2 % that is below 800
 * impressions or so, at a CVR of 10 % below 140 clicks.
 */
function doubtOf(
  measure: MeasureId,
  sums: Sums,
  interval: Interval | null,
  total: number | null,
): number {
  if (MEASURES[measure].value.kind === 'sum') return 0
  const isMeasurable = interval !== null && total !== null && total > 0
  if (isMeasurable) return (interval.high - interval.low) / total
  return FEW / sums[rankingColumn(measure)]
}

/** From here on a line between points would show chance only: a step has an event or two. */
const SCATTERED_DOUBT = 3

function isMostlyChance(points: readonly TrendPoint[]): boolean {
  const known = points.filter(({ value, isFilling }) => value !== null && !isFilling)
  return known.filter(({ doubt }) => doubt > SCATTERED_DOUBT).length * 2 > known.length
}

function countOffScale(series: readonly TrendSeries[], { min, max }: ValueAxis): number {
  const points = series.flatMap((one) => one.points)
  return points.filter(({ value }) => value !== null && (value > max || value < min)).length
}

/** Each figure counts, since a sum of few events is a small one. */
function sumAxis(measure: MeasureId, series: readonly TrendSeries[]): ValueAxis {
  const values = series.flatMap(({ points }) => points.flatMap(({ value }) => value ?? []))
  const isCount = MEASURES[measure].unit === 'count'
  return valueAxis(Math.min(0, ...values), Math.max(0, ...values), { isCount })
}

/** How far uncertain and filling points may extend the scale. */
const STRETCH = 2.5

/**
 * The scale of a ratio. One click of one impression is 100 % and would make all other values
 * unreadable. So the scale fits certain points and the ratio of the whole range; uncertain and
 * filling points may extend it a little. Points outside leave the plot, and the chart says so.
 */
function ratioAxis(measure: MeasureId, series: readonly TrendSeries[]): ValueAxis {
  const fitted: number[] = []
  const others: number[] = []
  for (const { points, total } of series) {
    fitted.push(total ?? 0)
    for (const { value, isUncertain, isFilling } of points) {
      if (value !== null) (isUncertain || isFilling ? others : fitted).push(value)
    }
  }
  const [least, most] = [Math.min(0, ...fitted), Math.max(0, ...fitted)]
  const isNothing = least === 0 && most === 0
  const shown = others.filter(
    (value) => isNothing || (value <= most * STRETCH && value >= least * STRETCH),
  )
  const [lowest, highest] = [Math.min(least, ...shown), Math.max(most, ...shown)]
  const axis = valueAxis(lowest, highest)
  // No room above 100 %, unless there are more clicks than impressions, which repeats can cause.
  const isFull = MEASURES[measure].unit === 'percent' && highest <= 100 && axis.max > 100
  return isFull ? { min: 0, max: 100, step: 25 } : axis
}

/** `dot`: as small as the line is thick; `mark`: with the mark of its series. */
export type DrawnPoint = Readonly<{ x: number; y: number | null; look: 'line' | 'dot' | 'mark' }>

export type LinePart = 'certain' | 'uncertain' | 'filling'

/** From what is drawn most firmly. */
const LINE_PARTS = ['certain', 'uncertain', 'filling'] as const satisfies readonly LinePart[]

/** Up to this many points all have marks; beyond, only the last of each part. */
const MARKED_MAX = 31

/**
 * The parts of a line. Between two points it looks as the less firm of them, so every part begins
 * and ends with the points it hangs on. A point without a value, or one in which `y` is null, breaks
 * the line.
 */
export function lineParts(
  points: readonly TrendPoint[],
): Readonly<Record<LinePart, readonly DrawnPoint[]>> {
  return {
    certain: drawPart(points, 'certain'),
    uncertain: drawPart(points, 'uncertain'),
    filling: drawPart(points, 'filling'),
  }
}

function drawPart(points: readonly TrendPoint[], part: LinePart): DrawnPoint[] {
  const drawn: DrawnPoint[] = []
  const last = points.findLastIndex((point) => partOf(point) === part)
  points.forEach((point, index) => {
    const isOwn = partOf(point) === part
    const isJoined = partBetween(points[index - 1], point) === part
    const isJoint = partBetween(point, points[index + 1]) === part
    if (!isOwn && !isJoined && !isJoint) return
    if (drawn.length > 0 && !isJoined) drawn.push({ x: point.middleMs, y: null, look: 'line' })
    const isMarked = part !== 'uncertain' && (points.length <= MARKED_MAX || index === last)
    const isDot = part === 'uncertain' ? points.length <= MARKED_MAX : false
    const isAlone = !isJoined && !isJoint
    const look = !isOwn ? 'line' : isMarked ? 'mark' : isDot || isAlone ? 'dot' : 'line'
    drawn.push({ x: point.middleMs, y: point.value, look })
  })
  return drawn
}

/** Null for a gap. */
function partOf(point: TrendPoint | undefined): LinePart | null {
  if (point === undefined || point.value === null) return null
  if (point.isFilling) return 'filling'
  return point.isUncertain ? 'uncertain' : 'certain'
}

function partBetween(a: TrendPoint | undefined, b: TrendPoint | undefined): LinePart | null {
  const [before, after] = [partOf(a), partOf(b)]
  if (before === null || after === null) return null
  return LINE_PARTS.findLast((part) => part === before || part === after) ?? null
}

/** The point of the line's label: the newest complete one, if there is one. */
export function seriesEnd(points: readonly TrendPoint[]): TrendPoint | null {
  const known = points.filter(({ value }) => value !== null)
  return known.findLast(({ isFilling }) => !isFilling) ?? known.at(-1) ?? null
}
