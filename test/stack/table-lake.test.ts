/** Lakes on S3 and PostgreSQL: merged and queried through copies, and written by two at once. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, type TestContext, test } from 'node:test'
import {
  answerRestCatalog,
  type Lake,
  type LakePlaces,
  newestWith,
  openLake,
  openLakeReader,
  readLake,
  relocateLake,
  type Writer,
} from '../../src/table.ts'
import { pythonReaders } from '../interop/python.ts'
import { openUpkeep } from '../support/maintenance.ts'
import { queryRows } from '../support/query-results.ts'
import { commitRows, dayRows, eventRow, metricsRow, NOON_US, WINDOW_US } from '../table/fixture.ts'
import { type LakeServices, openLakeServices, type RemotePlaces } from './support/lake-services.ts'

let services: LakeServices
before(async () => {
  services = await openLakeServices()
})
after(() => services.close())

const MINUTE_US = 60_000_000
const { python, skip } = pythonReaders()

async function open(
  t: TestContext,
  places: LakePlaces,
  writer: Writer = 'embedded',
  nowUs: () => number = () => Date.now() * 1000,
): Promise<Lake> {
  const lake = await openLake({ ...places, windowUs: WINDOW_US, writer, nowUs })
  t.after(() => lake.close())
  return lake
}

async function append(lake: Lake, name: string, arrivalUs = NOON_US): Promise<void> {
  const day = dayRows([eventRow({ eventId: name })], arrivalUs)
  await commitRows(lake, day, [metricsRow({ campaignId: name })], name)
}

async function copiesIn({ cache }: LakePlaces): Promise<number> {
  const names = await readdir(cache.directory, { recursive: true })
  return names.filter((name) => name.endsWith('.parquet')).length
}

test('DuckDB merges raw files on S3, and reads the result with and without copies', async (t) => {
  const places = await services.places()
  const lake = await open(t, places, 'embedded', () => NOON_US + 2 * MINUTE_US)
  for (let index = 0; index < 6; index++) await append(lake, `e-${index}`, NOON_US + index)
  const maintenance = openUpkeep(lake, {
    nowUs: () => NOON_US + 2 * MINUTE_US,
    steadyMs: () => 0,
    logProgress: () => null,
    onWarning: (text) => assert.fail(text),
  })
  const done = await maintenance.step()
  assert.equal(done?.task.kind, 'merge-events')
  assert.equal(done?.outcome, 'done')
  const [merged, ...others] = lake.events.files
  assert.ok(merged !== undefined && others.length === 0)
  assert.equal(merged.rows, 6)
  assert.deepEqual((await lake.fileTimes(merged)).dedupe, { minUs: NOON_US, maxUs: NOON_US + 5 })
  const sql = `SELECT count(*), min(event_id), max(event_id),
    (SELECT sum(impressions)::BIGINT FROM campaign_metrics) FROM campaign_events`
  const expected = [[6n, 'e-0', 'e-5', 60n]]
  assert.deepEqual(await queryRows(places, sql), expected)
  const kept = await copiesIn(places)
  assert.ok(kept >= 7, `${kept} copies`)
  await rm(places.cache.directory, { recursive: true })
  assert.deepEqual(await queryRows(places, sql), expected, 'fetched again')
  assert.equal(await copiesIn(places), 7, 'one raw file and six of metrics')
})

test('the REST catalog tells clients how to reach S3, and no credentials', async (t) => {
  const places = await services.places()
  await append(await open(t, places), 'a')
  const path = '/v1/namespaces/campaigns/tables/campaign_events'
  const request = { method: 'GET', path, query: new URLSearchParams() }
  const { status, body } = await answerRestCatalog(request, openLakeReader(places), {
    reason: 'nobody writes here',
  })
  assert.equal(status, 200)
  const answer = JSON.parse(body ?? '')
  assert.match(answer['metadata-location'], /^s3:\/\/lake\//)
  assert.deepEqual(answer.config, {
    's3.region': 'us-east-1',
    'client.region': 'us-east-1',
    's3.path-style-access': 'true',
    's3.endpoint': places.warehouse.endpoint,
  })
})

test('tables on S3 are not relocated, and another place in the settings is refused', async (t) => {
  const places = await services.places()
  await (await open(t, places)).close()
  await assert.rejects(relocateLake(places), { code: 'not-a-folder' })
  const warehouse = { ...places.warehouse, location: `${places.warehouse.location}-2` }
  await assert.rejects(open(t, { ...places, warehouse }), { code: 'other-warehouse' })
  const folder = { kind: 'folder', path: services.folder } as const
  await assert.rejects(open(t, { ...places, warehouse: folder }), { code: 'other-warehouse' })
  await assert.rejects(relocateLake({ ...places, warehouse: folder }), { code: 'not-a-folder' })
})

const CHECKPOINTS = 12

/**
 * Another program that appends to both tables, as Flink does; says which table has which
 * checkpoint.
 */
