/**
 * PyIceberg and DuckDB attach to the REST catalog with one line each and see what was committed,
 * and change nothing.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { commitRows, dayRows, eventRow, metricsRow, openPlace } from '../table/fixture.ts'
import { serveCatalog } from './catalog-server.ts'
import { pythonReaders } from './python.ts'

const { python, skip } = pythonReaders()

test('PyIceberg and DuckDB read a live table through the REST catalog', { skip }, async (t) => {
  const place = await openPlace(t)
  const lake = await place.open()
  const day = dayRows([eventRow({ eventId: 'a' }), eventRow({ eventId: 'b', campaignId: 'c-2' })])
  const windows = [metricsRow(), metricsRow({ campaignId: 'c-2', impressions: 7 })]
  await commitRows(lake, day, windows, 'first')
  const endpoint = await serveCatalog(place, t)
  const script = join(import.meta.dirname, 'rest_catalog.py')
  const { stdout } = await promisify(execFile)(python ?? '', [script, endpoint], {
    timeout: 60_000,
  })
  const { pyiceberg, duckdb } = JSON.parse(stdout)

  assert.deepEqual(pyiceberg.namespaces, [['campaigns']])
  assert.deepEqual(pyiceberg.namespace_exists, [true, false])
  assert.deepEqual(pyiceberg.tables, ['campaigns.campaign_events', 'campaigns.campaign_metrics'])
  assert.deepEqual(pyiceberg.table_exists, [true, false])
  assert.deepEqual(pyiceberg.rows, { campaign_events: 2, campaign_metrics: 2 })
  assert.deepEqual(pyiceberg.snapshots, {
    campaign_events: String(lake.events.snapshotId),
    campaign_metrics: String(lake.metrics.snapshotId),
  })
  assert.deepEqual(pyiceberg.filtered, ['b'])
  assert.equal(pyiceberg.refused.load, 'NoSuchTableError')
  // PyIceberg looks into the endpoints of /v1/config and does not even ask.
  for (const what of ['create', 'drop', 'append']) assert.ok(pyiceberg.refused[what], what)

  assert.deepEqual(duckdb.tables, ['campaign_events', 'campaign_metrics'])
  assert.deepEqual(duckdb.rows, { campaign_events: 2, campaign_metrics: 2 })
  assert.deepEqual(duckdb.joined, [7, 1])
  assert.ok(duckdb.refused)
})
