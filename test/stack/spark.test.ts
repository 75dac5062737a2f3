/**
 * Spark beside a running process that commits all the time, with the settings and the stream that
 * docs/reading.md gives it, for longer than snapshots live.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { documentedLines, type Site } from '../interop/documented.ts'
import { postAccepted, waitUntilSettled } from '../support/client.ts'
import { eventLine } from '../support/events.ts'
import { openFolder } from '../support/folder.ts'
import { type Product, startProduct } from '../support/product.ts'
import { installSpark, sparkEnvironment, sparkPackages, sparkSettings } from './support/spark.ts'

type Outcome<Found> = Readonly<{ found: Found | null; error: string | null }>
type Line = Outcome<unknown> & Readonly<{ what: 'rows' | 'stream' | 'insert' }>

const PROGRAM = join(import.meta.dirname, 'spark_reader.py')
const TABLE = 'lake.campaigns.campaign_events'
const SEND_MS = 500

let site: Site
let product: Product
let scratch: string
let sent = 0
let isOver = false
const lines: Line[] = []

before(async () => {
  const folder = await openFolder({ commitInterval: '500ms' })
  product = await startProduct(folder)
  site = { folder, url: product.url }
  scratch = await mkdtemp(join(tmpdir(), 'spark-'))
  await send()
  await waitUntilSettled(product.url)
  const sending = (async () => {
    for (; !isOver; await sleep(SEND_MS)) await send()
  })()
  await runSpark()
  isOver = true
  await sending
})
after(async () => {
  isOver = true
  await product.stop()
  await site.folder.close()
  await rm(scratch, { recursive: true })
})

async function send(): Promise<void> {
  await postAccepted(product.url, eventLine({ event_id: `event-${sent}` }))
  sent += 1
}

/** An error of Spark's fails the test with its words. */
function foundOf<Found>(what: Line['what']): readonly Found[] {
  return lines
    .filter((line) => line.what === what)
    .map(({ found, error }) => (error === null ? (found as Found) : assert.fail(error)))
}

test('queries never fail, and each sees what is new', () => {
  const counts = foundOf<number>('rows')
  assert.ok(counts.length >= 6, `${counts.length} queries`)
  const standing = counts.filter((count, at) => at > 0 && count <= (counts[at - 1] ?? 0))
  assert.deepEqual(standing, [], `each sees more: ${counts}`)
})

test('a stream goes on after half a minute, without a gap and without a repeat', () => {
  const [first = [], second = []] = foundOf<readonly string[]>('stream')
  const numbers = second.map((id) => Number(id.split('-')[1])).sort((a, b) => a - b)
  const from = numbers[0] ?? 0
  assert.ok(from > 0, 'the first events were in snapshots that have expired')
  assert.deepEqual(
    numbers,
    numbers.map((_, at) => from + at),
  )
  assert.ok(first.length > 0 && second.length > first.length, `${first.length}, ${second.length}`)
})

test('an INSERT is refused', () => {
  const [insert] = lines.filter(({ what }) => what === 'insert')
  assert.match(insert?.error ?? '', /does not support endpoint/)
  console.log(globSync(`${site.folder.warehousePath}/campaigns/campaign_events/data/*/0*.parquet`))
})

async function runSpark(): Promise<void> {
  const [shell, stream] = documentedLines('Spark', 'Running', site, 'campaign_events')
  const environment = sparkEnvironment(installSpark())
  const given = [...sparkSettings(shell?.text ?? ''), PROGRAM, TABLE, scratch, stream?.text ?? '']
  const child = spawn('spark-submit', given, { cwd: scratch, env: environment })
  let log = ''
  child.stderr.on('data', (text) => {
    log += text
  })
  createInterface(child.stdout).on('line', (line) => {
    if (line.startsWith('FOUND ')) lines.push(JSON.parse(line.slice('FOUND '.length)))
  })
  const code = await new Promise((resolve) => child.on('close', resolve))
  assert.equal(code, 0, log.slice(-5_000))
}
