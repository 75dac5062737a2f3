/**
 * The catalog on SQLite and on PostgreSQL: one contract, and what a lost reply to COMMIT does to
 * each.
 */
import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { openCatalog, readCatalog } from '../../src/table/catalog.ts'
import { type CatalogPlace, openLake, readLake } from '../../src/table.ts'
import { placesIn } from '../support/places.ts'
import {
  commitRows,
  dayRows,
  eventRow,
  metricsRow,
  NOON_US,
  openPlace,
  WINDOW_US,
} from '../table/fixture.ts'
import { type LakeServices, openLakeServices, type RemotePlaces } from './support/lake-services.ts'
import { type FaultProxy, openProxy } from './support/proxy.ts'

let services: LakeServices
before(async () => {
  services = await openLakeServices()
})
after(() => services.close())

const KINDS = ['sqlite', 'postgresql'] as const

async function placeOf(kind: (typeof KINDS)[number], t: TestContext): Promise<CatalogPlace> {
  if (kind === 'postgresql') return (await services.places()).catalog
  const { folder } = await openPlace(t)
  return placesIn(folder).catalog
}

const AT = (version: number) => ({ events: `s3://b/e/${version}`, metrics: `s3://b/m/${version}` })
const nothing = (): void => {}

for (const kind of KINDS) {
  test(`${kind}: tables are made once, and both pointers move together or not`, async (t) => {
    const place = await placeOf(kind, t)
    await assert.rejects(readCatalog(place), { code: 'catalog-missing' })
    const catalog = await openCatalog(place)
    t.after(() => catalog.close())
    assert.equal(await catalog.read(), null)
    await catalog.create(AT(0))
    await assert.rejects(catalog.create(AT(0)), { code: 'catalog-failed' })
    await catalog.swap(AT(0), AT(1), nothing)
    assert.deepEqual(await readCatalog(place), AT(1))
    assert.deepEqual(await catalog.readSettled(), AT(1))
    const half = { events: AT(1).events, metrics: AT(0).metrics }
    await assert.rejects(catalog.swap(half, AT(2), nothing), {
      code: 'commit-conflict',
      facts: { table: 'campaign_metrics', base: AT(0).metrics, current: AT(1).metrics },
    })
    assert.deepEqual(await catalog.read(), AT(1), 'the first pointer did not move alone')
    await catalog.swap({ metrics: AT(1).metrics }, { metrics: AT(9).metrics }, nothing)
    assert.deepEqual(await catalog.read(), { events: AT(1).events, metrics: AT(9).metrics })
  })

  test(`${kind}: a throw before COMMIT leaves the pointers and the connection`, async (t) => {
    const catalog = await openCatalog(await placeOf(kind, t))
    t.after(() => catalog.close())
    await catalog.create(AT(0))
    for (const step of ['transaction-begun', 'pointers-swapped']) {
      const fails = (at: string): void => {
        if (at === step) throw new Error('stopped')
      }
      await assert.rejects(catalog.swap(AT(0), AT(1), fails), { code: 'catalog-failed' })
      assert.deepEqual(await catalog.read(), AT(0))
    }
    await catalog.swap(AT(0), AT(1), nothing)
    assert.deepEqual(await catalog.read(), AT(1))
  })
}

test('the layout is that of the JDBC catalog V1; a V0 catalog gets its new column', async () => {
  const { catalog } = await services.places()
  await (await openCatalog(catalog)).close()
  const columns = (database: string): Promise<unknown> =>
    services.sql(
      database,
      `SELECT string_agg(column_name, ',' ORDER BY ordinal_position) AS names
       FROM information_schema.columns WHERE table_name = 'iceberg_tables'`,
    )
  const v1 =
    'catalog_name,table_namespace,table_name,metadata_location,previous_metadata_location,' +
    'iceberg_type'
  assert.deepEqual(await columns(catalog.database), [{ names: v1 }])
  const old = (await services.places()).catalog
  await services.sql(
    old.database,
    `CREATE TABLE iceberg_tables (catalog_name VARCHAR(255), table_namespace VARCHAR(255),
       table_name VARCHAR(255), metadata_location VARCHAR(1000),
       previous_metadata_location VARCHAR(1000))`,
  )
  await (await openCatalog(old)).close()
  assert.deepEqual(await columns(old.database), [{ names: v1 }])
})

