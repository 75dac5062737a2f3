/**
 * The REST catalog's answers, by the spec's words, to reading, to asking for what is not there, and
 * to changing.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  answerRestCatalog,
  type LakeReader,
  type RestAnswer,
  type RestRequest,
  TableError,
} from '../../src/table.ts'
import { placesIn } from '../support/places.ts'

/** Snapshot ids that a JavaScript number cannot hold; one is of a tag, one of no branch or tag. */
const CURRENT = '9007199254740993'
const TAGGED = '9007199254740995'
const METADATA =
  `{"format-version":2,"current-snapshot-id":${CURRENT},` +
  `"refs":{"main":{"snapshot-id":${CURRENT},"type":"branch"},` +
  `"old":{"snapshot-id":${TAGGED},"type":"tag"}},` +
  `"snapshots":[{"snapshot-id":${TAGGED}},{"snapshot-id":9007199254740997},` +
  `{"snapshot-id":${CURRENT},"parent-snapshot-id":9007199254740997}],` +
  `"snapshot-log":[{"timestamp-ms":1,"snapshot-id":9007199254740997}]}`
const LOCATION = 'file:///w/campaigns/metrics/metadata/00001-"x".metadata.json'
const METRICS = '/v1/namespaces/campaigns/tables/campaign_metrics'

const lake: LakeReader = {
  warehouse: 'file:///w',
  locate: async () => LOCATION,
  loadMetadata: async () => ({ metadataLocation: LOCATION, metadata: METADATA }),
}

function ask(
  line: string,
  reader: LakeReader = lake,
  headers: RestRequest['headers'] = {},
): Promise<RestAnswer> {
  const [method = '', target = ''] = line.split(' ')
  const [path = '', query = ''] = target.split('?')
  const request = { method, path, query: new URLSearchParams(query), headers }
  return answerRestCatalog(request, reader, { reason: 'set keys.tables' })
}

async function bodyOf(line: string): Promise<unknown> {
  const { status, body } = await ask(line)
  assert.equal(status, 200, line)
  return JSON.parse(body ?? '')
}

const ENDPOINTS = [
  'GET /v1/{prefix}/namespaces',
  'GET /v1/{prefix}/namespaces/{namespace}',
  'HEAD /v1/{prefix}/namespaces/{namespace}',
  'GET /v1/{prefix}/namespaces/{namespace}/tables',
  'GET /v1/{prefix}/namespaces/{namespace}/tables/{table}',
  'HEAD /v1/{prefix}/namespaces/{namespace}/tables/{table}',
  'POST /v1/{prefix}/namespaces/{namespace}/tables/{table}/metrics',
  'GET /v1/{prefix}/namespaces/{namespace}/views',
  'GET /v1/{prefix}/namespaces/{namespace}/views/{view}',
  'HEAD /v1/{prefix}/namespaces/{namespace}/views/{view}',
]

test('config lists the endpoints there are, and asks clients for no settings', async () => {
  const expected = { defaults: {}, overrides: {}, endpoints: ENDPOINTS }
  assert.deepEqual(await bodyOf('GET /v1/config'), expected)
})

test('every listed endpoint works; a view is an endpoint without any', async () => {
  for (const endpoint of ENDPOINTS) {
    const line = endpoint
      .replace('/{prefix}', '')
      .replace('{namespace}', 'campaigns')
      .replace('{table}', 'campaign_events')
      .replace('{view}', 'none')
    const { status } = await ask(line)
    assert.equal(status, line.includes('none') ? 404 : line.startsWith('GET') ? 200 : 204, line)
  }
})

for (const warehouse of ['', 'lake', 'file:///w', 'file:///w/', 'file:/w', '/w']) {
  test(`the warehouse is named by the catalog's name or its place: "${warehouse}"`, async () => {
    const query = new URLSearchParams({ warehouse })
    assert.equal((await ask(`GET /v1/config?${query}`)).status, 200)
  })
}

for (const warehouse of ['Lake', 'nope', 'file:///w/campaigns', 's3://w', 'w', '../w', '%']) {
  test(`another warehouse is refused, naming the right one: ${warehouse}`, async () => {
    const { status, body } = await ask(`GET /v1/config?${new URLSearchParams({ warehouse })}`)
    assert.equal(status, 404)
    const { error } = JSON.parse(body ?? '')
    assert.deepEqual([error.type, error.code], ['NoSuchWarehouseException', 404])
    assert.match(error.message, /set warehouse=lake/)
  })
}

