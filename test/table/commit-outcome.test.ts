/**
 * What becomes of a commit whose answer was lost: it is tried again with growing pauses, found
 * where another writer has built on it, or left open; and how a wait for the catalog is reported.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { type Catalog, openCatalog, type Pointers, reportWait } from '../../src/table/catalog.ts'
import { type Lake, type LakeOptions, readLake, TableError } from '../../src/table.ts'
import { dayRows, eventRow, openPlace, type Place } from './fixture.ts'

type OpenCatalog = NonNullable<LakeOptions['openCatalog']>

async function commitEvent(lake: Lake, eventId: string): Promise<void> {
  const file = await lake.writeEventsFile(dayRows([eventRow({ eventId })]))
  await lake.commit({ events: { add: [file], remove: [] }, summary: {}, commitId: eventId })
}

/** Opens the catalog; `swap` stands in for its own, which it is given. */
function withSwap(
  swap: (own: Catalog['swap'], ...given: Parameters<Catalog['swap']>) => Promise<void>,
): OpenCatalog {
  return async (place) => {
    const inner = await openCatalog(place)
    return { ...inner, swap: (...given) => swap(inner.swap, ...given) }
  }
}

test('a commit is tried five times, after 0.1 s and then twice the pause before', async (t) => {
  for (const error of [
    new Error('connection reset'),
    new TableError('catalog-failed', { catalog: 'c', reason: 'away' }),
  ]) {
    const pauses: number[] = []
    const lake = await (await openPlace(t)).open({
      pause: async (durationMs) => void pauses.push(durationMs),
      openCatalog: withSwap(() => Promise.reject(error)),
    })
    await assert.rejects(commitEvent(lake, 'a'), { code: 'catalog-failed', message: /5 tries/ })
    assert.deepEqual(pauses, [100, 200, 400, 800])
  }
})

/** The answer of the first commit is lost, and no connection can be made any more. */
function openLost(at: { isAway: boolean }): OpenCatalog {
  return async (place) => {
    if (at.isAway) throw new Error('no route to host')
    const inner = await openCatalog(place)
    return {
      ...inner,
      async swap() {
        at.isAway = true
        throw new Error('connection reset')
      },
    }
  }
}

test('an outcome is asked for ever less often, at least every five seconds', async (t) => {
  const pauses: number[] = []
  const reasons: (string | null)[] = []
  const lake = await (await openPlace(t)).open({
    pause: async (durationMs) => void pauses.push(durationMs),
    onWait: (reason) => reasons.push(reason),
    openCatalog: openLost({ isAway: false }),
  })
  await assert.rejects(commitEvent(lake, 'a'), { code: 'outcome-unknown', message: /no route/ })
  assert.deepEqual(pauses.slice(0, 8), [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000])
  const totalMs = pauses.reduce((sum, pauseMs) => sum + pauseMs, 0)
  assert.ok(totalMs > 9 * 60_000 && totalMs < 12 * 60_000, `${totalMs} ms`)
})

test('a process that is to end asks five times at most', async (t) => {
  let asked = 0
  const lake = await (await openPlace(t)).open({
    openCatalog: openLost({ isAway: false }),
    pause: async () => {
      asked++
      if (asked === 9) lake.stopWaiting()
    },
  })
  await assert.rejects(commitEvent(lake, 'a'), { code: 'outcome-unknown' })
  assert.equal(asked, 9)

  const second = await (await openPlace(t)).open({
    openCatalog: openLost({ isAway: false }),
    pause: async () => void asked++,
  })
  second.stopWaiting()
  await assert.rejects(commitEvent(second, 'a'), { code: 'outcome-unknown' })
  assert.equal(asked, 14)
})

/** The metadata file at this location with these changes, as the next one. */
function nextMetadata(location: string, change: (json: string) => string): string {
  const next = location.replace(/\/(\d+)-[^/]+$/, (_, number: string) => {
    return `/${String(Number(number) + 1).padStart(5, '0')}-${randomUUID()}.metadata.json`
  })
  const text = readFileSync(location.replace('file://', ''), 'utf8')
  writeFileSync(next.replace('file://', ''), change(text))
  return next
}

/** With another owner, so that a test knows it again. Numbers of 63 bits stay text. */
const owned = (json: string): string =>
  json.replace('"properties":{', '"properties":{"owner":"another program",')

const logged = (json: string, location: string): string => {
  const entry = `{"timestamp-ms":1,"metadata-file":"${location}"}`
  return json.replace(/"metadata-log":\[[^\]]*\]/, `"metadata-log":[${entry}]`)
}
const unlogged = (json: string): string =>
  json.replace(/"metadata-log":\[[^\]]*\]/, '"metadata-log":[]')

