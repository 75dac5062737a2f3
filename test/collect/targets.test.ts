/**
 * The request target in every form that RFC 9112 (3.2) has: each reaches its route, and none gets
 * past the checks of the Host.
 */
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { after, before, test } from 'node:test'
import type { ReadRequest } from '../../src/collect.ts'
import {
  event,
  type Harness,
  type HarnessOptions,
  openHarness,
  openRaw,
  rawRequest,
  statusesOf,
} from './harness.ts'

const WRITE = 'write-key-1'
const READ = 'read-key-1'
const CLOSE = 'Connection: close'

/** The whole text of an answer to a request line, sent as it stands. */
async function answerTo(
  harness: Pick<Harness, 'port'>,
  line: string,
  headers: readonly string[] = [],
  body = '',
): Promise<string> {
  const raw = openRaw(harness.port)
  raw.send(rawRequest(body, [CLOSE, ...headers], `${line} HTTP/1.1`))
  return await raw.end
}

const statusOf = async (...sent: Parameters<typeof answerTo>): Promise<number | undefined> =>
  statusesOf(await answerTo(...sent))[0]

const seen: ReadRequest[] = []
const options: HarnessOptions = {
  routes: [
    {
      prefix: '/iceberg',
      answer(asked) {
        seen.push(asked)
        return { status: 200, body: '{}' }
      },
    },
    { prefix: '/', isExact: true, access: 'open', answer: () => ({ status: 200, body: '"page"' }) },
    {
      prefix: '/api/v1/stream',
      answer: () => ({ status: 200, body: Readable.from(['data: 1\n\n']) }),
    },
  ],
}
let harness: Harness
before(async () => {
  harness = await openHarness(options)
})
after(() => harness.close())

test('a target in absolute form takes events, whatever the case, scheme and port', async () => {
  for (const origin of [
    'http://localhost',
    'http://localhost:8088',
    'HTTP://LOCALHOST',
    'hTTps://127.0.0.1',
    'http://[::1]:80',
    'http://app.localhost',
  ]) {
    const before = harness.log.end()
    const answer = await answerTo(harness, `POST ${origin}/v1/events`, [], event('absolute'))
    assert.match(answer, /^HTTP\/1\.1 200 [\s\S]*\{"accepted":1,"rejected":\[\]\}$/, origin)
    assert.equal(harness.log.end(), before + 1)
  }
})

test('a target in absolute form is asked for its body, with `Expect: 100-continue`', async () => {
  const raw = openRaw(harness.port)
  const body = event('expected')
  raw.send(
    `POST http://localhost/v1/events HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n${CLOSE}\r\n` +
      `Content-Length: ${body.length}\r\n\r\n`,
  )
  await raw.until(/100 Continue/)
  raw.send(body)
  assert.deepEqual(statusesOf(await raw.end), [100, 200])
})

test('a target in absolute form reaches every route, with path and query as sent', async () => {
  for (const target of ['/healthz', '/metrics', '/v1/status', '/iceberg/v1/config', '/', '']) {
    assert.equal(await statusOf(harness, `GET http://localhost${target}`), 200, target)
  }
  assert.match(await answerTo(harness, 'GET http://localhost/api/v1/stream'), /data: 1/)
  assert.match(await answerTo(harness, 'GET http://localhost?range=24h'), /"page"/)
  await answerTo(harness, 'GET https://localhost/iceberg/v1/a%1Fb?pageSize=2')
  const asked = seen.at(-1)
  assert.deepEqual([asked?.path, asked?.query.get('pageSize')], ['/iceberg/v1/a%1Fb', '2'])
  assert.equal(await statusOf(harness, 'GET http://localhost/nothing'), 404)
  assert.equal(await statusOf(harness, 'GET http://localhost/v1/events'), 405)
})

test('a target in absolute form is judged by its own host, not by the Host header', async () => {
  const hosts = [
    ['evil.example', 'localhost', 403],
    ['evil.example:8088', '127.0.0.1', 403],
    ['localhost', 'evil.example', 200],
  ] as const
  for (const [named, header, expected] of hosts) {
    for (const line of [`GET http://${named}/healthz`, `GET HTTPS://${named}/healthz`]) {
      const raw = openRaw(harness.port)
      raw.send(`${line} HTTP/1.1\r\nHost: ${header}\r\n${CLOSE}\r\n\r\n`)
      assert.deepEqual(statusesOf(await raw.end), [expected], `${line}, Host: ${header}`)
    }
  }
})

test('pages of the host in an absolute target may send, those of the Host header not', async () => {
  const send = (origin: string) =>
    statusOf(
      harness,
      'POST http://App.Localhost:80/v1/events',
      [`Origin: ${origin}`, 'Content-Type: text/plain'],
      event('page'),
    )
  assert.equal(await send('http://app.localhost'), 200)
  assert.equal(await send('https://app.localhost:80'), 200)
  assert.equal(await send('http://localhost'), 403)
  assert.equal(await send('http://evil.example'), 403)
})

test('a target in absolute form needs the same keys', async () => {
  const keyed = await openHarness({ keys: { write: [WRITE], read: [READ] } })
  const line = 'POST http://ads.example/v1/events'
  assert.equal(await statusOf(keyed, line, [], event('k')), 401)
  assert.equal(await statusOf(keyed, line, [`X-Api-Key: ${WRITE}`], event('k')), 200)
  assert.equal(await statusOf(keyed, `${line}?key=${WRITE}`, [], event('k')), 200)
  assert.equal(await statusOf(keyed, 'GET http://ads.example/v1/status'), 401)
  await keyed.close()
})

test('a target of another scheme, without a host, or with a user in it is 400', async () => {
  for (const target of [
    'ftp://localhost/v1/events',
    'ws://localhost/v1/events',
    'http:///v1/events',
    'http://user:secret@localhost/v1/events',
    'http://@localhost/v1/events',
  ]) {
    const before = harness.log.end()
    assert.equal(await statusOf(harness, `POST ${target}`, [], event('odd')), 400, target)
    assert.equal(harness.log.end(), before)
  }
})

test('the server as a whole is asked by `OPTIONS *`, and by OPTIONS of a host alone', async () => {
  const harness = await openHarness()
  for (const target of ['*', 'http://localhost', 'http://localhost:8088']) {
    const answer = await answerTo(harness, `OPTIONS ${target}`)
    assert.match(answer, /^HTTP\/1\.1 204 [\s\S]*\r\nAllow: GET, HEAD, POST, DELETE, OPTIONS\r\n/)
  }
  for (const method of ['GET', 'POST', 'DELETE']) {
    assert.equal(await statusOf(harness, `${method} *`), 400, method)
  }
  assert.equal(await statusOf(harness, 'OPTIONS http://evil.example'), 403)
  await harness.close()
})
