/**
 * Trino's protocol against a server that says what is written here: pages, digits, a busy
 * coordinator, wrong addresses. Against Trino itself it is tested in test/stack.
 */
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, test } from 'node:test'
import { openTrinoClient, type TrinoPlace } from '../../../src/query/trino/client.ts'
import { runSql } from '../../../src/query/trino/run-sql.ts'

type Said = Readonly<{ status?: number; body: string }>
type Heard = Readonly<{ method: string; path: string; headers: IncomingMessage['headers'] }>

let server: Server | null = null
afterEach(() => server?.close())

/** Answers one after the other; what was asked is heard. */
async function serve(answers: readonly ((origin: string) => Said)[]) {
  const heard: Heard[] = []
  const made = createServer((request, response) => {
    const { method = '', url = '', headers } = request
    heard.push({ method, path: url, headers })
    const said = answers[heard.length - 1]?.(origin()) ?? { status: 204, body: '' }
    request.resume()
    response.writeHead(said.status ?? 200, { 'content-type': 'application/json' })
    response.end(said.body)
  })
  const origin = (): string => `http://127.0.0.1:${(made.address() as AddressInfo).port}`
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve))
  server = made
  return { heard, place: place(origin()) }
}

function place(url: string): TrinoPlace {
  return { url, user: 'ann', password: null, catalog: null }
}

const COLUMNS = '[{"name":"n","type":"bigint","typeSignature":{"rawType":"bigint","arguments":[]}}]'
const next = (origin: string, page: number): string =>
  `"nextUri":"${origin}/v1/statement/q/${page}"`

test('pages follow each other, and whole numbers past 2^53 keep their digits', async () => {
  const { heard, place } = await serve([
    (at) => ({ body: `{"id":"q",${next(at, 1)}}` }),
    (at) => ({ body: `{"id":"q","columns":${COLUMNS},${next(at, 2)}}` }),
    (at) => ({
      body: `{"id":"q","columns":${COLUMNS},"data":[[9007199254740993]],${next(at, 3)}}`,
    }),
    () => ({ body: `{"id":"q","columns":${COLUMNS},"data":[[-9223372036854775808],[7]]}` }),
  ])
  const client = openTrinoClient(place)
  assert.deepEqual(await client.rows('SELECT n'), [
    [9007199254740993n],
    [-9223372036854775808n],
    [7],
  ])
  assert.deepEqual(
    heard.map(({ method, path }) => `${method} ${path}`),
    [
      'POST /v1/statement',
      'GET /v1/statement/q/1',
      'GET /v1/statement/q/2',
      'GET /v1/statement/q/3',
    ],
  )
  const headers: IncomingMessage['headers'] = heard[0]?.headers ?? {}
  assert.equal(headers['x-trino-user'], 'ann')
  assert.equal(headers['x-trino-catalog'], 'lake')
  assert.equal(headers['x-trino-schema'], 'campaigns')
  assert.equal(headers['x-trino-client-capabilities'], 'PARAMETRIC_DATETIME')
  assert.equal(headers.authorization, undefined)
})

test('a busy coordinator is asked again', async () => {
  const { heard, place } = await serve([
    () => ({ status: 503, body: 'starting' }),
    (at) => ({ body: `{"id":"q",${next(at, 1)}}` }),
    () => ({ status: 429, body: '' }),
    () => ({ body: `{"id":"q","columns":${COLUMNS},"data":[[1]]}` }),
  ])
  assert.deepEqual(await openTrinoClient(place).rows('SELECT 1'), [[1]])
  assert.equal(heard.length, 4)
})

test('a catalog whose nodes are not known yet is asked again, at planning and at scheduling', async () => {
  const failure = (errorName: string, message: string): string =>
    `"error":${JSON.stringify({ message, errorName, errorType: 'INTERNAL_ERROR' })}`
  const { heard, place } = await serve([
    () => ({ body: `{"id":"q",${failure('GENERIC_INTERNAL_ERROR', 'nodes is empty')}}` }),
    (at) => ({ body: `{"id":"q","columns":${COLUMNS},${next(at, 1)}}` }),
    () => ({ body: `{"id":"q",${failure('NO_NODES_AVAILABLE', 'No nodes available')}}` }),
    () => ({ status: 204, body: '' }),
    () => ({ body: `{"id":"q","columns":${COLUMNS},"data":[[1]]}` }),
  ])
  assert.deepEqual(await openTrinoClient(place).rows('SELECT 1'), [[1]])
  assert.deepEqual(
    heard.map(({ method }) => method),
    ['POST', 'POST', 'GET', 'DELETE', 'POST'],
  )
})

