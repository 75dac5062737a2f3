import { strict as assert } from 'node:assert'
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { openCatalog } from '../../src/table/catalog.ts'
import { TABLE_KEYS } from '../../src/table/definition.ts'
import { openDiskStorage } from '../../src/table/storage.ts'
import {
  COMMIT_STEPS,
  type CommitStep,
  isTransient,
  type Lake,
  type LakeOptions,
  readLake,
  type Storage,
  TableError,
  type TableErrorCode,
  type TableView,
} from '../../src/table.ts'
import { dayRows, eventRow, metricsRow, NOON_US, openPlace, WINDOW_US } from './fixture.ts'

const DAY = 20_779

/** Every value of a view, whatever kind of byte array holds it. */
function inspect(view: TableView): string {
  return JSON.stringify(view, (_, value: unknown) => {
    if (typeof value === 'bigint') return String(value)
    return value instanceof Map
      ? Array.from(value, ([id, each]) => [id, typeof each === 'number' ? each : Buffer.from(each)])
      : value
  })
}

async function commitOne(lake: Lake, name: string): Promise<void> {
  const events = await lake.writeEventsFile(dayRows([eventRow({ eventId: name })]))
  const metrics = await lake.writeMetricsFile(DAY, [metricsRow({ campaignId: name })])
  const remove = lake.metrics.files
  await lake.commit({
    events: { add: [events], remove: [] },
    metrics: { add: [metrics], remove },
    summary: { 'campaign-metrics.next-offset': name },
    commitId: name,
  })
}

async function eventIds(lake: Pick<Lake, 'events' | 'readEventIds'>): Promise<string[]> {
  const ids: string[] = []
  for (const file of lake.events.files) {
    for await (const page of lake.readEventIds(file)) {
      for (const id of page) ids.push(Buffer.from(id).toString())
    }
  }
  return ids.toSorted()
}

test("a commit shows in both tables, with Iceberg's totals and the writer's keys", async (t) => {
  const place = await openPlace(t)
  const lake = await place.open()
  await commitOne(lake, 'a')
  await commitOne(lake, 'b')
  const read = await readLake(place)
  assert.equal(read.events.summary.operation, 'append')
  assert.equal(read.events.summary['total-records'], '2')
  assert.equal(read.events.summary['total-data-files'], '2')
  assert.equal(read.events.summary['added-records'], '1')
  assert.equal(read.metrics.summary.operation, 'overwrite')
  assert.equal(read.metrics.summary['total-records'], '1')
  assert.equal(read.metrics.summary['deleted-data-files'], '1')
  for (const view of [read.events, read.metrics]) {
    assert.equal(view.summary['campaign-metrics.next-offset'], 'b')
    assert.equal(view.summary['campaign-metrics.commit-id'], 'b')
    assert.equal(view.sequenceNumber, 2)
  }
  assert.equal(inspect(read.events), inspect(lake.events))
  assert.equal(inspect(read.metrics), inspect(lake.metrics))
})

test('a commit without files moves the checkpoint in both tables', async (t) => {
  const lake = await (await openPlace(t)).open()
  await commitOne(lake, 'a')
  const summary = { 'campaign-metrics.next-offset': '7' }
  await lake.commit({ summary, commitId: 'only duplicates' })
  assert.equal(lake.events.summary['campaign-metrics.next-offset'], '7')
  assert.equal(lake.metrics.summary['campaign-metrics.next-offset'], '7')
  assert.equal(lake.events.summary['total-records'], '1')
  assert.equal(lake.events.files.length, 1)
})

test('a merge is a replace, and it carries the checkpoint on', async (t) => {
  const lake = await (await openPlace(t)).open()
  await commitOne(lake, 'a')
  await commitOne(lake, 'b')
  const rows = [eventRow({ eventId: 'a' }), eventRow({ eventId: 'b' })]
  const merged = await lake.writeEventsFile(dayRows(rows))
  const events = { add: [merged], remove: lake.events.files, rewrite: true }
  await lake.commit({ events, summary: {}, commitId: 'merge' })
  assert.equal(lake.events.summary.operation, 'replace')
  assert.equal(lake.events.summary['campaign-metrics.next-offset'], 'b')
  assert.deepEqual(await eventIds(lake), ['a', 'b'])
})

