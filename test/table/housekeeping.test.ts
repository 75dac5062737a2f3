import { strict as assert } from 'node:assert'
import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { decodeContainer } from '../../src/table/avro.ts'
import { openDiskStorage, type Storage } from '../../src/table/storage.ts'
import {
  type DataFile,
  type Lake,
  openLakeReader,
  readLake,
  TableError,
  type TableView,
} from '../../src/table.ts'
import {
  dayRows,
  eventRow,
  hasty,
  metricsRow,
  NO_GRACE,
  NOON_US,
  openPlace,
  type Place,
} from './fixture.ts'

const DAY = 20_779
/**
 * Some seconds of snapshots, then one a minute for two: all of it happens within two hundred
 * commits.
 */
const RETENTION = { allMs: 20_000, stepMs: 1, minutelyMs: 120_000, snapshotsMax: 240 }

/** Adds one event and replaces the metrics file, a second later each time. */
async function commitMany(place: Place, count: number): Promise<Lake> {
  let nowUs = NOON_US
  const lake = await place.open({
    ...{ nowUs: () => nowUs, retention: RETENTION, storage: hasty() },
    readers: NO_GRACE,
  })
  let open: DataFile | undefined
  for (let index = 0; index < count; index++) {
    nowUs += 1_000_000
    const event = await lake.writeEventsFile(dayRows([eventRow({ eventId: `e-${index}` })]))
    const metrics = await lake.writeMetricsFile(DAY, [metricsRow({ impressions: index + 1 })])
    await lake.commit({
      events: { add: [event], remove: [] },
      metrics: { add: [metrics], remove: open === undefined ? [] : [open] },
      summary: { 'campaign-metrics.next-offset': String(index + 1) },
      commitId: String(index),
    })
    open = metrics
  }
  return lake
}

type Metadata = Readonly<{
  snapshots: readonly Readonly<{ 'manifest-list': string; 'sequence-number': number }>[]
  'snapshot-log': readonly unknown[]
  'metadata-log': readonly Readonly<{ 'metadata-file': string }>[]
}>
type Line = Readonly<{ manifest_path: string; manifest_length: bigint; sequence_number: bigint }>
type Entry = Readonly<{
  status: number
  sequence_number: bigint | null
  data_file: Readonly<{ file_path: string }>
}>

const pathOf = (location: string): string => location.replace('file://', '')

/**
 * Every file that any kept snapshot needs, read with nothing but the Avro decoder; counts what each
 * snapshot holds.
 */
async function walk(view: TableView) {
  const metadata = JSON.parse(readFileSync(pathOf(view.metadataLocation), 'utf8')) as Metadata
  const paths = new Set([pathOf(view.metadataLocation)])
  for (const entry of metadata['metadata-log']) paths.add(pathOf(entry['metadata-file']))
  const filesBySnapshot: number[] = []
  const manifestsBySnapshot: number[] = []
  for (const snapshot of metadata.snapshots) {
    const list = pathOf(snapshot['manifest-list'])
    paths.add(list)
    const lines = (await decodeContainer<Line>(readFileSync(list))).rows
    const files = new Set<string>()
    for (const line of lines) {
      const manifest = pathOf(line.manifest_path)
      const bytes = readFileSync(manifest)
      assert.equal(bytes.length, Number(line.manifest_length))
      paths.add(manifest)
      for (const entry of (await decodeContainer<Entry>(bytes)).rows) {
        if (entry.status === 2) continue
        assert(entry.status === 1 || entry.sequence_number !== null, 'EXISTING has its number')
        assert(
          (entry.sequence_number ?? line.sequence_number) <= BigInt(snapshot['sequence-number']),
        )
        const file = pathOf(entry.data_file.file_path)
        assert(!files.has(file), 'a file is in a snapshot once')
        files.add(file)
        paths.add(file)
      }
    }
    filesBySnapshot.push(files.size)
    manifestsBySnapshot.push(lines.length)
  }
  return { metadata, paths, filesBySnapshot, manifestsBySnapshot }
}

function filesBelow(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
}

