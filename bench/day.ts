/**
 * A simulated day of commits every second with maintenance beside it: how many files stay, how
 * large the metadata gets, and whether a commit at the end takes as long as at the start.
 * usage: node bench/day.ts [--hours 26] [--events 50] [--folder DIR]
 *
 * The clock runs a second per commit; files, commits and merges are real. 86,400 commits take about
 * half an hour. Each second one raw file comes in, every tenth second another with late events of
 * yesterday, and the metrics file that holds the open windows is replaced.
 */
import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { mergeEventFiles, openQuery } from '../src/query.ts'
import { wakePool } from '../src/runtime/node-workarounds.ts'
import { type DataFile, type MetricsRow, openLake, openMaintenance } from '../src/table.ts'
import { placesIn } from '../test/support/places.ts'
import { DAY_US, dayRows, eventRow, WINDOW_US } from '../test/table/fixture.ts'
import { percentiles } from './support/histogram.ts'
import { describeMachine } from './support/machine.ts'

const { values } = parseArgs({
  options: {
    hours: { type: 'string', default: '26' },
    events: { type: 'string', default: '50' },
    folder: { type: 'string', default: tmpdir() },
  },
})
const commits = Math.round(Number(values.hours) * 3600)
const eventsPerCommit = Number(values.events)
const CAMPAIGNS = 20
const OPEN_FILE_ROWS = 8_192
const MAINTENANCE_EVERY = 5
const REPORT_EVERY = 3_600
const FIRST_AND_LAST = 2_000
/** Midnight, so that the day is over before the end. */
const START_US = Math.floor(Date.now() / 86_400_000) * DAY_US

const folder = await mkdtemp(path.join(values.folder, 'bench-day-'))
const warehousePath = path.join(folder, 'warehouse')
let nowUs = START_US
const lake = await openLake({
  ...placesIn(folder),
  windowUs: WINDOW_US,
  writer: 'embedded',
  nowUs: () => nowUs,
})
const counts = { merges: 0, mergedFiles: 0, dropped: 0, events: 0 }
const maintenance = openMaintenance({
  lake,
  mergeEventFiles,
  exclusively: (work) => work(),
  horizonUs: 3_600_000_000,
  retentionDays: { events: 0, metrics: 0 },
  nowUs: () => nowUs,
  steadyMs: () => nowUs / 1000,
  dedupeNowUs: () => nowUs,
  logProgress: () => ({ ends: [0], taken: [0] }),
  newId: randomUUID,
  pause: async () => {},
  isBusy: () => false,
  onTask: ({ task, outcome }) => {
    if (outcome === 'stale') counts.dropped++
    else if (task.kind === 'merge-events' || task.kind === 'merge-metrics') {
      counts.merges++
      counts.mergedFiles += task.inputs.length
    }
  },
  onWarning: console.error,
})
const most = { events: 0, metrics: 0, metadataBytes: 0 }
const commitMs: number[] = []
const maintenanceMs: number[] = []
const begunMs = performance.now()
wakePool()
console.log(`${describeMachine()}\n${commits} commits of ${eventsPerCommit} events in ${folder}`)

try {
  const openWindows = openMetrics()
  for (let index = 0; index < commits; index++) {
    nowUs += 1_000_000
    await commitOne(index, openWindows)
    if (index % MAINTENANCE_EVERY === 0) await maintain()
    most.events = Math.max(most.events, lake.events.files.length)
    most.metrics = Math.max(most.metrics, lake.metrics.files.length)
    if ((index + 1) % REPORT_EVERY === 0) await report(index + 1)
  }
  await maintain()
  await report(commits)
  await conclude()
} finally {
  await lake.close()
  await rm(folder, { recursive: true, force: true })
}

async function commitOne(index: number, metrics: ReturnType<typeof openMetrics>): Promise<void> {
  // A raw file holds events of one day.
  const midnightUs = Math.floor(nowUs / DAY_US) * DAY_US
  const rows = Array.from({ length: eventsPerCommit }, (_, i) =>
    eventRow({
      eventId: `e-${index}-${i}`,
      campaignId: `c-${i % CAMPAIGNS}`,
      timestampUs: Math.max(nowUs - i * 1000, midnightUs),
      revenue: i % 10,
    }),
  )
  const batches = [dayRows(rows, nowUs)]
  if (index % 10 === 0) {
    batches.push(
      dayRows([eventRow({ eventId: `late-${index}`, timestampUs: nowUs - DAY_US })], nowUs),
    )
  }
  const add = await Promise.all(batches.map((batch) => lake.writeEventsFile(batch)))
  counts.events += rows.length + batches.length - 1
  const { file, replaced } = await metrics.next()
  const before = performance.now()
  await lake.commit({
    events: { add, remove: [] },
    metrics: { add: [file], remove: replaced },
    summary: { 'campaign-metrics.next-offset': String(counts.events) },
    commitId: `log-${index}`,
  })
  commitMs.push(performance.now() - before)
}