test('the same file is refused a second time, also after a restart (F12)', async (t) => {
  const place = await openPlace(t)
  const lake = await place.open()
  const file = await lake.writeEventsFile(dayRows([eventRow()]))
  const events = { add: [file], remove: [] }
  const twice = { add: [file, file], remove: [] }
  const refused = { code: 'duplicate-file' }
  await assert.rejects(lake.commit({ events: twice, summary: {}, commitId: '1' }), refused)
  await lake.commit({ events, summary: {}, commitId: '2' })
  await assert.rejects(lake.commit({ events, summary: {}, commitId: '3' }), refused)
  await lake.close()
  const again = await place.open()
  await assert.rejects(again.commit({ events, summary: {}, commitId: '4' }), refused)
  assert.equal(again.events.summary['total-records'], '1')
})

test('a file that is not in the table cannot be replaced', async (t) => {
  const lake = await (await openPlace(t)).open()
  const file = await lake.writeEventsFile(dayRows([eventRow()]))
  const events = { add: [], remove: [file] }
  const commit = lake.commit({ events, summary: {}, commitId: '1' })
  await assert.rejects(commit, { code: 'missing-file' })
})

test('commits asked for at once follow each other', async (t) => {
  const lake = await (await openPlace(t)).open()
  const files = await Promise.all(
    ['a', 'b', 'c'].map((eventId) => lake.writeEventsFile(dayRows([eventRow({ eventId })]))),
  )
  const commits = files.map((file, index) =>
    lake.commit({ events: { add: [file], remove: [] }, summary: {}, commitId: String(index) }),
  )
  await Promise.all(commits)
  assert.deepEqual(await eventIds(lake), ['a', 'b', 'c'])
  assert.equal(lake.events.sequenceNumber, 3)
})

type OpenCatalog = NonNullable<LakeOptions['openCatalog']>

/** A catalog whose first `failures` swaps throw, before or after the transaction's COMMIT. */
function failingCatalog(when: 'before' | 'after', failures: number): OpenCatalog {
  let left = failures
  return async (place) => {
    const inner = await openCatalog(place)
    return {
      ...inner,
      async swap(base, next, onStep) {
        const fails = left-- > 0
        if (fails && when === 'before') throw new Error('disk I/O error')
        await inner.swap(base, next, onStep)
        if (fails) throw new Error('disk I/O error')
      },
    }
  }
}

for (const when of ['before', 'after'] as const) {
  test(`a COMMIT with its answer lost ${when} it ran is there once, whole (F1, F3)`, async (t) => {
    const place = await openPlace(t)
    const lake = await place.open({ openCatalog: failingCatalog(when, 2) })
    await commitOne(lake, 'a')
    await commitOne(lake, 'b')
    assert.equal(lake.events.sequenceNumber, 2)
    assert.deepEqual(await eventIds(lake), ['a', 'b'])
    await lake.close()
    assert.deepEqual(await eventIds(await place.open()), ['a', 'b'])
  })
}

test('a catalog that takes no commit leaves the table as it was and deletes no file', async (t) => {
  const place = await openPlace(t)
  const lake = await place.open({ openCatalog: failingCatalog('before', 5) })
  const before = lake.events
  await assert.rejects(commitOne(lake, 'a'), { code: 'catalog-failed', canRetry: true })
  assert.equal(lake.events, before)
  const folder = path.join(before.folder, 'metadata')
  assert.equal(readdirSync(folder).filter((name) => name.startsWith('snap-')).length, 1)
  assert.equal(
    await lake.sweepOrphans(Number.POSITIVE_INFINITY),
    0,
    'nothing is swept after a doubtful commit',
  )
  await commitOne(lake, 'b')
  assert.deepEqual(await eventIds(lake), ['b'])
})

