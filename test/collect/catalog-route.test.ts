/**
 * What the collector adds to a route such as `/iceberg`: bodies within their limit, answers
 * compressed for those who accept it, refusals in the words of that route from whatever layer, and
 * tokens for OAuth2 clients.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import type { ReadRequest } from '../../src/collect.ts'
import { restErrorBody } from '../../src/table.ts'
import { ask } from '../support/client.ts'
import { type Harness, heldBytes, openHarness, openRaw, statusesOf } from './harness.ts'

const WRITE = 'write-key-1'
const READ = 'read-key-1'
const TABLES = 'tables-key-1'
const BODY_BYTES_MAX = 100_000
const LARGE = JSON.stringify({ text: 'x'.repeat(50_000) })
const TOKENS = '/iceberg/v1/oauth/tokens'
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

const seen: ReadRequest[] = []
const route = {
  prefix: '/iceberg',
  bodyBytesMax: BODY_BYTES_MAX,
  isCompressed: true,
  refusalBody: restErrorBody,
  answer(asked: ReadRequest) {
    seen.push(asked)
    if (asked.path.endsWith('/broken')) throw new Error('on purpose')
    return { status: 200, body: asked.path.endsWith('/large') ? LARGE : '{}' }
  },
}

let harness: Harness
before(async () => {
  harness = await openHarness({
    keys: { write: [WRITE], read: [READ], tables: [TABLES] },
    routes: [route],
  })
})
after(() => harness.close())

const keyed = (key: string) => ({ authorization: `Bearer ${key}` })

async function send(
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>> = keyed(READ),
): Promise<Readonly<{ status: number; body: string; headers: Headers }>> {
  const answer = await fetch(harness.url + path, { method: 'POST', body, headers })
  return { status: answer.status, body: await answer.text(), headers: answer.headers }
}

function errorOf(body: string): readonly unknown[] {
  const { error } = JSON.parse(body)
  assert.deepEqual(Object.keys(error), ['message', 'type', 'code'])
  assert.ok(typeof error.message === 'string' && error.message.length > 10)
  return [error.type, error.code]
}

test('a body reaches the route whole, and its memory is given back', async () => {
  const body = 'ä'.repeat(BODY_BYTES_MAX / 2)
  assert.equal((await send('/iceberg/v1/x/metrics', body)).status, 200)
  assert.equal(Buffer.from(seen.at(-1)?.body ?? []).toString(), body)
  assert.equal((await fetch(`${harness.url}/iceberg/v1/x`, { headers: keyed(READ) })).status, 200)
  assert.equal(seen.at(-1)?.body.length, 0)
  await heldBytes(harness, (bytes) => bytes === 0)
})

test('a body over the limit is a 413, with or without a length, and nothing is held', async () => {
  const body = Buffer.alloc(BODY_BYTES_MAX + 1, 'x')
  const whole = await send('/iceberg/v1/x/metrics', body)
  assert.equal(whole.status, 413)
  assert.deepEqual(errorOf(whole.body), ['RESTException', 413])
  const chunked = openRaw(harness.port)
  chunked.send(
    'POST /iceberg/v1/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n' +
      `Authorization: Bearer ${READ}\r\nConnection: close\r\n\r\n` +
      `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
  )
  assert.deepEqual(statusesOf(await chunked.end), [413])
  await heldBytes(harness, (bytes) => bytes === 0)
})

test('a body whose client goes away in the middle holds nothing', async () => {
  const raw = openRaw(harness.port)
  raw.send(
    `POST /iceberg/v1/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${READ}\r\n` +
      `Content-Length: 5000\r\n\r\n${'x'.repeat(2000)}`,
  )
  await heldBytes(harness, (bytes) => bytes > 0)
  raw.socket.destroy()
  await heldBytes(harness, (bytes) => bytes === 0)
})

test('a large answer is compressed for clients that accept gzip, and for no others', async () => {
  for (const [accepted, isGzip] of [
    ['gzip', true],
    ['GZIP;q=0.5, deflate', true],
    ['br, *', true],
    ['identity', false],
    ['gzip;q=0, *', false],
    ['*;q=0', false],
    ['', false],
  ] as const) {
    const raw = openRaw(harness.port)
    raw.send(
      `GET /iceberg/v1/large HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${READ}\r\n` +
        `Accept-Encoding: ${accepted}\r\nConnection: close\r\n\r\n`,
    )
    const [head = '', ...rest] = (await raw.end).split('\r\n\r\n')
    assert.equal(/^content-encoding: gzip$/im.test(head), isGzip, accepted)
    assert.match(head, /^vary: Accept-Encoding$/im)
    const body = Buffer.from(rest.join('\r\n\r\n'), 'latin1')
    assert.equal((isGzip ? gunzipSync(body) : body).toString(), LARGE)
    assert.equal(body.length < LARGE.length / 10, isGzip)
  }
})

test('a small answer and HEAD are not compressed', async () => {
  const gzip = { ...keyed(READ), 'accept-encoding': 'gzip' }
  const small = await ask(harness.url, '/iceberg/v1/small', 'GET', gzip)
  assert.deepEqual([small.text, small.headers['content-encoding']], ['{}', undefined])
  const head = await ask(harness.url, '/iceberg/v1/large', 'HEAD', gzip)
  assert.deepEqual([head.text, head.headers['content-encoding']], ['', undefined])
})

for (const [line, headers, type, status] of [
  ['GET /iceberg', {}, 'NotAuthorizedException', 401],
  ['GET /iceberg/v1/config', keyed('wrong'), 'NotAuthorizedException', 401],
  ['POST /iceberg/v1/x', keyed(WRITE), 'ForbiddenException', 403],
  ['POST /iceberg/v1/x', { ...keyed(READ), origin: 'http://evil' }, 'ForbiddenException', 403],
  ['GET /iceberg/v1/%', keyed(READ), 'BadRequestException', 400],
  ['PROPFIND /iceberg/v1/x', keyed(READ), 'UnsupportedOperationException', 405],
  ['GET /iceberg/v1/oauth/tokens', {}, 'UnsupportedOperationException', 405],
  ['POST /iceberg/v1/oauth/tokens/x', {}, 'NotFoundException', 404],
] as const) {
  test(`refused in the words of the route, whichever layer does: ${line} ${status}`, async () => {
    const [method = '', path = ''] = line.split(' ')
    const raw = openRaw(harness.port)
    const all = Object.entries({ host: 'localhost', connection: 'close', ...headers })
    const head = all.map(([name, value]) => `${name}: ${value}`).join('\r\n')
    raw.send(`${method} ${path} HTTP/1.1\r\n${head}\r\ncontent-length: 0\r\n\r\n`)
    const text = await raw.end
    assert.deepEqual(statusesOf(text), [status])
    assert.deepEqual(errorOf(text.slice(text.indexOf('\r\n\r\n') + 4)), [type, status])
  })
}

test('a bad target, a foreign host and a fault are in the words of the route too', async () => {
  const open = await openHarness({ routes: [route] })
  for (const [target, host, type, status] of [
    ['ftp://localhost/iceberg/v1/config', 'localhost', 'BadRequestException', 400],
    ['http://user@localhost/iceberg', 'localhost', 'BadRequestException', 400],
    ['/iceberg/v1/config', 'evil.example', 'ForbiddenException', 403],
    ['http://evil.example/iceberg?a=b', 'localhost', 'ForbiddenException', 403],
    ['/iceberg/broken', 'localhost', 'ServiceFailureException', 500],
  ] as const) {
    const raw = openRaw(open.port)
    raw.send(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    const text = await raw.end
    assert.deepEqual(statusesOf(text), [status], target)
    assert.deepEqual(errorOf(text.slice(text.indexOf('\r\n\r\n') + 4)), [type, status])
  }
  assert.equal(open.warnings.length, 1)
  await open.close()
})

test('too many connections and a full memory are in the words of the route', async () => {
  const open = await openHarness({ routes: [route], limits: { readRequestsBytesMax: 0 } })
  const full = await fetch(`${open.url}/iceberg/v1/config`)
  assert.deepEqual(errorOf(await full.text()), ['ServiceUnavailableException', 503])
  await open.close()
  const few = await openHarness({ routes: [route], limits: { connectionsMax: 8 } })
  const held = Array.from({ length: 8 }, () => openRaw(few.port))
  held.at(-1)?.send('GET /iceberg/v1/config HTTP/1.1\r\nHost: localhost\r\n\r\n')
  const text = await (held.at(-1) as (typeof held)[number]).end
  assert.deepEqual(statusesOf(text), [503])
  assert.match(text, /ServiceUnavailableException/)
  for (const { socket } of held) socket.destroy()
  await few.close()
})

test('other paths, also those that only begin alike, keep their own errors', async () => {
  for (const path of ['/v1/status', '/icebergs', '/iceberg-x/v1/config', '/']) {
    const answer = await fetch(harness.url + path)
    const { error } = JSON.parse(await answer.text())
    assert.deepEqual(Object.keys(error), ['code', 'message'], path)
  }
})

const grant = (more: Readonly<Record<string, string>>) =>
  new URLSearchParams({ grant_type: 'client_credentials', scope: 'catalog', ...more }).toString()
const basic = (pair: string) => ({
  authorization: `Basic ${Buffer.from(pair).toString('base64')}`,
})

test('a read key is given a token that reads, with or without a client id', async () => {
  for (const [form, headers] of [
    [grant({ client_secret: READ }), {}],
    [grant({ client_id: 'me', client_secret: READ }), {}],
    [grant({}), basic(`me:${READ}`)],
    [grant({}), basic(`:${READ}`)],
  ] as const) {
    const { status, body, headers: sent } = await send(TOKENS, form, { ...FORM, ...headers })
    assert.equal(status, 200)
    const token = JSON.parse(body)
    assert.deepEqual(Object.keys(token), [
      'access_token',
      'token_type',
      'issued_token_type',
      'expires_in',
    ])
    assert.equal(token.token_type, 'bearer')
    assert.equal(token.issued_token_type, 'urn:ietf:params:oauth:token-type:access_token')
    assert.ok(Number.isInteger(token.expires_in) && token.expires_in > 86_400)
    assert.equal(sent.get('cache-control'), 'no-store')
    const headersOfToken = keyed(token.access_token)
    const answer = await fetch(`${harness.url}/iceberg/v1/config`, { headers: headersOfToken })
    assert.equal(answer.status, 200)
  }
})

for (const [what, form, headers, status, code] of [
  ['a wrong secret', grant({ client_secret: `${READ}x` }), {}, 401, 'invalid_client'],
  ['no secret', grant({ client_id: READ }), {}, 401, 'invalid_client'],
  ['a wrong secret by Basic', grant({}), basic('a:b'), 401, 'invalid_client'],
  [
    'a right secret beside a wrong one by Basic',
    grant({ client_secret: READ }),
    basic('a:b'),
    401,
    'invalid_client',
  ],
  ['a write key', grant({ client_secret: WRITE }), {}, 400, 'unauthorized_client'],
  ['no grant type', `client_secret=${READ}`, {}, 400, 'invalid_request'],
  ['an empty body', '', {}, 400, 'invalid_request'],
  [
    'a token exchange',
    grant({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: READ,
    }),
    keyed(READ),
    400,
    'unsupported_grant_type',
  ],
  ['JSON', '{}', { 'content-type': 'application/json' }, 400, 'invalid_request'],
] as const) {
  test(`no token, and the error that OAuth2 has for it: ${what}`, async () => {
    const answer = await send(TOKENS, form, { ...FORM, ...headers })
    assert.equal(answer.status, status)
    const { error, error_description: description } = JSON.parse(answer.body)
    assert.equal(error, code)
    assert.ok(description.length > 10)
    assert.equal(answer.headers.has('www-authenticate'), what.endsWith('by Basic'))
  })
}

test('where reading needs no key, any credential is given a token', async () => {
  const open = await openHarness({ routes: [route] })
  for (const form of [grant({ client_secret: 'anything' }), grant({})]) {
    const answer = await fetch(open.url + TOKENS, { method: 'POST', body: form, headers: FORM })
    const { access_token: token } = JSON.parse(await answer.text())
    const read = await fetch(`${open.url}/iceberg/v1/config`, { headers: keyed(token) })
    assert.equal(read.status, 200)
  }
  await open.close()
})

test('a key for the tables reads, may change them, and is a client secret; it sends no events', async () => {
  const mayChange = async (headers: Readonly<Record<string, string>>): Promise<unknown> => {
    const { status } = await send('/iceberg/v1/x', '{}', headers)
    return status === 200 ? seen.at(-1)?.mayChangeTables : status
  }
  assert.equal(await mayChange(keyed(TABLES)), true)
  assert.equal(await mayChange({ 'x-api-key': TABLES }), true)
  assert.equal(await mayChange(keyed(READ)), false)
  assert.equal(await mayChange(keyed(WRITE)), 403)
  assert.equal(await mayChange(keyed('unknown-key')), 401)
  const form = `grant_type=client_credentials&client_secret=${TABLES}`
  const { access_token: token } = JSON.parse((await send(TOKENS, form, FORM)).body)
  assert.equal(await mayChange(keyed(token)), true)
  assert.equal((await send('/v1/events', '{}', keyed(TABLES))).status, 403)
})

test('a session of a key for the tables reads, and changes nothing', async () => {
  const signedIn = await fetch(`${harness.url}/api/v1/session`, {
    method: 'POST',
    headers: keyed(TABLES),
  })
  assert.equal(signedIn.status, 204)
  const cookie = (signedIn.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
  assert.equal((await send('/iceberg/v1/x', '{}', { cookie })).status, 200)
  assert.equal(seen.at(-1)?.mayChangeTables, false)
})

test('where anyone may read, the tables still want their key', async (t) => {
  const open = await openHarness({
    keys: { write: [], read: [], tables: [TABLES] },
    routes: [route],
  })
  t.after(() => open.close())
  for (const [headers, mayChange] of [
    [{}, false],
    [keyed(TABLES), true],
    [keyed('another-key'), false],
  ] as const) {
    await fetch(`${open.url}/iceberg/v1/x`, { headers })
    assert.equal(seen.at(-1)?.mayChangeTables, mayChange)
  }
})
