/** Where the tables are: how places are named, and what happens when one is gone. */
import assert from 'node:assert/strict'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { mayHoldWindow } from '../../src/table/data-file.ts'
import {
  below,
  catalogText,
  locationOf,
  pathOf,
  s3KeyOf,
  warehouseFolder,
} from '../../src/table/location.ts'
import { makeWarehouse, openDiskStorage } from '../../src/table/storage.ts'
import { readLake, windowText } from '../../src/table.ts'
import {
  commitRows,
  DAY_US,
  dayRows,
  eventRow,
  metricsRow,
  NO_GRACE,
  NOON_US,
  openPlace,
} from './fixture.ts'

const DAY = 20_779

test('a path on the disk is a location with file://; one on S3 is its own', () => {
  assert.equal(locationOf('/lake/x.parquet'), 'file:///lake/x.parquet')
  assert.equal(pathOf('file:///lake/x.parquet'), '/lake/x.parquet')
  assert.equal(pathOf('file:/lake/x.parquet'), '/lake/x.parquet', 'as Hadoop spells it')
  assert.equal(locationOf('s3://b/x.parquet'), 's3://b/x.parquet')
  assert.equal(pathOf('s3://b/x.parquet'), 's3://b/x.parquet')
  assert.equal(below('s3://b', 'a', 'c'), 's3://b/a/c')
})

test('a location on S3 is a bucket and a key; the key of a bucket alone is empty', () => {
  assert.deepEqual(s3KeyOf('s3://bucket/a/b'), { bucket: 'bucket', key: 'a/b' })
  assert.deepEqual(s3KeyOf('s3://bucket/'), { bucket: 'bucket', key: '' })
  assert.deepEqual(s3KeyOf('s3://bucket'), { bucket: 'bucket', key: '' })
  for (const bad of ['s3://', 's3:///a', '/lake/x', 'gs://bucket/a']) {
    assert.throws(() => s3KeyOf(bad), { code: 's3-location' }, bad)
  }
})

test('a warehouse folder is absolute; a catalog is named without its password', () => {
  assert.equal(warehouseFolder({ kind: 'folder', path: '/a/b/../lake/' }), '/a/lake')
  for (const name of ['what?', 'a#b', 'a*', 'a[1']) {
    const named = { kind: 'folder', path: `/lake/${name}` } as const
    assert.throws(() => warehouseFolder(named), { code: 'warehouse-path' })
  }
  const place = { host: 'db', port: 5432, database: 'lake', user: 'job', password: 'secret' }
  assert.equal(
    catalogText({ kind: 'postgresql', ...place, tls: false }),
    'postgresql://job@db:5432/lake',
  )
})

test('a warehouse is made where it is missing, or only looked at', async (t) => {
  const { folder } = await openPlace(t)
  const place = { kind: 'folder', path: path.join(folder, 'new/lake') } as const
  assert.equal(await makeWarehouse(place, true), 'missing')
  assert.ok(!existsSync(place.path))
  assert.equal(await makeWarehouse(place, false), 'made')
  assert.equal(await makeWarehouse(place, false), 'found')
  assert.equal(await makeWarehouse(place, true), 'found')
})

test('a window is told as the shortest ISO 8601 duration', () => {
  const texts = [1, 90, 60, 300, 3_600, 5_400, 86_400].map((s) => windowText(s * 1_000_000))
  assert.deepEqual(texts, ['PT1S', 'PT90S', 'PT1M', 'PT5M', 'PT1H', 'PT90M', 'PT24H'])
})

test('nothing is written while the warehouse is away; once it is back, all goes on', async (t) => {
  const place = await openPlace(t)
  const lake = await place.open()
  const row = eventRow()
  const file = await lake.writeEventsFile(dayRows([row]))
  const away = `${place.warehousePath}-away`
  renameSync(place.warehousePath, away)
  const isMisplaced = { code: 'misplaced', message: /the warehouse .* was removed or renamed/ }
  assert.match(lake.placeFault() ?? '', isMisplaced.message)
  const change = { events: { add: [file], remove: [] }, summary: {}, commitId: 'a' }
  await assert.rejects(lake.writeEventsFile(dayRows([row])), isMisplaced)
  await assert.rejects(lake.writeMetricsFile(DAY, [metricsRow()]), isMisplaced)
  await assert.rejects(lake.commit(change), isMisplaced)
  assert.ok(!existsSync(place.warehousePath), 'nothing is made in its place')
  mkdirSync(place.warehousePath)
  assert.match(lake.placeFault() ?? '', /is not the one that it was/)
  assert.deepEqual(readdirSync(place.warehousePath), [])
  rmSync(place.warehousePath, { recursive: true })
  renameSync(away, place.warehousePath)
  assert.equal(lake.placeFault(), null)
  await lake.commit(change)
  assert.equal((await readLake(place)).events.files.length, 1)
})

