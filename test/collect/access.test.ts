/**
 * Who may write and read: keys, browsers of other origins, names that are not ours, listeners off
 * loopback.
 */
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, test } from 'node:test'
import { CollectorError, type ReadRequest } from '../../src/collect.ts'
import {
  codeOf,
  event,
  get,
  type Harness,
  openHarness,
  openRaw,
  post,
  rawRequest,
  statusesOf,
} from './harness.ts'

const WRITE = 'write-key-1'
const READ = 'read-key-1'
const SHOP = 'https://shop.example'
const JSON_TYPE = { 'content-type': 'application/json' }

const seen: ReadRequest[] = []
let harness: Harness
before(async () => {
  harness = await openHarness({
    keys: { write: ['other-write', WRITE], read: [READ] },
    routes: [
      {
        prefix: '/iceberg',
        answer(asked) {
          seen.push(asked)
          if (asked.path.endsWith('/broken')) throw new Error('on purpose')
          return asked.method === 'POST'
            ? { status: 405, headers: { allow: 'GET' }, body: '{}' }
            : { status: 200, body: '{"defaults":{}}' }
        },
      },
    ],
  })
})
after(() => harness.close())

const send = (headers: Record<string, string>, path?: string) =>
  post(harness, event('k'), { ...JSON_TYPE, ...headers }, path)

test('a write key writes: as bearer, as x-api-key and, for beacons, in the query', async () => {
  assert.equal((await send({ authorization: `Bearer ${WRITE}` })).status, 200)
  assert.equal((await send({ authorization: `bearer  ${WRITE}` })).status, 200)
  assert.equal((await send({ 'x-api-key': WRITE })).status, 200)
  assert.equal((await send({}, `/v1/events?a=b&key=${WRITE}`)).status, 200)
})

test('no key is 401 with the way to send one, a wrong key 401, a read key 403', async () => {
  const missing = await send({})
  assert.deepEqual([missing.status, codeOf(missing)], [401, 'key-missing'])
  assert.equal(missing.headers.get('www-authenticate'), 'Bearer')
  for (const headers of [
    { authorization: `Bearer ${WRITE}x` },
    { authorization: `Bearer ${WRITE.slice(0, -1)}` },
    { authorization: 'Bearer' },
    { authorization: `Bearer ${WRITE} ${WRITE}` },
    { 'x-api-key': '' },
    { authorization: 'Bearer wrong', 'x-api-key': 'wrong' },
  ]) {
    const reply = await send(headers)
    assert.deepEqual([reply.status, codeOf(reply)], [401, 'key-wrong'], JSON.stringify(headers))
  }
  const read = await send({ 'x-api-key': READ })
  assert.deepEqual([read.status, codeOf(read)], [403, 'key-not-for-writing'])
})

for (const scheme of [
  'Basic dXNlcjpwYXNz',
  'basic dXNlcjpwYXNz',
  'Digest username="u", response="Bearer x"',
  'Negotiate YII=',
  'AWS4-HMAC-SHA256 Credential=x',
  'BearerToken x',
  WRITE,
  '',
]) {
  test(`what a proxy in front was shown is no key: Authorization: ${scheme}`, async () => {
    const proxy = { authorization: scheme }
    const alone = await send(proxy)
    assert.deepEqual([alone.status, codeOf(alone)], [401, 'key-missing'])
    assert.equal((await send({ ...proxy, 'x-api-key': WRITE })).status, 200)
    assert.equal((await send({ ...proxy, 'x-api-key': 'wrong' })).status, 401)
    assert.equal((await send({ ...proxy, 'x-api-key': READ })).status, 403)
    assert.equal((await send(proxy, `/v1/events?key=${WRITE}`)).status, 200)
    for (const path of ['/metrics', '/v1/status', '/iceberg/v1/config']) {
      assert.equal((await get(harness, path, proxy)).status, 401, path)
      assert.equal((await get(harness, path, { ...proxy, 'x-api-key': READ })).status, 200, path)
    }
  })
}

