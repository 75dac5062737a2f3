/** Windows recomputed from the raw files, exact past what a DOUBLE holds. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { WindowKey, WindowSums } from '../../src/event.ts'
import { DUCKDB } from '../../src/query/duckdb/dialect.ts'
import { openDuck } from '../../src/query/duckdb/instance.ts'
import { withPort } from '../../src/query/duckdb/port.ts'
import { recomputeWindows } from '../../src/query/window-sums.ts'
import { type Fixture, openFixture } from './fixture.ts'

let fixture: Fixture
before(async () => {
  fixture = await openFixture()
})
after(() => fixture.close())

async function recomputed(
  files: readonly string[],
  keys: readonly WindowKey[],
): Promise<readonly WindowSums[]> {
  const duck = await openDuck({ folders: [join(fixture.path, 'data')] })
  try {
    return await withPort(duck, (port) => recomputeWindows(port, DUCKDB, files, keys, WINDOW_US))
  } finally {
    await duck.close()
  }
}

const START_US = Date.UTC(2026, 10, 22, 10) * 1000
const WINDOW_US = 300_000_000

test('sums come in the order of the keys, exact past 2^53, zeros without events', async () => {
  const big = Array.from({ length: 10 }, (_, i) => ({
    id: `b${i}`,
    campaign: "o'big",
    type: 'conversion',
    at: '2026-11-22 10:04:59.999999',
    revenue: '999999999.999999',
  }))
  const files = [
    await fixture.eventsFile('1.parquet', [...big, { id: 's', campaign: 'small', type: 'click' }]),
    await fixture.eventsFile('2.parquet', [
      { id: 'm', campaign: "o'big", at: '2026-11-22 10:00:00', revenue: '-0.000001' },
      { id: 'n', campaign: "o'big", at: '2026-11-22 10:05:00', revenue: '7' },
    ]),
  ]
  const keys = [
    { campaignId: 'small', windowStartUs: START_US },
    { campaignId: 'nobody', windowStartUs: START_US },
    { campaignId: "o'big", windowStartUs: START_US },
    { campaignId: "o'big", windowStartUs: START_US + WINDOW_US },
  ]
  assert.deepEqual(await recomputed(files, keys), [
    { impressions: 0, clicks: 1, conversions: 0, revenueMillionths: 0n },
    { impressions: 0, clicks: 0, conversions: 0, revenueMillionths: 0n },
    { impressions: 1, clicks: 0, conversions: 10, revenueMillionths: 9_999_999_999_999_989n },
    { impressions: 1, clicks: 0, conversions: 0, revenueMillionths: 7_000_000n },
  ])
  assert.deepEqual(await recomputed(files, []), [])
})

test('keys go into as many statements as their length takes, and none is lost', async () => {
  const names = ['a', 'b', 'c', 'd', 'e']
  const file = await fixture.eventsFile(
    'split.parquet',
    names.map((campaign) => ({ id: campaign, campaign, type: 'click' })),
  )
  // A key counts as 40 characters and twice its campaign as JSON text, here 3: two to a statement.
  const asked: number[] = []
  const dialect = {
    ...DUCKDB,
    keyCharactersMax: 2 * 46,
    windowKeys(keys: readonly WindowKey[]) {
      asked.push(keys.length)
      return DUCKDB.windowKeys(keys)
    },
  }
  const duck = await openDuck({ folders: [join(fixture.path, 'data')] })
  try {
    const keys = names.map((campaignId) => ({ campaignId, windowStartUs: START_US }))
    const sums = await withPort(duck, (port) =>
      recomputeWindows(port, dialect, [file], keys, WINDOW_US),
    )
    assert.deepEqual(
      sums.map(({ clicks }) => clicks),
      [1, 1, 1, 1, 1],
    )
    assert.deepEqual(asked, [2, 2, 1])
  } finally {
    await duck.close()
  }
})
