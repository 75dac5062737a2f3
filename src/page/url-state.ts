/**
 * What the page shows, as its address says it: a link shows somebody else the same. Defaults are left out, and what
 * an address says wrongly counts as not said.
 *
 *     ?range=24h&campaign=spring&country=AT&measure=cvr&lines=campaigns&sort=revenue&order=asc&search=sale&page=2
 *     ?from=2026-11-22T10:00:00Z&to=2026-11-22T12:00:00Z
 */
import {
  DEFAULT_RANGE,
  MEASURE_IDS,
  type MeasureId,
  RANGES,
  type RangeId,
} from '../dashboard-definition.ts'

/** The last minutes or days, moving with the clock; or a stretch that stays, in milliseconds UTC. */
export type ShownRange =
  | Readonly<{ kind: 'last'; id: RangeId }>
  | Readonly<{ kind: 'fixed'; fromMs: number; toMs: number }>

export type FilterId = 'campaign' | 'platform' | 'country' | 'device'
export type TrendMeasure = 'ctr' | 'cvr'
export type SortId = 'campaign' | MeasureId

export type View = Readonly<{
  range: ShownRange
  /** Empty: everything. An empty text stands for events that do not say it. */
  filters: Readonly<Record<FilterId, readonly string[]>>
  measure: TrendMeasure
  lines: 'all' | 'campaigns'
  sort: SortId
  order: 'asc' | 'desc'
  search: string
  /** From 1. */
  page: number
}>

export const FILTER_IDS: readonly FilterId[] = ['campaign', 'platform', 'country', 'device']
/** As many as the API takes. */
export const CHOSEN_MAX: Readonly<Record<FilterId, number>> = {
  campaign: 50,
  platform: 20,
  country: 20,
  device: 20,
}
export const PAGE_SIZE: number = 25
/** The API's limit: 400 days. */
export const FIXED_RANGE_MS_MAX: number = 400 * 86_400_000
export const SEARCH_LENGTH_MAX = 256
const PAGE_MAX = 1_000_000

export const DEFAULT_VIEW: View = {
  range: { kind: 'last', id: DEFAULT_RANGE },
  filters: { campaign: [], platform: [], country: [], device: [] },
  measure: 'ctr',
  lines: 'all',
  sort: 'impressions',
  order: 'desc',
  search: '',
  page: 1,
}

/** Takes the part of an address after the question mark, with or without it. */
export function parseView(query: string): View {
  const said = new URLSearchParams(query)
  const page = Number(said.get('page') ?? 1)
  return {
    range: parseRange(said),
    filters: {
      campaign: parseChosen(said, 'campaign'),
      platform: parseChosen(said, 'platform'),
      country: parseChosen(said, 'country'),
      device: parseChosen(said, 'device'),
    },
    measure: said.get('measure') === 'cvr' ? 'cvr' : 'ctr',
    lines: said.get('lines') === 'campaigns' ? 'campaigns' : 'all',
    sort: parseSort(said.get('sort')),
    order: said.get('order') === 'asc' ? 'asc' : 'desc',
    search: (said.get('search') ?? '').slice(0, SEARCH_LENGTH_MAX),
    page: Number.isInteger(page) && page >= 1 && page <= PAGE_MAX ? page : 1,
  }
}

/** Without a question mark; empty for the default view. */
export function formatView(view: View): string {
  const said = rangeParameters(view)
  const set = (name: 'measure' | 'lines' | 'sort' | 'order' | 'search' | 'page'): void => {
    if (view[name] !== DEFAULT_VIEW[name]) said.set(name, String(view[name]))
  }
  set('measure')
  set('lines')
  set('sort')
  set('order')
  set('search')
  set('page')
  return said.toString()
}

/** Range and filters: what every request of the page says, and the page's own address too. */
export function rangeParameters(view: View): URLSearchParams {
  const said = new URLSearchParams()
  const { range } = view
  if (range.kind === 'fixed') {
    said.set('from', formatMoment(range.fromMs))
    said.set('to', formatMoment(range.toMs))
  } else if (range.id !== DEFAULT_RANGE) {
    said.set('range', range.id)
  }
  for (const id of FILTER_IDS) for (const value of view.filters[id]) said.append(id, value)
  return said
}

export function rangeSeconds(range: ShownRange): number {
  if (range.kind === 'fixed') return (range.toMs - range.fromMs) / 1000
  return RANGES.find(({ id }) => id === range.id)?.seconds ?? 3600
}

export function hasFilters(view: View): boolean {
  return FILTER_IDS.some((id) => view.filters[id].length > 0)
}

function parseRange(said: URLSearchParams): ShownRange {
  const fromMs = parseMoment(said.get('from'))
  const toMs = parseMoment(said.get('to'))
  if (fromMs !== null && toMs !== null && isRangePossible(fromMs, toMs)) {
    return { kind: 'fixed', fromMs, toMs }
  }
  const id = RANGES.find((range) => range.id === said.get('range'))?.id
  return { kind: 'last', id: id ?? DEFAULT_RANGE }
}

export function isRangePossible(fromMs: number, toMs: number): boolean {
  return toMs > fromMs && toMs - fromMs <= FIXED_RANGE_MS_MAX
}

function parseChosen(said: URLSearchParams, id: FilterId): readonly string[] {
  return [...new Set(said.getAll(id))].slice(0, CHOSEN_MAX[id])
}

function parseSort(text: string | null): SortId {
  if (text === 'campaign') return 'campaign'
  return MEASURE_IDS.find((id) => id === text) ?? DEFAULT_VIEW.sort
}

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/

/** RFC 3339, the seconds may be left out; null for anything else. */
function parseMoment(text: string | null): number | null {
  if (text === null || !MOMENT.test(text)) return null
  const ms = Date.parse(text)
  return Number.isFinite(ms) ? ms : null
}

/** Whole seconds: `2026-11-22T10:00:00Z`. */
export function formatMoment(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}
