/**
 * The change of each campaign, or value of a breakdown, against what a view is compared with.
 *
 * A ratio of few events also moves by chance. Its change is uncertain unless the two periods differ
 * by more than 1.96 standard errors (two-proportion z-test, pooled, 95 %): a CTR that fell from 1 of
 * 20 to 0 of 20 says nothing. Revenue per click is no proportion: it is uncertain below 30 clicks.
 * Sums are never uncertain.
 */
import {
  type Changed,
  MEASURE_IDS,
  MEASURES,
  type MeasureId,
  measureOf,
  type Sums,
} from '../../dashboard-definition.ts'
import { addSums, sumsAt, WIDTH } from '../store/sums-table.ts'
import type { Compared } from './comparison.ts'
import { mapMeasures } from './view.ts'
import type { CampaignSums, ViewSums } from './view-sums.ts'

/** `percent` is null where the earlier figure is 0, or one of the two is unknown. */
export type Change = Readonly<{ percent: number | null; isUncertain: boolean }>

export type Changes = Readonly<{
  /** Of the campaign or value with this code. */
  of: (code: number, id: MeasureId) => Change
  /** Of all together. */
  ofAll: (id: MeasureId) => Change
}>

const UNKNOWN: Change = { percent: null, isUncertain: false }
export const NO_CHANGES: Changes = { of: () => UNKNOWN, ofAll: () => UNKNOWN }

/** The 97.5 % quantile of the normal distribution. */
const Z = 1.959963984540054
/** A ratio that is no proportion is uncertain below this divisor. */
const FEW = 30
const NO_SUMS: Sums = sumsAt(new Float64Array(WIDTH), 0)

/** `among` picks what counts for all together. */
export function changesBetween(
  { now, then, reason }: Compared,
  sums: ViewSums,
  among: (all: CampaignSums) => CampaignSums = (all) => all,
): Changes {
  if (then === null || reason !== null) return NO_CHANGES
  const [earlier, later] = [then, now].map((stretch) => {
    const all = sums.campaigns(stretch)
    const positions = new Map([...all.codes].map((code, position) => [code, position]))
    const of = (code: number): Sums => {
      const position = positions.get(code)
      return position === undefined ? NO_SUMS : sumsAt(all.sums, position * WIDTH)
    }
    return { of, total: sumsAt(sumOf(among(all)), 0) }
  }) as [PeriodSums, PeriodSums] // one for each stretch
  return {
    of: (code, id) => changeOf(id, earlier.of(code), later.of(code)),
    ofAll: (id) => changeOf(id, earlier.total, later.total),
  }
}

type PeriodSums = Readonly<{ of: (code: number) => Sums; total: Sums }>

export function sumOf({ sums }: CampaignSums): Float64Array {
  const total = new Float64Array(WIDTH)
  for (let at = 0; at < sums.length; at += WIDTH) addSums(total, 0, sums, at)
  return total
}

/** In percent of the earlier figure; positive if it grew, even from below zero. */
export function changeOf(id: MeasureId, then: Sums, now: Sums): Change {
  const [before, after] = [measureOf(id, then), measureOf(id, now)]
  if (before === null || after === null || before === 0) return UNKNOWN
  const percent = ((after - before) / Math.abs(before)) * 100
  return { percent, isUncertain: isByChance(id, then, now) }
}

/** As it is written in answers. */
export function changedBy(changeFor: (id: MeasureId) => Change): Changed {
  const changes = mapMeasures(changeFor)
  return {
    change: mapMeasures((id) => changes[id].percent),
    uncertain: MEASURE_IDS.filter((id) => changes[id].isUncertain),
  }
}

/** Of a measure that both have. */
function isByChance(id: MeasureId, then: Sums, now: Sums): boolean {
  const { value } = MEASURES[id]
  if (value.kind === 'sum') return false
  const [before, after] = [then[value.by], now[value.by]]
  const share = (then[value.of] + now[value.of]) / (before + after)
  if (value.of === 'revenue' || share > 1) return Math.min(before, after) < FEW
  const error = Math.sqrt(share * (1 - share) * (1 / before + 1 / after))
  return Math.abs(now[value.of] / after - then[value.of] / before) < Z * error
}
