/** Verify finds every kind of difference between the tables, and nothing where there is none. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Verification } from '../../src/query/verify.ts'
import { type CampaignWindow, EQUAL, EVENTS, FIRST, SECOND } from '../support/stored-rows.ts'
import { type EventRow, type Fixture, type MetricsRow, openFixture } from './fixture.ts'

let fixture: Fixture
before(async () => {
  fixture = await openFixture()
})
after(() => fixture.close())

const MINUTE_US = 60_000_000
const START_US = Date.UTC(2026, 10, 22, 10) * 1000

let files = 0
type Given = Readonly<{
  events?: readonly (readonly EventRow[])[]
  metrics?: readonly (readonly MetricsRow[])[]
  /** Arrival range of each events file. */
  arrivals?: readonly (readonly [number, number])[]
  fromUs?: number
  differencesMax?: number
}>

async function verified(given: Given): Promise<Verification> {
  const events: string[] = []
  const metrics: string[] = []
  for (const [index, rows] of (given.events ?? []).entries()) {
    events.push(await fixture.eventsFile(`e${files++}.parquet`, rows, given.arrivals?.[index]))
  }
  for (const rows of given.metrics ?? []) {
    metrics.push(await fixture.metricsFile(`m${files++}.parquet`, rows))
  }
  const query = await fixture.query({ events, metrics })
  return await query.verify({
    windowUs: 5 * MINUTE_US,
    horizonUs: 60 * MINUTE_US,
    fromUs: given.fromUs ?? null,
    differencesMax: given.differencesMax ?? 20,
  })
}

test('tables that agree are equal, with rows and windows counted', async () => {
  assert.deepEqual(await verified({ events: [EVENTS], metrics: [[FIRST], [SECOND]] }), EQUAL)
})

test('two empty tables agree', async () => {
  const { isEqual, windows } = await verified({})
  assert.deepEqual({ isEqual, windows }, { isEqual: true, windows: 0 })
})

for (const [field, row, expected, found] of [
  [
    'window_end',
    { ...FIRST, end: '2026-11-22 10:04:59.999999' },
    String(START_US + 5 * MINUTE_US),
    String(START_US + 5 * MINUTE_US - 1),
  ],
  ['impressions', { ...FIRST, counts: [3, 1, 1] }, '2', '3'],
  ['clicks', { ...FIRST, counts: [2, 0, 1] }, '1', '0'],
  ['conversions', { ...FIRST, counts: [2, 1, 2] }, '1', '2'],
  ['revenue', { ...FIRST, revenue: '1.5000000000000002' }, '1.5', '1.5000000000000002'],
  ['ctr_percent', { ...FIRST, ctr: 'NULL' }, '50', null],
  ['cvr_percent', { ...FIRST, cvr: '99.9' }, '100', '99.9'],
] as const satisfies readonly (readonly [string, CampaignWindow, string, string | null])[]) {
  test(`a wrong ${field} is found and named`, async () => {
    const { isEqual, differing, differences } = await verified({
      events: [EVENTS],
      metrics: [[row, SECOND]],
    })
    assert.equal(isEqual, false)
    assert.equal(differing, 1)
    assert.deepEqual(differences, [
      {
        campaignId: 'spring',
        windowStartUs: START_US,
        kind: 'different',
        fields: [{ name: field, expected, found }],
      },
    ])
  })
}

test('missing, unexpected and repeated rows of windows are told apart', async () => {
  const orphan = { ...SECOND, campaign: 'autumn' }
  const { differing, differences } = await verified({
    events: [EVENTS],
    metrics: [[FIRST], [FIRST, orphan]],
  })
  assert.equal(differing, 3)
  assert.deepEqual(
    differences.map(({ kind, campaignId, windowStartUs }) => [kind, campaignId, windowStartUs]),
    [
      ['repeated', 'spring', START_US],
      ['unexpected', 'autumn', START_US + 5 * MINUTE_US],
      ['missing', 'spring', START_US + 5 * MINUTE_US],
    ],
  )
})

test('a row whose window starts between two windows is unexpected', async () => {
  const crossing = { ...FIRST, start: '2026-11-22 10:02:30', end: '2026-11-22 10:07:30' }
  const { differences } = await verified({ events: [EVENTS], metrics: [[FIRST, SECOND, crossing]] })
  assert.deepEqual(
    differences.map(({ kind }) => kind),
    ['unexpected'],
  )
})

test('all differing windows are counted, and a few of them named', async () => {
  const events = Array.from({ length: 50 }, (_, i) => ({ id: `${i}`, campaign: `c${i}` }))
  const { differing, differences } = await verified({ events: [events], differencesMax: 3 })
  assert.equal(differing, 50)
  assert.equal(differences.length, 3)
})

test('revenue is summed in millionths: order and the errors of doubles do not show', async () => {
  const tenths = Array.from({ length: 10 }, (_, i) => ({
    id: `t${i}`,
    type: 'conversion',
    revenue: '0.1',
  }))
  const row = { ...FIRST, counts: [0, 0, 10] as const, revenue: '1.0', ctr: 'NULL', cvr: 'NULL' }
  assert.equal((await verified({ events: [tenths], metrics: [[row]] })).isEqual, true)
})

