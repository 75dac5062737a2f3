/**
 * What the distributed side computes through Trino: verify, exact sums, differing windows, merging
 * of files.
 */
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { openTrinoQuery, type TrinoQuery, type Verification } from '../../src/query.ts'
import { EQUAL, EVENTS, FIRST, SECOND } from '../support/stored-rows.ts'
import { type LakeStack, openLakeStack } from './support/lake-stack.ts'

const MINUTE_US = 60_000_000
const WINDOW_US = 5 * MINUTE_US
const TEN_US = Date.UTC(2026, 10, 22, 10) * 1000

let lake: LakeStack
let query: TrinoQuery
before(async () => {
  lake = await openLakeStack()
  const place = { url: lake.trinoUrl, user: 'test', password: null, catalog: null }
  query = openTrinoQuery({ ...place, windowUs: WINDOW_US })
})
beforeEach(() => lake.makeTables())
after(() => lake?.close())

async function verified(
  untilUs: number | null = null,
  fromUs: number | null = null,
): Promise<Verification> {
  const snapshots = await query.currentSnapshots()
  assert.ok(snapshots !== null)
  return await query.verify({
    snapshots,
    horizonUs: 60 * MINUTE_US,
    fromUs,
    untilUs,
    differencesMax: 20,
  })
}

test('equal tables are equal', async () => {
  await lake.writeEvents(EVENTS)
  await lake.writeWindows([FIRST, SECOND])
  assert.deepEqual(await verified(), EQUAL)
})

test('Trino sees the tables that the catalog has, and no others', async () => {
  await lake.writeEvents(EVENTS)
  const events = { metadataLocations: [lake.metadataLocation('campaign_events')] }
  const metrics = { metadataLocations: [lake.metadataLocation('campaign_metrics')] }
  await query.checkTables(async () => ({ events, metrics }))
  await assert.rejects(
    query.checkTables(async () => ({ events: metrics, metrics })),
    { code: 'trino-other-tables' },
  )
  await lake.client.rows('DROP TABLE campaign_metrics')
  await assert.rejects(
    query.checkTables(async () => ({ events, metrics })),
    { code: 'trino-other-tables', message: /its campaign_metrics is missing/ },
  )
})

test('windows whose events retention dropped are counted, not equal nor different', async () => {
  await lake.writeEvents(EVENTS)
  const dropped = ['2026-11-20 23:55:00', '2026-11-21 23:55:00'].map((start) => ({
    ...FIRST,
    start,
    end: start.replace(/(\d\d) 23:55/, (_, day) => `${Number(day) + 1} 00:00`),
  }))
  await lake.writeWindows([...dropped, FIRST, SECOND])
  const dayUs = Date.UTC(2026, 10, 22) * 1000
  const found = await verified(null, dayUs)
  assert.deepEqual(found.withoutEvents, { windows: 2, beforeUs: dayUs })
  assert.deepEqual([found.isEqual, found.windows, found.events], [true, 2, 5])
  // Held against what is left, they differ.
  assert.equal((await verified()).differing, 2)
})

test('each kind of difference is found, and said', async () => {
  await lake.writeEvents([
    ...EVENTS,
    { id: 'f', at: '2026-11-22 10:10:00' },
    { id: 'g', campaign: "l'été\0", at: '2026-11-22 10:15:00', type: 'click', revenue: '0.1' },
    { id: 'h', campaign: "l'été\0", at: '2026-11-22 10:15:01', type: 'click', revenue: '0.2' },
  ])
  await lake.writeWindows([
    { ...FIRST, counts: [2, 2, 1], ctr: '100', cvr: '50' },
    SECOND,
    SECOND,
    // 0.1 + 0.2 as doubles, where 300,000 millionths are 0.3.
    {
      campaign: "l'été\0",
      start: '2026-11-22 10:15:00',
      end: '2026-11-22 10:20:00',
      counts: [0, 2, 0],
      revenue: '0.30000000000000004',
      ctr: 'NULL',
      cvr: '0',
    },
    { ...SECOND, start: '2026-11-22 10:20:00.000001', end: '2026-11-22 10:25:00' },
  ])
  const { differences, differing, isEqual } = await verified()
  assert.equal(isEqual, false)
  assert.equal(differing, 5)
  assert.deepEqual(
    differences.map(({ campaignId, windowStartUs, kind }) => [
      campaignId,
      (windowStartUs ?? 0) - TEN_US,
      kind,
    ]),
    [
      ['spring', 0, 'different'],
      ['spring', WINDOW_US, 'repeated'],
      ['spring', 2 * WINDOW_US, 'missing'],
      ["l'été\0", 3 * WINDOW_US, 'different'],
      ['spring', 4 * WINDOW_US + 1, 'unexpected'],
    ],
  )
  assert.deepEqual(differences[0]?.fields, [
    { name: 'clicks', expected: '1', found: '2' },
    { name: 'ctr_percent', expected: '50', found: '100' },
    { name: 'cvr_percent', expected: '100', found: '50' },
  ])
  assert.deepEqual(differences[3]?.fields, [
    { name: 'revenue', expected: '0.3', found: '0.30000000000000004' },
  ])
})

