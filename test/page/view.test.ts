/**
 * The address of a view says what it shows, no more and no less, and a wrong address shows
 * something sensible.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CHANGE_IDS, MEASURE_IDS, RANGES } from '../../src/dashboard-definition/definition.ts'
import { EVENT_FILTER_IDS } from '../../src/dashboard-definition/filters.ts'
import { COMPARISONS } from '../../src/dashboard-definition/periods.ts'
import {
  breakdownSort,
  campaignSort,
  DEFAULT_VIEW,
  daysFault,
  formatView,
  hasFilters,
  parseView,
  rangeParameters,
  rangeSeconds,
  trendRequest,
  type View,
} from '../../src/page/view.ts'

test('the default view has an empty address, and an empty address shows it', () => {
  assert.equal(formatView(DEFAULT_VIEW), '')
  assert.deepEqual(parseView(''), DEFAULT_VIEW)
  assert.deepEqual(parseView('?'), DEFAULT_VIEW)
})

test('an address is read as written in the documentation', () => {
  const view = parseView(
    '?range=24h&campaign=spring&campaign=%3Cimg%20src%3Dx%3E&country=AT&device=&measure=cvr' +
      '&lines=campaigns&sort=revenue&order=asc&search=sale&page=2' +
      '&zone=America/Santiago&compare=weekdays' +
      '&by=device&bySort=value&byOrder=asc&changes=on',
  )
  assert.deepEqual(view, {
    range: { kind: 'last', id: '24h' },
    zone: 'America/Santiago',
    weekStart: null,
    compare: 'weekdays',
    filters: {
      campaign: ['spring', '<img src=x>'],
      platform: [],
      country: ['AT'],
      device: [''],
    },
    measure: 'cvr',
    lines: 'campaigns',
    sort: 'revenue',
    order: 'asc',
    search: 'sale',
    page: 2,
    changes: 'on',
    by: 'device',
    bySort: 'value',
    byOrder: 'asc',
  } satisfies View)
  assert.equal(hasFilters(view), true)
  assert.equal(hasFilters(DEFAULT_VIEW), false)
})

test('a stretch of one’s own is told in UTC, whatever offset it was written with', () => {
  const view = parseView('from=2026-11-22T11:00:00%2B01:00&to=2026-11-22T12:00Z')
  assert.deepEqual(view.range, {
    kind: 'fixed',
    fromMs: Date.UTC(2026, 10, 22, 10),
    toMs: Date.UTC(2026, 10, 22, 12),
  })
  assert.equal(formatView(view), 'from=2026-11-22T10%3A00%3A00Z&to=2026-11-22T12%3A00%3A00Z')
  assert.equal(rangeSeconds(view.range), 7200)
})

test('days of the zone are told as days, both included', () => {
  const view = parseView('from=2026-11-21&to=2026-11-22')
  const firstDay = Date.UTC(2026, 10, 21) / 86_400_000
  assert.deepEqual(view.range, { kind: 'days', firstDay, lastDay: firstDay + 1 })
  assert.equal(formatView(view), 'from=2026-11-21&to=2026-11-22')
  assert.equal(rangeSeconds(view.range), 2 * 86_400)
})

test('the first day of the week is part of requests about weeks, and of no address', () => {
  const week: View = { ...parseView('range=this-week'), weekStart: 7 }
  assert.equal(rangeParameters(week).toString(), 'range=this-week&weekStart=sunday')
  assert.equal(formatView(week), 'range=this-week')
  const month: View = { ...parseView('range=this-month'), weekStart: 7 }
  assert.equal(rangeParameters(month).toString(), 'range=this-month')
})

test('days the wrong way round, or too many, are told in words', () => {
  assert.equal(daysFault(20_000, 19_999), 'The last day must not be before the first.')
  assert.equal(daysFault(20_000, 20_399), null)
  assert.equal(daysFault(20_000, 20_400), 'These are 401 days; 400 are the most.')
})

test('what an address says wrongly counts as not said', () => {
  const wrong = [
    'range=2h',
    'from=2026-11-22T10:00:00Z',
    'from=2026-11-22T10:00:00Z&to=2026-11-22T10:00:00Z',
    'from=2026-11-22T12:00:00Z&to=2026-11-22T10:00:00Z',
    'from=2024-01-01T00:00:00Z&to=2026-11-22T10:00:00Z',
    'from=yesterday&to=today',
    'from=2026-13-45T10:00:00Z&to=2026-11-22T10:00:00Z',
    'measure=cost',
    'measure=toString',
    'from=2026-11-22&to=2026-11-21',
    'from=2026-02-30&to=2026-03-02',
    'from=2026-11-22&to=2026-11-23T10:00:00Z',
    'from=2025-01-01&to=2026-11-22',
    'zone=Mars/Olympus',
    'zone=%2B01:00',
    'compare=tomorrow',
    'lines=every',
    'sort=constructor',
    'order=up',
    'page=0',
    'page=-1',
    'page=1.5',
    'page=x',
    'page=1e99',
    'changes=yes',
    'sort=shareChange',
    'bySort=valueChange',
    'by=campaign',
    'bySort=share',
    'byOrder=up',
    'nonsense=1',
  ]
  for (const query of wrong) assert.deepEqual(parseView(query), DEFAULT_VIEW, query)
})

test('more choices than the API takes are cut, and repeated ones count once', () => {
  const many = new URLSearchParams()
  for (let i = 0; i < 60; i++) many.append('campaign', `c${i % 55}`)
  for (let i = 0; i < 30; i++) many.append('country', `k${i}`)
  const { filters } = parseView(many.toString())
  assert.equal(filters.campaign.length, 50)
  assert.equal(filters.country.length, 20)
  assert.equal(new Set(filters.campaign).size, 50)
})

test('requests say range and filters only, and nothing for the default', () => {
  assert.equal(rangeParameters({ ...DEFAULT_VIEW, search: 'x', page: 3 }).toString(), '')
  const view = parseView('range=7d&platform=web&sort=clicks')
  assert.equal(rangeParameters(view).toString(), 'range=7d&platform=web')
})

test('a trend by campaign asks for the largest by what its measure is about', () => {
  const asked = (query: string): string => trendRequest(parseView(query))
  assert.equal(asked('measure=revenue'), 'trend')
  assert.equal(asked('lines=campaigns'), 'trend?lines=campaigns')
  assert.equal(asked('lines=campaigns&measure=impressions'), 'trend?lines=campaigns')
  assert.equal(asked('lines=campaigns&measure=cvr'), 'trend?lines=campaigns&by=clicks')
  assert.equal(asked('lines=campaigns&measure=revenuePerClick'), 'trend?lines=campaigns&by=clicks')
  assert.equal(
    asked('range=7d&lines=campaigns&measure=revenue'),
    'trend?range=7d&lines=campaigns&by=revenue',
  )
})

test('a table is sorted by changes only while they are shown', () => {
  const sorted = (query: string) => {
    const view = parseView(query)
    return [campaignSort(view), breakdownSort(view)]
  }
  const asked = 'sort=ctrChange&order=asc&bySort=cvrChange&byOrder=asc'
  const byChange = [
    { sort: 'ctrChange', order: 'asc' },
    { sort: 'cvrChange', order: 'asc' },
  ]
  const usual = { sort: 'impressions', order: 'desc' }
  assert.deepEqual(sorted(`${asked}&changes=on`), byChange)
  assert.deepEqual(sorted(asked), [usual, usual])
  assert.deepEqual(sorted(`${asked}&changes=on&compare=none`), [usual, usual])
})

const text = fc.string({ unit: 'grapheme', maxLength: 40 })
const chosen = fc.uniqueArray(text, { maxLength: 6 })
const plain = { noNullPrototype: true }
const anyView: fc.Arbitrary<View> = fc.record(
  {
    range: fc.oneof(
      fc.constantFrom(...RANGES).map(({ id }) => ({ kind: 'last' as const, id })),
      fc
        .tuple(fc.integer({ min: 0, max: 2_000_000_000 }), fc.integer({ min: 1, max: 34_560_000 }))
        .map(([from, length]) => ({
          kind: 'fixed' as const,
          fromMs: from * 1000,
          toMs: (from + length) * 1000,
        })),
      fc
        .tuple(fc.integer({ min: -700_000, max: 40_000 }), fc.integer({ min: 0, max: 399 }))
        .map(([firstDay, more]) => ({
          kind: 'days' as const,
          firstDay,
          lastDay: firstDay + more,
        })),
    ),
    zone: fc.constantFrom(null, 'UTC', 'Europe/Berlin', 'America/Santiago'),
    weekStart: fc.constant(null),
    compare: fc.constantFrom(...COMPARISONS).map(({ id }) => id),
    filters: fc.record(
      { campaign: chosen, platform: chosen, country: chosen, device: chosen },
      plain,
    ),
    measure: fc.constantFrom(...MEASURE_IDS),
    lines: fc.constantFrom('all', 'campaigns'),
    sort: fc.constantFrom('campaign', ...MEASURE_IDS, ...CHANGE_IDS),
    order: fc.constantFrom('asc', 'desc'),
    search: text,
    page: fc.integer({ min: 1, max: 1_000_000 }),
    changes: fc.constantFrom('on', 'off'),
    by: fc.constantFrom(...EVENT_FILTER_IDS),
    bySort: fc.constantFrom('value', ...MEASURE_IDS, ...CHANGE_IDS),
    byOrder: fc.constantFrom('asc', 'desc'),
  },
  plain,
)

test('every view comes back from its address', () => {
  fc.assert(
    fc.property(anyView, (view) => {
      assert.deepEqual(parseView(formatView(view)), view)
    }),
  )
})

test('no address whatever fails', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (query) => {
      const view = parseView(query)
      assert.deepEqual(parseView(formatView(view)), view)
    }),
  )
})
