/**
 * Commit time and metadata size over many commits of tiny files: what a day of commits every second
 * costs.
 * usage: node bench/commit.ts [--commits 2000]
 *
 * The clock runs a second per commit, so that snapshots expire as they would. Each commit adds one
 * file of raw events and replaces one metrics file, and now and then raw files are merged as
 * maintenance would (their rows are not read).
 */
import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { type DataFile, type Lake, openLake } from '../src/table.ts'
import { placesIn } from '../test/support/places.ts'
import {
  dayRows,
  type EventRow,
  eventRow,
  metricsRow,
  NOON_US,
  WINDOW_US,
} from '../test/table/fixture.ts'

const { values } = parseArgs({
  options: { commits: { type: 'string', default: '2000' }, folder: { type: 'string' } },
})
const commits = Number(values.commits)
/** As maintenance does: a minute's raw files become one, and those of an hour one again. */
const MERGE_FILES = 60
const LIVE_FILES = 300

const folder = await mkdtemp(path.join(values.folder ?? tmpdir(), 'bench-commit-'))
let nowUs = NOON_US
const lake = await openLake({
  ...placesIn(folder),
  windowUs: WINDOW_US,
  writer: 'embedded',
  nowUs: () => nowUs,
})
console.log(`node ${process.version}, ${commits} commits, in ${folder}`)
const commitMs: number[] = []
let open: DataFile | undefined
for (let index = 0; index < commits; index++) {
  nowUs += 1_000_000
  const [events, metrics] = await Promise.all([
    lake.writeEventsFile(dayRows([someEvent(), someEvent()])),
    lake.writeMetricsFile(20_779, [metricsRow()]),
  ])
  const begun = performance.now()
  await lake.commit({
    events: { add: [events], remove: [] },
    metrics: { add: [metrics], remove: open === undefined ? [] : [open] },
    summary: summaryAt(index),
    commitId: `log:${index}`,
  })
  commitMs.push(performance.now() - begun)
  open = metrics
  if (lake.events.files.length >= LIVE_FILES) await merge(lake, index)
  if ((index + 1) % 500 === 0) await report(index + 1)
}
await lake.close()
const opened = performance.now()
const again = await openLake({
  ...placesIn(folder),
  windowUs: WINDOW_US,
  writer: 'embedded',
  nowUs: () => nowUs,
})
console.log(
  `opening again: ${Math.round(performance.now() - opened)} ms, ` +
    `${again.events.files.length} raw files`,
)
await again.close()
if (values.folder === undefined) await rm(folder, { recursive: true })

function someEvent(): EventRow {
  return eventRow({ eventId: randomUUID(), userId: randomUUID() })
}

function summaryAt(index: number): Record<string, string> {
  const counts = ['next-offset', 'log-base', 'arrived', 'stored', 'duplicates', 'rejected']
  const entries = counts.map((name) => [`campaign-metrics.${name}`, String(1e9 + index)])
  return {
    'campaign-metrics.log-id': 'e7f6a011776e8db7cd330b54174fd76f',
    ...Object.fromEntries(entries),
  }
}

/** Stands for the merge of old raw files: they leave, one file with as many rows comes. */
async function merge(into: Lake, index: number): Promise<void> {
  const remove = into.events.files.toSorted((a, b) => a.rows - b.rows).slice(0, MERGE_FILES)
  const rows = remove.reduce((sum, file) => sum + file.rows, 0)
  const merged = await into.writeEventsFile(dayRows(Array.from({ length: rows }, someEvent)))
  const events = { add: [merged], remove, rewrite: true }
  await into.commit({ events, summary: {}, commitId: `merge:${index}` })
}

async function report(done: number): Promise<void> {
  const last = commitMs.slice(-500).toSorted((a, b) => a - b)
  const sizes = await Promise.all(['campaign_events', 'campaign_metrics'].map(metadataSize))
  const text = sizes.map(({ files, bytes }) => `${files} files ${(bytes / 1e6).toFixed(2)} MB`)
  console.log(
    `${done}: commit p50 ${last[250]!.toFixed(1)} ms, p99 ${last[495]!.toFixed(1)} ms; ` +
      `metadata events ${text[0]}, metrics ${text[1]}; raw files ${lake.events.files.length}`,
  )
}

async function metadataSize(table: string): Promise<Readonly<{ files: number; bytes: number }>> {
  const metadata = path.join(folder, 'warehouse', 'campaigns', table, 'metadata')
  const names = await readdir(metadata)
  const sizes = await Promise.all(names.map((name) => sizeOf(path.join(metadata, name))))
  return { files: names.length, bytes: sizes.reduce((sum, size) => sum + size, 0) }
}

/** 0 for a file that the commit before is just removing. */
async function sizeOf(file: string): Promise<number> {
  const found = await stat(file).catch(() => null)
  return found?.size ?? 0
}
