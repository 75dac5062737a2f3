/** What is compared with what, in words: `Sat, 21 – Sun, 22 Nov vs Sat, 14 – Sun, 15 Nov`. */
import { type CompareId, type Comparison, dayOf, startOfDay } from '../dashboard-definition.ts'
import type { Format } from './format.ts'

const VERSUS: Readonly<Record<CompareId, string>> = {
  previous: 'vs period before',
  weekdays: 'vs same weekdays',
  year: 'vs a year ago',
  none: '',
}

export function versusName(compare: CompareId): string {
  return VERSUS[compare]
}

/** Whole days by name; with the time where a day is not whole. */
export function periodText(fromMs: number, toMs: number, format: Format): string {
  const isMidnight = (ms: number): boolean => {
    return startOfDay(dayOf(ms, format.timezone), format.timezone) === ms
  }
  if (!isMidnight(fromMs) || toMs <= fromMs) return format.span(fromMs, toMs)
  if (isMidnight(toMs)) return format.days(fromMs, toMs)
  return `${format.days(fromMs, toMs)}, to ${format.time(toMs)}`
}

export function comparisonText(comparison: Comparison, format: Format): string {
  const { compared, previous } = comparison
  if (previous === null) return ''
  if (previous.reason !== null) return whyNoChange(comparison, format)
  const text = ({ from, to }: Comparison['compared']): string =>
    periodText(Date.parse(from), Date.parse(to), format)
  return `${text(compared)} vs ${text(previous)}`
}

/** Why there is no change; '' if there is one, or none was asked for. */
export function whyNoChange({ previous, dataFrom }: Comparison, format: Format): string {
  if (previous === null || previous.reason === null) return ''
  switch (previous.reason) {
    case 'before-data':
      return dataFrom === null
        ? 'No figures to compare with yet'
        : `Nothing to compare with: figures begin on ${format.dayTime(Date.parse(dataFrom))}`
    case 'incomplete':
      return 'Nothing complete to compare yet'
    case 'too-large':
      return 'Too many campaigns to compare: choose a shorter range'
    default:
      return previous.reason satisfies never
  }
}

/** Of a change that `uncertain` names. */
export const BY_CHANCE = 'Of few events: it may be by chance'

/** Less is noise as often as not. */
const NOTABLE_PERCENT = 1

type Direction = 'up' | 'down' | 'same' | 'uncertain' | 'unknown'

/** What a change looks like. */
export function directionOf(percent: number | null, isUncertain: boolean): Direction {
  if (percent === null) return 'unknown'
  if (isUncertain) return 'uncertain'
  if (Math.abs(percent) < NOTABLE_PERCENT) return 'same'
  return percent > 0 ? 'up' : 'down'
}