test('past 9.0e9 the revenue must be the double nearest to the exact sum', async () => {
  // 10 × 999999999.9999 + 0.000001 = 9999999999.999001; its nearest double prints as
  // 9999999999.999002.
  const events = [
    ...Array.from({ length: 10 }, (_, i) => ({
      id: `l${i}`,
      type: 'conversion',
      revenue: '999999999.9999',
    })),
    { id: 'one', type: 'conversion', revenue: '0.000001' },
  ]
  const row = { ...FIRST, counts: [0, 0, 11] as const, ctr: 'NULL', cvr: 'NULL' }
  const nearest = Number(9_999_999_999_999_001n) / 1e6
  const right = await verified({
    events: [events],
    metrics: [[{ ...row, revenue: String(nearest) }]],
  })
  assert.equal(right.isEqual, true)
  const next = nearest + 2 ** -19
  const wrong = await verified({ events: [events], metrics: [[{ ...row, revenue: String(next) }]] })
  assert.deepEqual(wrong.differences[0]?.fields, [
    { name: 'revenue', expected: String(nearest), found: String(next) },
  ])
  assert.equal(wrong.differing, 1)
})

test('what retention has dropped is not compared', async () => {
  const { isEqual, windows } = await verified({
    events: [EVENTS.slice(4)],
    metrics: [[FIRST, SECOND]],
    fromUs: START_US + 5 * MINUTE_US,
  })
  assert.deepEqual({ isEqual, windows }, { isEqual: true, windows: 1 })
})

test('an id stored twice within the horizon is a fault, also across files', async () => {
  const rows = [{ id: 'x' }, { id: 'y' }]
  const again = [{ id: 'x', type: 'click' }]
  const row = { ...FIRST, counts: [2, 1, 0] as const, revenue: '0', cvr: '0' }
  const near = await verified({
    events: [rows, again],
    arrivals: [
      [0, MINUTE_US],
      [50 * MINUTE_US, 59 * MINUTE_US],
    ],
    metrics: [[row]],
  })
  assert.deepEqual(near.repeatedIds, { withinHorizon: 1, unplaced: 0, examples: ['x'] })
  assert.equal(near.isEqual, false)
  const far = await verified({
    events: [rows, again],
    arrivals: [
      [0, MINUTE_US],
      [50 * MINUTE_US, 61 * MINUTE_US],
    ],
    metrics: [[row]],
  })
  assert.deepEqual(far.repeatedIds, { withinHorizon: 0, unplaced: 1, examples: [] })
  assert.equal(far.isEqual, true)
})

test('an id twice in a file of a second is a fault; in one of a day it may be new', async () => {
  const rows = [{ id: 'x' }, { id: 'x' }]
  const row = { ...FIRST, counts: [2, 0, 0] as const, revenue: '0', ctr: '0', cvr: 'NULL' }
  const of = async (span: number) =>
    (await verified({ events: [rows], arrivals: [[0, span]], metrics: [[row]] })).repeatedIds
  assert.equal((await of(1_000_000)).withinHorizon, 1)
  assert.deepEqual(await of(1440 * MINUTE_US), { withinHorizon: 0, unplaced: 1, examples: [] })
})

test('an id stored twice is unplaced where the arrival of a file is not known', async () => {
  const row = { ...FIRST, counts: [1, 1, 0] as const, revenue: '0', ctr: '100', cvr: '0' }
  const { repeatedIds, isEqual } = await verified({
    events: [[{ id: 'x' }], [{ id: 'x', type: 'click' }]],
    arrivals: [[0, MINUTE_US]],
    metrics: [[row]],
  })
  assert.deepEqual(repeatedIds, { withinHorizon: 0, unplaced: 1, examples: [] })
  assert.equal(isEqual, true)
})

test('raw rows that no rule lets in are counted', async () => {
  const rows = [
    { id: 'n', revenue: "'nan'" },
    { id: 't', type: 'view' },
    { id: 'c', campaign: null },
  ]
  const { unfitEvents, isEqual } = await verified({ events: [rows] })
  assert.deepEqual({ unfitEvents, isEqual }, { unfitEvents: 3, isEqual: false })
})

test('a row without the time of its writing is named for that, a missing row is not', async () => {
  const { differences } = await verified({
    events: [EVENTS],
    metrics: [[{ ...FIRST, isUnprocessed: true }]],
  })
  assert.deepEqual(
    differences.map(({ kind, fields }) => [kind, fields.map(({ name, found }) => [name, found])]),
    [
      ['different', [['processed_at', null]]],
      [
        'missing',
        [
          ['window_end', null],
          ['impressions', null],
          ['clicks', null],
          ['conversions', null],
          ['revenue', null],
          ['ctr_percent', null],
        ],
      ],
    ],
  )
})

test('windows without a time come first, by campaign, like all windows of one time', async () => {
  const { differences } = await verified({
    events: [
      [
        { id: '1', campaign: 'b', at: null },
        { id: '2', campaign: 'a', at: null },
        { id: '3', campaign: 'z' },
        { id: '4', campaign: 'y' },
      ],
    ],
  })
  assert.deepEqual(
    differences.map(({ campaignId, windowStartUs }) => [campaignId, windowStartUs]),
    [
      ['a', null],
      ['b', null],
      ['y', START_US],
      ['z', START_US],
    ],
  )
})
