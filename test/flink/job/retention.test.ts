/** The note of the retention in the tables, over restarts and changes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noteRetention } from '../../../src/flink/job/retention.ts'
import type { Lake } from '../../../src/table.ts'
import { metricsRow, NOON_US, openPlace } from '../../table/fixture.ts'

const HOUR_US = 3_600_000_000
const FIRST_US = Date.UTC(2000, 0, 1) * 1000
const NOTHING = { add: [], remove: [] }

async function openFlinkLake(t: Parameters<typeof openPlace>[0]) {
  const place = await openPlace(t)
  let lake: Lake | null = null
  return async (): Promise<Lake> => {
    await lake?.close()
    lake = await place.open({ writer: 'flink' })
    return lake
  }
}

const snapshots = (lake: Lake): number => lake.metrics.history.length

/** As a drop of days by an earlier version has left it. */
async function markDropped(lake: Lake, keptFrom: string): Promise<void> {
  const summary = { 'campaign-metrics.kept-from': keptFrom }
  await lake.commit({ events: NOTHING, metrics: NOTHING, summary, commitId: `drop-${keptFrom}` })
}

test('of fresh tables that keep all nothing is noted', async (t) => {
  const open = await openFlinkLake(t)
  const lake = await open()
  const kept = { days: 0, sinceUs: FIRST_US, keptFromUs: FIRST_US }
  assert.deepEqual(await noteRetention(lake, 0, NOON_US), kept)
  assert.equal(snapshots(lake), 0)
})

test('a setting is noted once, and holds since, over restarts and commits of others', async (t) => {
  const open = await openFlinkLake(t)
  const noted = { days: 90, sinceUs: NOON_US, keptFromUs: FIRST_US }
  assert.deepEqual(await noteRetention(await open(), 90, NOON_US), noted)
  const lake = await open()
  const file = await lake.writeMetricsFile(Math.floor(NOON_US / (24 * HOUR_US)), [metricsRow()])
  const change = { metrics: { add: [file], remove: [] }, summary: {} }
  await lake.commit({ ...change, commitId: 'amend-1' })
  const before = snapshots(lake)
  assert.deepEqual(await noteRetention(lake, 90, NOON_US + HOUR_US), noted)
  assert.equal(snapshots(lake), before)
})

test('a changed setting holds from then on, also one that keeps all again', async (t) => {
  const open = await openFlinkLake(t)
  await noteRetention(await open(), 90, NOON_US)
  for (const [hours, days] of [30, 0, 90].entries()) {
    const atUs = NOON_US + (hours + 1) * HOUR_US
    const noted = { days, sinceUs: atUs, keptFromUs: FIRST_US }
    assert.deepEqual(await noteRetention(await open(), days, atUs), noted)
    assert.deepEqual(await noteRetention(await open(), days, atUs + 1), noted)
  }
})

test('days that an earlier version has dropped stay closed, whatever is kept now', async (t) => {
  for (const days of [0, 30]) {
    const open = await openFlinkLake(t)
    await markDropped(await open(), '2026-08-24')
    const keptFromUs = Date.UTC(2026, 7, 24) * 1000
    const noted = { days, sinceUs: NOON_US, keptFromUs }
    assert.deepEqual(await noteRetention(await open(), days, NOON_US), noted)
    assert.deepEqual(await noteRetention(await open(), days, NOON_US + HOUR_US), noted)
  }
})

test('days dropped since a setting was noted are closed by the next one', async (t) => {
  const open = await openFlinkLake(t)
  await noteRetention(await open(), 90, NOON_US)
  await markDropped(await open(), '2026-09-01')
  const { keptFromUs } = await noteRetention(await open(), 0, NOON_US + HOUR_US)
  assert.equal(keptFromUs, Date.UTC(2026, 8, 1) * 1000)
})
