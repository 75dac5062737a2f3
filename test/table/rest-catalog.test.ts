/**
 * The REST catalog's answers, by the spec's words, to reading, to asking for what is not there, and
 * to changing.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerRestCatalog, type LakeReader, type RestAnswer } from '../../src/table.ts'
import { placesIn } from '../support/places.ts'

/** A snapshot id that a JavaScript number cannot hold. */
const METADATA = '{"format-version":2,"current-snapshot-id":9007199254740993}'

const lake: LakeReader = {
  loadMetadata: async (key) => ({
    metadataLocation: `file:///w/campaigns/${key}/metadata/00001-"x".metadata.json`,
    metadata: METADATA,
  }),
}

function ask(line: string, reader: LakeReader = lake): Promise<RestAnswer> {
  const [method = '', target = ''] = line.split(' ')
  const [path = '', query = ''] = target.split('?')
  return answerRestCatalog({ method, path, query: new URLSearchParams(query) }, reader)
}

async function bodyOf(line: string): Promise<unknown> {
  const { status, body } = await ask(line)
  assert.equal(status, 200, line)
  return JSON.parse(body ?? '')
}

test('config lists the endpoints there are, and asks clients for no settings', async () => {
  assert.deepEqual(await bodyOf('GET /v1/config?warehouse=anything'), {
    defaults: {},
    overrides: {},
    endpoints: [
      'GET /v1/{prefix}/namespaces',
      'GET /v1/{prefix}/namespaces/{namespace}',
      'HEAD /v1/{prefix}/namespaces/{namespace}',
      'GET /v1/{prefix}/namespaces/{namespace}/tables',
      'GET /v1/{prefix}/namespaces/{namespace}/tables/{table}',
      'HEAD /v1/{prefix}/namespaces/{namespace}/tables/{table}',
    ],
  })
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
  assert.deepEqual(
    await ask('GET /v1/namespaces/campaigns/tables/campaign_metrics?snapshots=all'),
    {
      status: 200,
      body:
        '{"metadata-location":"file:///w/campaigns/metrics/metadata/00001-\\"x\\".metadata.json",' +
        `"metadata":${METADATA},"config":{}}`,
    },
  )
})

for (const [line, status] of [
  ['HEAD /v1/namespaces/campaigns', 204],
  ['HEAD /v1/namespaces/other', 404],
  ['HEAD /v1/namespaces/campaigns/tables/campaign_events', 204],
  ['HEAD /v1/namespaces/campaigns/tables/other', 404],
] as const) {
  test(`existence is a status without a body: ${line}`, async () => {
    assert.deepEqual(await ask(line), { status, body: null })
  })
}

for (const [line, status, type, message] of [
  ['GET /v1/namespaces/other', 404, 'NoSuchNamespaceException', /Namespace does not exist: other/],
  ['GET /v1/namespaces/campaigns%1Fb/tables', 404, 'NoSuchNamespaceException', /campaigns\.b/],
  ['GET /v1/namespaces?parent=other', 404, 'NoSuchNamespaceException', /other/],
  ['GET /v1/namespaces/other/tables/campaign_events', 404, 'NoSuchNamespaceException', /other/],
  ['GET /v1/namespaces/campaigns/tables/x', 404, 'NoSuchTableException', /campaigns\.x/],
  ['GET /v1/namespaces/campaigns/tables/__proto__', 404, 'NoSuchTableException', /__proto__/],
  ['GET /v1/namespaces/campaigns/views', 404, 'NotFoundException', /no such endpoint/],
  ['GET /v2/config', 404, 'NotFoundException', /no such endpoint/],
  ['GET /', 404, 'NotFoundException', /no such endpoint/],
  ['GET /v1/namespaces/%', 400, 'BadRequestException', /encoded/],
  ['PATCH /v1/config', 404, 'NotFoundException', /no such endpoint/],
  ['POST /v1/namespaces', 405, 'UnsupportedOperationException', /read-only/],
  ['DELETE /v1/namespaces/campaigns', 405, 'UnsupportedOperationException', /read-only/],
  ['POST /v1/namespaces/campaigns/tables', 405, 'UnsupportedOperationException', /read-only/],
  [
    'POST /v1/namespaces/campaigns/tables/campaign_events',
    405,
    'UnsupportedOperationException',
    /POST \/v1\/events/,
  ],
  [
    'DELETE /v1/namespaces/campaigns/tables/campaign_events',
    405,
    'UnsupportedOperationException',
    /read-only/,
  ],
  ['POST /v1/tables/rename', 405, 'UnsupportedOperationException', /read-only/],
  ['POST /v1/transactions/commit', 405, 'UnsupportedOperationException', /read-only/],
] as const) {
  test(`refused as Iceberg's ErrorModel says: ${line}`, async () => {
    const answer = await ask(line)
    assert.equal(answer.status, status)
    const { error } = JSON.parse(answer.body ?? '')
    assert.deepEqual([error.type, error.code], [type, status])
    assert.match(error.message, message)
  })
}

test('a catalog that cannot be read is a 503, so that clients try again', async () => {
  const { openLakeReader } = await import('../../src/table.ts')
  const reader = openLakeReader(placesIn('/nonexistent'))
  const answer = await ask('GET /v1/namespaces/campaigns/tables/campaign_events', reader)
  assert.equal(answer.status, 503)
  assert.match(answer.body ?? '', /ServiceUnavailableException/)
})
