/**
 * PyIceberg and DuckDB read what the table room writes: empty tables, hard values, replaced files,
 * kept snapshots, and tables whose folder was moved. Neither shares code with it.
 */
import { strict as assert } from 'node:assert'
import { spawnSync } from 'node:child_process'
import { cp } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { relocateLake } from '../../src/table.ts'
import { placesIn } from '../support/places.ts'
import {
  dayRows,
  type EventRow,
  eventRow,
  metricsRow,
  NOON_US,
  openPlace,
  WINDOW_US,
} from '../table/fixture.ts'
import { pythonReaders } from './python.ts'

const { python, skip } = pythonReaders()
const PROGRAM = path.join(import.meta.dirname, 'pyiceberg-table.py')
const DAY = 20_779

type Row = Readonly<Record<string, string | number | null>>
type Report = Readonly<{
  rows: Readonly<Record<string, readonly Row[]>>
  lost: readonly string[]
  history: Readonly<Record<string, readonly number[]>>
  entries: Readonly<Record<string, Readonly<Record<string, number>>>>
  schema: Readonly<Record<string, readonly (readonly [number, string, string, boolean])[]>>
  namespaces: readonly (readonly string[])[]
  tables: readonly string[]
  duckdb: Readonly<Record<string, readonly number[]>>
  columns: readonly string[]
}>

function readBoth(catalogPath: string): Report {
  const run = spawnSync(python!, [PROGRAM, catalogPath], {
    encoding: 'utf8',
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    maxBuffer: 64 * 1024 * 1024,
  })
  assert.equal(run.status, 0, run.stderr)
  return JSON.parse(run.stdout) as Report
}

/** The row of campaign_events that a reader shall see. */
function eventSeen(row: EventRow): Row {
  return {
    event_id: row.eventId,
    user_id: row.userId,
    campaign_id: row.campaignId,
    event_type: row.eventType,
    timestamp: row.timestampUs,
    revenue: row.revenue,
    platform: row.platform,
    country: row.country,
    device_type: row.deviceType,
  }
}

function byText(rows: readonly Row[]): Row[] {
  const text = (row: Row) => JSON.stringify(Object.entries(row).toSorted())
  return rows.toSorted((a, b) => (text(a) < text(b) ? -1 : 1))
}

const HARD_EVENTS: readonly EventRow[] = [
  eventRow({ eventId: 'a', revenue: 0 }),
  eventRow({ eventId: 'b'.repeat(128), userId: 'u'.repeat(256), campaignId: 'c'.repeat(256) }),
  eventRow({ eventId: '\u{10ffff}'.repeat(32), campaignId: '\ud7ff\ue000', revenue: -1e9 }),
  eventRow({
    eventId: 'ß',
    campaignId: '../<b>=1+1',
    revenue: 5e-7,
    platform: null,
    country: null,
  }),
  eventRow({ eventId: 'é', timestampUs: NOON_US + 1, revenue: 0.1 + 0.2, deviceType: 'ios' }),
  eventRow({ eventId: '0', timestampUs: DAY * 86_400_000_000, revenue: 1e9 }),
  eventRow({ eventId: 'z', timestampUs: (DAY + 1) * 86_400_000_000 - 1, eventType: 'click' }),
]

test('empty tables are readable, with their columns and nothing in them', { skip }, async (t) => {
  const place = await openPlace(t)
  await (await place.open()).close()
  const seen = readBoth(place.catalogPath)
  assert.deepEqual(seen.rows, { campaign_events: [], campaign_metrics: [] })
  assert.deepEqual(seen.namespaces, [['campaigns']])
  assert.deepEqual(seen.tables, ['campaigns.campaign_events', 'campaigns.campaign_metrics'])
  assert.deepEqual(seen.schema.campaign_events, [
    [1, 'event_id', 'string', false],
    [2, 'user_id', 'string', false],
    [3, 'campaign_id', 'string', false],
    [4, 'event_type', 'string', false],
    [5, 'timestamp', 'timestamp', false],
    [6, 'revenue', 'double', false],
    [7, 'platform', 'string', false],
    [8, 'country', 'string', false],
    [9, 'device_type', 'string', false],
  ])
  assert.deepEqual(seen.columns, [
    'catalog_name',
    'table_namespace',
    'table_name',
    'metadata_location',
    'previous_metadata_location',
    'iceberg_type',
  ])
})

