/** What becomes of files that nothing refers to: kept for readers, found at a start, and removed. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { openDiskStorage, type Storage } from '../../src/table/storage.ts'
import type { Lake, LakeOptions, ReaderLimits } from '../../src/table.ts'
import { readPointers, writePointers } from '../support/lake.ts'
import { openRandom } from '../support/random.ts'
import { dayRows, eventRow, hasty, metricsRow, NOON_US, openPlace } from './fixture.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const GIB = 2 ** 30
const LIMITS: ReaderLimits = { graceMs: HOUR_MS, bytesMax: GIB, diskReserveBytes: 0 }

type Metadata = Readonly<{
  properties: Readonly<Record<string, string>>
  snapshots: readonly Readonly<{ 'snapshot-id': number; 'timestamp-ms': number }>[]
  'snapshot-log': readonly Readonly<{ 'snapshot-id': number }>[]
  'metadata-log': readonly unknown[]
}>

/** A place with a wall clock and a steady one, both the test's. */
async function openTimed(t: TestContext) {
  const place = await openPlace(t)
  let steadyMs = 0
  let aheadMs = 0
  let count = 0
  const nowUs = (): number => NOON_US + (steadyMs + aheadMs) * 1000
  return {
    place,
    open: (options: Partial<LakeOptions> = {}): Promise<Lake> =>
      place.open({
        ...{ nowUs, steadyMs: () => steadyMs, storage: hasty(), readers: LIMITS },
        ...options,
      }),
    pass: (ms: number): void => {
      steadyMs += ms
    },
    /** The wall clock alone. */
    setAhead: (ms: number): void => {
      aheadMs = ms
    },
    /** Adds one event and replaces the metrics, a second later each time. */
    async commit(lake: Lake, times = 1): Promise<void> {
      for (let i = 0; i < times; i++) {
        steadyMs += 1_000
        const event = await lake.writeEventsFile(dayRows([eventRow({ eventId: `e-${count}` })]))
        const metrics = await lake.writeMetricsFile(event.day, [
          metricsRow({ impressions: ++count }),
        ])
        await lake.commit({
          events: { add: [event], remove: [] },
          metrics: { add: [metrics], remove: lake.metrics.files },
          summary: {},
          commitId: String(count),
        })
      }
    },
  }
}

const pathOf = (location: string): string => location.replace('file://', '')
const metadataOf = (lake: Lake, key: 'events' | 'metrics' = 'events'): Metadata =>
  JSON.parse(readFileSync(pathOf(lake[key].metadataLocation), 'utf8')) as Metadata

function filesBelow(folder: string): readonly string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries.filter((e) => e.isFile()).map((e) => path.join(e.parentPath, e.name))
}

test('replaced files and metadata stay an hour, then go; the log lists every snapshot', async (t) => {
  const timed = await openTimed(t)
  const lake = await timed.open()
  await timed.commit(lake, 3)
  const [metrics, location] = [lake.metrics.files[0]!.path, pathOf(lake.metrics.metadataLocation)]
  await timed.commit(lake, 120)
  timed.pass(HOUR_MS - 3 * MINUTE_MS)
  await timed.commit(lake, 30)
  for (const file of [metrics, location]) assert.ok(existsSync(file), file)
  const { snapshots, ...logs } = metadataOf(lake)
  assert.deepEqual(
    logs['snapshot-log'].map((entry) => entry['snapshot-id']),
    snapshots.map((snapshot) => snapshot['snapshot-id']),
  )
  assert.equal(logs['metadata-log'].length, 5)
  timed.pass(5 * MINUTE_MS)
  await lake.removeExpired()
  for (const file of [metrics, location]) assert.equal(existsSync(file), false, file)
})

test('without a grace, nothing outlives the snapshots', async (t) => {
  const timed = await openTimed(t)
  const lake = await timed.open({ readers: { ...LIMITS, graceMs: 0 } })
  await timed.commit(lake, 3)
  const metrics = lake.metrics.files[0]!.path
  await timed.commit(lake, 130)
  await lake.close()
  assert.equal(existsSync(metrics), false)
})

