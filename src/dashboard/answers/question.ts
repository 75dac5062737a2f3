/**
 * What a question asks for, read from its query string. A fault names the parameter, what is wrong
 * with it, and what is accepted. Nothing is ignored, so that a link always shows what it says.
 */
import {
  CHANGE_IDS,
  COMPARISONS,
  type CompareId,
  DEFAULT_COMPARE,
  DEFAULT_RANGE,
  EVENT_FILTER_IDS,
  FILTER_IDS,
  FILTERS,
  type FilterId,
  isZone,
  MEASURE_IDS,
  mapEventFilters,
  PAGE_MAX,
  PAGE_SIZE,
  type Period,
  parseDay,
  periodOf,
  periodOfDays,
  RANGE_DAYS_MAX,
  RANGES,
  type RangeId,
  SUM_COLUMNS,
  WEEKDAYS,
  type Weekday,
} from '../../dashboard-definition.ts'
import { parseTimestampUs, type TimeSpan } from '../../event.ts'
import type { EventFilter } from '../../query.ts'
import { DAY_US } from '../steps.ts'
import type { BreakdownChoice } from './breakdown.ts'
import type { CampaignList, CampaignPage } from './campaigns.ts'
import type { Sorting } from './ranking.ts'
import type { TrendLines } from './trend.ts'

/** Days of the zone's calendar, both included. */
type AskedDays = Readonly<{ firstDay: number; lastDay: number }>
/** A preset, two given moments, or two given days. */
type AskedRange = RangeId | TimeSpan | AskedDays

/** What all questions have in common. */
type ViewQuery = Readonly<{
  range: AskedRange
  /** null: the configured ones. */
  zone: string | null
  weekStart: Weekday | null
  compare: CompareId
  /** Empty: all. */
  campaigns: readonly string[]
  /** null if no filter is set that needs the raw events. */
  filter: EventFilter | null
}>

export type Question = Readonly<{ view: ViewQuery }> &
  (
    | Readonly<{ kind: 'summary' }>
    | Readonly<{ kind: 'revenue' }>
    | Readonly<{ kind: 'values' }>
    | (Readonly<{ kind: 'trend' }> & TrendLines)
    | (Readonly<{ kind: 'breakdown' }> & BreakdownChoice)
    | (Readonly<{ kind: 'campaigns' }> & CampaignPage)
    | (Readonly<{ kind: 'campaigns.csv' }> & CampaignList)
  )

type Problem = Readonly<{ problem: string }>

type Kind = Question['kind']

const VIEW_NAMES = ['range', 'from', 'to', 'zone', 'weekStart', 'compare', ...FILTER_IDS]
const SORT_NAMES = ['sort', 'order']
const LIST_NAMES = [...SORT_NAMES, 'search']
const OWN_NAMES: Readonly<Record<Kind, readonly string[]>> = {
  summary: [],
  revenue: [],
  values: [],
  trend: ['lines', 'by'],
  breakdown: ['by', ...SORT_NAMES],
  campaigns: [...LIST_NAMES, 'page', 'size'],
  'campaigns.csv': LIST_NAMES,
}
const KINDS = Object.keys(OWN_NAMES) as Kind[] // the keys of the record above
const SIZE_MAX = 200

export function isQuestionKind(path: string): path is Kind {
  return (KINDS as readonly string[]).includes(path)
}

export function parseQuestion(kind: Kind, text: string): Question | Problem {
  const query = new URLSearchParams(text)
  try {
    checkNames(kind, query)
    const view = readView(query)
    switch (kind) {
      case 'summary':
      case 'revenue':
      case 'values':
        return { kind, view }
      case 'trend':
        return { kind, view, ...readLines(query) }
      case 'breakdown':
        return { kind, view, ...readBreakdown(query) }
      case 'campaigns':
      case 'campaigns.csv':
        return { kind, view, ...readPage(query) }
      default:
        return kind satisfies never
    }
  } catch (error) {
    if (error instanceof BadQuery) return { problem: error.message }
    throw error
  }
}

/** Thrown by the first reader that finds a fault, and caught above. */
class BadQuery extends Error {}

function checkNames(kind: Kind, query: URLSearchParams): void {
  const known = [...VIEW_NAMES, ...OWN_NAMES[kind]]
  for (const name of query.keys()) {
    if (known.includes(name)) continue
    throw new BadQuery(`${shown(name)} is not a parameter of ${kind}, which knows ${listed(known)}`)
  }
}

function readView(query: URLSearchParams): ViewQuery {
  const filter = mapEventFilters((id) => readChosen(query, id))
  const isFiltered = Object.values(filter).some((values) => values.length > 0)
  return {
    range: readRange(query),
    zone: readZone(query),
    weekStart: readWeekStart(query),
    compare: readChoice(
      query,
      'compare',
      COMPARISONS.map(({ id }) => id),
      DEFAULT_COMPARE,
    ),
    campaigns: readChosen(query, 'campaign'),
    filter: isFiltered ? filter : null,
  }
}

