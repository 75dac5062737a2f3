/** The tiles: figures of the range, their change from the period before it, and a sparkline. */
import type { Figures, SummaryAnswer } from '../../dashboard-definition.ts'
import { momentText, SECOND_US, type Span, type Stretch, shownStepUs } from '../steps.ts'
import { gridOf, WIDTH } from '../store/sums-table.ts'
import { completeWithin } from '../watermark.ts'
import { answeredRange, figuresAt, mapMeasures, type View } from './view.ts'
import type { ViewSums } from './view-sums.ts'

const SPARKLINE_POINTS_MAX = 60

/** The span and the period before it, which the summary compares. */
export function spanWithPrevious(span: Span): Span {
  return { ...span, fromUs: span.fromUs - (span.toUs - span.fromUs) }
}

export function answerSummary(view: View, sums: ViewSums): SummaryAnswer {
  const { span } = view
  const compared = { fromUs: span.fromUs, toUs: lastCompleteStep(view) }
  const lengthUs = span.toUs - span.fromUs
  const previous = { fromUs: compared.fromUs - lengthUs, toUs: compared.toUs - lengthUs }
  const [then, now] = [figuresOver(previous, sums), figuresOver(compared, sums)]
  return {
    range: answeredRange(view),
    figures: figuresOver(span, sums),
    compared: { ...namedStretch(compared), figures: now },
    previous: { ...namedStretch(previous), figures: then },
    change: mapMeasures((id) => changeOf(then[id], now[id])),
    sparkline: sparkline(view, sums),
  }
}

/** The end of the last step whose windows are all complete; the start of the span if none is. */
function lastCompleteStep({ span, completeUs }: View): number {
  return Math.floor(completeWithin(span, completeUs) / span.stepUs) * span.stepUs
}

function figuresOver(stretch: Stretch, sums: ViewSums): Figures {
  return figuresAt(sums.total(stretch), 0)
}

function namedStretch({ fromUs, toUs }: Stretch): Readonly<{ from: string; to: string }> {
  return { from: momentText(fromUs), to: momentText(toUs) }
}

/** In percent of the previous figure; positive if it grew, even from below zero. */
function changeOf(then: number | null, now: number | null): number | null {
  if (then === null || now === null || then === 0) return null
  return ((now - then) / Math.abs(then)) * 100
}

function sparkline({ span, ladder }: View, sums: ViewSums): SummaryAnswer['sparkline'] {
  const stepUs = shownStepUs(span, ladder, SPARKLINE_POINTS_MAX)
  const { originUs, points } = gridOf(span, stepUs)
  const series = sums.series(span, stepUs)
  const figures = Array.from({ length: points }, (_, point) => figuresAt(series, point * WIDTH))
  return {
    stepSeconds: stepUs / SECOND_US,
    starts: figures.map((_, point) => momentText(originUs + point * stepUs)),
    figures: mapMeasures((id) => figures.map((at) => at[id])),
  }
}
