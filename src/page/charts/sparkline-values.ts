/**
 * What of a summary a sparkline draws. Its steps are often coarser than the range's: the first then holds less than a
 * whole step, which for a sum would look like a rise that never was, so it is left out.
 */

import type { SummaryAnswer } from '../../dashboard-definition.ts'
import { MEASURES, type MeasureId } from '../../dashboard-definition.ts'

export type SparklineValues = Readonly<{
  values: readonly (number | null)[]
  /** The first value whose step may still grow; as many as there are values when none does. */
  fillingFrom: number
}>

export function sparklineValues(
  { range, sparkline }: Pick<SummaryAnswer, 'range' | 'sparkline'>,
  measure: MeasureId,
): SparklineValues {
  const starts = sparkline.starts.map((start) => Date.parse(start))
  const stepMs = sparkline.stepSeconds * 1000
  const fromMs = Date.parse(range.from)
  const toMs = Date.parse(range.to)
  const completeMs = Date.parse(range.completeTo)
  const filling = starts.findIndex((start) => Math.min(start + stepMs, toMs) > completeMs)
  const [first = fromMs, second = toMs] = starts
  const isFirstWhole = second - Math.max(first, fromMs) >= stepMs || starts.length < 3
  const isSum = MEASURES[measure].value.kind === 'sum'
  const values = sparkline.figures[measure]
  return {
    values: isSum && !isFirstWhole ? [null, ...values.slice(1)] : values,
    fillingFrom: filling === -1 ? values.length : filling,
  }
}
