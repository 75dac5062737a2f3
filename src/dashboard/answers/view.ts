/** What an answer is about, derived from the question and the clock. */

import {
  type AnsweredRange,
  type CompareId,
  type Figures,
  type MeasureId,
  measureOf,
  type Period,
} from '../../dashboard-definition.ts'
import { momentText, SECOND_US, type Span } from '../steps.ts'
import { sumsAt } from '../store/sums-table.ts'
import { completeWithin } from '../watermark.ts'

export type View = Readonly<{
  span: Span
  /** Windows that end at or before it are complete; may be outside the span. */
  completeUs: number
  source: AnsweredRange['source']
  /** The zone in which its days begin. */
  zone: string
  /** How the span is counted: by the clock, in days or in months. */
  by: Period['by']
  compare: CompareId
  /** False where that would take too many rows. */
  isPreviousLoaded: boolean
  /** The first moment of the figures; null if there are none. */
  dataFromUs: number | null
}>

export function answeredRange({ span, completeUs, source }: View): AnsweredRange {
  return {
    from: momentText(span.fromUs),
    to: momentText(span.toUs),
    stepSeconds: span.stepUs / SECOND_US,
    completeTo: momentText(completeWithin(span, completeUs)),
    source,
  }
}

/** Every measure over the four sums at `at`. */
export function figuresAt(sums: Float64Array, at: number): Figures {
  const added = sumsAt(sums, at)
  return mapMeasures((id) => measureOf(id, added))
}

export function mapMeasures<T>(make: (id: MeasureId) => T): Readonly<Record<MeasureId, T>> {
  return {
    impressions: make('impressions'),
    clicks: make('clicks'),
    ctr: make('ctr'),
    conversions: make('conversions'),
    cvr: make('cvr'),
    revenue: make('revenue'),
    revenuePerClick: make('revenuePerClick'),
  }
}
