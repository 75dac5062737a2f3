/**
 * Every engine of docs/reading.md that a package registry gives us, by the lines of that page,
 * against a process that runs and then against its folder when it has stopped: the same rows and
 * sums as our own `query`. Then Spark beside commits for longer than snapshots live. Installs the
 * engines into .tools (4 GB), and prints a table.
 * usage: npm run test:readers -- [ENGINE…]
 */
import assert from 'node:assert/strict'
import type { Row, Site, State, Table } from '../interop/documented.ts'
import { postAccepted, waitUntilSettled } from '../support/client.ts'
import { eventLine } from '../support/events.ts'
import { type Folder, openFolder } from '../support/folder.ts'
import { runCommand, startProduct } from '../support/product.ts'
import { flink } from './flink.ts'
import { icebergGo } from './iceberg-go.ts'
import { hyparquet, pythonReaders } from './python.ts'
import { type OpenReader, type Reader, summaryOf } from './reader.ts'
import { spark } from './spark.ts'
import { checkSparkLive } from './spark-live.ts'
import { trino } from './trino.ts'

const READERS: readonly Reader[] = [...pythonReaders, hyparquet, icebergGo, spark, trino, flink]
const TABLES: readonly Table[] = ['campaign_metrics', 'campaign_events']
const BATCHES = 6
const BATCH_EVENTS = 500
const TYPES = ['impression', 'click', 'conversion']
const HOUR_MS = 3_600_000

type Found = { version: string } & Partial<Record<State, string>>

const named = process.argv.slice(2)
const readers = READERS.filter(({ name }) => named.length === 0 || named.includes(name))
assert.ok(readers.length > 0, `no such engine; there are ${READERS.map(({ name }) => name)}`)

const folder = await openFolder()
const product = await startProduct(folder)
const site: Site = { folder, url: product.url }
const found = new Map<Reader, Found>()
const opened = new Map<Reader, OpenReader>()
let hasFailed = false
try {
  await sendEvents(product.url)
  for (const reader of readers) await readIn('Running', reader)
  await product.stop()
  for (const reader of readers) await readIn('Stopped', reader)
} finally {
  await product.stop()
  await folder.close()
}
printTable()
if (readers.includes(spark)) {
  const seen = await checkSparkLive().catch((error: Error) => {
    hasFailed = true
    return `failed: ${error.message}`
  })
  console.log(`\nSpark beside commits: ${seen}`)
}
process.exitCode = hasFailed ? 1 : 0

/** Windows of two days that grow with each batch, so that files are replaced. */
async function sendEvents(url: string): Promise<void> {
  const startMs = Date.now() - 26 * HOUR_MS
  for (let batch = 0; batch < BATCHES; batch += 1) {
    const lines = Array.from({ length: BATCH_EVENTS }, (_, at) =>
      eventLine({
        event_id: `event-${batch}-${at}`,
        campaign_id: `campaign ${at % 7}`,
        event_type: TYPES[at % TYPES.length] ?? '',
        timestamp: new Date(startMs + at * 180_000).toISOString(),
        revenue: (at % 40) / 4,
      }),
    )
    await postAccepted(url, lines.join('\n'))
    await waitUntilSettled(url)
  }
}

async function readIn(state: State, reader: Reader): Promise<void> {
  if (!reader.states.includes(state)) return
  const begun = performance.now()
  let outcome: string
  try {
    outcome = await compare(state, reader)
  } catch (error) {
    hasFailed = true
    outcome = `failed: ${error instanceof Error ? error.message : error}`
  }
  const seconds = ((performance.now() - begun) / 1000).toFixed(1)
  console.log(`${reader.name}, ${state.toLowerCase()}: ${outcome} (${seconds} s)`)
  found.set(reader, {
    ...(found.get(reader) ?? { version: opened.get(reader)?.version ?? '' }),
    [state]: outcome.split(/[:\n]/, 1)[0] ?? '',
  })
  const isLast = state === 'Stopped' || !reader.states.includes('Stopped')
  if (isLast) await opened.get(reader)?.close?.()
}

async function compare(state: State, reader: Reader): Promise<string> {
  const open = opened.get(reader) ?? (await reader.open(site))
  opened.set(reader, open)
  const differing: string[] = []
  let count = 0
  for (const table of TABLES) {
    const own = summaryOf(table, await ownRows(folder, table))
    const rows = await open.rows(state, table)
    const theirs = summaryOf(table, rows)
    if (theirs !== own) differing.push(`${table} has ${theirs}; query says ${own}`)
    count += rows.length
  }
  if (differing.length === 0) return `equal, ${count} rows`
  hasFailed = true
  return `differs: ${differing.join('; ')}`
}

async function ownRows(place: Folder, table: Table): Promise<readonly Row[]> {
  const query = await runCommand(place, ['query', '--json', `SELECT * FROM ${table}`])
  assert.equal(query.exit.code, 0, query.stderr)
  return JSON.parse(query.stdout) as readonly Row[]
}

function printTable(): void {
  console.log('\n| engine | version | running | stopped |\n|---|---|---|---|')
  for (const [{ name }, { version, Running = '–', Stopped = '–' }] of found) {
    console.log(`| ${name} | ${version} | ${Running} | ${Stopped} |`)
  }
}