function startSecondWriter({ warehouse, catalog }: RemotePlaces, onLine: (line: string) => void) {
  const { user, password, port, database } = catalog
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = services.credentials
  const words = [
    join(import.meta.dirname, 'second-writer.py'),
    `postgresql+psycopg2://${user}:${password}@127.0.0.1:${port}/${database}`,
    String(CHECKPOINTS),
    `s3.endpoint=${warehouse.endpoint}`,
    `s3.access-key-id=${AWS_ACCESS_KEY_ID}`,
    `s3.secret-access-key=${AWS_SECRET_ACCESS_KEY}`,
    's3.region=us-east-1',
  ]
  const child = spawn(python ?? '', words, { stdio: ['ignore', 'pipe', 'inherit'] })
  createInterface({ input: child.stdout }).on('line', onLine)
  return new Promise<void>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`ended with ${code}`))))
  })
}

test('beside a second writer no commit is lost, and its last checkpoint is found (F9)', {
  skip,
}, async (t) => {
  const places = await services.places()
  const lake = await open(t, places, 'flink')
  let amended = 0
  /** What amends a window: its file is replaced by another one. */
  async function amend(): Promise<void> {
    await lake.refresh()
    const [file] = lake.metrics.files
    if (file === undefined) return
    const rows = await lake.readMetricsFile(file)
    const replaced = await lake.writeMetricsFile(
      file.day,
      rows.map((row) => ({ ...row, conversions: row.conversions + 1 })),
    )
    amended++
    await lake.commit({
      metrics: { add: [replaced], remove: [file] },
      summary: { 'campaign-metrics.amended': String(amended) },
      commitId: `amend-${amended}`,
    })
  }
  let amending = Promise.resolve()
  const writing = startSecondWriter(places, (line) => {
    // The writer goes on with the metrics: both want to commit to them now.
    if (line.startsWith('campaign_events')) amending = amending.then(amend)
  })
  await writing
  await amending
  await lake.expireSnapshots()
  await lake.close()
  assert.ok(amended >= CHECKPOINTS - 1, `only ${amended} amendments came in between`)
  const { events, metrics } = await readLake(places)
  assert.equal(events.files.length, CHECKPOINTS)
  assert.equal(metrics.files.length, CHECKPOINTS)
  for (const view of [events, metrics]) {
    const newest = newestWith(view, 'flink.max-committed-checkpoint-id')
    assert.equal(newest?.summary['flink.max-committed-checkpoint-id'], String(CHECKPOINTS))
  }
  const own = newestWith(metrics, 'campaign-metrics.amended')
  assert.equal(own?.summary['campaign-metrics.amended'], String(amended))
  assert.equal(
    newestWith(events, 'campaign-metrics.amended'),
    null,
    'the raw table was not touched',
  )
  const sql = `SELECT count(DISTINCT event_id),
    (SELECT count(DISTINCT window_start) FROM campaign_metrics),
    (SELECT sum(conversions)::BIGINT FROM campaign_metrics) FROM campaign_events`
  const all = BigInt(CHECKPOINTS)
  assert.deepEqual(await queryRows(places, sql), [[all, all, BigInt(amended)]])
})

test('a change whose file is gone is refused, and nothing of it stays behind', async (t) => {
  const places = await services.places()
  const lake = await open(t, places, 'flink')
  await append(lake, 'a')
  const [file] = lake.metrics.files
  assert.ok(file !== undefined)
  const replace = async (): Promise<void> => {
    const replaced = await lake.writeMetricsFile(file.day, [metricsRow()])
    const change = { add: [replaced], remove: [file] }
    await lake
      .commit({ metrics: change, summary: {}, commitId: randomUUID() })
      .catch(async (error) => {
        await lake.discard([replaced])
        throw error
      })
  }
  await replace()
  await assert.rejects(replace(), { code: 'missing-file' })
  assert.equal(await lake.sweepOrphans(Number.POSITIVE_INFINITY), 0)
  assert.equal(lake.metrics.files.length, 1)
})