test('many commits on, kept snapshots are whole, no file is stray, lists are short', async (t) => {
  const place = await openPlace(t)
  const lake = await commitMany(place, 200)
  await lake.close()
  const events = await walk(lake.events)
  const metrics = await walk(lake.metrics)
  for (const [view, walked] of [
    [lake.events, events],
    [lake.metrics, metrics],
  ] as const) {
    assert.deepEqual(filesBelow(view.folder).toSorted(), [...walked.paths].toSorted())
    assert(Math.max(...walked.manifestsBySnapshot) <= 30)
    assert.equal(walked.metadata['metadata-log'].length, 5)
    assert(walked.metadata.snapshots.length >= 21 && walked.metadata.snapshots.length <= 23)
  }
  const sequenceNumbers = events.metadata.snapshots.map((snapshot) => snapshot['sequence-number'])
  assert.deepEqual(events.filesBySnapshot, sequenceNumbers, 'a raw file for each commit so far')
  assert(metrics.filesBySnapshot.every((count) => count === 1))
})

test('a restart knows the files of older snapshots, and removes them when those go', async (t) => {
  const place = await openPlace(t)
  const first = await commitMany(place, 100)
  await first.close()
  let nowUs = NOON_US + 100_000_000
  const lake = await place.open({ nowUs: () => nowUs, retention: RETENTION, readers: NO_GRACE })
  for (let index = 0; index < 3; index++) {
    nowUs += 200_000_000
    await lake.commit({ summary: {}, commitId: `later ${index}` })
  }
  await lake.close()
  assert.equal(
    lake.events.summary['campaign-metrics.next-offset'],
    '100',
    'the checkpoint stays (F10)',
  )
  for (const view of [lake.events, lake.metrics]) {
    const { paths } = await walk(view)
    assert.deepEqual(filesBelow(view.folder).toSorted(), [...paths].toSorted())
  }
})

test('the orphan sweep takes old files that nothing refers to, and only those', async (t) => {
  const place = await openPlace(t)
  const lake = await commitMany(place, 3)
  const before = filesBelow(place.warehousePath)
  const folder = path.join(lake.events.folder, 'data', 'timestamp_day=2000-01-01')
  const stray = await lake.writeEventsFile(
    dayRows([eventRow({ timestampUs: 946_684_800_000_000 })]),
  )
  const young = await lake.writeEventsFile(dayRows([eventRow()]))
  const foreign = path.join(lake.events.folder, 'data', 'notes.txt')
  writeFileSync(foreign, 'not ours')
  const twoDaysAgo = NOON_US / 1e6 - 2 * 86_400
  for (const file of [...before, stray.path, foreign]) utimesSync(file, twoDaysAgo, twoDaysAgo)
  assert.equal(await lake.sweepOrphans((Date.now() - 86_400_000) * 1000), 1)
  assert.deepEqual(
    filesBelow(place.warehousePath).toSorted(),
    [...before, young.path, foreign].toSorted(),
  )
  assert(
    !readdirSync(path.dirname(folder)).includes(path.basename(folder)),
    'the empty day is gone',
  )
  await lake.discard([young])
  assert.deepEqual(filesBelow(place.warehousePath).toSorted(), [...before, foreign].toSorted())
})

test('a reader beside a writer sees both tables as of one commit', async (t) => {
  const place = await openPlace(t)
  let isWritten = false
  const written = commitMany(place, 60).finally(() => {
    isWritten = true
  })
  for (let isLast = false; !isLast; ) {
    isLast = isWritten
    // Before the first start there are no tables to read.
    const read = await readLake(place).catch(() => null)
    if (read !== null) assert.equal(...(offsetsOf(read) as [string, string]))
    if (isLast) assert.deepEqual(read && offsetsOf(read), ['60', '60'])
    await new Promise((resolve) => setImmediate(resolve))
  }
  await written
})

const offsetsOf = (read: Readonly<{ events: TableView; metrics: TableView }>) =>
  [read.events, read.metrics].map(({ summary }) => summary['campaign-metrics.next-offset'])

/** A reader's storage. `beforeRead` runs before each metadata file is read. */
function readerStorage(beforeRead: (path: string, reads: number) => Promise<void>): Storage {
  const inner = openDiskStorage()
  let reads = 0
  return {
    ...inner,
    async read(file) {
      if (file.endsWith('.metadata.json')) await beforeRead(file, ++reads)
      return await inner.read(file)
    },
  }
}

/** So many commits that the metadata file of the first is no longer kept. */
async function overtake(lake: Lake, offset: number): Promise<void> {
  for (let index = 0; index < 7; index++) {
    const summary = { 'campaign-metrics.next-offset': String(offset) }
    await lake.commit({ summary, commitId: `${offset}-${index}` })
  }
  // The metadata of the last commit but six is removed beside the next commit, before it ends.
  await lake.commit({ summary: {}, commitId: `${offset}-last` })
}