test('a revenue past what a double tells apart is compared all the same', async () => {
  const events = Array.from({ length: 10 }, (_, index) => ({
    id: `e${index}`,
    at: '2026-11-22 10:00:00',
    revenue: '1e9',
  }))
  await lake.writeEvents([...events, { id: 'x', at: '2026-11-22 10:00:01', revenue: '0.000001' }])
  const window = { ...FIRST, counts: [11, 0, 0] as const, ctr: '0', cvr: 'NULL' }
  // 10,000,000,000,000,001 millionths are no double: the rule divides the one before by 1e6, where
  // Trino's own DECIMAL -> DOUBLE gives 10000000000.000002.
  await lake.writeWindows([{ ...window, revenue: '10000000000' }])
  assert.equal((await verified()).isEqual, true)
  await lake.makeTables()
  await lake.writeEvents([...events, { id: 'x', at: '2026-11-22 10:00:01', revenue: '0.000005' }])
  await lake.writeWindows([{ ...window, revenue: '10000000000' }])
  assert.equal((await verified()).differing, 1)
})

test('windows that end later than asked are not compared, and older snapshots can be', async () => {
  await lake.writeEvents(EVENTS)
  await lake.writeWindows([FIRST])
  const before = await query.currentSnapshots()
  assert.ok(before !== null)
  assert.equal((await verified()).differing, 1, 'the window at 10:05 has no row yet')
  assert.deepEqual(
    [
      (await verified(TEN_US + WINDOW_US)).isEqual,
      (await verified(TEN_US + 2 * WINDOW_US)).isEqual,
    ],
    [true, false],
  )
  assert.equal((await verified(TEN_US + 2 * WINDOW_US - 1)).windows, 1)
  await lake.writeEvents([{ id: 'late', at: '2026-11-22 10:03:00' }])
  assert.equal((await verified(TEN_US + WINDOW_US)).isEqual, false)
  const then = { horizonUs: 0, fromUs: null, untilUs: TEN_US + WINDOW_US, differencesMax: 1 }
  assert.equal((await query.verify({ ...then, snapshots: before })).isEqual, true)
})

test('rows that no writer of ours makes are counted', async () => {
  await lake.writeEvents([
    ...EVENTS,
    { id: 'n', at: '2026-11-22 10:05:00', revenue: 'NaN' },
    { id: 'm', at: '2026-11-22 10:05:00', revenue: '1e30' },
  ])
  await lake.writeWindows([FIRST, { ...SECOND, counts: [3, 0, 0] }])
  const { unfitEvents, differing, isEqual } = await verified()
  assert.deepEqual(
    { unfitEvents, differing, isEqual },
    { unfitEvents: 2, differing: 0, isEqual: false },
  )
})

test('an id stored twice is a fault when both rows arrived within the horizon', async () => {
  await lake.writeEvents(EVENTS)
  await lake.writeEvents([{ id: 'a', at: '2026-11-22 10:05:01' }])
  await lake.writeWindows([FIRST, { ...SECOND, counts: [2, 0, 0] }])
  const snapshots = await query.currentSnapshots()
  assert.ok(snapshots !== null)
  assert.deepEqual((await verified()).repeatedIds, { withinHorizon: 0, unplaced: 1, examples: [] })
  const files = await lake.client.rows('SELECT file_path FROM "campaign_events$files"')
  const arrivals = new Map(
    files.map(([path], index) => [String(path), TEN_US + index * 30 * MINUTE_US]),
  )
  const asked = { snapshots, fromUs: null, untilUs: null, differencesMax: 5 }
  const arrivalOf = (path: string) => {
    const arrivalUs = arrivals.get(path)
    return arrivalUs === undefined ? null : { minUs: arrivalUs, maxUs: arrivalUs }
  }
  const within = await query.verify({ ...asked, arrivalOf, horizonUs: 31 * MINUTE_US })
  assert.deepEqual(within.repeatedIds, { withinHorizon: 1, unplaced: 0, examples: ['a'] })
  const past = await query.verify({ ...asked, arrivalOf, horizonUs: 30 * MINUTE_US })
  assert.deepEqual(past.repeatedIds, { withinHorizon: 0, unplaced: 1, examples: [] })
})