test('one valid key is enough: a gateway may add a Bearer or X-Api-Key of its own', async () => {
  const wrong = 'eyJhbGciOi.of.the-gateway'
  for (const headers of [
    { authorization: `Bearer ${wrong}`, 'x-api-key': WRITE },
    { authorization: `Bearer ${WRITE}`, 'x-api-key': wrong },
  ]) {
    assert.equal((await send(headers)).status, 200)
  }
  const reading = { authorization: `Bearer ${wrong}`, 'x-api-key': READ }
  assert.equal((await get(harness, '/v1/status', reading)).status, 200)
})

test('a wrong key in a header is not saved by a right one in the query', async () => {
  assert.equal((await send({ 'x-api-key': 'wrong' }, `/v1/events?key=${WRITE}`)).status, 401)
})

test('reading needs a read key, in a header only; /healthz needs none', async () => {
  for (const path of ['/metrics', '/v1/status', '/iceberg/v1/config']) {
    assert.equal((await get(harness, path)).status, 401, path)
    assert.equal((await get(harness, `${path}?key=${READ}`)).status, 401, path)
    assert.equal((await get(harness, path, { 'x-api-key': WRITE })).status, 403, path)
    assert.equal((await get(harness, path, { authorization: `Bearer ${READ}` })).status, 200, path)
  }
  assert.equal((await get(harness, '/healthz')).status, 200)
})

test('/healthz names problems to read keys only: they hold paths, hosts and users', async () => {
  const problem = 'postgresql://bob@db.internal:5432 and s3://bucket/lake and /srv/a b/catalog.db'
  harness.status = { healthy: false, problems: [problem] }
  const ask = async (headers: Record<string, string>) => {
    const { status, text } = await get(harness, '/healthz', headers)
    assert.equal(status, 503)
    return JSON.parse(text) as { problems: string[] }
  }
  for (const headers of [{}, { 'x-api-key': WRITE }, { 'x-api-key': 'wrong' }, { cookie: 'a=b' }]) {
    const { problems } = await ask(headers as Record<string, string>)
    assert.equal(problems.length, 1)
    assert.match(problems[0] ?? '', /^1 problem: see GET \/v1\/status/)
    assert.doesNotMatch(problems[0] ?? '', /bob|internal|bucket|srv|catalog\.db/)
  }
  assert.deepEqual((await ask({ 'x-api-key': READ })).problems, [problem])
  harness.status = { healthy: true, problems: [] }
})

test('a refused body is not read into the log, whatever its size', async () => {
  const before = harness.log.end()
  const reply = await post(harness, Buffer.alloc(10_000_000, ' '), JSON_TYPE)
  assert.equal(reply.status, 401)
  assert.equal(harness.log.end(), before)
  assert.equal(harness.meter.collect.heldBytes, 0)
})

test('routes get method, undecoded path and query; answers and failures are JSON', async () => {
  const key = { 'x-api-key': READ }
  const found = await get(harness, '/iceberg/v1/namespaces/a%1Fb/tables?pageSize=2', key)
  assert.deepEqual([found.status, found.text], [200, '{"defaults":{}}'])
  assert.match(found.headers.get('content-type') ?? '', /^application\/json/)
  const asked = seen.at(-1)
  assert.deepEqual(
    [asked?.method, asked?.path, asked?.query.get('pageSize')],
    ['GET', '/iceberg/v1/namespaces/a%1Fb/tables', '2'],
  )
  const commit = await fetch(`${harness.url}/iceberg/v1/x`, {
    method: 'POST',
    body: '{"updates":[]}',
    headers: { ...key, ...JSON_TYPE },
  })
  assert.deepEqual([commit.status, commit.headers.get('allow')], [405, 'GET'])
  assert.equal(
    (await fetch(`${harness.url}/iceberg/v1/x`, { method: 'HEAD', headers: key })).status,
    200,
  )
  const broken = await get(harness, '/iceberg/broken', key)
  assert.equal(broken.status, 500)
  assert.equal(JSON.parse(broken.text).error.code, 'internal')
  assert.match(harness.warnings.at(-1) ?? '', /on purpose/)
  assert.ok(!broken.text.includes('on purpose'))
})

