/**
 * What a question asks for, read from its query string. Everything that is wrong is said: which parameter, what is wrong
 * with it, and what is accepted; nothing is ignored, so that a link never shows something else than it says.
 */

import { DEFAULT_RANGE, MEASURE_IDS, RANGES } from '../../dashboard-definition.ts'
import { parseTimestampUs } from '../../event.ts'
import type { EventFilter } from '../../query.ts'
import type { CampaignList, CampaignPage } from './campaigns.ts'
import type { AskedRange } from './range.ts'
import type { Sorting } from './ranking.ts'
import { DAY_US } from './steps.ts'
import type { LinesChoice } from './trend.ts'

/** What all questions have in common. */
export type ViewQuery = Readonly<{
  range: AskedRange
  /** Empty: all. */
  campaigns: readonly string[]
  /** null where nothing is set that only the raw events know. */
  filter: EventFilter | null
}>

export type Question = Readonly<{ view: ViewQuery }> &
  (
    | Readonly<{ kind: 'summary' }>
    | Readonly<{ kind: 'revenue' }>
    | Readonly<{ kind: 'values' }>
    | Readonly<{ kind: 'trend'; lines: LinesChoice }>
    | (Readonly<{ kind: 'campaigns' }> & CampaignPage)
    | (Readonly<{ kind: 'campaigns.csv' }> & CampaignList)
  )

export type Problem = Readonly<{ problem: string }>

type Kind = Question['kind']

const VIEW_NAMES = ['range', 'from', 'to', 'campaign', 'platform', 'country', 'device']
const LIST_NAMES = ['sort', 'order', 'search']
const OWN_NAMES: Readonly<Record<Kind, readonly string[]>> = {
  summary: [],
  revenue: [],
  values: [],
  trend: ['lines'],
  campaigns: [...LIST_NAMES, 'page', 'size'],
  'campaigns.csv': LIST_NAMES,
}
const KINDS = Object.keys(OWN_NAMES) as Kind[] // the keys of the record above
const CAMPAIGNS_MAX = 50
const VALUES_MAX = 20
const RANGE_DAYS_MAX = 400
const SIZE_MAX = 200
const SIZE_DEFAULT = 25
const PAGE_MAX = 1_000_000

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
        return { kind, view, lines: readChoice(query, 'lines', ['all', 'campaigns'], 'all') }
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

/** Left by the first reader that finds something wrong, caught above. */
class BadQuery extends Error {}

function checkNames(kind: Kind, query: URLSearchParams): void {
  const known = [...VIEW_NAMES, ...OWN_NAMES[kind]]
  for (const name of query.keys()) {
    if (known.includes(name)) continue
    throw new BadQuery(`${shown(name)} is not a parameter of ${kind}, which knows ${listed(known)}`)
  }
}

function readView(query: URLSearchParams): ViewQuery {
  const filter = {
    platform: readList(query, 'platform', VALUES_MAX),
    country: readList(query, 'country', VALUES_MAX),
    device: readList(query, 'device', VALUES_MAX),
  }
  const isFiltered = Object.values(filter).some((values) => values.length > 0)
  return {
    range: readRange(query),
    campaigns: readList(query, 'campaign', CAMPAIGNS_MAX),
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
  const [fromUs, toUs] = [readMoment('from', from), readMoment('to', to)]
  if (toUs <= fromUs) throw new BadQuery('to must be later than from')
  if (toUs - fromUs > RANGE_DAYS_MAX * DAY_US) {
    throw new BadQuery(`from and to are more than ${RANGE_DAYS_MAX} days apart, which is the most`)
  }
  return { fromUs, toUs }
}

/** A plus sign that was not encoded arrives as a space. */
function readMoment(name: string, text: string): number {
  const us = parseTimestampUs(text.replace(/ (\d\d:\d\d)$/, '+$1'))
  if (us !== null) return us
  throw new BadQuery(
    `${name} must be an RFC 3339 date-time such as 2026-11-22T10:00:00Z, not ${shown(text)}`,
  )
}

function readPage(query: URLSearchParams): CampaignPage {
  const by = readChoice(query, 'sort', ['campaign', ...MEASURE_IDS], 'impressions')
  const order = readChoice(query, 'order', ['asc', 'desc'], 'desc')
  const sorting: Sorting = { by, order }
  return {
    sorting,
    search: readOne(query, 'search') ?? '',
    page: readCount(query, 'page', 1, PAGE_MAX),
    size: readCount(query, 'size', SIZE_DEFAULT, SIZE_MAX),
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

/** Each once, in an order of their own, so that equal choices are one view. */
function readList(query: URLSearchParams, name: string, most: number): readonly string[] {
  const values = [...new Set(query.getAll(name))].sort()
  if (values.length <= most) return values
  throw new BadQuery(`${name} is given ${values.length} times, ${most} is the most`)
}

function listed(names: readonly string[]): string {
  return names.join(', ')
}

/** A message repeats a value, but not without end. */
function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
}