test('an outcome not read back stays unknown: no deletes, no writes after it (F3)', async (t) => {
  const place = await openPlace(t)
  let broken = false
  const lake = await place.open({
    openCatalog: async (at) => {
      if (broken) throw new Error('unable to open database file')
      const inner = await openCatalog(at)
      return {
        ...inner,
        async swap(base, next, onStep) {
          await inner.swap(base, next, onStep)
          broken = true
          throw new Error('disk I/O error')
        },
      }
    },
  })
  await assert.rejects(commitOne(lake, 'a'), { code: 'outcome-unknown' })
  await assert.rejects(commitOne(lake, 'b'), { code: 'outcome-unknown' })
  await lake.close()
  assert.deepEqual(await eventIds(await place.open()), ['a'], 'it had landed')
})

test('a writer that is overtaken each time changes nothing and says so (F8)', async (t) => {
  const place = await openPlace(t)
  const lake = await place.open({
    pause: async () => {},
    openCatalog: async (at) => {
      const inner = await openCatalog(at)
      return {
        ...inner,
        async swap(base, next, onStep) {
          const other = { events: `${base.events}x`, metrics: `${base.metrics}x` }
          for (const key of TABLE_KEYS) copyFileSync(new URL(base[key]!), new URL(other[key]))
          await inner.swap(base, other, () => {})
          await inner.swap(base, next, onStep)
        },
      }
    },
  })
  const before = lake.events
  await assert.rejects(commitOne(lake, 'a'), (error: unknown) => {
    assert(error instanceof TableError)
    assert.equal(error.code, 'overtaken')
    assert.equal(error.facts.table, 'campaign_events')
    assert.match(
      lake.events.metadataLocation,
      /metadata\.jsonx+$/,
      'what was found is gone on from',
    )
    return true
  })
  assert.deepEqual(lake.events.files, before.files)
  assert.equal(lake.events.history.length, before.history.length)
})

test('a second writer on the same catalog is refused at once (F7)', async (t) => {
  const place = await openPlace(t)
  const lake = await place.open()
  await assert.rejects(place.open(), { code: 'locked' })
  await lake.close()
  await place.open()
})

/** A storage whose write fails with ENOSPC once `allowed` files were written. */
function fullStorage(allowed: number): Storage {
  const inner = openDiskStorage()
  let left = allowed
  return {
    ...inner,
    async write(file, chunks, onWritten) {
      if (left-- > 0) return inner.write(file, chunks, onWritten)
      throw new TableError('storage-failed', { path: file, reason: 'ENOSPC: no space left' })
    },
  }
}

test('a disk that fills up in a commit loses nothing and leaves no half commit (F6)', async (t) => {
  // Two files make the tables, two are data files; a commit writes six more.
  for (const allowed of [4, 5, 6, 7, 8, 9]) {
    const place = await openPlace(t)
    const lake = await place.open({ storage: fullStorage(allowed) })
    await assert.rejects(commitOne(lake, 'a'), { code: 'storage-failed', canRetry: true })
    assert.equal(lake.events.snapshotId, null)
    const folder = path.join(lake.events.folder, 'metadata')
    assert.equal(readdirSync(folder).length, 1, 'what the commit wrote is removed')
    assert.deepEqual((await readLake(place)).events.files, [])
  }
})

test('the steps of a commit come in their order, and every one is named', async (t) => {
  const steps: CommitStep[] = []
  const lake = await (await openPlace(t)).open({ onStep: (step) => steps.push(step) })
  await commitOne(lake, 'a')
  await lake.close()
  const first = [...new Set(steps)]
  assert.deepEqual(first.toSorted(), [...COMMIT_STEPS].toSorted())
  const at = (step: CommitStep) => steps.lastIndexOf(step)
  assert(at('data-file-written') < at('data-file-synced'))
  for (const step of ['manifest-written', 'manifest-list-written', 'metadata-written'] as const) {
    assert(at('data-file-synced') < at(step))
    assert(at(step) < at('folders-synced'), step)
  }
  const last = ['folders-synced', 'transaction-begun', 'pointers-swapped', 'committed', 'cleaned']
  assert.deepEqual(steps.slice(-5), last)
})

