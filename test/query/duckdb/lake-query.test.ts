/** The room over a real catalog, beside the process that writes it. */
import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { test } from 'node:test'
import { type Column, EVENT_COLUMNS, METRICS_COLUMNS } from '../../../src/query/duckdb/tables.ts'
import { openQuery, recomputeFromFiles } from '../../../src/query.ts'
import { EVENTS_SCHEMA, METRICS_SCHEMA, type Schema } from '../../../src/table/schema.ts'
import type { Lake } from '../../../src/table.ts'
import { placesIn } from '../../support/places.ts'
import { rowsOf } from '../../support/query-results.ts'
import { makeScratchFolder } from '../../support/scratch.ts'
import {
  dayRows,
  eventRow,
  metricsRow,
  NOON_US,
  openPlace,
  WINDOW_US,
} from '../../table/fixture.ts'

const VERIFY = { windowUs: WINDOW_US, horizonUs: 3_600_000_000, fromUs: null, differencesMax: 5 }

async function commit(
  lake: Lake,
  eventId: string,
  impressions: number,
  commitId: string,
): Promise<void> {
  const day = dayRows([eventRow({ eventId })])
  const row = metricsRow({ impressions, clicks: 0, conversions: 0, revenueMillionths: 0n })
  const events = await lake.writeEventsFile(day)
  const metrics = await lake.writeMetricsFile(day.day, [row])
  await lake.commit({
    events: { add: [events], remove: [] },
    metrics: { add: [metrics], remove: lake.metrics.files },
    summary: {},
    commitId,
  })
}

test('a new lake has empty views; a refresh shows what was committed, verify holds', async (t) => {
  const place = await openPlace(t)
  const lake = await place.open()
  const query = await openQuery({ ...place, nowMs: () => Date.now() })
  t.after(() => query.close())
  const told = async (): Promise<unknown> => {
    const sql =
      'SELECT (SELECT count(*) FROM campaign_events), (SELECT sum(impressions) FROM ' +
      'campaign_metrics)'
    const [row] = await rowsOf(await query.runSql(sql))
    return row
  }
  assert.deepEqual(await told(), [0n, null])
  assert.equal((await query.verify(VERIFY)).isEqual, true)
  await commit(lake, 'a', 1, 'first')
  await commit(lake, 'b', 2, 'second')
  assert.deepEqual(await told(), [0n, null], 'until the refresh')
  assert.equal(await query.refresh(), true)
  assert.equal(await query.refresh(), false)
  assert.deepEqual(await told(), [2n, 2n])
  const { isEqual, windows, events } = await query.verify(VERIFY)
  assert.deepEqual({ isEqual, windows, events }, { isEqual: true, windows: 1, events: 2 })
})

test('a repeat of an event that our own writer stored is found by its arrival times', async (t) => {
  const place = await openPlace(t)
  const lake = await place.open()
  await commit(lake, 'a', 1, 'first')
  await commit(lake, 'a', 2, 'second')
  const query = await openQuery({ ...place, nowMs: () => Date.now() })
  t.after(() => query.close())
  const { isEqual, differing, repeatedIds } = await query.verify(VERIFY)
  assert.equal(isEqual, false)
  assert.equal(differing, 0)
  assert.deepEqual(repeatedIds, { withinHorizon: 1, unplaced: 0, examples: ['a'] })
  const key = { campaignId: 'c-1', windowStartUs: NOON_US }
  const { files } = lake.events
  const [sums] = await recomputeFromFiles(lake.local, files, [key], WINDOW_US)
  assert.equal(sums?.impressions, 2)
})

test('recomputing leaves no folder of spilled rows', async (t) => {
  const lake = await (await openPlace(t)).open()
  await commit(lake, 'a', 1, 'first')
  const temporary = makeScratchFolder('recompute', t)
  const { TMPDIR } = process.env
  t.after(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = TMPDIR
  })
  process.env.TMPDIR = temporary
  const key = { campaignId: 'c-1', windowStartUs: NOON_US }
  await recomputeFromFiles(lake.local, lake.events.files, [key], WINDOW_US)
  assert.deepEqual(await readdir(temporary), [])
})

test('closing ends DuckDB as well: nothing more is answered', async (t) => {
  const place = await openPlace(t)
  await place.open()
  const temporaryPath = makeScratchFolder('closing', t)
  const query = await openQuery({ ...place, nowMs: () => Date.now(), temporaryPath })
  assert.equal((await readdir(temporaryPath)).length, 1)
  await query.close()
  await assert.rejects(query.runSql('SELECT 1'), { code: 'closed' })
  assert.deepEqual(await readdir(temporaryPath), [])
})

test('where there are no tables it says how to get them', async () => {
  await assert.rejects(openQuery({ ...placesIn('/nonexistent'), nowMs: () => 0 }), {
    code: 'catalog-missing',
  })
})

test("the columns are those of the tables' Iceberg schemas", () => {
  const types = { string: 'VARCHAR', long: 'BIGINT', double: 'DOUBLE', timestamp: 'TIMESTAMP' }
  const columns = (schema: Schema) =>
    schema.map(({ id, name, type }) => ({ id, name, type: types[type] }))
  assert.deepEqual(EVENT_COLUMNS, columns(EVENTS_SCHEMA) as Column[])
  assert.deepEqual(METRICS_COLUMNS, columns(METRICS_SCHEMA) as Column[])
})