test('windows are recomputed exactly, thousands at once and in the order asked', async () => {
  const names = [
    "o'clock",
    'nul\0',
    '黑五"\\',
    ...Array.from({ length: 3_000 }, (_, index) => `c${index}-${'x'.repeat(200)}`),
  ]
  await lake.writeEvents([
    ...names.map((campaign, index) => ({
      id: `e${index}`,
      campaign,
      type: 'conversion' as const,
      at: '2026-11-22 10:04:59.999999',
      revenue: `${index}.0000005`,
    })),
    { id: 'other', campaign: "o'clock", at: '2026-11-22 10:05:00', revenue: '5' },
  ])
  const snapshots = await lake.client.rows('SELECT snapshot_id FROM "campaign_events$snapshots"')
  const snapshotId = BigInt(String(snapshots.at(-1)?.[0]))
  const keys = names.map((campaignId) => ({ campaignId, windowStartUs: TEN_US })).reverse()
  const sums = await query.recomputeWindows(snapshotId, [
    ...keys,
    { campaignId: 'none', windowStartUs: TEN_US },
  ])
  const zeros = { impressions: 0, clicks: 0, conversions: 0, revenueMillionths: 0n }
  assert.deepEqual(sums.at(-1), zeros)
  assert.deepEqual(
    sums.slice(0, -1),
    names
      .map((_, index) => ({
        ...zeros,
        conversions: 1,
        revenueMillionths: BigInt(index) * 1_000_000n + 1n,
      }))
      .reverse(),
  )
})

test("late events are found by the files that brought them, with their windows' rows", async () => {
  await lake.writeEvents(EVENTS)
  await lake.writeWindows([FIRST, SECOND])
  const known = new Set(
    (await lake.client.rows('SELECT file_path FROM "campaign_events$files"')).map(([path]) => path),
  )
  await lake.writeEvents([
    { id: 'late', at: '2026-11-22 10:03:00', revenue: '2.25', type: 'conversion' },
    { id: 'new', campaign: 'autumn', at: '2026-11-21 23:59:59.999999', type: 'click' },
    { id: 'open', at: '2026-11-22 10:10:00' },
  ])
  const snapshots = await query.currentSnapshots()
  assert.ok(snapshots !== null)
  const files = (await lake.client.rows('SELECT file_path FROM "campaign_events$files"'))
    .map(([path]) => String(path))
    .filter((path) => !known.has(path))
  const closedUs = TEN_US + 2 * WINDOW_US
  const spans = await query.touchedSpans({
    snapshotId: snapshots.eventsId,
    files,
    untilUs: closedUs + 1,
  })
  const midnightUs = Date.UTC(2026, 10, 22) * 1000
  assert.deepEqual(spans, [
    { fromUs: midnightUs - WINDOW_US, toUs: midnightUs },
    { fromUs: TEN_US, toUs: TEN_US + WINDOW_US },
  ])
  // More paths than one statement takes; those that are no files of the table change nothing.
  const others = Array.from({ length: 600 }, (_, at) => `${files[0]}-${at}`)
  const more = { snapshotId: snapshots.eventsId, files: [...others, ...files] }
  assert.deepEqual(await query.touchedSpans({ ...more, untilUs: closedUs + 1 }), spans)
  const differing = await query.differingWindows({ snapshots, spans, limit: 100 })
  assert.deepEqual(differing, [
    {
      campaignId: 'autumn',
      windowStartUs: midnightUs - WINDOW_US,
      rows: 0,
      sums: { impressions: 0, clicks: 1, conversions: 0, revenueMillionths: 0n },
      uncounted: 1,
    },
    {
      campaignId: 'spring',
      windowStartUs: TEN_US,
      rows: 1,
      sums: { impressions: 2, clicks: 1, conversions: 2, revenueMillionths: 3_750_000n },
      uncounted: 1,
    },
  ])
  assert.equal((await query.differingWindows({ snapshots, spans, limit: 1 })).length, 1)
  const open = await query.countOpenWindows(snapshots.eventsId, closedUs)
  assert.deepEqual(open, { windows: 1, events: 1 })
})

test('merging the files of whole days keeps every row, and leaves other days alone', async () => {
  for (const [index, event] of EVENTS.entries()) {
    await lake.writeEvents([event, { id: `y${index}`, at: '2026-11-21 10:00:00' }])
  }
  const countFiles = async (): Promise<unknown> => {
    const sql =
      'SELECT CAST(partition.timestamp_day AS VARCHAR), file_count FROM ' +
      '"campaign_events$partitions" ORDER BY 1'
    return await lake.client.rows(sql)
  }
  const rowsSql =
    'SELECT event_id, event_type, CAST("timestamp" AS VARCHAR), revenue FROM ' +
    'campaign_events ORDER BY 1'
  const rows = await lake.client.rows(rowsSql)
  assert.equal(rows.length, 10)
  assert.deepEqual(await countFiles(), [
    ['2026-11-21', 5],
    ['2026-11-22', 5],
  ])
  const dayUs = Date.UTC(2026, 10, 22) * 1000
  await query.optimizeEvents({ span: { fromUs: dayUs, toUs: dayUs + 86_400_000_000 } })
  assert.deepEqual(await countFiles(), [
    ['2026-11-21', 5],
    ['2026-11-22', 1],
  ])
  assert.deepEqual(await lake.client.rows(rowsSql), rows)
})