test('a warehouse on S3 is named by any of the schemes that clients write', async () => {
  const reader = { ...lake, warehouse: 's3://bucket/lake' }
  for (const warehouse of ['s3://bucket/lake', 's3a://bucket/lake/', 's3n://bucket/lake']) {
    const query = new URLSearchParams({ warehouse })
    assert.equal((await ask(`GET /v1/config?${query}`, reader)).status, 200, warehouse)
  }
  assert.equal((await ask('GET /v1/config?warehouse=s3://bucket', reader)).status, 404)
})

test('the one namespace and its two tables are listed', async () => {
  assert.deepEqual(await bodyOf('GET /v1/namespaces'), {
    namespaces: [['campaigns']],
    'next-page-token': null,
  })
  assert.deepEqual(await bodyOf('GET /v1/namespaces?parent=campaigns'), {
    namespaces: [],
    'next-page-token': null,
  })
  assert.deepEqual(await bodyOf('GET /v1/namespaces/campaigns'), {
    namespace: ['campaigns'],
    properties: {},
  })
  assert.deepEqual(await bodyOf('GET /v1/namespaces/campaigns/tables?pageToken='), {
    identifiers: [
      { namespace: ['campaigns'], name: 'campaign_events' },
      { namespace: ['campaigns'], name: 'campaign_metrics' },
    ],
    'next-page-token': null,
  })
})

test('a table is loaded with its metadata digit by digit', async () => {
  for (const query of ['', '?snapshots=all', '?snapshots=ALL']) {
    const { status, body } = await ask(`GET ${METRICS}${query}`)
    assert.equal(status, 200)
    assert.equal(
      body,
      `{"metadata-location":${JSON.stringify(LOCATION)},"metadata":${METADATA},"config":{}}`,
    )
  }
})

test('snapshots=refs leaves the snapshots of branches and tags, and all the rest', async () => {
  const { body } = await ask(`GET ${METRICS}?snapshots=refs`)
  const snapshots =
    `"snapshots":[{"snapshot-id":${TAGGED}},` +
    `{"snapshot-id":${CURRENT},"parent-snapshot-id":9007199254740997}]`
  const expected = METADATA.replace(/"snapshots":\[[^\]]*\]/, snapshots)
  assert.equal(
    body,
    `{"metadata-location":${JSON.stringify(LOCATION)},"metadata":${expected},"config":{}}`,
  )
})

test('snapshots=refs keeps the current snapshot where no branch names it', async () => {
  const metadata = '{"current-snapshot-id":3,"snapshots":[{"snapshot-id":2},{"snapshot-id":3}]}'
  const reader = { ...lake, loadMetadata: async () => ({ metadataLocation: LOCATION, metadata }) }
  const { body } = await ask(`GET ${METRICS}?snapshots=refs`, reader)
  assert.deepEqual(JSON.parse(body ?? '').metadata.snapshots, [{ 'snapshot-id': 3 }])
})

async function tagOf(line: string, reader: LakeReader = lake): Promise<string> {
  const { headers } = await ask(line, reader)
  return headers?.etag ?? ''
}

test('a table that has not changed since is a 304, and its file is not read', async () => {
  const tag = await tagOf(`GET ${METRICS}`)
  assert.match(tag, /^W\/"[\w-]+"$/)
  const unread = {
    ...lake,
    loadMetadata: () => Promise.reject(new Error('the metadata file was read')),
  }
  for (const sent of [tag, tag.slice(2), `"other", ${tag}`, '*']) {
    const answer = await ask(`GET ${METRICS}?snapshots=all`, unread, { 'if-none-match': sent })
    assert.deepEqual(answer, { status: 304, headers: { etag: tag }, body: null }, sent)
  }
})

test('a tag is of one commit, one mode of snapshots and the same settings', async () => {
  const tag = await tagOf(`GET ${METRICS}`)
  const moved = async () => ({ metadataLocation: `${LOCATION}2`, metadata: METADATA })
  const later = { ...lake, locate: async () => `${LOCATION}2`, loadMetadata: moved }
  const elsewhere = { ...lake, settings: { 's3.endpoint': 'http://127.0.0.1:9000' } }
  for (const [line, reader] of [
    [`GET ${METRICS}`, later],
    [`GET ${METRICS}?snapshots=refs`, lake],
    [`GET ${METRICS}`, elsewhere],
  ] as const) {
    assert.notEqual(await tagOf(line, reader), tag)
    assert.equal((await ask(line, reader, { 'if-none-match': tag })).status, 200)
  }
})