function readRange(query: URLSearchParams): AskedRange {
  const ids = RANGES.map(({ id }) => id)
  const [from, to] = [readOne(query, 'from'), readOne(query, 'to')]
  if (from === null && to === null) return readChoice(query, 'range', ids, DEFAULT_RANGE)
  if (query.has('range'))
    throw new BadQuery('range and from, to exclude each other: give one of them')
  if (from === null || to === null) {
    throw new BadQuery(`${from === null ? 'from' : 'to'} is missing: from and to go together`)
  }
  const [firstDay, lastDay] = [parseDay(from), parseDay(to)]
  if (firstDay !== null && lastDay !== null) return daysBetween(firstDay, lastDay)
  const [fromUs, toUs] = [readMoment('from', from), readMoment('to', to)]
  if (toUs <= fromUs) throw new BadQuery('to must be later than from')
  if (toUs - fromUs > RANGE_DAYS_MAX * DAY_US) {
    throw new BadQuery(`from and to are more than ${RANGE_DAYS_MAX} days apart, which is the most`)
  }
  return { fromUs, toUs }
}

function daysBetween(firstDay: number, lastDay: number): AskedDays {
  if (lastDay < firstDay) throw new BadQuery('to must not be a day before from')
  if (lastDay - firstDay >= RANGE_DAYS_MAX) {
    throw new BadQuery(
      `from and to are ${lastDay - firstDay + 1} days, and ${RANGE_DAYS_MAX} are the most`,
    )
  }
  return { firstDay, lastDay }
}

function readZone(query: URLSearchParams): string | null {
  const zone = readOne(query, 'zone')
  if (zone === null || isZone(zone)) return zone
  throw new BadQuery(
    `zone must be the name of a time zone such as UTC or Europe/Berlin, not ${shown(zone)}`,
  )
}

function readWeekStart(query: URLSearchParams): Weekday | null {
  if (!query.has('weekStart')) return null
  const name = readChoice(query, 'weekStart', WEEKDAYS, 'monday')
  return (WEEKDAYS.indexOf(name) + 1) as Weekday // Monday is 1
}

/** A plus sign that was not encoded arrives as a space. */
function readMoment(name: string, text: string): number {
  const us = parseTimestampUs(text.replace(/ (\d\d:\d\d)$/, '+$1'))
  if (us !== null) return us
  throw new BadQuery(
    `${name} must be an RFC 3339 date-time such as 2026-11-22T10:00:00Z, or together with the ` +
      `other one a day such as 2026-11-22, not ${shown(text)}`,
  )
}

/** The names of its sums are values: sorting them is what sorting campaigns is elsewhere. */
function readBreakdown(query: URLSearchParams): BreakdownChoice {
  const by = readChoice(query, 'by', EVENT_FILTER_IDS, 'platform')
  const sort = readChoice(query, 'sort', ['value', ...MEASURE_IDS, ...CHANGE_IDS], 'impressions')
  const order = readChoice(query, 'order', ['asc', 'desc'], 'desc')
  return { by, sorting: { by: sort === 'value' ? 'campaign' : sort, order } }
}

function readLines(query: URLSearchParams): TrendLines {
  const lines = readChoice(query, 'lines', ['all', 'campaigns'], 'all')
  const by = readChoice(query, 'by', SUM_COLUMNS, 'impressions')
  if (lines === 'all' && query.has('by')) {
    throw new BadQuery('by ranks campaigns: it goes with lines=campaigns')
  }
  return { lines, by }
}

function readPage(query: URLSearchParams): CampaignPage {
  const sorts = ['campaign', ...MEASURE_IDS, ...CHANGE_IDS] as const
  const by = readChoice(query, 'sort', sorts, 'impressions')
  const order = readChoice(query, 'order', ['asc', 'desc'], 'desc')
  const sorting: Sorting = { by, order }
  return {
    sorting,
    search: readOne(query, 'search') ?? '',
    page: readCount(query, 'page', 1, PAGE_MAX),
    size: readCount(query, 'size', PAGE_SIZE, SIZE_MAX),
  }
}

function readCount(query: URLSearchParams, name: string, initial: number, most: number): number {
  const text = readOne(query, name)
  if (text === null) return initial
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (count >= 1 && count <= most) return count
  throw new BadQuery(`${name} must be a whole number from 1 to ${most}, not ${shown(text)}`)
}

function readChoice<T extends string>(
  query: URLSearchParams,
  name: string,
  accepted: readonly T[],
  initial: T,
): T {
  const text = readOne(query, name)
  if (text === null) return initial
  const choice = accepted.find((value) => value === text)
  if (choice !== undefined) return choice
  throw new BadQuery(`${name} must be one of ${listed(accepted)}, not ${shown(text)}`)
}

function readOne(query: URLSearchParams, name: string): string | null {
  const values = query.getAll(name)
  if (values.length > 1)
    throw new BadQuery(`${name} is given ${values.length} times, once is the most`)
  return values[0] ?? null
}

/** Without repeats and sorted, so that equal choices are one view. */
function readChosen(query: URLSearchParams, id: FilterId): readonly string[] {
  const { chosenMax } = FILTERS[id]
  const values = [...new Set(query.getAll(id))].sort()
  if (values.length <= chosenMax) return values
  throw new BadQuery(`${id} is given ${values.length} times, ${chosenMax} is the most`)
}

function listed(names: readonly string[]): string {
  return names.join(', ')
}

/** A message quotes a value, but not at any length. */
function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
}

type Clock = Parameters<typeof periodOf>[1]

/** Not yet widened to whole steps. */
export function resolveRange(asked: AskedRange, clock: Clock): Period {
  if (typeof asked === 'string') return periodOf(asked, clock)
  if ('firstDay' in asked) return periodOfDays(asked.firstDay, asked.lastDay, clock.zone)
  const { fromUs, toUs } = asked
  return { fromMs: Math.floor(fromUs / 1000), toMs: Math.ceil(toUs / 1000), by: 'time' }
}