let shop: Harness
before(async () => {
  shop = await openHarness({ cors: [SHOP] })
})
after(() => shop.close())

const preflight = (origin: string, names = 'content-type') =>
  fetch(`${shop.url}/v1/events`, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': names,
    },
  })

test('a configured origin may send, and its script may read every answer and refusal', async () => {
  const asked = await preflight(SHOP)
  assert.equal(asked.status, 204)
  assert.equal(asked.headers.get('access-control-allow-origin'), SHOP)
  assert.equal(asked.headers.get('access-control-allow-methods'), 'POST')
  assert.match(asked.headers.get('access-control-allow-headers') ?? '', /content-type/)
  assert.equal(asked.headers.get('vary'), 'Origin')
  for (const [type, status] of [
    ['text/plain', 200],
    ['text/html', 415],
  ] as const) {
    const reply = await post(shop, event('shop'), { 'content-type': type, origin: SHOP })
    assert.equal(reply.status, status)
    assert.equal(reply.headers.get('access-control-allow-origin'), SHOP)
  }
})

test('headers that tools add to every request of a page do not stop it (F33)', async () => {
  const names = async (asked: string) =>
    (await preflight(SHOP, asked)).headers.get('access-control-allow-headers')?.split(', ')
  const ours = ['authorization', 'content-encoding', 'content-type', 'x-api-key']
  for (const asked of [
    ['traceparent', 'tracestate', 'baggage'],
    ['sentry-trace'],
    ['x-datadog-trace-id', 'x-datadog-origin'],
    ['b3', 'content-type', 'x-b3-traceid'],
  ]) {
    assert.deepEqual(await names(asked.join(', ')), [...ours, ...asked])
  }
  assert.deepEqual(await names('content-type'), [...ours, 'content-type'])
  for (const asked of ['', 'a b', 'a,,b', 'a:b', 'a, *"']) {
    assert.deepEqual(await names(asked), ours, asked)
  }
})

test('a page of another origin may not send, be it with a preflight or by a form', async () => {
  for (const origin of [
    'https://evil.example',
    'null',
    `${SHOP}.evil.example`,
    'http://shop.example',
    `${SHOP}:444`,
  ]) {
    const asked = await preflight(origin)
    assert.equal(asked.status, 403)
    assert.equal(asked.headers.get('access-control-allow-origin'), null)
    const before = shop.log.end()
    const reply = await post(shop, event('evil'), { 'content-type': 'text/plain', origin })
    assert.deepEqual([reply.status, codeOf(reply)], [403, 'origin-not-allowed'], origin)
    assert.equal(reply.headers.get('access-control-allow-origin'), null)
    assert.equal(shop.log.end(), before)
  }
})

test('our own pages may send, and readings are never given to other origins', async () => {
  const own = await post(shop, event('own'), {
    'content-type': 'text/plain',
    origin: shop.url,
  })
  assert.equal(own.status, 200)
  const status = await get(shop, '/v1/status', { origin: SHOP })
  assert.equal(status.headers.get('access-control-allow-origin'), null)
})

test('OPTIONS without an Origin tells the methods', async () => {
  const reply = await fetch(`${shop.url}/v1/events`, { method: 'OPTIONS' })
  assert.deepEqual([reply.status, reply.headers.get('allow')], [204, 'POST, OPTIONS'])
})

test('the setting * lets every origin send', async () => {
  const open = await openHarness({ cors: ['*'] })
  const reply = await post(open, event('any'), {
    'content-type': 'text/plain',
    origin: 'https://any.example',
  })
  assert.equal(reply.status, 200)
  assert.equal(reply.headers.get('access-control-allow-origin'), 'https://any.example')
  await open.close()
})

