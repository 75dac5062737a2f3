/** The tiles: figures of the range, their change from the period before it, and a sparkline. */

import type { Figures, SummaryAnswer } from '../../dashboard-definition.ts'
import type { TimeSpan } from '../../event.ts'
import { pointsOf } from '../points.ts'
import { momentText, SECOND_US } from '../steps.ts'
import { WIDTH } from '../store/sums-table.ts'
import { changesOf, comparedOf, comparisonOf, NO_CHANGE } from './comparison.ts'
import { answeredRange, figuresAt, mapMeasures, type View } from './view.ts'
import type { ViewSums } from './view-sums.ts'

export function answerSummary(view: View, sums: ViewSums): SummaryAnswer {
  const compared = comparedOf(view)
  const { compared: stretch, previous, dataFrom } = comparisonOf(view, compared)
  const now = figuresOver(compared.now, sums)
  const isKnown = compared.then !== null && compared.reason === null
  const then = isKnown ? figuresOver(compared.then, sums) : NO_CHANGE
  return {
    range: answeredRange(view),
    figures: figuresOver(view.span, sums),
    compared: { ...stretch, figures: now },
    previous: previous === null ? null : { ...previous, figures: then },
    dataFrom,
    change: isKnown ? changesOf(then, now) : NO_CHANGE,
    sparkline: sparkline(view, sums),
  }
}

function figuresOver(stretch: TimeSpan, sums: ViewSums): Figures {
  return figuresAt(sums.total(stretch), 0)
}

function sparkline({ span, zone }: View, sums: ViewSums): SummaryAnswer['sparkline'] {
  const { startsUs, stepUs } = pointsOf(span, zone)
  const series = sums.series(span, startsUs)
  const figures = startsUs.map((_, point) => figuresAt(series, point * WIDTH))
  return {
    stepSeconds: stepUs / SECOND_US,
    starts: startsUs.map(momentText),
    figures: mapMeasures((id) => figures.map((at) => at[id])),
  }
}