for (const [what, aheadMs] of [
  ['set ahead by two hours', 2 * HOUR_MS],
  ['set back by two hours', -2 * HOUR_MS],
] as const) {
  test(`snapshots expire as before while the clock is ${what}, also across a restart`, async (t) => {
    const timed = await openTimed(t)
    let lake = await timed.open()
    await timed.commit(lake, 150)
    const before = metadataOf(lake).snapshots.length
    timed.setAhead(aheadMs)
    await timed.commit(lake, 2)
    assert.equal(metadataOf(lake).snapshots.length, before + 2)
    await timed.commit(lake, 300)
    const count = metadataOf(lake).snapshots.length
    // One to two minutes of a commit a second, and one a minute before.
    assert.ok(count >= 60 + 6 && count <= 120 + 9, `${count} snapshots`)
    await lake.close()
    lake = await timed.open()
    await timed.commit(lake, 200)
    const after = metadataOf(lake).snapshots.length
    assert.ok(after >= 60 + 2 && after <= 120 + 12, `${after} snapshots`)
  })
}

test('what an ended process kept for readers goes an hour after the next start', async (t) => {
  const timed = await openTimed(t)
  const first = await timed.open()
  await timed.commit(first, 200)
  await first.close()
  // Whatever the clock of the machine shows: it is not asked.
  for (const file of filesBelow(timed.place.warehousePath)) utimesSync(file, 1, 1)
  const lake = await timed.open()
  await timed.commit(lake)
  const atStart = new Set(filesBelow(timed.place.warehousePath))
  await lake.removeExpired()
  timed.pass(HOUR_MS - 2 * MINUTE_MS)
  await timed.commit(lake)
  await lake.removeExpired()
  assert.ok([...atStart].every((file) => existsSync(file)))
  timed.pass(2 * MINUTE_MS)
  await lake.removeExpired()
  await lake.close()
  const left = filesBelow(timed.place.warehousePath).filter((file) => atStart.has(file))
  assert.ok(left.length < atStart.size - 200, `${left.length} of ${atStart.size}`)
  // What is left is read in full: each raw file of the current snapshot is there.
  assert.equal(lake.events.files.length, 202)
  for (const { path: file } of lake.events.files) assert.ok(existsSync(file))
})

test('files written while those of an earlier process are found are never among them', async (t) => {
  const timed = await openTimed(t)
  const first = await timed.open()
  await timed.commit(first, 80)
  await first.close()
  let onListed = async (): Promise<void> => {}
  const inner = hasty()
  const storage: Storage = {
    ...inner,
    async *list(folder) {
      await onListed()
      yield* inner.list(folder)
    },
  }
  const lake = await timed.open({ storage })
  const written: string[] = []
  onListed = async () => {
    written.push((await lake.writeEventsFile(dayRows([eventRow()]))).path)
  }
  await lake.removeExpired()
  timed.pass(3 * HOUR_MS)
  await lake.removeExpired()
  assert.equal(written.length, 2)
  for (const file of written) assert.ok(existsSync(file), 'it waits for its commit')
})

test('a catalog from a backup: files that only its later state refers to are left alone', async (t) => {
  const timed = await openTimed(t)
  const first = await timed.open({ readers: { ...LIMITS, graceMs: 1_000 } })
  await timed.commit(first, 3)
  const backup = readPointers(timed.place.catalogPath)
  await timed.commit(first, 3)
  await first.close()
  const later = filesBelow(timed.place.warehousePath)
  writePointers(timed.place.catalogPath, backup)
  const lake = await timed.open({ readers: { ...LIMITS, graceMs: 1_000 } })
  await lake.removeExpired()
  timed.pass(HOUR_MS)
  await lake.removeExpired()
  for (const file of later) assert.ok(existsSync(file), file)
})