test('waiting for nodes ends with the signal, whose reason it is', async () => {
  const abort = new AbortController()
  const { heard, place } = await serve([
    () => {
      setTimeout(() => abort.abort(new Error('enough')), 10)
      return { body: '{"id":"q","error":{"message":"nodes is empty","errorName":"X"}}' }
    },
  ])
  const asked = openTrinoClient(place).rows('SELECT 1', abort.signal)
  await assert.rejects(asked, { message: 'enough' })
  assert.equal(heard.length, 1)
})

test('leaving early ends the statement', async () => {
  const { heard, place } = await serve([
    (at) => ({ body: `{"id":"q","columns":${COLUMNS},"data":[[1]],${next(at, 1)}}` }),
  ])
  const result = await openTrinoClient(place).start('SELECT 1')
  for await (const _page of result.pages) break
  assert.deepEqual(
    heard.map(({ method, path }) => `${method} ${path}`),
    ['POST /v1/statement', 'DELETE /v1/statement/q/1'],
  )
})

test('an aborted statement is ended, and the reason is the signal’s', async () => {
  const abort = new AbortController()
  const { heard, place } = await serve([
    (at) => {
      setTimeout(() => abort.abort(new Error('enough')), 10)
      return { body: `{"id":"q","columns":${COLUMNS},"data":[[1]],${next(at, 1)}}` }
    },
    (at) => ({ body: `{"id":"q","columns":${COLUMNS},${next(at, 1)}}` }),
  ])
  const client = openTrinoClient(place)
  const endless = async (): Promise<void> => {
    const result = await client.start('SELECT 1', abort.signal)
    for await (const _page of result.pages) {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  await assert.rejects(endless(), { message: 'enough' })
  assert.equal(heard.at(-1)?.method, 'DELETE')
})

test('an answer that leads elsewhere is not followed', async () => {
  const { heard, place } = await serve([
    () => ({ body: '{"id":"q","nextUri":"http://elsewhere.invalid/v1/statement/q/1"}' }),
  ])
  await assert.rejects(openTrinoClient(place).rows('SELECT 1'), {
    code: 'trino-address',
    message: /lead to http:\/\/elsewhere\.invalid.*process-forwarded/,
  })
  assert.equal(heard.length, 1)
})

test('each failure has its code, and says what to do', async () => {
  const failing = async (said: Said, code: string, message: RegExp): Promise<void> => {
    const { place } = await serve([() => said])
    await assert.rejects(openTrinoClient(place).rows('SELECT 1'), { code, message })
    server?.close()
  }
  const error = (type: string, name: string): Said => ({
    body: `{"id":"q1","error":{"message":"so it is","errorName":"${name}","errorType":"${type}"}}`,
  })
  await failing(error('USER_ERROR', 'SYNTAX_ERROR'), 'sql-refused', /cannot be run: so it is/)
  await failing(error('INSUFFICIENT_RESOURCES', 'X'), 'trino-resources', /query\.max-memory/)
  await failing(error('INTERNAL_ERROR', 'X'), 'trino-failed', /the query q1 \(so it is\)/)
  await failing(error('EXTERNAL', 'ICEBERG_CANNOT_OPEN_SPLIT'), 'files-expired', /run it again/)
  await failing({ status: 401, body: 'no' }, 'trino-sign-in', /refused the user "ann"/)
  await failing({ status: 404, body: '<html>' }, 'trino-answer', /not Trino \(HTTP 404/)
  await failing({ body: '<html>' }, 'trino-answer', /no JSON/)
  await failing({ body: '{}' }, 'trino-answer', /no id of a query/)
})

test('a password never goes over http, and an address must be one', () => {
  assert.throws(() => openTrinoClient({ ...place('http://trino'), password: 'secret' }), {
    code: 'trino-address',
    message: /over https only/,
  })
  assert.throws(() => openTrinoClient(place('trino:8080')), { code: 'trino-address' })
})

for (const [errorName, message, isHinted] of [
  ['TABLE_NOT_FOUND', "line 1:15: Table 'lake.campaigns.foo' does not exist", true],
  ['SCHEMA_NOT_FOUND', "line 1:15: Schema 'foo' does not exist", true],
  ['CATALOG_NOT_FOUND', "line 1:15: Catalog 'foo' not found", true],
  ['COLUMN_NOT_FOUND', "line 1:8: Column 'foo' cannot be resolved", false],
] as const) {
  test(`${errorName}: the error ${isHinted ? 'names' : 'does not name'} the tables`, async () => {
    const error = { message, errorName, errorType: 'USER_ERROR' }
    const { place } = await serve([() => ({ body: JSON.stringify({ id: 'q', error }) })])
    const hint = isHinted ? '. The tables are campaign_events and campaign_metrics.' : ''
    await assert.rejects(runSql(openTrinoClient(place), 'SELECT * FROM foo'), {
      code: 'sql-refused',
      message: `the query cannot be run: ${message}${hint}`,
    })
  })
}
