/**
 * The windows that differ, with what they must say: asked of DuckDB, as the flink side asks Trino.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { differingWindows } from '../../src/query/differing-windows.ts'
import { DUCKDB } from '../../src/query/duckdb/dialect.ts'
import { openDuck } from '../../src/query/duckdb/instance.ts'
import { withPort } from '../../src/query/duckdb/port.ts'
import { type Fixture, openFixture } from './fixture.ts'

let fixture: Fixture
before(async () => {
  fixture = await openFixture()
})
after(() => fixture.close())

const WINDOW_US = 300_000_000
const TEN_US = Date.UTC(2026, 10, 22, 10) * 1000

test('windows that differ are found within the spans, oldest first, also past 9.0e9', async () => {
  const billions = Array.from({ length: 10 }, (_, i) => ({
    id: `b${i}`,
    campaign: 'big',
    at: '2026-11-22 10:05:00',
    revenue: '1e9',
  }))
  const events = await fixture.eventsFile('events.parquet', [
    { id: 'late', type: 'conversion', revenue: '2.25' },
    { id: 'equal', campaign: 'equal' },
    ...billions,
    { id: 'b', campaign: 'big', at: '2026-11-22 10:05:01', revenue: '0.000005' },
    { id: 'nameless', campaign: null },
    { id: 'outside', at: '2026-11-22 10:10:00' },
  ])
  const row = { start: '2026-11-22 10:00:00', end: '2026-11-22 10:05:00', ctr: 'NULL', cvr: 'NULL' }
  const second = { start: '2026-11-22 10:05:00', end: '2026-11-22 10:10:00' }
  const metrics = await fixture.metricsFile('metrics.parquet', [
    { ...row, campaign: 'equal', counts: [1, 0, 0], ctr: '0' },
    { ...row, ...second, campaign: 'big', counts: [11, 0, 0], revenue: '1e10', ctr: '0' },
    { ...row, campaign: 'orphan', counts: [1, 0, 0], ctr: '0' },
  ])
  const duck = await openDuck({ folders: [join(fixture.path, 'data')] })
  const tables = { events: [events], metrics: [metrics] }
  const spans = [{ fromUs: TEN_US, toUs: TEN_US + 2 * WINDOW_US }]
  const found = (limit: number) =>
    withPort(duck, (port) =>
      differingWindows(port, DUCKDB, tables, { windowUs: WINDOW_US, spans, limit }),
    )
  try {
    const zeros = { impressions: 0, clicks: 0, conversions: 0, revenueMillionths: 0n }
    const expected = [
      { campaignId: 'orphan', windowStartUs: TEN_US, rows: 1, sums: zeros, uncounted: -1 },
      {
        campaignId: 'spring',
        windowStartUs: TEN_US,
        rows: 0,
        sums: { ...zeros, conversions: 1, revenueMillionths: 2_250_000n },
        uncounted: 1,
      },
      {
        campaignId: 'big',
        windowStartUs: TEN_US + WINDOW_US,
        rows: 1,
        sums: { ...zeros, impressions: 11, revenueMillionths: 10_000_000_000_000_005n },
        uncounted: 0,
      },
    ]
    assert.deepEqual(await found(10), expected)
    assert.deepEqual(await found(1), expected.slice(0, 1))
  } finally {
    await duck.close()
  }
})

test('a large window is judged to the double, and comes in order of time', async () => {
  const billions = (campaign: string) =>
    Array.from({ length: 10 }, (_, i) => ({ id: `${campaign}${i}`, campaign, revenue: '1e9' }))
  const events = await fixture.eventsFile('large.parquet', [
    ...billions('equal'),
    ...billions('wrong'),
    { id: 'late', campaign: 'late', at: '2026-11-22 10:05:00' },
  ])
  const row = { start: '2026-11-22 10:00:00', end: '2026-11-22 10:05:00', ctr: '0', cvr: 'NULL' }
  const metrics = await fixture.metricsFile('large-metrics.parquet', [
    { ...row, campaign: 'equal', counts: [10, 0, 0], revenue: '1e10' },
    { ...row, campaign: 'wrong', counts: [10, 0, 0], revenue: '10000000000.000002' },
  ])
  const duck = await openDuck({ folders: [join(fixture.path, 'data')] })
  try {
    const spans = [{ fromUs: TEN_US, toUs: TEN_US + 2 * WINDOW_US }]
    const found = await withPort(duck, (port) =>
      differingWindows(
        port,
        DUCKDB,
        { events: [events], metrics: [metrics] },
        { windowUs: WINDOW_US, spans, limit: 10 },
      ),
    )
    assert.deepEqual(
      found.map(({ campaignId, windowStartUs }) => [campaignId, windowStartUs]),
      [
        ['wrong', TEN_US],
        ['late', TEN_US + WINDOW_US],
      ],
    )
  } finally {
    await duck.close()
  }
})