for (const step of COMMIT_STEPS) {
  test(`after ${step} fails, a table opens with all of the commit or none (F4)`, async (t) => {
    const place = await openPlace(t)
    const first = await place.open()
    await commitOne(first, 'a')
    await first.close()
    let armed = true
    const lake = await place.open({
      onStep(at) {
        if (at !== step || !armed) return
        armed = false
        throw new Error(`stopped at ${step}`)
      },
    })
    const failure = await commitOne(lake, 'b').then(
      () => null,
      (error: unknown) => error,
    )
    await lake.close().catch(() => {})
    const again = await place.open()
    const ids = await eventIds(again)
    assert.deepEqual(ids, failure === null ? ['a', 'b'] : ['a'])
    await commitOne(again, 'c')
    assert(existsSync(path.join(again.events.folder, 'metadata')))
    assert.equal(again.events.files.length, ids.length + 1)
  })
}

test('windows and writer of filled tables cannot change, those of empty ones can', async (t) => {
  const place = await openPlace(t)
  await (await place.open()).close()
  const lake = await place.open({ windowUs: WINDOW_US / 5 })
  assert.equal(lake.events.properties['campaign-metrics.window'], 'PT1M')
  assert.equal(lake.metrics.properties['campaign-metrics.window'], 'PT1M')
  await commitOne(lake, 'a')
  await lake.close()
  await assert.rejects(place.open(), { code: 'other-window' })
  const flink = place.open({ windowUs: WINDOW_US / 5, writer: 'flink' })
  await assert.rejects(flink, { code: 'other-writer' })
  await place.open({ windowUs: WINDOW_US / 5 })
})

test('properties of empty tables change durably, in both, and keep those of others', async (t) => {
  const place = await openPlace(t)
  const first = await place.open()
  await first.close()
  const created = [first.events, first.metrics].map(({ metadataLocation }) => metadataLocation)
  for (const location of created) {
    const file = location.replace('file://', '')
    const text = readFileSync(file, 'utf8')
    writeFileSync(file, text.replace('"properties":{', '"properties":{"owner":"another program",'))
  }
  const nowUs = (): number => NOON_US - 60_000_000
  await (await place.open({ writer: 'flink', windowUs: WINDOW_US / 5, nowUs })).close()
  const read = await readLake(place)
  for (const [index, view] of [read.events, read.metrics].entries()) {
    assert.equal(view.properties['campaign-metrics.window'], 'PT1M')
    assert.equal(view.properties['campaign-metrics.writer'], 'flink')
    assert.equal(view.properties.owner, 'another program')
    assert.match(view.metadataLocation, /\/metadata\/00001-[0-9a-f-]{36}\.metadata\.json$/)
    const metadata = JSON.parse(readFileSync(view.metadataLocation.replace('file://', ''), 'utf8'))
    assert.deepEqual(metadata['metadata-log'], [
      { 'timestamp-ms': NOON_US / 1000, 'metadata-file': created[index] },
    ])
    assert.equal(metadata['last-updated-ms'], NOON_US / 1000, 'time does not run backwards (F17)')
  }
  const again = await place.open({ writer: 'flink', windowUs: WINDOW_US / 5 })
  assert.equal(again.events.metadataLocation, read.events.metadataLocation, 'written once')
})

