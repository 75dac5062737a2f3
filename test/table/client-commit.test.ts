/**
 * Commits of clients of the REST catalog, as they come over the wire: requirements hold or are a
 * 409, updates are taken or are a 400, both tables change together, and nothing lands twice.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { openCatalog } from '../../src/table/catalog.ts'
import {
  answerRestCatalog,
  type ClientAnswer,
  type FileChange,
  type Lake,
  type LakeOptions,
  type LakeWriter,
  openLakeReader,
  readLake,
  SUMMARY_KEYS,
} from '../../src/table.ts'
import {
  type Client,
  EVENTS,
  type Json,
  METRICS,
  openClient,
  type SnapshotOptions,
  wire,
  writeSnapshot,
} from './client-requests.ts'
import { commitRows, DAY_US, dayRows, eventRow, metricsRow, NOON_US, openPlace } from './fixture.ts'

const MS = NOON_US / 1000

const NO_UUID = '00000000-0000-4000-8000-000000000000'

type World = Client &
  Readonly<{
    lake: Lake
    current(): Promise<Readonly<{ events: string; metrics: string }>>
  }>

const NO_ROWS: FileChange = { add: [], remove: [] }

/** A lake with one committed event, behind the REST catalog. Windows are `follow`'s matter. */
async function openWorld(
  t: TestContext,
  options: Partial<LakeOptions> = {},
  follow: (lake: Lake) => Promise<FileChange> = async () => NO_ROWS,
): Promise<World> {
  const place = await openPlace(t)
  const lake = await place.open(options)
  await commitRows(lake, dayRows([eventRow()]), [metricsRow()], '1')
  const reader = openLakeReader(place)
  const writer: LakeWriter = {
    expect: async () => {},
    commit: (changes) => lake.commitClient(changes, () => follow(lake)),
  }
  return {
    lake,
    ...openClient(reader, writer),
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

test('requirements that hold let a commit pass; the answer is the metadata as it is then', async (t) => {
  const { lake, post, load } = await openWorld(t)
  const { 'table-uuid': uuid } = await load()
  const requirements = [
    { type: 'assert-table-uuid', uuid: String(uuid).toUpperCase() },
    { type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': lake.events.snapshotId },
    { type: 'assert-ref-snapshot-id', ref: 'mine', 'snapshot-id': null },
    { type: 'assert-last-assigned-field-id', 'last-assigned-field-id': 9 },
    { type: 'assert-current-schema-id', 'current-schema-id': 0 },
    { type: 'assert-last-assigned-partition-id', 'last-assigned-partition-id': 1000 },
    { type: 'assert-default-spec-id', 'default-spec-id': 0 },
    { type: 'assert-default-sort-order-id', 'default-sort-order-id': 0 },
  ]
  const answer = await post(EVENTS, { requirements, updates: [property('owner', 'growth')] })
  assert.equal(answer.status, 200, answer.message)
  assert.equal(answer.json['metadata-location'], lake.events.metadataLocation)
  assert.deepEqual(answer.json.metadata, await load())
  assert.equal(((await load()).properties as Json).owner, 'growth')
})

/** With the words of Iceberg's own catalogs. */
const FAILING: readonly (readonly [Json, string])[] = [
  [{ type: 'assert-create' }, 'table already exists'],
  [{ type: 'assert-table-uuid', uuid: NO_UUID }, `UUID does not match: expected ${NO_UUID} != `],
  [
    { type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': 1n },
    'branch main has changed: expected id 1 != ',
  ],
  [
    { type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': null },
    'branch main was created concurrently',
  ],
  [
    { type: 'assert-ref-snapshot-id', ref: 'none', 'snapshot-id': 1n },
    'branch or tag none is missing, expected 1',
  ],
  [
    { type: 'assert-ref-snapshot-id', ref: 'toString', 'snapshot-id': 1n },
    'branch or tag toString is missing, expected 1',
  ],
  [
    { type: 'assert-last-assigned-field-id', 'last-assigned-field-id': 10 },
    'last assigned field id changed: expected id 10 != 9',
  ],
  [
    { type: 'assert-current-schema-id', 'current-schema-id': 1 },
    'current schema changed: expected id 1 != 0',
  ],
  [
    { type: 'assert-last-assigned-partition-id', 'last-assigned-partition-id': 999 },
    'last assigned partition id changed: expected id 999 != 1000',
  ],
  [
    { type: 'assert-default-spec-id', 'default-spec-id': 1 },
    'default partition spec changed: expected id 1 != 0',
  ],
  [
    { type: 'assert-default-sort-order-id', 'default-sort-order-id': 1 },
    'default sort order changed: expected id 1 != 0',
  ],
]

test('a requirement that does not hold is a 409, and nothing changes', async (t) => {
  const { post, current } = await openWorld(t)
  const before = await current()
  for (const [requirement, words] of FAILING) {
    const body = { requirements: [requirement], updates: [property('owner', 'growth')] }
    const { status, type, message } = await post(EVENTS, body)
    assert.deepEqual([status, type], [409, 'CommitFailedException'], wire(requirement))
    assert.ok(message.startsWith(`Requirement failed: ${words}`), message)
    assert.ok(message.endsWith(' (campaign_events)'), message)
  }
  assert.deepEqual(await current(), before)
})

const spec = { 'spec-id': 1, fields: [] }
const order = { 'order-id': 1, fields: [] }
const REFUSED: readonly (readonly [Json, RegExp])[] = [
  [{ action: 'add-spec', spec }, /partitions/],
  [{ action: 'set-default-spec', 'spec-id': 0 }, /partitions/],
  [{ action: 'add-sort-order', 'sort-order': order }, /sort order/],
  [{ action: 'set-default-sort-order', 'sort-order-id': 0 }, /sort order/],
  [{ action: 'set-location', location: 'file:///elsewhere' }, /location/],
  [{ action: 'upgrade-format-version', 'format-version': 3 }, /format version 2/],
  [{ action: 'assign-uuid', uuid: randomUUID() }, /UUID/],
  [{ action: 'remove-schemas', 'schema-ids': [0] }, /keeps/],
  [{ action: 'add-encryption-key' }, /does not offer/],
  [{ action: '__proto__' }, /does not offer/],
  [{ action: 'set-current-schema', 'schema-id': -1 }, /no schema -1/],
  [{ action: 'set-current-schema', 'schema-id': 7 }, /no schema 7/],
  [{ action: 'remove-snapshot-ref', 'ref-name': 'main' }, /main/],
  [{ action: 'remove-snapshots', 'snapshot-ids': 'all' }, /names no snapshots/],
  [{ action: 'set-properties' }, /no updates/],
  [{ action: 'remove-properties', removals: ['campaign-metrics.writer'] }, /alone/],
  [property('campaign-metrics.mine', '1'), /alone/],
  [property('write.format.default', 'avro'), /left as it is/],
  [property('write.metadata.delete-after-commit.enabled', 'true'), /left as it is/],
  [
    {
      action: 'set-snapshot-ref',
      'ref-name': 'mine',
      type: 'tag',
      'snapshot-id': 12n,
    },
    /no snapshot 12/,
  ],
]

test('what is no valid update, or none that these tables take, is a 400 with the reason', async (t) => {
  const { lake, post, current } = await openWorld(t)
  const before = await current()
  const mine = lake.events.snapshotId
  const cases: typeof REFUSED = [
    ...REFUSED,
    [{ action: 'remove-snapshots', 'snapshot-ids': [mine] }, /current snapshot/],
    [
      {
        action: 'set-statistics',
        statistics: { 'snapshot-id': mine, 'statistics-path': '/etc/passwd' },
      },
      /folder of the table/,
    ],
  ]
  for (const [update, says] of cases) {
    const { status, type, message } = await post(EVENTS, { requirements: [], updates: [update] })
    assert.deepEqual([status, type], [400, 'BadRequestException'], wire(update))
    assert.match(message, says)
  }
  for (const body of ['', [], { updates: {} }, { updates: [{}] }, { requirements: [1] }]) {
    assert.equal((await post(EVENTS, body)).status, 400, JSON.stringify(body))
  }
  const other = { namespace: ['campaigns'], name: 'campaign_metrics' }
  assert.equal((await post(EVENTS, { identifier: other, updates: [] })).status, 400)
  assert.equal((await post(EVENTS.replace('events', 'x'), { updates: [] })).status, 404)
  const unknown = { requirements: [{ type: 'assert-weather' }], updates: [] }
  assert.equal((await post(EVENTS, unknown)).status, 400)
  assert.deepEqual(await current(), before)
})

test('what a client may set, it may set again: no property is refused as it is', async (t) => {
  const { post, load } = await openWorld(t)
  const updates = [
    property('campaign-metrics.writer', 'embedded'),
    { action: 'upgrade-format-version', 'format-version': 2 },
    { action: 'assign-uuid', uuid: (await load())['table-uuid'] },
    { action: 'remove-properties', removals: ['campaign-metrics.not-there', 'none'] },
  ]
  assert.equal((await post(EVENTS, { updates })).status, 200)
})

test('a column is added under the next id, and made current as the last one added', async (t) => {
  const { lake, post, load } = await openWorld(t)
  const { schemas } = (await load()) as { schemas: { fields: Json[] }[] }
  const note = { id: 10, name: 'note', required: false, type: 'string' }
  const schema = { type: 'struct', 'schema-id': 0, fields: [...(schemas[0]?.fields ?? []), note] }
  const updates = [
    { action: 'add-schema', schema, 'last-column-id': 10 },
    { action: 'set-current-schema', 'schema-id': -1 },
  ]
  assert.equal((await post(EVENTS, { updates })).status, 200)
  assert.equal((await post(EVENTS, { updates })).status, 200, 'the same again adds no schema')
  const after = (await load()) as { schemas: { 'schema-id': number }[] } & Json
  assert.deepEqual(
    [after.schemas.map((each) => each['schema-id']), after['current-schema-id']],
    [[0, 1], 1],
  )
  assert.equal(after['last-column-id'], 10)
  await commitRows(
    lake,
    dayRows([eventRow({ eventId: '2' })]),
    [metricsRow({ campaignId: 'x' })],
    '2',
  )
  assert.equal((await load())['current-schema-id'], 1)
})

const change = (name: string, updates: readonly Json[], requirements: readonly Json[] = []) => ({
  identifier: { namespace: ['campaigns'], name },
  requirements,
  updates,
})

test('a transaction changes both tables, or none', async (t) => {
  const { post, load, current } = await openWorld(t)
  const owned = [property('owner', 'growth')]
  const both = [change('campaign_events', owned), change('campaign_metrics', owned)]
  const answer = await post('/v1/transactions/commit', { 'table-changes': both })
  assert.equal(answer.status, 204, answer.message)
  for (const target of [EVENTS, METRICS]) {
    assert.equal(((await load(target)).properties as Json).owner, 'growth')
  }
  const before = await current()
  const half = [
    change('campaign_events', [property('owner', 'sales')]),
    change('campaign_metrics', owned, [{ type: 'assert-create' }]),
  ]
  assert.equal((await post('/v1/transactions/commit', { 'table-changes': half })).status, 409)
  const twice = [both[0], both[0]]
  assert.equal((await post('/v1/transactions/commit', { 'table-changes': twice })).status, 400)
  const elsewhere = { 'table-changes': [change('other', owned)] }
  assert.equal((await post('/v1/transactions/commit', elsewhere)).status, 404)
  assert.equal((await post('/v1/transactions/commit', { 'table-changes': [] })).status, 400)
  assert.deepEqual(await current(), before)
})

test('a change of rows lands with a commit of ours on both tables, which counts it as settled', async (t) => {
  const window = metricsRow({ campaignId: 'c-2' })
  const { lake, post, load } = await openWorld(t, {}, async (open) => {
    const { day } = dayRows([eventRow()])
    return { add: [await open.writeMetricsFile(day, [window])], remove: [] }
  })
  const updates = await writeSnapshot(lake, 'theirs')
  const answer = await post(EVENTS, { requirements: [], updates })
  assert.equal(answer.status, 200, answer.message)
  const { snapshots } = (await load()) as { snapshots: { summary: Json }[] }
  assert.equal(snapshots.length, 3)
  const [events, metrics] = [lake.events, lake.metrics]
  assert.deepEqual([events.files.length, metrics.files.length], [2, 2])
  assert.deepEqual([events.others.addedRows, events.others.unsettled], [1, null])
  const commits = [events, metrics].map(({ summary }) => summary[SUMMARY_KEYS.commitId])
  assert.match(commits[0] ?? '', /^client-/)
  assert.equal(commits[0], commits[1])
  const log = (await load())['metadata-log'] as Json[]
  assert.equal(log.length, 2, 'every metadata file that is listed was written')
})

test('a snapshot without rows is followed by one of ours, which a restart goes on from', async (t) => {
  const { lake, post } = await openWorld(t)
  const summary = { operation: 'overwrite' }
  const updates = await writeSnapshot(lake, 'none', { isEmpty: true, snapshot: { summary } })
  assert.equal((await post(EVENTS, { updates })).status, 200)
  assert.equal(lake.events.files.length, 1)
  assert.deepEqual(lake.events.others.fresh, [])
  assert.match(lake.metrics.summary[SUMMARY_KEYS.commitId] ?? '', /^client-/)
})

test('sent again after its answer was lost, it is there once, and the client is told so', async (t) => {
  const { lake, post, current } = await openWorld(t)
  const updates = await writeSnapshot(lake, 'theirs')
  const requirements = [
    { type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': lake.events.snapshotId },
  ]
  assert.equal((await post(EVENTS, { requirements, updates })).status, 200)
  const before = await current()
  const again = await post(EVENTS, { requirements, updates })
  assert.equal(again.status, 200)
  assert.equal(again.json['metadata-location'], before.events)
  assert.deepEqual(await current(), before)
})

const UNFIT: readonly (readonly [string, SnapshotOptions, RegExp])[] = [
  ['delete files', { holdsDeletes: true }, /delete files.*copy-on-write/],
  ['a data file elsewhere', { file: { path: '/etc/hostname' } }, /not in the folder/],
  ['a data file that is not there', { file: { path: 'gone' } }, /on the disk/],
  ['a data file of another size', { file: { bytes: 7 } }, /has \d+ bytes, and 7/],
  [
    'rows of another day',
    { file: { day: Math.floor(NOON_US / DAY_US) + 3 } },
    /rows of other days/,
  ],
  ['no bounds', { file: { lowerBounds: new Map() } }, /no bounds/],
  [
    'our keys',
    { snapshot: { summary: { operation: 'append', 'campaign-metrics.log-id': 'x' } } },
    /log-id/,
  ],
  ['no operation', { snapshot: { summary: { operation: 'guess' } } }, /no operation guess/],
  ['a time ahead', { snapshot: { 'timestamp-ms': MS + 90_000 } }, /clock/],
  ['a time long ago', { snapshot: { 'timestamp-ms': MS - 90_000 } }, /clock/],
  ['no parent', { snapshot: { 'parent-snapshot-id': null } }, /forward only/],
  ['an unknown parent', { snapshot: { 'parent-snapshot-id': 5n } }, /forward only/],
  ['a manifest list elsewhere', { snapshot: { 'manifest-list': 'file:///tmp/x.avro' } }, /folder/],
  ['format version 1', { snapshot: { 'manifest-list': null, manifests: [] } }, /version 2/],
]

for (const [what, options, says] of UNFIT) {
  test(`a snapshot with ${what} is refused, and nothing changes`, async (t) => {
    const { lake, post, current } = await openWorld(t)
    const before = await current()
    const { file } = options
    const here = path.join(lake.events.folder, 'data', 'gone.parquet')
    const given = file?.path === 'gone' ? { ...options, file: { path: here } } : options
    const updates = await writeSnapshot(lake, 'theirs', given)
    const { status, type, message } = await post(EVENTS, { updates })
    assert.deepEqual([status, type], [400, 'BadRequestException'], message)
    assert.match(message, says)
    assert.deepEqual(await current(), before)
  })
}

test('a snapshot numbered before a commit to another branch is a 409: it is made again', async (t) => {
  const { lake, post } = await openWorld(t)
  const updates = await writeSnapshot(lake, 'theirs', { snapshot: { 'sequence-number': 1 } })
  const { status, message } = await post(EVENTS, { updates })
  assert.equal(status, 409)
  assert.match(message, /above 1/)
})

test('a manifest outside of the folder is refused: it would be removed with its snapshot', async (t) => {
  const { lake, post } = await openWorld(t)
  const manifestFolder = path.join(path.dirname(lake.events.folder), 'elsewhere')
  const updates = await writeSnapshot(lake, 'theirs', { manifestFolder })
  assert.match((await post(EVENTS, { updates })).message, /not in the folder/)
})

test('a tag keeps its snapshot from expiring, and an expired one is let go', async (t) => {
  const { lake, post, load } = await openWorld(t)
  const first = lake.events.snapshotId
  await commitRows(
    lake,
    dayRows([eventRow({ eventId: '2' })]),
    [metricsRow({ campaignId: 'x' })],
    '2',
  )
  const expire = { action: 'remove-snapshots', 'snapshot-ids': [first] }
  const tag = { action: 'set-snapshot-ref', 'ref-name': 'kept', type: 'tag', 'snapshot-id': first }
  const kept = await post(EVENTS, { updates: [tag, expire] })
  assert.match(kept.message, /is that of the tag kept/)
  assert.equal((await post(EVENTS, { updates: [expire] })).status, 200)
  assert.equal(((await load()).snapshots as Json[]).length, 1)
})

test('another program that is quicker is a 409, and no file of ours stays', async (t) => {
  let left = 0
  const { lake, post, current } = await openWorld(
    t,
    {
      openCatalog: async (place) => {
        const inner = await openCatalog(place)
        return {
          ...inner,
          async swap(base, next, onStep) {
            if (left-- !== 1) return await inner.swap(base, next, onStep)
            await inner.swap({ events: 'nothing' }, next, onStep)
          },
        }
      },
    },
    async (open) => ({
      add: [await open.writeMetricsFile(dayRows([eventRow()]).day, [metricsRow()])],
      remove: [],
    }),
  )
  const updates = await writeSnapshot(lake, 'theirs')
  const before = await current()
  left = 1
  const { status, type } = await post(EVENTS, { updates })
  assert.deepEqual([status, type], [409, 'CommitFailedException'])
  assert.deepEqual(await current(), before)
  // Their data file, manifest and manifest list, which they clean up or send again.
  assert.equal(await lake.sweepOrphans(Number.POSITIVE_INFINITY), 3)
})

const ANSWERS: readonly (readonly [ClientAnswer['kind'], number, string])[] = [
  ['conflict', 409, 'CommitFailedException'],
  ['refused', 400, 'BadRequestException'],
  ['unknown', 500, 'CommitStateUnknownException'],
  ['unavailable', 503, 'ServiceUnavailableException'],
]

for (const [kind, status, type] of ANSWERS) {
  test(`what is ${kind} is ${type}, for a table and for a transaction`, async (t) => {
    const place = await openPlace(t)
    const writer: LakeWriter = {
      expect: async () => {},
      commit: async () => ({ kind, message: 'because' }) as ClientAnswer,
    }
    const bodies = [
      [EVENTS, { updates: [] }],
      ['/v1/transactions/commit', { 'table-changes': [change('campaign_events', [])] }],
    ] as const
    for (const [target, json] of bodies) {
      const body = Buffer.from(JSON.stringify(json))
      const query = new URLSearchParams()
      const request = { method: 'POST', path: target, query, body, mayChangeTables: true }
      const answer = await answerRestCatalog(request, openLakeReader(place), writer)
      assert.equal(answer.status, status)
      assert.deepEqual(JSON.parse(answer.body ?? '').error, {
        message: 'because',
        type,
        code: status,
      })
      const unkeyed = { ...request, mayChangeTables: false }
      assert.equal((await answerRestCatalog(unkeyed, openLakeReader(place), writer)).status, 403)
    }
    const query = new URLSearchParams()
    const config = { method: 'GET', path: '/v1/config', query }
    const { endpoints } = JSON.parse(
      (await answerRestCatalog(config, openLakeReader(place), writer)).body ?? '',
    )
    assert.deepEqual(endpoints.slice(-2), [
      'POST /v1/{prefix}/namespaces/{namespace}/tables/{table}',
      'POST /v1/{prefix}/transactions/commit',
    ])
  })
}