test('two processes that make the layout at once both get it', async () => {
  const { catalog } = await services.places()
  const opened = await Promise.all(Array.from({ length: 8 }, () => openCatalog(catalog)))
  for (const each of opened) {
    assert.equal(await each.read(), null)
    await each.close()
  }
})

test('a wrong password and a database that is missing are said in words', async () => {
  const { catalog } = await services.places()
  await assert.rejects(readCatalog({ ...catalog, password: 'wrong' }), {
    code: 'catalog-failed',
    message: /password authentication failed for user "postgres"/,
  })
  await assert.rejects(readCatalog({ ...catalog, database: 'nowhere' }), {
    code: 'catalog-failed',
    message: /database "nowhere" does not exist/,
  })
  await assert.rejects(readCatalog({ ...catalog, port: 1 }), {
    code: 'catalog-failed',
    message: /ECONNREFUSED/,
  })
})

test('a second writer is told who has the tables (F7); a lock ends with its session', async () => {
  const places = await services.places()
  const options = {
    ...places,
    windowUs: WINDOW_US,
    writer: 'embedded',
    nowUs: () => NOON_US,
  } as const
  const lake = await openLake(options)
  await assert.rejects(openLake(options), {
    code: 'locked',
    message: new RegExp(
      `campaign-metrics ${process.pid} on .+, server process \\d+ from 127.0.0.1`,
    ),
  })
  await services.sql(
    places.catalog.database,
    `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  )
  const file = await lake.writeEventsFile(dayRows([eventRow()]))
  await lake.commit({ events: { add: [file], remove: [] }, summary: {}, commitId: '1' })
  await assert.rejects(openLake(options), { code: 'locked' }, 'a commit takes it again')
  await lake.close()
  await (await openLake(options)).close()
})

test('who has lost the lock to another process writes no more', async () => {
  const places = await services.places()
  const lake = await openLake({
    ...places,
    windowUs: WINDOW_US,
    writer: 'embedded',
    nowUs: () => NOON_US,
  })
  const { database } = places.catalog
  const [held] = await services.sql(
    database,
    `SELECT (classid::bigint << 32) | objid::bigint AS key, pid FROM pg_locks
     WHERE locktype = 'advisory'
       AND database = (SELECT oid FROM pg_database WHERE datname = '${database}')`,
  )
  const other = await services.connect(database, 'another process')
  try {
    await services.sql(database, `SELECT pg_terminate_backend(${held?.pid})`)
    await other.query(`SELECT pg_advisory_lock(${held?.key})`)
    const file = await lake.writeEventsFile(dayRows([eventRow()]))
    const change = { events: { add: [file], remove: [] }, summary: {}, commitId: '1' }
    await assert.rejects(lake.commit(change), { code: 'locked', message: /another process/ })
    await assert.rejects(lake.keepLock(), { code: 'locked' })
    assert.equal((await readLake(places)).events.files.length, 0)
  } finally {
    await other.end()
  }
  await lake.commit({
    events: { add: [await lake.writeEventsFile(dayRows([eventRow()]))], remove: [] },
    summary: {},
    commitId: '2',
  })
  await lake.close()
})

/** The message of the simple protocol that ends a transaction. */
const isCommit = (bytes: Buffer): boolean => bytes.includes('COMMIT\0')

/**
 * A lake whose catalog is reached through a proxy, one file of events committed; what follows is
 * the test's.
 */
async function throughProxy(t: TestContext) {
  const places = await services.places()
  const proxy = await openProxy(services.port('postgres'))
  t.after(() => proxy.close())
  const catalog = { ...places.catalog, port: proxy.port }
  const options = { ...places, catalog, windowUs: WINDOW_US, writer: 'embedded' } as const
  const lake = await openLake({ ...options, nowUs: () => NOON_US })
  t.after(() => lake.close())
  const commit = async (name: string): Promise<void> => {
    const day = dayRows([eventRow({ eventId: name })])
    await commitRows(lake, day, [metricsRow({ campaignId: name })], name)
  }
  await commit('a')
  return { places, proxy, lake, commit }
}

/** Each commit once, each file there, both tables of the same state. */
async function checkCommits(places: RemotePlaces, names: readonly string[]): Promise<void> {
  const { events, metrics } = await readLake(places)
  assert.equal(events.files.length, names.length)
  assert.equal(metrics.files.length, names.length)
  assert.equal(events.summary['total-records'], String(names.length))
  const lake = await openLake({
    ...places,
    windowUs: WINDOW_US,
    writer: 'embedded',
    nowUs: () => NOON_US,
  })
  const ids: string[] = []
  for (const file of lake.events.files) {
    for await (const page of lake.readEventIds(file))
      ids.push(...page.map((id) => Buffer.from(id).toString()))
  }
  await lake.close()
  assert.deepEqual(ids.toSorted(), names)
}

type Fault = Readonly<{ name: string; arm: (proxy: FaultProxy) => void }>

const FAULTS: readonly Fault[] = [
  {
    name: 'the reply to COMMIT is lost',
    arm(proxy) {
      let isCommitted = false
      proxy.rules.fromClient = (bytes) => {
        isCommitted ||= isCommit(bytes)
        return 'forward'
      }
      proxy.rules.fromServer = () => {
        if (!isCommitted) return 'forward'
        isCommitted = false
        proxy.rules.fromServer = () => 'forward'
        return 'cut'
      }
    },
  },
  {
    name: 'COMMIT never reaches the server, and the connection breaks',
    arm(proxy) {
      proxy.rules.fromClient = (bytes) => {
        if (!isCommit(bytes)) return 'forward'
        proxy.rules.fromClient = () => 'forward'
        return 'cut'
      }
    },
  },
]

for (const { name, arm } of FAULTS) {
  test(`${name}: the commit and the next one are there once (F1, F3)`, async (t) => {
    const { places, proxy, lake, commit } = await throughProxy(t)
    arm(proxy)
    await commit('b')
    await commit('c')
    await lake.close()
    await checkCommits(places, ['a', 'b', 'c'])
  })
}

test('a COMMIT still on its way when its sender asks again is waited for, not lost', async (t) => {
  const { places, proxy, lake, commit } = await throughProxy(t)
  // The client's side is cut; four seconds later COMMIT reaches the server all the same.
  let commits = 0
  let hasArrived = false
  proxy.rules.fromClient = (bytes) => {
    if (!isCommit(bytes) || commits++ > 0) return 'forward'
    return {
      holdMs: 4_000,
      onPassed: () => {
        hasArrived = true
      },
    }
  }
  const committing = commit('b')
  await new Promise((resolve) => setTimeout(resolve, 500))
  await services.sql(places.catalog.database, 'SELECT 1')
  for (const socket of clientSockets(proxy.port)) socket.destroy()
  await committing
  assert.ok(hasArrived, 'the answer came only once that COMMIT had reached the server')
  await commit('c')
  await lake.close()
  await checkCommits(places, ['a', 'b', 'c'])
})

/** This process's own connections to a port. */
function clientSockets(port: number): readonly { destroy(): void }[] {
  const handles = (process as unknown as { _getActiveHandles(): unknown[] })._getActiveHandles()
  return handles.filter(
    (handle): handle is { destroy(): void; remotePort: number } =>
      typeof handle === 'object' &&
      handle !== null &&
      'remotePort' in handle &&
      handle.remotePort === port,
  )
}
