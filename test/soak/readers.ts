/**
 * Steady traffic for an hour beside nine readers that hold what they loaded for up to 55 minutes
 * before they read it. No reader may fail or miss a row, files and metadata must be bounded, and
 * commits as quick as without readers: the first and the last minutes have none.
 * usage: npm run test:soak:readers -- [--minutes 60] [--rate 50000] [--alone 5] [--seed S]
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { makeTraffic } from '../../src/demo-traffic.ts'
import { pythonReaders } from '../interop/python.ts'
import { openAgent, postAccepted, waitUntilSettled } from '../support/client.ts'
import { openFolder } from '../support/folder.ts'
import { runCommand, startProduct } from '../support/product.ts'

const READ_LIMIT_S = 240
const SAMPLE_MS = 60_000
const SCRIPT = join(import.meta.dirname, 'long_reader.py')

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    rate: { type: 'string', default: '50000' },
    alone: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
const [minutes, rate, alone, seed] = [values.minutes, values.rate, values.alone, values.seed].map(
  Number,
) as [number, number, number, number]
/** Kind and the share of the hour that it holds: three of each kind, 55 of 60 minutes at most. */
const READERS: readonly (readonly [kind: string, share: number])[] = [
  ...[5, 20, 55].map((of60) => ['pyiceberg', of60 / 60] as const),
  ...[10, 30, 55].map((of60) => ['duckdb', of60 / 60] as const),
  ...[15, 45, 55].map((of60) => ['files', of60 / 60] as const),
]

const { python, skip } = pythonReaders()
assert.ok(python !== null, String(skip))
const folder = await openFolder({ commitInterval: '1s', dedupe: { horizon: '2m' } })
const product = await startProduct(folder)
const startMs = Date.now()
const readersUntilMs = startMs + (alone + minutes) * 60_000
const untilMs = readersUntilMs + READ_LIMIT_S * 1000 + alone * 60_000
let accepted = 0
let sentLateMs = 0

async function sendTraffic(): Promise<void> {
  const agent = openAgent()
  let sent = 0
  const traffic = { seed, startUs: startMs * 1000, eventsPerSecond: rate, chunkEvents: 5_000 }
  for (const { bytes, events } of makeTraffic(traffic)) {
    if (Date.now() >= untilMs) break
    accepted += (await postAccepted(product.url, bytes, { agent })).accepted
    sent += events
    const aheadMs = startMs + (sent * 1000) / rate - Date.now()
    sentLateMs = Math.max(sentLateMs, -aheadMs)
    await sleep(Math.max(0, aheadMs))
  }
  agent.destroy()
}

type Read = Readonly<{ kind: string; expected: number; rows: number; held: number; read: number }>

async function runReader(kind: string, holdS: number): Promise<readonly Read[]> {
  const words = [folder.catalogPath, `${product.url}/iceberg`, holdS, readersUntilMs / 1000]
  const child = spawn(python as string, [SCRIPT, kind, ...words.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise((resolve) => child.on('exit', resolve))
  const reads: Read[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(line)
    reads.push(JSON.parse(line) as Read)
  }
  assert.equal(await ended, 0, `the ${kind} reader that held for ${holdS} s failed`)
  assert.ok(reads.length > 0, `the ${kind} reader that held for ${holdS} s never read`)
  return reads
}

/** Upper bound in seconds → commits up to it, as Prometheus has them. */
type Buckets = ReadonlyMap<number, number>

async function readBuckets(): Promise<Buckets> {
  const text = await (await fetch(`${product.url}/metrics`)).text()
  const lines = text.matchAll(
    /^campaign_metrics_commit_duration_seconds_bucket\{le="([^"]+)"\} (\d+)$/gm,
  )
  return new Map([...lines].map(([, le, n]) => [le === '+Inf' ? Infinity : Number(le), Number(n)]))
}

/** Between two bounds it is taken as even, as `histogram_quantile` of Prometheus does. */
function quantile(share: number, from: Buckets, to: Buckets): number {
  const within = [...to].map(([bound, n]) => [bound, n - (from.get(bound) ?? 0)] as const)
  const wanted = share * (within.at(-1)?.[1] ?? 0)
  let [low, below] = [0, 0]
  for (const [bound, n] of within) {
    if (n >= wanted) return low + ((bound - low) * (wanted - below)) / Math.max(1, n - below)
    ;[low, below] = [bound, n]
  }
  return low
}

async function measureFolder(): Promise<Readonly<Record<string, number>>> {
  const sums = { files: 0, mib: 0, metadataFiles: 0, metadataMib: 0 }
  for (const entry of await readdir(folder.warehousePath, {
    recursive: true,
    withFileTypes: true,
  })) {
    if (!entry.isFile()) continue
    const found = await stat(join(entry.parentPath, entry.name)).catch(() => null)
    if (found === null) continue
    sums.files++
    sums.mib += found.size / 2 ** 20
    if (!entry.parentPath.endsWith('metadata')) continue
    sums.metadataFiles++
    sums.metadataMib += found.size / 2 ** 20
  }
  return { ...sums, mib: Math.round(sums.mib), metadataMib: Math.round(sums.metadataMib) }
}

async function watchFolder(): Promise<void> {
  for (let minute = 0; Date.now() < untilMs; minute++) {
    if (minute % 5 === 0) console.log(`minute ${minute}: ${JSON.stringify(await measureFolder())}`)
    await sleep(Math.min(SAMPLE_MS, Math.max(0, untilMs - Date.now())))
  }
}

async function runReaders(): Promise<void> {
  const started = await readBuckets()
  await sleep(alone * 60_000)
  const before = await readBuckets()
  const reads = (
    await Promise.all(READERS.map(([kind, share]) => runReader(kind, share * minutes * 60)))
  ).flat()
  const during = await readBuckets()
  await sleep(Math.max(0, untilMs - Date.now()))
  const after = await readBuckets()
  for (const [phase, from, to] of [
    ['before the readers', started, before],
    ['beside the readers', before, during],
    ['after the readers', during, after],
  ] as const) {
    const [p50, p99] = [0.5, 0.99].map((share) => quantile(share, from, to).toFixed(3))
    const commits = (to.get(Infinity) ?? 0) - (from.get(Infinity) ?? 0)
    console.log(`${phase}: ${commits} commits, p50 ${p50} s, p99 ${p99} s`)
  }
  for (const read of reads) assert.equal(read.rows, read.expected, JSON.stringify(read))
  console.log(`${reads.length} reads of ${READERS.length} readers, each complete`)
}

console.log(`soak with readers: ${minutes} minutes at ${rate} events/s, seed ${seed}`)
try {
  await Promise.all([sendTraffic(), watchFolder(), runReaders()])
  const ledger = await waitUntilSettled(product.url, 120_000)
  console.log(`ledger: ${JSON.stringify(ledger)}; traffic was at most ${sentLateMs} ms late`)
  const verify = await runCommand(folder, ['verify'])
  console.log(verify.stdout.trim())
  assert.equal(verify.exit.code, 0, verify.stdout + verify.stderr)
  assert.equal(ledger.stored + ledger.duplicates, accepted)
} finally {
  await product.stop()
}
await folder.close()