test('properties of an empty table change also where only one table has others', async (t) => {
  const place = await openPlace(t)
  const first = await place.open()
  await first.close()
  const file = first.metrics.metadataLocation.replace('file://', '')
  writeFileSync(file, readFileSync(file, 'utf8').replace('"PT5M"', '"PT1M"'))
  await (await place.open()).close()
  assert.equal((await readLake(place)).metrics.properties['campaign-metrics.window'], 'PT5M')
})

test('properties of empty tables that cannot be written leave the tables as is', async (t) => {
  const place = await openPlace(t)
  await (await place.open()).close()
  const storage = fullStorage(1)
  const opening = place.open({ windowUs: WINDOW_US / 5, storage })
  await assert.rejects(opening, { code: 'storage-failed' })
  const { events, metrics } = await readLake(place)
  assert.equal(events.properties['campaign-metrics.window'], 'PT5M')
  assert.equal(metrics.properties['campaign-metrics.window'], 'PT5M')
})

/**
 * `transient`: the same commit may be tried again. `later`: the same call may succeed. `never`: the
 * user must act first.
 */
const RETRIES: Readonly<Record<TableErrorCode, 'transient' | 'later' | 'never'>> = {
  'catalog-missing': 'later',
  'catalog-failed': 'transient',
  'catalog-locked': 'transient',
  'catalog-pooled': 'never',
  'second-writer': 'never',
  'commit-conflict': 'never',
  'outcome-unknown': 'never',
  'duplicate-file': 'never',
  'missing-file': 'never',
  'other-writer': 'never',
  'other-window': 'never',
  'other-layout': 'transient',
  'other-property': 'transient',
  'unfit-change': 'transient',
  'set-back': 'transient',
  overtaken: 'transient',
  moved: 'never',
  'foreign-warehouse': 'never',
  'warehouse-path': 'never',
  'file-damaged': 'never',
  'file-lost': 'never',
  'file-unreadable': 'later',
  'file-unfit': 'never',
  'storage-failed': 'later',
  misplaced: 'transient',
  's3-failed': 'transient',
  's3-location': 'never',
  'cache-failed': 'later',
  'not-a-folder': 'never',
  locked: 'never',
  'other-warehouse': 'never',
  closed: 'never',
}

test('only transient failures are retried; the same commit only if they changed nothing', () => {
  for (const [code, retry] of Object.entries(RETRIES)) {
    const error = new TableError(code as TableErrorCode, {})
    assert.equal(error.canRetry, retry !== 'never', code)
    assert.equal(isTransient(error), retry === 'transient', code)
  }
  const systemError = (code: string) => Object.assign(new Error(code), { code })
  for (const code of ['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE']) {
    const full = new TableError('storage-failed', {}, systemError(code))
    assert.ok(isTransient(full), `a write that failed with ${code}`)
    const unknown = new TableError('outcome-unknown', {}, systemError(code))
    assert.ok(!isTransient(unknown), `a commit of unknown outcome, with ${code}`)
  }
  const failedSync = new TableError('storage-failed', {}, systemError('EIO'))
  assert.ok(!isTransient(failedSync), 'an fsync repeated after a failure reports success (F6)')
  assert.ok(isTransient(systemError('EMFILE')) && isTransient(systemError('ENFILE')))
  assert.ok(!isTransient(systemError('ENOSPC')) && !isTransient(new Error('a bug')))
})

test('a clock that was set back does not make history run backwards (F17)', async (t) => {
  let nowUs = NOON_US
  const lake = await (await openPlace(t)).open({ nowUs: () => nowUs })
  await commitOne(lake, 'a')
  nowUs -= 3_600_000_000
  await commitOne(lake, 'b')
  assert.equal(lake.events.timestampMs, NOON_US / 1000)
})

test('a warehouse that holds tables of another catalog is refused', async (t) => {
  const place = await openPlace(t)
  const lake = await place.open()
  await commitOne(lake, 'a')
  await lake.close()
  const catalog = { kind: 'sqlite', path: path.join(place.folder, 'other.db') } as const
  await assert.rejects(place.open({ catalog }), { code: 'foreign-warehouse' })
})
