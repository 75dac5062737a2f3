/**
 * Connections that do not behave: slow, cut, malformed, pipelined, very many; and a collector that
 * closes under them.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { connectionsWithin } from '../../src/collect/limits.ts'
import {
  event,
  events,
  heldBytes,
  on,
  openGate,
  openHarness,
  openRaw,
  post,
  type RawConnection,
  rawRequest,
  statusesOf,
} from './harness.ts'

const JSON_TYPE = 'Content-Type: application/json'
const CHUNKED = 'Transfer-Encoding: chunked'
const MIB = 1024 * 1024

function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
}

test('a chunked body that comes in pieces of one byte is the same body', () =>
  on({}, async (harness) => {
    const raw = openRaw(harness.port)
    raw.send(rawRequest('', [JSON_TYPE, CHUNKED]))
    for (const byte of event('bytewise')) raw.send(chunk(byte))
    raw.send('0\r\n\r\n')
    await raw.until(/\{"accepted":1,"rejected":\[\]\}$/)
    assert.deepEqual(await harness.lines(), [event('bytewise')])
    raw.socket.destroy()
  }))

test('pipelined requests are answered in order, a compressed one among them', () =>
  on({}, async (harness) => {
    const { gzipSync } = await import('node:zlib')
    const raw = openRaw(harness.port)
    const zipped = gzipSync(events(3, 'z').join('\n'))
    raw.send(
      Buffer.concat([
        Buffer.from(rawRequest('', [`Content-Length: ${zipped.length}`, 'Content-Encoding: gzip'])),
        zipped,
        Buffer.from(rawRequest(event('one'), [JSON_TYPE])),
        Buffer.from(rawRequest('<x/>', ['Content-Type: text/xml'])),
        Buffer.from('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'),
        Buffer.from(rawRequest(events(2, 'last').join('\n'))),
      ]),
    )
    const text = await raw.until(/"accepted":2/)
    assert.deepEqual(statusesOf(text), [200, 200, 415, 200, 200])
    assert.ok(text.indexOf('"accepted":3') < text.indexOf('"accepted":1'))
    assert.equal(harness.log.end(), 6)
    raw.socket.destroy()
  }))

test('Expect: 100-continue asks for the body only if it will be taken', () =>
  on({}, async (harness) => {
    const raw = openRaw(harness.port)
    const body = event('expected')
    raw.send(rawRequest('', [JSON_TYPE, `Content-Length: ${body.length}`, 'Expect: 100-continue']))
    await raw.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/)
    raw.send(body)
    assert.deepEqual(statusesOf(await raw.until(/"accepted":1/)), [100, 200])
    raw.socket.destroy()
    const refused = openRaw(harness.port)
    refused.send(rawRequest('', [JSON_TYPE, 'Content-Length: 99999999', 'Expect: 100-continue']))
    assert.deepEqual(statusesOf(await refused.end), [413])
    const late = openRaw(harness.port)
    late.send(rawRequest('', [JSON_TYPE, CHUNKED, 'Expect: 100-continue']))
    await late.until(/100 Continue/)
    for (let sent = 0; sent < 17; sent++) late.send(chunk(' '.repeat(MIB)))
    late.send('0\r\n\r\n')
    assert.deepEqual(statusesOf(await late.end), [100, 413])
  }))

test('a client that is still sending a body too large reads the 413, announced or not', () =>
  on({}, async (harness) => {
    for (const headers of [['Content-Length: 41943040'], [CHUNKED]]) {
      const raw = openRaw(harness.port)
      raw.send(rawRequest('', [JSON_TYPE, ...headers]))
      // A client that looks at no answer before it has sent everything.
      const piece = headers[0] === CHUNKED ? chunk(' '.repeat(MIB)) : ' '.repeat(MIB)
      for (let sent = 0; sent < 40; sent++) raw.send(piece)
      if (headers[0] === CHUNKED) raw.send('0\r\n\r\n')
      const text = await raw.end
      assert.deepEqual(statusesOf(text), [413])
      assert.match(text, /Connection: close/i)
      assert.match(text, /body-too-large/)
    }
  }))

test('a body that is compressed for the transfer is 415, not a batch of rejected events', () =>
  on({}, async (harness) => {
    const raw = openRaw(harness.port)
    raw.send(
      `${rawRequest('', [JSON_TYPE, 'Transfer-Encoding: gzip, chunked'])}${chunk('x')}0\r\n\r\n`,
    )
    assert.deepEqual(statusesOf(await raw.until(/"content-encoding"/)), [415])
    raw.socket.destroy()
  }))

test('after a refusal with a small body the connection goes on', () =>
  on({}, async (harness) => {
    const raw = openRaw(harness.port)
    raw.send(rawRequest('<x/>', ['Content-Type: text/xml']))
    await raw.until(/"content-type"/)
    raw.send(rawRequest(event('after'), [JSON_TYPE]))
    assert.deepEqual(statusesOf(await raw.until(/"accepted":1/)), [415, 200])
    raw.socket.destroy()
  }))

test('an upload cut in the middle is taken in no part, and counted as gone', () =>
  on({}, async (harness) => {
    const raw = openRaw(harness.port)
    raw.send(rawRequest(`[${event('cut')},`, [JSON_TYPE, 'Content-Length: 100000']))
    await heldBytes(harness, (bytes) => bytes > 0)
    raw.socket.destroy()
    while (harness.meter.collect.eventAnswers[499] !== 1) await sleep(5)
    assert.equal(harness.log.end(), 0)
  }))

test('a client that goes away before its answer changes nothing for the others', () =>
  on({}, async (harness) => {
    const { gate, open } = openGate()
    harness.disk.gate = gate
    const raw = openRaw(harness.port)
    raw.send(rawRequest(event('gone'), [JSON_TYPE]))
    await heldBytes(harness, (bytes) => bytes > 0)
    raw.socket.destroy()
    const other = post(harness, event('stays'))
    await sleep(20)
    open()
    assert.equal((await other).status, 200)
    assert.equal(harness.log.end(), 2)
  }))

for (const [name, text] of [
  ['no HTTP at all', 'hello\r\n\r\n'],
  ['a bad header', 'POST /v1/events HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n'],
  ['no Host', 'POST /v1/events HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}'],
  ['a bad chunk size', `${rawRequest('', [JSON_TYPE, CHUNKED])}xyz\r\n`],
  ['two lengths', rawRequest('{}', ['Content-Length: 2', 'Content-Length: 3'])],
  ['length and chunks', rawRequest('0\r\n\r\n', ['Content-Length: 5', CHUNKED])],
  ['a negative length', rawRequest('', ['Content-Length: -1'])],
  ['a head too large', rawRequest('', [`X: ${'x'.repeat(66_000)}`])],
] as const) {
  test(`a malformed request with ${name} is answered once, and the connection closed`, () =>
    on({}, async (harness) => {
      const raw = openRaw(harness.port)
      raw.send(text)
      const statuses = statusesOf(await raw.end)
      assert.deepEqual(statuses, [name === 'a head too large' ? 431 : 400])
      assert.equal(harness.log.end(), 0)
    }))
}

test('junk behind a pipelined request does not overtake its answer', () =>
  on({}, async (harness) => {
    const { gate, open } = openGate()
    harness.disk.gate = gate
    const raw = openRaw(harness.port)
    raw.send(`${rawRequest(event('first'), [JSON_TYPE])}\u0000junk\r\n\r\n`)
    await sleep(50)
    open()
    assert.deepEqual(statusesOf(await raw.end), [200])
    assert.equal(harness.log.end(), 1)
  }))

const quick = { limits: { headersTimeoutMs: 200, requestTimeoutMs: 400, timeoutCheckMs: 50 } }

test('a body that does not arrive in time is 408, and what it held is free again', () =>
  on(quick, async (harness) => {
    const raw = openRaw(harness.port)
    raw.send(rawRequest('[', [JSON_TYPE, 'Content-Length: 1000']))
    const drip = setInterval(() => raw.send(' '), 30)
    const text = await raw.end
    clearInterval(drip)
    assert.deepEqual(statusesOf(text), [408])
    assert.match(text, /request-timeout/)
    assert.equal(harness.meter.collect.eventAnswers[408], 1)
  }))

test('a head that does not arrive in time is 408', () =>
  on(quick, async (harness) => {
    const raw = openRaw(harness.port)
    raw.send('POST /v1/events HTTP/1.1\r\nHost: localhost\r\n')
    assert.deepEqual(statusesOf(await raw.end), [408])
  }))

test('a request that asks to close gets its answer and a closed connection', () =>
  on({}, async (harness) => {
    await new Promise<void>((resolve, reject) => {
      const asked = request(
        {
          port: harness.port,
          path: '/v1/events',
          method: 'POST',
          headers: { connection: 'close' },
        },
        (reply) => {
          assert.equal(reply.statusCode, 200)
          reply.resume().on('end', resolve)
        },
      )
      asked.on('error', reject)
      asked.end(event('closing'))
    })
  }))

test('whatever bytes come, in whatever pieces: the next client is answered and nothing held', () =>
  on({ limits: { lingerMs: 50 } }, async (harness) => {
    const pieces = [
      rawRequest(event('fuzz'), [JSON_TYPE]),
      rawRequest('', [JSON_TYPE, CHUNKED]),
      chunk(event('fuzz')),
      '0\r\n\r\n',
      'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n',
      rawRequest('x', ['Content-Encoding: gzip']),
      rawRequest('', ['Expect: 100-continue', 'Content-Length: 3']),
      'OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n',
      'CONNECT a:1 HTTP/1.1\r\nHost: localhost\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
      '\r\n',
    ]
    const piece = fc.oneof(
      fc.constantFrom(...pieces).map((text) => Buffer.from(text)),
      fc
        .tuple(fc.constantFrom(...pieces), fc.nat(200))
        .map(([text, at]) => Buffer.from(text.slice(0, at))),
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    )
    const property = fc.asyncProperty(
      fc.array(piece, { minLength: 1, maxLength: 6 }),
      async (sent) => {
        const raw = openRaw(harness.port)
        for (const bytes of sent) raw.send(bytes)
        raw.socket.end()
        // Half-closed: the server answers what was whole and closes.
        await raw.end
        assert.equal((await post(harness, event('alive'))).status, 200)
      },
    )
    await fc.assert(property, { numRuns: 150 })
    await heldBytes(harness, (bytes) => bytes === 0)
  }))

const HEALTH = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'

test('at the connection bound 503, past it closed; others go on, and places free up', async () => {
  const origin = 'https://shop.example'
  const harness = await openHarness({ limits: { connectionsMax: 16 }, cors: [origin] })
  const open = async (): Promise<RawConnection> => {
    const raw = openRaw(harness.port)
    await once(raw.socket, 'connect')
    return raw
  }
  const served: RawConnection[] = []
  for (let at = 0; at < 14; at++) served.push(await open())
  const surplus = [await open(), await open()]
  for (const raw of served) raw.send(HEALTH)
  for (const raw of served) await raw.until(/"ok"/)

  assert.equal(await (await open()).end, '', 'closed without a word')
  surplus[0]?.send(HEALTH)
  surplus[1]?.send(rawRequest(event('surplus'), [JSON_TYPE, `Origin: ${origin}`]))
  for (const raw of surplus) {
    const text = await raw.end
    assert.deepEqual(statusesOf(text), [503])
    assert.match(text, /too-many-connections/)
    assert.match(text, /Retry-After: 5/)
  }
  const seen = `Access-Control-Allow-Origin: ${origin}`
  assert.ok((await surplus[1]?.end)?.includes(seen), 'a page sees the status and when to retry')
  served[0]?.send(rawRequest(event('served'), [JSON_TYPE]))
  await served[0]?.until(/"accepted":1/)

  for (const raw of served) raw.socket.destroy()
  let status = 0
  while (status !== 200) status = (await post(harness, event('later'))).status
  assert.deepEqual(await harness.lines(), [event('served'), event('later')])
  assert.equal(harness.warnings.length, 1, 'one warning for all of them')
  assert.match(harness.warnings.join(), /connections are refused: there are 16/)
  await harness.close()
})

test('the limit of open files bounds connections: at least half of it is left for files', () => {
  assert.equal(connectionsWithin(8192, null), 8192)
  assert.equal(connectionsWithin(8192, 1_048_576), 8192)
  assert.equal(connectionsWithin(8192, 8192), 7680)
  assert.equal(connectionsWithin(8192, 1024), 512)
  assert.equal(connectionsWithin(8192, 255), 127)
})
