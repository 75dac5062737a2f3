/**
 * Commits of clients beside Flink: by compare-and-swap, beside a process that holds the writer's
 * lock, which sees them at its next look. What changes rows says so in the table, until the windows
 * have been compared.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Catalog, openCatalog } from '../../src/table/catalog.ts'
import {
  changedSpans,
  clientRows,
  type Lake,
  openLakeReader,
  openUnlockedWriter,
  readLake,
  type UnlockedWriterOptions,
} from '../../src/table.ts'
import { type Client, EVENTS, type Json, openClient, writeSnapshot } from './client-requests.ts'
import { commitRows, dayRows, eventRow, metricsRow, NOON_US, openPlace } from './fixture.ts'

type World = Client &
  Readonly<{
    /** Of the leader: Flink appends, and this one keeps the tables in order. */
    lake: Lake
    properties(): Promise<Readonly<Record<string, string>>>
    current(): Promise<Readonly<{ events: string; metrics: string }>>
  }>

async function openWorld(
  t: TestContext,
  options: Partial<UnlockedWriterOptions> = {},
  writer: 'embedded' | 'flink' = 'flink',
): Promise<World> {
  const place = await openPlace(t)
  const lake = await place.open({ writer })
  await commitRows(lake, dayRows([eventRow()]), [metricsRow()], '1')
  const clients = openUnlockedWriter({
    ...place,
    nowUs: () => NOON_US,
    pause: async () => {},
    ...options,
  })
  return {
    lake,
    ...openClient(openLakeReader(place), clients),
    properties: async () => (await readLake(place)).properties,
    async current() {
      const { events, metrics } = await readLake(place)
      return { events: events.metadataLocation, metrics: metrics.metadataLocation }
    },
  }
}

const property = (name: string, value: string): Json => ({
  action: 'set-properties',
  updates: { [name]: value },
})

/** The catalog with another end of its transactions, while it is asked for. */
function ending(swap: (inner: Catalog, ...args: Parameters<Catalog['swap']>) => Promise<void>) {
  return async (place: Parameters<typeof openCatalog>[0]): Promise<Catalog> => {
    const inner = await openCatalog(place)
    return { ...inner, swap: (...args) => swap(inner, ...args) }
  }
}

test('a commit lands beside the holder of the lock, whose next one goes on top of it', async (t) => {
  const { lake, post, load, properties } = await openWorld(t)
  const updates = [property('owner', 'growth')]
  const answer = await post(EVENTS, { updates })
  assert.equal(answer.status, 200, answer.message)
  assert.deepEqual(answer.json.metadata, await load())
  await commitRows(
    lake,
    dayRows([eventRow({ eventId: '2' })]),
    [metricsRow({ campaignId: 'x' })],
    '2',
  )
  assert.equal((await properties()).owner, 'growth')
  assert.equal(lake.events.files.length, 2)
  const tag = { 'ref-name': 'kept', type: 'tag', 'snapshot-id': lake.events.snapshotId }
  assert.equal(
    (await post(EVENTS, { updates: [{ action: 'set-snapshot-ref', ...tag }] })).status,
    200,
  )
})

test('a transaction changes both tables at once', async (t) => {
  const { post, current } = await openWorld(t)
  const before = await current()
  const changes = ['campaign_events', 'campaign_metrics'].map((name) => ({
    identifier: { namespace: ['campaigns'], name },
    requirements: [],
    updates: [property('owner', 'growth')],
  }))
  assert.equal((await post('/v1/transactions/commit', { 'table-changes': changes })).status, 204)
  const after = await current()
  assert.notEqual(after.events, before.events)
  assert.notEqual(after.metrics, before.metrics)
})

