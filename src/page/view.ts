/**
 * The view: what the page shows. It is kept in the address, so that a link shows the same to
 * others, and "back" and "forward" go through the reader's choices. Defaults are left out of the
 * address, and invalid parameters are ignored.
 *
 *     ?range=24h&campaign=spring&country=AT&measure=cvr&lines=campaigns&sort=revenue&page=2
 *     ?from=2026-11-22T10:00:00Z&to=2026-11-22T12:00:00Z&order=asc&search=sale
 *     ?from=2026-11-21&to=2026-11-22&zone=America/Santiago&compare=weekdays
 *     ?by=country&bySort=revenue&byOrder=asc&changes=on
 */
import {
  CHANGE_IDS,
  type ChangeId,
  COMPARISONS,
  type CompareId,
  changedMeasure,
  DAY_MS,
  DEFAULT_COMPARE,
  DEFAULT_RANGE,
  dayText,
  EVENT_FILTER_IDS,
  type EventFilterId,
  FILTER_IDS,
  FILTERS,
  type FilterId,
  isZone,
  MEASURE_IDS,
  type MeasureId,
  mapEventFilters,
  PAGE_MAX,
  parseDay,
  RANGE_DAYS_MAX,
  RANGES,
  type RangeId,
  rankingColumn,
  WEEKDAYS,
  type Weekday,
} from '../dashboard-definition.ts'

/**
 * A preset, which moves with the clock; a fixed stretch, in milliseconds UTC; or days of the zone,
 * both included.
 */
export type ShownRange =
  | Readonly<{ kind: 'last'; id: RangeId }>
  | Readonly<{ kind: 'fixed'; fromMs: number; toMs: number }>
  | Readonly<{ kind: 'days'; firstDay: number; lastDay: number }>

export type SortId = 'campaign' | MeasureId | ChangeId
export type BySortId = 'value' | MeasureId | ChangeId
/** What a table is sorted by, and how. */
export type SortedBy<Id> = Readonly<{ sort: Id; order: 'asc' | 'desc' }>

export type View = Readonly<{
  range: ShownRange
  /** null: the configured one. */
  zone: string | null
  /** With which day the reader's weeks begin; not in the address. null: as the server says. */
  weekStart: Weekday | null
  compare: CompareId
  /** An empty list is no filter; an empty text stands for events without a value. */
  filters: Readonly<Record<FilterId, readonly string[]>>
  /** Of the trend. */
  measure: MeasureId
  lines: 'all' | 'campaigns'
  sort: SortId
  order: 'asc' | 'desc'
  search: string
  /** From 1. */
  page: number
  /** Whether the tables have the change of each figure. */
  changes: 'on' | 'off'
  /** What the breakdown lists, and its order. */
  by: EventFilterId
  bySort: BySortId
  byOrder: 'asc' | 'desc'
}>

const FIXED_RANGE_MS_MAX = RANGE_DAYS_MAX * DAY_MS
export const SEARCH_LENGTH_MAX = 256

export const DEFAULT_VIEW: View = {
  range: { kind: 'last', id: DEFAULT_RANGE },
  zone: null,
  weekStart: null,
  compare: DEFAULT_COMPARE,
  filters: filtersOf(() => []),
  measure: 'ctr',
  lines: 'all',
  sort: 'impressions',
  order: 'desc',
  search: '',
  page: 1,
  changes: 'off',
  by: 'country',
  bySort: 'impressions',
  byOrder: 'desc',
}