/** Another writer moves the events table on from what is there now. */
async function commitAsOther(
  place: Place,
  change: (json: string, location: string) => string,
): Promise<Pointers> {
  const catalog = await openCatalog(place.catalog)
  const pointers = await catalog.read()
  assert.ok(pointers !== null)
  const events = nextMetadata(pointers.events, (json) => owned(change(json, pointers.events)))
  await catalog.swap({ events: pointers.events }, { events }, () => {})
  await catalog.close()
  return { ...pointers, events }
}

/** Once, another writer commits after ours has landed, and the answer to ours is lost. */
function openOvertaken(
  place: Place,
  change: (json: string, location: string) => string,
): OpenCatalog {
  let isFirst = true
  return withSwap(async (own, ...given) => {
    await own(...given)
    if (!isFirst) return
    isFirst = false
    await commitAsOther(place, change)
    throw new Error('connection reset')
  })
}

for (const [name, change] of [
  ['its metadata log', logged],
  ['its snapshots alone', unlogged],
] as const) {
  test(`a commit that another writer built on has landed: told by ${name}`, async (t) => {
    const place = await openPlace(t)
    const openCatalog = openOvertaken(place, change)
    const lake = await place.open({ writer: 'flink', openCatalog })
    await commitEvent(lake, 'a')
    assert.equal(lake.events.files.length, 1)
    assert.equal(lake.events.properties.owner, 'another program', 'what came after is loaded')
    await commitEvent(lake, 'b')
    const read = await readLake(place)
    assert.equal(read.events.summary['total-records'], '2')
    assert.equal(read.events.properties.owner, 'another program')
  })
}

test('a commit that is in no history was refused: the table that changed is named', async (t) => {
  const place = await openPlace(t)
  let before = ''
  let metrics = ''
  const openCatalog = withSwap(async (own, base, next) => {
    // Another writer was quicker with one table, and the refusal was lost: each time.
    before = base.metrics ?? ''
    const moved = nextMetadata(before, unlogged)
    await own({ metrics: before }, { metrics: moved }, () => {})
    metrics = moved
    assert.ok(next.metrics !== metrics)
    throw new Error('connection reset')
  })
  const lake = await place.open({ openCatalog, pause: async () => {} })
  const committing = lake.commit({ summary: {}, commitId: 'a' })
  await assert.rejects(committing, (error: unknown) => {
    assert.ok(error instanceof TableError && error.cause instanceof TableError)
    assert.equal(error.code, 'overtaken')
    assert.equal(error.cause.code, 'commit-conflict')
    const { table, base, current } = error.cause.facts
    assert.deepEqual([table, base, current], ['campaign_metrics', before, metrics])
    return true
  })
})

test('metadata of another writer that cannot be read leaves the outcome open', async (t) => {
  const place = await openPlace(t)
  const openCatalog = openOvertaken(place, () => 'no metadata')
  const lake = await place.open({ writer: 'flink', openCatalog })
  await assert.rejects(commitEvent(lake, 'a'), { code: 'outcome-unknown' })
  await assert.rejects(commitEvent(lake, 'b'), { code: 'outcome-unknown' })
})

test('a refresh loads what another writer has committed, and keeps the other table', async (t) => {
  const place = await openPlace(t)
  const lake = await place.open({ writer: 'flink' })
  const { events, metrics } = lake
  await lake.refresh()
  assert.equal(lake.events, events)
  const pointers = await commitAsOther(place, logged)
  await lake.refresh()
  assert.equal(lake.events.metadataLocation, pointers.events)
  assert.equal(lake.events.properties.owner, 'another program')
  assert.equal(lake.metrics, metrics)
})

/** `act` is told to end after so many seconds of the mocked clock. */
async function reportedIn(t: TestContext, seconds: number, own: string | null = null) {
  const reports: (string | null)[] = []
  const ending = Promise.withResolvers<string>()
  t.mock.timers.enable({ apis: ['setInterval'] })
  const waiting = reportWait(
    'lake.db',
    (reason) => reports.push(reason),
    async (onWait) => {
      if (own !== null) onWait(own)
      return await ending.promise
    },
  )
  t.mock.timers.tick(seconds * 1000)
  ending.resolve('done')
  assert.equal(await waiting, 'done')
  t.mock.timers.tick(5_000)
  t.mock.timers.reset()
  return reports
}

test('a wait for the catalog is reported each second with its length, then its end', async (t) => {
  const reports = await reportedIn(t, 3)
  assert.equal(reports.length, 4)
  for (const [index, seconds] of [1, 2, 3].entries()) {
    assert.match(reports[index] ?? '', new RegExp(`lake\\.db .* for ${seconds} s: .*Events wait`))
  }
  assert.equal(reports[3], null)
})

test('a wait of less than a second is not reported; a known reason is', async (t) => {
  assert.deepEqual(await reportedIn(t, 0.9), [])
  const known = 'the server restarts'
  assert.deepEqual(await reportedIn(t, 2, known), [known, known, null])
})