test('DNS rebinding: without keys only loopback names are served, with both keys any', async () => {
  const open = await openHarness()
  const keyed = await openHarness({ keys: { write: [WRITE], read: [READ] } })
  for (const host of [
    'localhost',
    'localhost:8088',
    '127.0.0.1',
    '127.9.9.9:1',
    '[::1]:8088',
    'LOCALHOST',
    'app.localhost',
  ]) {
    assert.equal(await healthAs(open.port, host), 200, host)
  }
  for (const host of [
    'evil.example',
    'evil.example:8088',
    '127.0.0.1.evil.example',
    '128.0.0.1',
    '[::2]',
    'localhost.evil',
    '0.0.0.0',
    'a@localhost',
  ]) {
    assert.equal(await healthAs(open.port, host), 403, host)
    assert.equal(await healthAs(keyed.port, host), 200, host)
  }
  await open.close()
  await keyed.close()
})

test('DNS rebinding: events are refused too, but not HTTP/1.0 that sends no Host', async () => {
  const harness = await openHarness()
  const raw = openRaw(harness.port)
  raw.send(rawRequest(event('r'), []).replace('Host: localhost', 'Host: evil.example'))
  assert.deepEqual(statusesOf(await raw.until(/\}\}$/)), [403])
  raw.socket.destroy()
  const old = openRaw(harness.port)
  old.send('GET /healthz HTTP/1.0\r\n\r\n')
  assert.deepEqual(statusesOf(await old.end), [200])
  assert.equal(harness.log.end(), 0)
  await harness.close()
})

test('listening elsewhere than on loopback needs both kinds of keys', async () => {
  for (const keys of [
    { write: [], read: [] },
    { write: [WRITE], read: [] },
    { write: [], read: [READ] },
  ]) {
    for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.com', '']) {
      await assert.rejects(openHarness({ keys, listen: { host, port: 0 } }), (error) => {
        assert.ok(error instanceof CollectorError)
        assert.equal(error.code, 'keys-required')
        assert.match(error.message, /keys\.write and keys\.read/)
        return true
      })
    }
  }
  const keyed = await openHarness({
    keys: { write: [WRITE], read: [READ] },
    listen: { host: '0.0.0.0', port: 0 },
  })
  assert.equal((await fetch(`http://127.0.0.1:${keyed.port}/healthz`)).status, 200)
  await keyed.close()
})

test('listening on a port in use is an error that tells what to do', async () => {
  const first = await openHarness()
  await assert.rejects(
    openHarness({ listen: { host: '127.0.0.1', port: first.port } }),
    (error) => {
      assert.ok(error instanceof CollectorError)
      assert.equal(error.code, 'listen-failed')
      assert.match(error.message, /in use.*another port/)
      return true
    },
  )
  await first.close()
})

test('listening on an address of another machine does not blame another process', async () => {
  // 192.0.2.0/24 is kept for documentation: no machine has an address of it.
  const config = {
    keys: { write: [WRITE], read: [READ] },
    listen: { host: '192.0.2.1', port: 0 },
  }
  await assert.rejects(openHarness(config), (error) => {
    assert.ok(error instanceof CollectorError)
    assert.equal(error.code, 'listen-failed')
    assert.match(error.message, /address of this machine/)
    assert.doesNotMatch(error.message, /other process/)
    return true
  })
})

test('the collector refuses to listen with origins that no browser writes', async () => {
  for (const origin of [
    'shop.example',
    'https://shop.example/',
    'https://Shop.example',
    'https://a/b',
    '',
  ]) {
    await assert.rejects(openHarness({ cors: [origin] }), { code: 'bad-origin' }, origin)
  }
})

function healthAs(port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { port, host: '127.0.0.1', path: '/healthz', headers: { host }, agent: false },
      (reply) => {
        reply.resume()
        resolve(reply.statusCode ?? 0)
      },
    )
    asked.on('error', reject)
    asked.end()
  })
}
