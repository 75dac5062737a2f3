/**
 * The figures of each value of a column that only the raw events have: which platform, country or
 * device they come from.
 */
import {
  type BreakdownAnswer,
  type EventFilterId,
  OFFERED_VALUES_MAX,
} from '../../dashboard-definition.ts'
import { addSums, WIDTH } from '../store/sums-table.ts'
import { changedBy, changesBetween, sumOf } from './changes.ts'
import { comparedOf, comparisonOf } from './comparison.ts'
import { rank, type Sorting } from './ranking.ts'
import { answeredRange, figuresAt, type View } from './view.ts'
import type { ViewSums } from './view-sums.ts'

/** `sorting` by `campaign` is by value: the names of these sums are values. */
export type BreakdownChoice = Readonly<{ by: EventFilterId; sorting: Sorting }>

/** From sums that are told apart by the values of the column. */
export function answerBreakdown(
  view: View,
  sums: ViewSums,
  { by, sorting }: BreakdownChoice,
): BreakdownAnswer {
  const { names } = sums
  const values = sums.campaigns(view.span)
  const compared = comparedOf(view)
  const changes = changesBetween(compared, sums)
  const listed = rank(values, sorting, names.places(), 0, OFFERED_VALUES_MAX, changes)
  const isListed = new Set(listed)
  const others = new Float64Array(WIDTH)
  for (let position = 0; position < values.codes.length; position++) {
    if (!isListed.has(position)) addSums(others, 0, values.sums, position * WIDTH)
  }
  return {
    range: answeredRange(view),
    by,
    rows: listed.map((position) => {
      const code = values.codes[position] ?? 0
      return {
        value: names.nameOf(code),
        ...figuresAt(values.sums, position * WIDTH),
        ...changedBy((id) => changes.of(code, id)),
      }
    }),
    others: { values: values.codes.length - listed.length, ...figuresAt(others, 0) },
    // The changes are of the values of either period.
    totals: { ...figuresAt(sumOf(values), 0), ...changedBy(changes.ofAll) },
    comparison: comparisonOf(view, compared),
  }
}