test('pages of a listing follow one another, and no page is asked for twice', async () => {
  const path = '/v1/namespaces/campaigns/tables'
  const seen: string[] = []
  let token: string | null = ''
  while (token !== null) {
    const page = (await bodyOf(`GET ${path}?pageSize=1&pageToken=${token}`)) as {
      identifiers: { name: string }[]
      'next-page-token': string | null
    }
    assert.equal(page.identifiers.length, 1)
    seen.push(...page.identifiers.map(({ name }) => name))
    token = page['next-page-token']
  }
  assert.deepEqual(seen, ['campaign_events', 'campaign_metrics'])
  for (const size of ['2', '3', '1000']) {
    const page = (await bodyOf(`GET ${path}?pageSize=${size}`)) as Record<string, unknown>
    assert.equal(page['next-page-token'], null)
  }
  assert.deepEqual(await bodyOf('GET /v1/namespaces?pageToken=&pageSize=1'), {
    namespaces: [['campaigns']],
    'next-page-token': null,
  })
})

for (const query of ['pageSize=0', 'pageSize=-1', 'pageSize=x', 'pageSize=1.5', 'pageToken=zzz']) {
  test(`a page that cannot be is a 400: ${query}`, async () => {
    for (const path of ['/v1/namespaces', '/v1/namespaces/campaigns/tables']) {
      const { status, body } = await ask(`GET ${path}?${query}`)
      assert.equal(status, 400)
      assert.equal(JSON.parse(body ?? '').error.type, 'BadRequestException')
    }
  })
}

test('there are no views', async () => {
  assert.deepEqual(await bodyOf('GET /v1/namespaces/campaigns/views'), {
    identifiers: [],
    'next-page-token': null,
  })
})

for (const [line, status] of [
  ['HEAD /v1/namespaces/campaigns', 204],
  ['HEAD /v1/namespaces/other', 404],
  ['HEAD /v1/namespaces/campaigns/tables/campaign_events', 204],
  ['HEAD /v1/namespaces/campaigns/tables/other', 404],
  ['HEAD /v1/namespaces/other/tables/campaign_events', 404],
  ['HEAD /v1/namespaces/campaigns%1Fcampaign_events/tables/snapshots', 404],
  ['HEAD /v1/namespaces/campaigns/views/other', 404],
  ['HEAD /v1/config', 200],
  ['HEAD /v1/namespaces/', 200],
] as const) {
  test(`existence is a status without a body: ${line}`, async () => {
    const answer = await ask(line)
    assert.deepEqual([answer.status, answer.body], [status, null])
  })
}