test('a commit between reading the two tables is in neither view', async (t) => {
  const place = await openPlace(t)
  const lake = await commitMany(place, 3)
  const summary = { 'campaign-metrics.next-offset': '4' }
  const storage = readerStorage(async (_, reads) => {
    if (reads === 1) await lake.commit({ summary, commitId: 'between' })
  })
  assert.deepEqual(offsetsOf(await readLake({ ...place, storage })), ['3', '3'])
  assert.deepEqual(offsetsOf(await readLake(place)), ['4', '4'])
})

test('a reader whose files newer commits remove reads the newest, of both tables', async (t) => {
  const place = await openPlace(t)
  const lake = await commitMany(place, 3)
  const storage = readerStorage(async (_, reads) => {
    if (reads === 1) await overtake(lake, 50)
  })
  assert.deepEqual(offsetsOf(await readLake({ ...place, storage })), ['50', '50'])

  const restStorage = readerStorage(async (_, reads) => {
    if (reads === 1) await overtake(lake, 60)
  })
  const answer = await openLakeReader({ ...place, storage: restStorage }).loadMetadata('metrics')
  assert.equal(answer.metadataLocation, lake.metrics.metadataLocation)
  assert.match(answer.metadata, /"campaign-metrics.next-offset":"60"/)
})

test('a reader starts again if only one table has changed, as happens beside Flink', async (t) => {
  for (const key of ['events', 'metrics'] as const) {
    const place = await openPlace(t)
    const lake = await place.open({ writer: 'flink', readers: NO_GRACE })
    const change = { [key]: { add: [], remove: [] }, summary: {} }
    await lake.commit({ ...change, commitId: 'first' })
    let hasOvertaken = false
    const storage = readerStorage(async (file) => {
      if (hasOvertaken || !file.startsWith(lake[key].folder)) return
      hasOvertaken = true
      for (let i = 0; i < 8; i++) await lake.commit({ ...change, commitId: `later ${i}` })
    })
    const read = await readLake({ ...place, storage })
    assert.equal(read[key].summary['campaign-metrics.commit-id'], 'later 7')
    assert.ok(hasOvertaken)
  }
})

test('a reader gives up after five newer commits, or at once on a loss without any', async (t) => {
  const place = await openPlace(t)
  const lake = await commitMany(place, 1)
  const attempts: string[] = []
  const overtaken = readerStorage(async (file) => {
    if (!file.startsWith(lake.events.folder)) return
    attempts.push(file)
    await overtake(lake, attempts.length)
  })
  await assert.rejects(readLake({ ...place, storage: overtaken }), { code: 'file-lost' })
  assert.equal(new Set(attempts).size, 5)

  let reads = 0
  const lost: Storage = {
    ...openDiskStorage(),
    async read(file) {
      reads++
      throw new TableError('file-lost', { path: file })
    },
  }
  await assert.rejects(readLake({ ...place, storage: lost }), { code: 'file-lost' })
  assert.equal(reads, 2, 'one file of each table')
  reads = 0
  const damaged: Storage = {
    ...lost,
    async read(file) {
      reads++
      throw new TableError('file-unreadable', { path: file, reason: 'EIO' })
    },
  }
  await assert.rejects(readLake({ ...place, storage: damaged }), { code: 'file-unreadable' })
  assert.equal(reads, 2, 'another failure is not tried again')
})

test('statistics of other programs go with their snapshot: the entry, then the file', async (t) => {
  const place = await openPlace(t)
  const lake = await commitMany(place, 1)
  await lake.close()
  const metadataPath = pathOf(lake.events.metadataLocation)
  const statistics = path.join(lake.events.folder, 'metadata', 'of-one-snapshot.puffin')
  writeFileSync(statistics, 'PFA1')
  const entry = `{"snapshot-id":${lake.events.snapshotId},"statistics-path":"file://${statistics}"}`
  const text = readFileSync(metadataPath, 'utf8')
  assert.match(text, /"statistics":\[\]/)
  writeFileSync(metadataPath, text.replace('"statistics":[]', `"statistics":[${entry}]`))

  let nowUs = NOON_US + 2_000_000
  const later = await place.open({ nowUs: () => nowUs, retention: RETENTION, readers: NO_GRACE })
  await later.commit({ summary: {}, commitId: 'its snapshot stays' })
  const kept = () => readFileSync(pathOf(later.events.metadataLocation), 'utf8')
  assert.ok(kept().includes(entry))
  nowUs += 3_600_000_000
  await later.commit({ summary: {}, commitId: 'its snapshot expires' })
  assert.match(kept(), /"statistics":\[\]/)
  await later.close()
  assert.ok(!filesBelow(later.events.folder).includes(statistics))
})
