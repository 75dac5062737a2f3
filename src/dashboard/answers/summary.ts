/** The tiles: figures of the range, their change from the period before it, and a sparkline. */

import type { SummaryAnswer } from '../../dashboard-definition.ts'
import { pointsOf } from '../points.ts'
import { momentText, SECOND_US } from '../steps.ts'
import { sumsAt, WIDTH } from '../store/sums-table.ts'
import { changedBy, changeOf, NO_CHANGES } from './changes.ts'
import { comparedOf, comparisonOf } from './comparison.ts'
import { answeredRange, figuresAt, mapMeasures, type View } from './view.ts'
import type { ViewSums } from './view-sums.ts'

export function answerSummary(view: View, sums: ViewSums): SummaryAnswer {
  const compared = comparedOf(view)
  const { compared: stretch, previous, dataFrom } = comparisonOf(view, compared)
  const now = sums.total(compared.now)
  const isKnown = compared.then !== null && compared.reason === null
  const then = isKnown ? sums.total(compared.then) : null
  return {
    range: answeredRange(view),
    figures: figuresAt(sums.total(view.span), 0),
    compared: { ...stretch, figures: figuresAt(now, 0) },
    previous:
      previous === null
        ? null
        : { ...previous, figures: then === null ? mapMeasures(() => null) : figuresAt(then, 0) },
    dataFrom,
    ...changedBy((id) =>
      then === null ? NO_CHANGES.ofAll(id) : changeOf(id, sumsAt(then, 0), sumsAt(now, 0)),
    ),
    sparkline: sparkline(view, sums),
  }
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