for (const [line, status, type, message] of [
  ['GET /v1/namespaces/other', 404, 'NoSuchNamespaceException', /Namespace does not exist: other/],
  ['GET /v1/namespaces/campaigns%1Fb/tables', 404, 'NoSuchNamespaceException', /campaigns\.b/],
  ['GET /v1/namespaces?parent=other', 404, 'NoSuchNamespaceException', /other/],
  ['GET /v1/namespaces/other/tables', 404, 'NoSuchNamespaceException', /other/],
  ['GET /v1/namespaces/other/tables/', 404, 'NoSuchNamespaceException', /other/],
  ['GET /v1/namespaces/other/views', 404, 'NoSuchNamespaceException', /other/],
  ['GET /v1/namespaces?parent=campaigns%1Fb', 404, 'NoSuchNamespaceException', /campaigns\.b/],
  ['GET /v1/namespaces/other/tables/campaign_events', 404, 'NoSuchTableException', /other\.camp/],
  [
    'GET /v1/namespaces/campaigns%1Fcampaign_events/tables/snapshots',
    404,
    'NoSuchTableException',
    /campaigns\.campaign_events\.snapshots/,
  ],
  ['GET /v1/namespaces/campaigns.x/tables/y/', 404, 'NoSuchTableException', /campaigns\.x\.y/],
  ['POST /v1/namespaces/campaigns/tables/x/metrics', 404, 'NoSuchTableException', /campaigns\.x/],
  ['GET /v1/namespaces/campaigns/views/x', 404, 'NoSuchViewException', /campaigns\.x/],
  ['GET /v1/namespaces/a%1Fb/views/x', 404, 'NoSuchViewException', /a\.b\.x/],
  ['GET /v1/namespaces/campaigns/tables/x', 404, 'NoSuchTableException', /campaigns\.x/],
  ['GET /v1/namespaces/campaigns/tables/__proto__', 404, 'NoSuchTableException', /__proto__/],
  ['GET /v1/tables', 404, 'NotFoundException', /no such endpoint/],
  [`GET ${METRICS}?snapshots=some`, 400, 'BadRequestException', /all or refs/],
  ['GET /v2/config', 404, 'NotFoundException', /no such endpoint/],
  ['GET /', 404, 'NotFoundException', /no such endpoint/],
  ['GET /v1/namespaces/%', 400, 'BadRequestException', /encoded/],
  ['PATCH /v1/config', 405, 'UnsupportedOperationException', /GET \/v1\/config lists/],
  ['OPTIONS /v1/namespaces', 405, 'UnsupportedOperationException', /GET \/v1\/config lists/],
  [`GET ${METRICS}/metrics`, 405, 'UnsupportedOperationException', /lists/],
  [`POST ${METRICS}/plan`, 405, 'UnsupportedOperationException', /does not offer it/],
  [`GET ${METRICS}/credentials`, 405, 'UnsupportedOperationException', /does not offer it/],
  ['POST /v1/namespaces', 405, 'UnsupportedOperationException', /no others/],
  ['DELETE /v1/namespaces/campaigns', 405, 'UnsupportedOperationException', /no others/],
  ['POST /v1/namespaces/campaigns/tables', 405, 'UnsupportedOperationException', /no others/],
  [
    'POST /v1/namespaces/campaigns/tables/campaign_events',
    405,
    'UnsupportedOperationException',
    /keys\.tables/,
  ],
  [
    'DELETE /v1/namespaces/campaigns/tables/campaign_events',
    405,
    'UnsupportedOperationException',
    /no others/,
  ],
  ['POST /v1/tables/rename', 405, 'UnsupportedOperationException', /no others/],
  ['POST /v1/transactions/commit', 405, 'UnsupportedOperationException', /keys\.tables/],
] as const) {
  test(`refused as Iceberg's ErrorModel says: ${line}`, async () => {
    const answer = await ask(line)
    assert.equal(answer.status, status)
    const { error } = JSON.parse(answer.body ?? '')
    assert.deepEqual([error.type, error.code], [type, status])
    assert.match(error.message, message)
  })
}

test('a refused method is told those there are', async () => {
  assert.equal((await ask(`PUT ${METRICS}`)).headers?.allow, 'GET, HEAD')
  assert.equal((await ask('PUT /v1/transactions/commit')).headers?.allow, '')
  assert.equal((await ask(`PUT ${METRICS}/metrics`)).headers?.allow, 'POST')
})

test('a lost metadata file is a 404 in the words of Iceberg: to try again does not help', async () => {
  const file = '/nonexistent/metadata/00001-x.metadata.json'
  const reader: LakeReader = {
    ...lake,
    loadMetadata: async () => Promise.reject(new TableError('file-lost', { path: file })),
  }
  const answer = await ask(`GET ${METRICS}`, reader)
  assert.equal(answer.status, 404)
  assert.equal(answer.headers?.['retry-after'], undefined)
  const { error } = JSON.parse(answer.body ?? '')
  assert.equal(error.type, 'NotFoundException')
  assert.match(error.message, /^Failed to open input stream for file: file:\/\/\/nonexistent/)
  assert.match(error.message, /restore it from a backup/)
})

test('a catalog that cannot be read is a 503, so that clients try again', async () => {
  const { openLakeReader } = await import('../../src/table.ts')
  const reader = openLakeReader(placesIn('/nonexistent'))
  const answer = await ask('GET /v1/namespaces/campaigns/tables/campaign_events', reader)
  assert.equal(answer.status, 503)
  assert.equal(answer.headers?.['retry-after'], '1')
  assert.match(answer.body ?? '', /ServiceUnavailableException/)
})