/** `query` is the part of an address after the question mark, which may be included. */
export function parseView(query: string): View {
  const asked = new URLSearchParams(query)
  const page = Number(asked.get('page') ?? 1)
  const zone = asked.get('zone')
  return {
    range: parseRange(asked),
    zone: zone !== null && isZone(zone) ? zone : null,
    weekStart: null,
    compare: COMPARISONS.find(({ id }) => id === asked.get('compare'))?.id ?? DEFAULT_COMPARE,
    filters: filtersOf((id) => [...new Set(asked.getAll(id))].slice(0, FILTERS[id].chosenMax)),
    measure: MEASURE_IDS.find((id) => id === asked.get('measure')) ?? DEFAULT_VIEW.measure,
    lines: asked.get('lines') === 'campaigns' ? 'campaigns' : 'all',
    sort: parseSort(asked.get('sort')),
    order: asked.get('order') === 'asc' ? 'asc' : 'desc',
    search: (asked.get('search') ?? '').slice(0, SEARCH_LENGTH_MAX),
    page: Number.isInteger(page) && page >= 1 && page <= PAGE_MAX ? page : 1,
    changes: asked.get('changes') === 'on' ? 'on' : 'off',
    by: EVENT_FILTER_IDS.find((id) => id === asked.get('by')) ?? DEFAULT_VIEW.by,
    bySort: parseBySort(asked.get('bySort')),
    byOrder: asked.get('byOrder') === 'asc' ? 'asc' : 'desc',
  }
}

/** What is in the address only where it differs from the default. */
const OWN_NAMES = [
  'measure',
  'lines',
  'sort',
  'order',
  'search',
  'page',
  'changes',
  'by',
  'bySort',
  'byOrder',
] as const

/** Without a question mark; empty for the default view. */
export function formatView(view: View): string {
  const asked = rangeParameters({ ...view, weekStart: null })
  for (const name of OWN_NAMES) {
    if (view[name] !== DEFAULT_VIEW[name]) asked.set(name, String(view[name]))
  }
  return asked.toString()
}

/**
 * Range, zone, comparison and filters: part of every request of the page, and of the page's own
 * address.
 */
export function rangeParameters(view: View): URLSearchParams {
  const asked = new URLSearchParams()
  const { range, zone, weekStart, compare } = view
  if (range.kind === 'fixed') {
    asked.set('from', formatMoment(range.fromMs))
    asked.set('to', formatMoment(range.toMs))
  } else if (range.kind === 'days') {
    asked.set('from', dayText(range.firstDay))
    asked.set('to', dayText(range.lastDay))
  } else if (range.id !== DEFAULT_RANGE) {
    asked.set('range', range.id)
  }
  if (zone !== null) asked.set('zone', zone)
  if (weekStart !== null && isOfWeeks(range)) {
    asked.set('weekStart', WEEKDAYS[weekStart - 1] ?? WEEKDAYS[0])
  }
  if (compare !== DEFAULT_COMPARE) asked.set('compare', compare)
  for (const id of FILTER_IDS) for (const value of view.filters[id]) asked.append(id, value)
  return asked
}

/** Names the sum that ranks campaigns only where it decides which of them are shown. */
export function trendRequest(view: View): string {
  const asked = rangeParameters(view)
  if (view.lines === 'campaigns') {
    asked.set('lines', 'campaigns')
    const by = rankingColumn(view.measure)
    if (by !== 'impressions') asked.set('by', by)
  }
  return asked.size === 0 ? 'trend' : `trend?${asked}`
}

export function showsChanges({ changes, compare }: View): boolean {
  return changes === 'on' && compare !== 'none'
}

/** How the campaigns are sorted: not by changes that are not shown. */
export function campaignSort(view: View): SortedBy<SortId> {
  return sortShown(view, view, DEFAULT_VIEW)
}

/** The same for the breakdown. */
export function breakdownSort(view: View): SortedBy<BySortId> {
  const sortedBy = ({ bySort, byOrder }: View) => ({ sort: bySort, order: byOrder })
  return sortShown(view, sortedBy(view), sortedBy(DEFAULT_VIEW))
}

function sortShown<Id extends string>(
  view: View,
  { sort, order }: SortedBy<Id>,
  otherwise: SortedBy<Id>,
): SortedBy<Id> {
  const isShown = changedMeasure(sort) === null || showsChanges(view)
  return isShown ? { sort, order } : { sort: otherwise.sort, order: otherwise.order }
}

function isOfWeeks(range: ShownRange): boolean {
  return range.kind === 'last' && RANGES.find(({ id }) => id === range.id)?.by === 'week'
}

export function rangeSeconds(range: ShownRange): number {
  if (range.kind === 'fixed') return (range.toMs - range.fromMs) / 1000
  if (range.kind === 'days') return ((range.lastDay - range.firstDay + 1) * DAY_MS) / 1000
  return RANGES.find(({ id }) => id === range.id)?.seconds ?? 3600
}