test('over the budget the oldest go first, and the grace is said to be shorter', async (t) => {
  const timed = await openTimed(t)
  const bytesMax = 4 * 2 ** 20
  const lake = await timed.open({ readers: { ...LIMITS, bytesMax } })
  await timed.commit(lake, 20)
  assert.deepEqual(lake.graceNotices(), [])
  const location = pathOf(lake.events.metadataLocation)
  const metrics = lake.metrics.files[0]!.path
  await timed.commit(lake, 140)
  await lake.removeExpired()
  assert.equal(existsSync(location), false, 'old metadata goes first')
  assert.equal(existsSync(metrics), true)
  assert.match(
    lake.graceNotices().join(),
    /^old metadata files stay for \d+ s only, retention.readers asks for 3600 s: .*readersMax/,
  )
  const random = openRandom(1)
  const noise = Array.from({ length: 4_000 }, (_, index) =>
    metricsRow({ campaignId: `c-${index}-${random.next()}`, impressions: index }),
  )
  for (let i = 0; existsSync(metrics); i++) {
    assert.ok(i < 200, 'large files take its place')
    const file = await lake.writeMetricsFile(20_779, noise)
    timed.pass(5_000)
    const change = { add: [file], remove: lake.metrics.files }
    await lake.commit({ metrics: change, summary: {}, commitId: `large ${i}` })
    await lake.removeExpired()
  }
  assert.match(lake.graceNotices().join(), /^files of expired snapshots stay for \d+ s only/)
})

test('a disk that is nearly full makes the grace shorter, and that is said', async (t) => {
  const timed = await openTimed(t)
  let freeBytes = 10 * GIB
  const storage = { ...hasty(), freeBytes: async () => freeBytes }
  const lake = await timed.open({ storage, readers: { ...LIMITS, diskReserveBytes: GIB } })
  await timed.commit(lake, 3)
  const metrics = lake.metrics.files[0]!.path
  await timed.commit(lake, 130)
  await lake.removeExpired()
  assert.ok(existsSync(metrics))
  freeBytes = 1.2 * GIB
  await lake.removeExpired()
  assert.equal(existsSync(metrics), false)
  assert.match(lake.graceNotices().join(), /stay for \d+ s only, .*diskReserve/)
  for (const { path: file } of [...lake.events.files, ...lake.metrics.files]) {
    assert.ok(existsSync(file))
  }
})

test('filled tables of an earlier version no longer let writers remove metadata', async (t) => {
  const timed = await openTimed(t)
  const first = await timed.open()
  await timed.commit(first, 1)
  await first.close()
  for (const key of ['events', 'metrics'] as const) {
    const file = pathOf(first[key].metadataLocation)
    const text = readFileSync(file, 'utf8')
    assert.match(text, /"write.metadata.delete-after-commit.enabled":"false"/)
    const older = text
      .replace('after-commit.enabled":"false"', 'after-commit.enabled":"true"')
      .replace(
        '"write.parquet.compression-codec":"zstd"',
        '"write.parquet.compression-codec":"gzip"',
      )
    writeFileSync(file, older)
  }
  const lake = await timed.open()
  for (const key of ['events', 'metrics'] as const) {
    const { properties } = metadataOf(lake, key)
    assert.equal(properties['write.metadata.delete-after-commit.enabled'], 'false')
    assert.equal(properties['write.parquet.compression-codec'], 'gzip', 'what a user set stays')
  }
  assert.equal(lake.events.files.length, 1)
})

test('beside Flink, old metadata files go after an hour, files that may be committed stay', async (t) => {
  const timed = await openTimed(t)
  const storage = openDiskStorage()
  const first = await timed.open({ writer: 'flink', storage })
  for (let i = 0; i < 9; i++) {
    const events = { add: [], remove: [] }
    await first.commit({ events, summary: {}, commitId: `first ${i}` })
  }
  await first.close()
  const folder = first.events.folder
  const waiting = path.join(folder, 'data', '00000-0-flink.parquet')
  const ours = path.join(folder, 'data', '2f1a9a3e-0d3b-4e7e-9b8b-6f0a4c1d2e3f.parquet')
  const manifest = path.join(folder, 'metadata', 'flink-manifest-m0.avro')
  for (const file of [waiting, ours, manifest]) await storage.write(file, [Buffer.from('x')])
  const lake = await timed.open({ writer: 'flink', storage })
  const metadata = (): number => filesBelow(folder).filter((f) => f.endsWith('.json')).length
  const before = metadata()
  await lake.removeExpired()
  timed.pass(HOUR_MS)
  await lake.removeExpired()
  assert.deepEqual([before, metadata()], [10, 6], 'the current one and five before it')
  for (const file of [waiting, ours, manifest]) assert.ok(existsSync(file), file)
})