for (const name of ['campaign_events', 'campaign_metrics/metadata']) {
  test(`a lake notices that ${name} is gone`, async (t) => {
    const place = await openPlace(t)
    const lake = await place.open()
    rmSync(path.join(place.warehousePath, 'campaigns', name), { recursive: true })
    await assert.rejects(lake.commit({ summary: {}, commitId: 'a' }), {
      code: 'misplaced',
      message: new RegExp(`${name} was removed`),
    })
  })
}

test('a metrics file is asked only for windows and campaigns within its bounds', async (t) => {
  const lake = await (await openPlace(t)).open()
  const file = await lake.writeMetricsFile(DAY, [
    metricsRow({ campaignId: 'b', windowStartUs: NOON_US }),
    metricsRow({ campaignId: 'z', windowStartUs: NOON_US + 600_000_000 }),
  ])
  const mayHold = (campaignId: string, us: number): boolean =>
    mayHoldWindow(file, { campaignId, windowStartUs: NOON_US + us })
  assert.ok(mayHold('b', 0) && mayHold('z', 600_000_000) && mayHold('m', 300_000_000))
  assert.ok(!mayHold('b', -1) && !mayHold('b', 600_000_001))
  assert.ok(!mayHold('a', 0) && !mayHold('za', 0) && !mayHold('ä', 0))
  const unbounded = { ...file, lowerBounds: new Map(), upperBounds: new Map() }
  assert.ok(mayHoldWindow(unbounded, { campaignId: 'a', windowStartUs: -DAY_US }))
})

test('the current snapshot stays though a branch of others has a newer one', async (t) => {
  const place = await openPlace(t)
  const first = await place.open({ nowUs: () => NOON_US })
  for (const commitId of ['a', 'b']) {
    await commitRows(first, dayRows([eventRow({ eventId: commitId })]), [metricsRow()], commitId)
  }
  await first.close()
  const { events } = await readLake(place)
  const [newer, older] = events.history
  assert.ok(newer !== undefined && older !== undefined)
  const file = new URL(events.metadataLocation)
  const refs = `"refs":{"main":{"snapshot-id":${older.snapshotId},"type":"branch"},"side":`
  const main = `"current-snapshot-id":${older.snapshotId},${refs}`
  const text = readFileSync(file, 'utf8').replace(
    /"current-snapshot-id":\d+,"refs":\{"main":/,
    main,
  )
  writeFileSync(file, text)
  const lake = await place.open({
    nowUs: () => NOON_US + 2 * DAY_US,
    retention: { allMs: 1_000, stepMs: 1, minutelyMs: 1_000, snapshotsMax: 100 },
    readers: NO_GRACE,
  })
  await lake.expireSnapshots()
  await lake.close()
  const read = await readLake(place)
  assert.deepEqual(
    read.events.history.map(({ snapshotId }) => snapshotId),
    [older.snapshotId],
  )
  assert.equal(read.events.files.length, 1)
})

test('snapshots expire without a commit of files, and tell how many', async (t) => {
  const place = await openPlace(t)
  let nowUs = NOON_US
  const retention = { allMs: 1_000, stepMs: 1, minutelyMs: 1_000, snapshotsMax: 100 }
  const steadyMs = (): number => nowUs / 1000
  const readers = NO_GRACE
  const lake = await place.open({ nowUs: () => nowUs, steadyMs, retention, readers })
  for (const commitId of ['a', 'b', 'c']) {
    const row = eventRow({ eventId: commitId })
    await commitRows(lake, dayRows([row]), [metricsRow({ campaignId: commitId })], commitId)
  }
  assert.equal(await lake.expireSnapshots(), 0, 'all are young')
  nowUs += 3_600_000_000
  assert.equal(await lake.expireSnapshots(), 4, 'two of each table')
  assert.equal(await lake.expireSnapshots(), 0)
  await lake.close()
  const read = await readLake(place)
  assert.equal(read.events.history.length, 1)
  assert.equal(read.events.files.length, 3)
  assert.equal(read.events.summary['campaign-metrics.commit-id'], 'c')
  const names: string[] = []
  for await (const file of openDiskStorage().list(path.join(read.events.folder, 'metadata'))) {
    names.push(path.basename(file.path))
  }
  assert.equal(names.filter((name) => name.startsWith('snap-')).length, 1)
})