/**
 * The metrics file of the open windows, as the job keeps it: replaced each second, left alone once
 * it is full.
 */
function openMetrics() {
  let rows = new Map<string, MetricsRow>()
  let day = -1
  let live: DataFile | null = null
  return {
    async next(): Promise<Readonly<{ file: DataFile; replaced: readonly DataFile[] }>> {
      const today = Math.floor(nowUs / DAY_US)
      if (today !== day || rows.size >= OPEN_FILE_ROWS) [rows, live, day] = [new Map(), null, today]
      const windowStartUs = Math.floor(nowUs / WINDOW_US) * WINDOW_US
      for (let campaign = 0; campaign < CAMPAIGNS; campaign++) {
        const campaignId = `c-${campaign}`
        const counted = { impressions: 1, clicks: 0, conversions: 0, revenueMillionths: 0n }
        const row = { campaignId, windowStartUs, ...counted, processedAtUs: nowUs }
        rows.set(`${windowStartUs} ${campaignId}`, row)
      }
      const replaced = live === null ? [] : [live]
      live = await lake.writeMetricsFile(day, [...rows.values()])
      return { file: live, replaced }
    },
  }
}

async function maintain(): Promise<void> {
  const before = performance.now()
  while ((await maintenance.step()) !== null) {}
  maintenanceMs.push(performance.now() - before)
}

async function metadataBytes(table: string): Promise<number> {
  const metadata = path.join(warehousePath, 'campaigns', table, 'metadata')
  let bytes = 0
  for (const name of await readdir(metadata)) {
    bytes += (await stat(path.join(metadata, name)).catch(() => null))?.size ?? 0
  }
  return bytes
}

/** All files of both tables: those that snapshots refer to, and those kept for readers. */
async function onDisk(): Promise<string> {
  let [files, bytes] = [0, 0]
  for (const name of await readdir(warehousePath, { recursive: true })) {
    const found = await stat(path.join(warehousePath, name)).catch(() => null)
    if (found?.isFile() !== true) continue
    files++
    bytes += found.size
  }
  return `${files} files of ${(bytes / 2 ** 20).toFixed(0)} MiB on the disk`
}

async function report(done: number): Promise<void> {
  const sizes = [await metadataBytes('campaign_events'), await metadataBytes('campaign_metrics')]
  most.metadataBytes = Math.max(most.metadataBytes, ...sizes)
  const { p50, p99 } = percentiles(commitMs.slice(-REPORT_EVERY))
  const seconds = Math.round((performance.now() - begunMs) / 1000)
  console.log(
    `${done / 3600} h: files ${lake.events.files.length} + ${lake.metrics.files.length} (most ` +
      `${most.events} + ${most.metrics}), ` +
      `metadata ${sizes.map((bytes) => `${(bytes / 2 ** 20).toFixed(2)} MiB`).join(' + ')}, ` +
      `commit p50 ${p50.toFixed(1)} p99 ${p99.toFixed(1)} ms, ${counts.merges} merges of ` +
      `${counts.mergedFiles} files, ${await onDisk()}, ${seconds} s`,
  )
}

async function conclude(): Promise<void> {
  const query = await openQuery({ ...placesIn(folder), nowMs: () => Date.now() })
  try {
    const sql = 'SELECT count(*), count(DISTINCT event_id) FROM campaign_events'
    for await (const rows of (await query.runSql(sql)).batches) {
      console.log(`events committed ${counts.events}, in the table and distinct ${String(rows[0])}`)
    }
  } finally {
    await query.close()
  }
  const first = percentiles(commitMs.slice(0, FIRST_AND_LAST))
  const last = percentiles(commitMs.slice(-FIRST_AND_LAST))
  const busyMs = maintenanceMs.reduce((sum, ms) => sum + ms, 0)
  console.log(
    `commit p50 ${first.p50.toFixed(1)} -> ${last.p50.toFixed(1)} ms, p99 ` +
      `${first.p99.toFixed(1)} -> ${last.p99.toFixed(1)} ms; ` +
      `maintenance ${(busyMs / 1000).toFixed(0)} s for ${commits} s of events; most metadata ` +
      `${(most.metadataBytes / 2 ** 20).toFixed(2)} MiB`,
  )
}
