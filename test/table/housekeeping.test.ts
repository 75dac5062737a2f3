import { strict as assert } from 'node:assert'
import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { decodeContainer } from '../../src/table/avro.ts'
import { openDiskStorage, type Storage } from '../../src/table/storage.ts'
import { type DataFile, type Lake, readLake, type TableView } from '../../src/table.ts'
import { dayRows, eventRow, metricsRow, NOON_US, openPlace, type Place } from './fixture.ts'

const DAY = 20_779
/** Some seconds of snapshots, then one a minute for two: all of it happens within two hundred commits. */
const RETENTION = { allMs: 20_000, minutelyMs: 120_000, snapshotsMax: 240 }

/** Does not wait for the disk, so that hundreds of commits take seconds. */
function hasty(): Storage {
  return {
    ...openDiskStorage(),
    async write(file, chunks) {
      mkdirSync(path.dirname(file), { recursive: true })
      const bytes = Buffer.concat(chunks)
      writeFileSync(file, bytes, { flag: 'wx' })
      return bytes.length
    },
    async syncFolders() {},
  }
}

/** Adds one event and replaces the metrics file, a second later each time. */
async function commitMany(place: Place, count: number): Promise<Lake> {
  let nowUs = NOON_US
  const lake = await place.open({ nowUs: () => nowUs, retention: RETENTION, storage: hasty() })
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

/** Every file that any kept snapshot needs, read with nothing but the Avro decoder; counts what each snapshot holds. */
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

test('after many commits each kept snapshot is whole, nothing else lies about, and the lists stay short', async (t) => {
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

test('a restart knows which files older snapshots still hold, and removes them when those go', async (t) => {
  const place = await openPlace(t)
  const first = await commitMany(place, 100)
  await first.close()
  let nowUs = NOON_US + 100_000_000
  const lake = await place.open({ nowUs: () => nowUs, retention: RETENTION })
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
  const written = commitMany(place, 60)
  for (;;) {
    const read = await readLake(place).catch(() => null)
    const counts =
      read && [read.events, read.metrics].map((v) => v.summary['campaign-metrics.next-offset'])
    if (counts) assert.equal(counts[0], counts[1])
    if (counts?.[0] === '60') break
    await new Promise((resolve) => setImmediate(resolve))
  }
  await written
})