test('both readers see every value as written, through scans and filters on every column', {
  skip,
}, async (t) => {
  const place = await openPlace(t)
  const lake = await place.open()
  // A file each, so that bounds decide which are opened, and one with all of them.
  const files = []
  for (const row of HARD_EVENTS) files.push(await lake.writeEventsFile(dayRows([row])))
  const again = HARD_EVENTS.map((row) => ({ ...row, eventId: `${row.eventId.slice(0, 20)}-2` }))
  files.push(await lake.writeEventsFile(dayRows(again)))
  const metrics = await lake.writeMetricsFile(DAY, [
    metricsRow({ impressions: 3, clicks: 1, conversions: 2 }),
    metricsRow({ campaignId: 'ü', impressions: 0, clicks: 0, revenueMillionths: -1n }),
    metricsRow({
      windowStartUs: NOON_US + WINDOW_US,
      revenueMillionths: 9_224_000_000_000_000_000n,
    }),
  ])
  await lake.commit({
    events: { add: files, remove: [] },
    metrics: { add: [metrics], remove: [] },
    summary: {},
    commitId: '1',
  })
  await lake.close()
  const seen = readBoth(place.catalogPath)
  assert.deepEqual(seen.lost, [])
  assert.deepEqual(
    byText(seen.rows.campaign_events!),
    byText([...HARD_EVENTS, ...again].map(eventSeen)),
  )
  assert.deepEqual(
    byText(seen.rows.campaign_metrics!),
    byText([
      { ...window('c-1', 0, 3, 1, 2, 2.5), ctr_percent: 100 / 3, cvr_percent: 200 },
      { ...window('ü', 0, 0, 0, 1, -1e-6), ctr_percent: null, cvr_percent: null },
      { ...window('c-1', 1, 10, 4, 1, 9.224e12), ctr_percent: 40, cvr_percent: 25 },
    ]),
  )
  const revenue = [...HARD_EVENTS, ...again].reduce((sum, row) => sum + row.revenue, 0)
  const [rows, ids, sum, devices, first] = seen.duckdb.campaign_events!
  assert.deepEqual([rows, ids, devices, first], [14, 14, 2, DAY * 86_400_000_000])
  assert(Math.abs(sum! - revenue) < 1e-6)
  assert.deepEqual(seen.duckdb.campaign_metrics, [
    3,
    13,
    9.224e12 + 2.5 - 1e-6,
    2,
    NOON_US + 2 * WINDOW_US,
  ])
})

function window(
  campaign: string,
  index: number,
  impressions: number,
  clicks: number,
  conversions: number,
  revenue: number,
): Row {
  const start = NOON_US + index * WINDOW_US
  return {
    campaign_id: campaign,
    window_start: start,
    window_end: start + WINDOW_US,
    impressions,
    clicks,
    conversions,
    revenue,
    processed_at: NOON_US + 1,
  }
}

test('replaced files, merges and kept snapshots read the same after 100 commits and a move', {
  skip,
}, async (t) => {
  const place = await openPlace(t)
  let nowUs = NOON_US
  const lake = await place.open({ nowUs: () => nowUs })
  const expected: Row[] = []
  for (let index = 0; index < 100; index++) {
    nowUs += 2_000_000
    const row = eventRow({ eventId: `e-${index}` })
    expected.push(eventSeen(row))
    const event = await lake.writeEventsFile(dayRows([row]))
    const metrics = await lake.writeMetricsFile(DAY, [metricsRow({ impressions: index + 1 })])
    await lake.commit({
      events: { add: [event], remove: [] },
      metrics: { add: [metrics], remove: lake.metrics.files },
      summary: {},
      commitId: String(index),
    })
  }
  const rows = Array.from({ length: 70 }, (_, index) => eventRow({ eventId: `e-${index}` }))
  const merged = await lake.writeEventsFile(dayRows(rows))
  const remove = lake.events.files.toSorted((a, b) => firstId(a) - firstId(b)).slice(0, 70)
  await lake.commit({
    events: { add: [merged], remove, rewrite: true },
    summary: {},
    commitId: 'merge',
  })
  await lake.close()
  const seen = readBoth(place.catalogPath)
  assert.deepEqual(byText(seen.rows.campaign_events!), byText(expected))
  assert.equal(seen.rows.campaign_metrics![0]!.impressions, 100)
  const history = seen.history.campaign_events!
  assert.equal(history.at(-1), 100)
  assert.deepEqual(
    history,
    history.toSorted((a, b) => a - b),
  )
  assert(history.length > 30)
  assert(seen.history.campaign_metrics!.every((count) => count === 1))

  const moved = path.join(place.folder, 'moved to')
  await cp(place.warehousePath, path.join(moved, 'warehouse'), { recursive: true })
  await cp(place.catalogPath, path.join(moved, 'catalog.db'))
  const there = {
    ...placesIn(moved),
    catalogPath: path.join(moved, 'catalog.db'),
  }
  await assert.rejects(place.open(there), { code: 'moved' })
  assert.equal(await relocateLake(there), true)
  assert.equal(await relocateLake(there), false)
  const after = readBoth(there.catalogPath)
  assert.deepEqual(after, seen)
  const again = await place.open(there)
  assert.equal(again.events.files.length, 31)
})

/** The number in the event id that a file of one event begins with. */
function firstId(file: { lowerBounds: ReadonlyMap<number, Uint8Array> }): number {
  return Number(Buffer.from(file.lowerBounds.get(1)!).toString().slice(2))
}