export function hasFilters(view: View): boolean {
  return FILTER_IDS.some((id) => view.filters[id].length > 0)
}

function parseRange(asked: URLSearchParams): ShownRange {
  const [firstDay, lastDay] = [parseDay(asked.get('from') ?? ''), parseDay(asked.get('to') ?? '')]
  if (firstDay !== null && lastDay !== null && daysFault(firstDay, lastDay) === null) {
    return { kind: 'days', firstDay, lastDay }
  }
  const fromMs = parseMoment(asked.get('from'))
  const toMs = parseMoment(asked.get('to'))
  if (fromMs !== null && toMs !== null && isRangePossible(fromMs, toMs)) {
    return { kind: 'fixed', fromMs, toMs }
  }
  const id = RANGES.find((range) => range.id === asked.get('range'))?.id
  return { kind: 'last', id: id ?? DEFAULT_RANGE }
}

/** What is wrong with a choice of days; null if nothing is. */
export function daysFault(firstDay: number, lastDay: number): string | null {
  if (lastDay < firstDay) return 'The last day must not be before the first.'
  const days = lastDay - firstDay + 1
  return days > RANGE_DAYS_MAX ? `These are ${days} days; ${RANGE_DAYS_MAX} are the most.` : null
}

function isRangePossible(fromMs: number, toMs: number): boolean {
  return toMs > fromMs && toMs - fromMs <= FIXED_RANGE_MS_MAX
}

function filtersOf(chosenFor: (id: FilterId) => readonly string[]): View['filters'] {
  return { campaign: chosenFor('campaign'), ...mapEventFilters(chosenFor) }
}

function parseSort(text: string | null): SortId {
  if (text === 'campaign') return 'campaign'
  return FIGURE_IDS.find((id) => id === text) ?? DEFAULT_VIEW.sort
}

function parseBySort(text: string | null): BySortId {
  if (text === 'value') return 'value'
  return FIGURE_IDS.find((id) => id === text) ?? DEFAULT_VIEW.bySort
}

const FIGURE_IDS = [...MEASURE_IDS, ...CHANGE_IDS]

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/

/** RFC 3339, seconds optional; null for anything else. */
function parseMoment(text: string | null): number | null {
  if (text === null || !MOMENT.test(text)) return null
  const ms = Date.parse(text)
  return Number.isFinite(ms) ? ms : null
}

/** Whole seconds: `2026-11-22T10:00:00Z`. */
function formatMoment(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}

export type ViewStore = Readonly<{
  current: () => View
  /** `keepAs` is `step` if "back" should undo the change, `same` while a search is being typed. */
  change: (changed: Partial<View>, keepAs?: 'step' | 'same') => void
  /** Called after each change, including "back" and "forward". */
  onChange: (listener: (view: View) => void) => void
  /** The zone that the address asks for, if it cannot be shown. */
  refusedZone: () => string | null
}>

type StoreOptions = Readonly<{
  /** With which day the reader's weeks begin. */
  weekStart: Weekday
  canShow: (zone: string) => boolean
}>

export function openViewStore({ weekStart, canShow }: StoreOptions): ViewStore {
  let refusedZone: string | null = null
  const read = (): View => {
    const asked = parseView(location.search)
    refusedZone = asked.zone !== null && !canShow(asked.zone) ? asked.zone : null
    return { ...asked, weekStart, zone: refusedZone === null ? asked.zone : null }
  }
  let view = read()
  const listeners: ((view: View) => void)[] = []
  const notify = (): void => {
    for (const listener of listeners) listener(view)
  }
  window.addEventListener('popstate', () => {
    view = read()
    notify()
  })
  return {
    current: () => view,
    change: (changed, keepAs = 'step') => {
      const before = formatView(view)
      view = { ...view, ...changed }
      refusedZone = null
      const after = formatView(view)
      if (after === before) return
      const address = after === '' ? location.pathname : `?${after}`
      if (keepAs === 'step') history.pushState(null, '', address)
      else history.replaceState(null, '', address)
      notify()
    },
    onChange: (listener) => {
      listeners.push(listener)
    },
    refusedZone: () => refusedZone,
  }
}