test('a commit of another in between is a 409, is never built on, and leaves no file', async (t) => {
  const other: { commit: () => Promise<void> } = { commit: async () => {} }
  const openCatalog = ending(async (inner, base, next, onStep) => {
    await other.commit()
    await inner.swap(base, next, onStep)
  })
  const { lake, post, current } = await openWorld(t, { openCatalog })
  let theirs: unknown
  other.commit = async () => {
    await commitRows(
      lake,
      dayRows([eventRow({ eventId: '2' })]),
      [metricsRow({ campaignId: 'x' })],
      '2',
    )
    theirs = await current()
  }
  const { status, type } = await post(EVENTS, { updates: [property('owner', 'growth')] })
  assert.deepEqual([status, type], [409, 'CommitFailedException'])
  assert.deepEqual(await current(), theirs)
  other.commit = async () => {}
  assert.equal(await lake.sweepOrphans(Number.POSITIVE_INFINITY), 0)
  assert.equal((await post(EVENTS, { updates: [property('owner', 'growth')] })).status, 200)
})

test('a COMMIT without an answer is read back: landed, or not known', async (t) => {
  let readsBack = true
  const lost = ending(async (inner, base, next, onStep) => {
    await inner.swap(base, next, onStep)
    throw new Error('connection lost')
  })
  const { post, properties } = await openWorld(t, {
    openCatalog: async (place) => {
      const inner = await lost(place)
      const readSettled: Catalog['readSettled'] = async () => {
        if (readsBack) return await inner.readSettled()
        throw new Error('no answer')
      }
      return { ...inner, readSettled }
    },
  })
  assert.equal((await post(EVENTS, { updates: [property('owner', 'a')] })).status, 200)
  readsBack = false
  const { status, type } = await post(EVENTS, { updates: [property('owner', 'b')] })
  assert.deepEqual([status, type], [500, 'CommitStateUnknownException'])
  assert.equal((await properties()).owner, 'b', 'the file was left for the catalog that has it')
})

test('a snapshot by which it is known how far the tables have come does not expire', async (t) => {
  const { lake, post, load } = await openWorld(t)
  const newest = lake.events.snapshotId
  assert.equal((await post(EVENTS, { updates: await writeSnapshot(lake, 'theirs') })).status, 200)
  const expire = { action: 'remove-snapshots', 'snapshot-ids': [newest] }
  const { status, message } = await post(EVENTS, { updates: [expire] })
  assert.equal(status, 400)
  assert.match(message, new RegExp(`have to stay: ${newest}$`))
  assert.equal(((await load()).snapshots as Json[]).length, 2)
})

test('tables that another engine fills are left to its own process', async (t) => {
  const { post, current } = await openWorld(t, {}, 'embedded')
  const before = await current()
  const { status, message } = await post(EVENTS, { updates: [property('owner', 'growth')] })
  assert.equal(status, 503)
  assert.match(message, /embedded/)
  assert.deepEqual(await current(), before)
})

test('removed rows are noted in the same commit, until their windows have been compared', async (t) => {
  const { lake, post, properties } = await openWorld(t)
  const [file] = lake.events.files
  assert.ok(file !== undefined)
  const updates = await writeSnapshot(lake, 'theirs', { without: [file.path] })
  const answer = await post(EVENTS, { updates })
  assert.equal(answer.status, 200, answer.message)
  assert.deepEqual(clientRows(await properties()), { addedRows: 1, removedRows: 1 })
  const sequence = lake.events.sequenceNumber + 1
  assert.deepEqual(changedSpans(await properties()), [
    { sequence, fromUs: NOON_US, toUs: NOON_US + 1 },
  ])
  await lake.settleSpans({ sequence, untilUs: NOON_US })
  assert.equal(changedSpans(await properties()).length, 1, 'its window is open')
  await lake.settleSpans({ sequence: sequence - 1, untilUs: NOON_US + 300_000_000 })
  assert.equal(changedSpans(await properties()).length, 1, 'it came after what was compared')
  await lake.settleSpans({ sequence, untilUs: NOON_US + 300_000_000 })
  assert.deepEqual(changedSpans(await properties()), [])
  assert.deepEqual(clientRows(await properties()), { addedRows: 1, removedRows: 1 })
  const own = { action: 'set-properties', updates: { 'campaign-metrics.changed-spans': '' } }
  assert.match((await post(EVENTS, { updates: [own] })).message, /campaign-metrics alone/)
})
