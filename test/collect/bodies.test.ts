/**
 * What comes in as a body and what is answered: forms, codings, limits, rejections, and where the
 * events end up.
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { listRejected } from '../../src/rejected.ts'
import {
  codeOf,
  event,
  events,
  get,
  type Harness,
  openHarness,
  openRaw,
  post,
  rawRequest,
} from './harness.ts'

const MIB = 1024 * 1024
const JSON_TYPE = { 'content-type': 'application/json' }
const LINES_TYPE = { 'content-type': 'application/x-ndjson' }

let harness: Harness
before(async () => {
  harness = await openHarness()
})
after(() => harness.close())
/** Whatever a request did: nothing of it stays held, and nothing went wrong inside. */
afterEach(() => {
  assert.equal(harness.meter.collect.heldBytes, 0)
  assert.deepEqual(harness.warnings, [])
})

async function expectStored(
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string>,
  count: number,
) {
  const before = harness.log.end()
  const reply = await post(harness, body, headers)
  assert.deepEqual([reply.status, reply.body], [200, { accepted: count, rejected: [] }])
  assert.equal(harness.log.end(), before + count)
}

test('an object, an array and lines are told apart by type and first byte', async () => {
  const [one = '', two = ''] = events(2)
  await expectStored(` \n${one}\n `, JSON_TYPE, 1)
  await expectStored(`\r\n\t [${one} , ${two}]\n`, JSON_TYPE, 2)
  await expectStored(`${one}\n\n  \r\n${two}`, LINES_TYPE, 2)
  await expectStored(`${one}\n${two}\n`, { 'content-type': 'text/plain' }, 2)
  await expectStored(`[${one},${two}]`, { 'content-type': 'text/plain;charset=UTF-8' }, 2)
  await expectStored(one, { 'content-type': 'Application/JSON; charset="utf-8"; profile=x' }, 1)
})

test('a body without a content type is taken as a beacon', async () => {
  await expectStored(Buffer.from(events(3).join('\n')), {}, 3)
})

test('an empty array is no event and no fault', async () => {
  await expectStored('[ ]', JSON_TYPE, 0)
})

test('lines may have many content types, and UTF-8 and ASCII many spellings', async () => {
  const lines = `${events(2).join('\n')}\n`
  for (const name of [
    'application/x-ndjson',
    'application/ndjson',
    'application/jsonl',
    'application/x-jsonlines',
    'application/jsonlines',
    'application/x-ldjson',
    'text/x-ndjson',
    'Application/JSONL',
  ]) {
    await expectStored(lines, { 'content-type': name }, 2)
    // An array is one line there, and no event.
    const array = await post(harness, '[]', { 'content-type': name })
    assert.equal((array.body as { rejected: unknown[] }).rejected.length, 1, name)
  }
  for (const charset of ['utf-8', 'UTF8', '"utf-8"', 'us-ascii', 'US-ASCII', '"ascii"']) {
    const type = `application/x-ndjson; charset=${charset}`
    await expectStored(lines, { 'content-type': type }, 2)
  }
  await expectStored(lines, { 'content-type': 'application/x-ndjson;v=1 ; charset=utf-8' }, 2)
})

test('other content types and charsets are 415', async () => {
  for (const type of [
    'text/html',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    'application/json; charset=latin1',
    'text/plain;charset=utf-16',
    'application/x-ndjson; charset=iso-8859-1',
    'application/x-ndjson; charset="windows-1252"',
    'application/json; Charset=UTF-16LE',
    'application/json-seq',
    'application/xml',
    'application/jsonx',
    'application',
    ';',
  ]) {
    const reply = await post(harness, '{}', { 'content-type': type })
    assert.deepEqual([reply.status, codeOf(reply)], [415, 'content-type'], type)
  }
})

test('200 lines sent as application/json are 200 events; a bad one fails alone (F34)', async () => {
  const lines = events(200)
  await expectStored(lines.join('\n'), JSON_TYPE, 200)
  await expectStored(`\r\n${lines.join('\r\n')}\r\n`, JSON_TYPE, 200)
  await expectStored(gzipSync(lines.join('\n')), { ...JSON_TYPE, 'content-encoding': 'gzip' }, 200)
  for (const bad of ['{"event_id" 1}', 'nonsense', '{"event_id":"cut', '[]', '{}{}']) {
    const reply = await post(harness, [...lines, bad, ...events(9)].join('\n'), JSON_TYPE)
    const { accepted, rejected } = reply.body as Record<string, unknown>
    assert.equal(accepted, 209, bad)
    assert.equal((rejected as { index: number }[])[0]?.index, 200, bad)
  }
})

test('several events as application/json in another shape are 400, and none is taken', async () => {
  const before = [harness.log.end(), harness.rejected.stats().total]
  const [one = '', two = '', three = ''] = events(3)
  const pretty = JSON.stringify(JSON.parse(one), null, 2)
  for (const body of [
    one + two,
    `${one} ${two}`,
    `${one},${two}`,
    `${one}, \n${two}`,
    `${pretty}\n${pretty}`,
    `${pretty}${pretty}`,
    `${one.slice(0, -9)}\n${two}\n${three}`,
    `${one}}\n${two}`,
    `${one} x`,
  ]) {
    const reply = await post(harness, body, JSON_TYPE)
    assert.deepEqual([reply.status, codeOf(reply)], [400, 'body-unsplittable'], body)
  }
  assert.deepEqual([harness.log.end(), harness.rejected.stats().total], before)
})

test('one event over several lines is one, valid or not', async () => {
  const pretty = JSON.stringify({ ...JSON.parse(event('pretty')), more: [{ a: [] }, {}] }, null, 2)
  await expectStored(`\n${pretty}\r\n`, JSON_TYPE, 1)
  const reply = await post(harness, pretty.replace('"click"', 'click'), JSON_TYPE)
  assert.deepEqual(reply.body, {
    accepted: 0,
    rejected: [{ index: 0, reason: 'event: not valid JSON (RFC 8259)' }],
  })
})

test('a leading byte order mark is in no event, whatever the form and coding (F34)', async () => {
  const [one = '', two = ''] = events(2)
  const forms = [
    [one, JSON_TYPE, 1],
    [`[${one},${two}]`, JSON_TYPE, 2],
    [`${one}\n${two}`, JSON_TYPE, 2],
    [`${one}\n${two}`, LINES_TYPE, 2],
    [`\n${one}`, LINES_TYPE, 1],
    [`[${one},${two}]`, { 'content-type': 'text/plain' }, 2],
    [`${one}\n${two}`, {}, 2],
  ] as const
  for (const [text, headers, count] of forms) {
    for (const [coding, encode] of CODINGS) {
      const body = encode(Buffer.from(`\ufeff${text}`))
      await expectStored(body, { ...headers, 'content-encoding': coding }, count)
    }
  }
  for (const body of ['\ufeff', '\ufeff\n']) {
    const empty = await post(harness, body, LINES_TYPE)
    assert.deepEqual([empty.status, codeOf(empty)], [400, 'body-empty'])
  }
})

test('a byte order mark that arrives in pieces is one', async () => {
  const body = Buffer.from(`\ufeff${event('pieces')}`)
  const raw = openRaw(harness.port)
  raw.send(rawRequest('', ['Connection: close', 'Transfer-Encoding: chunked']))
  for (const byte of body) {
    raw.send(`1\r\n`)
    raw.send(Uint8Array.of(byte))
    raw.send('\r\n')
  }
  raw.send('0\r\n\r\n')
  assert.match(await raw.end, /\{"accepted":1,"rejected":\[\]\}$/)
})

test('a byte order mark anywhere else is the fault of its event', async () => {
  const [one = '', two = ''] = events(2)
  const reason = 'event: begins with a byte order mark'
  const second = await post(harness, `\ufeff${one}\n\ufeff${two}\n${one}`)
  assert.deepEqual(second.body, { accepted: 2, rejected: [{ index: 1, reason }] })
  for (const body of [`\ufeff\ufeff${one}`, `\n\ufeff${one}`]) {
    const reply = await post(harness, body)
    assert.deepEqual(reply.body, { accepted: 0, rejected: [{ index: 0, reason }] })
  }
  const inArray = await post(harness, `[\ufeff${one},${two}]`, JSON_TYPE)
  assert.deepEqual(inArray.body, { accepted: 1, rejected: [{ index: 0, reason }] })
  // Half a mark is none.
  const half = await post(harness, Buffer.concat([Buffer.of(0xef, 0xbb), Buffer.from(one)]))
  assert.equal((half.body as { accepted: number }).accepted, 0)
})

test('a body without events is 400', async () => {
  for (const [body, headers] of [
    ['', JSON_TYPE],
    ['  \n', JSON_TYPE],
    ['\n\n \r\n', LINES_TYPE],
    ['', { 'content-encoding': 'gzip' }],
    [gzipSync(''), { 'content-encoding': 'gzip' }],
  ] as const) {
    const reply = await post(harness, body, headers)
    assert.equal(reply.status, 400)
  }
})

test('a body that cannot be split is 400 as a whole, and nothing of it is taken', async () => {
  const before = harness.log.end()
  for (const body of [
    `[${event('a')}`,
    `[${event('a')}] x`,
    `[${event('a')}]]`,
    '["',
    '[}',
    '[[]',
  ]) {
    const reply = await post(harness, body, JSON_TYPE)
    assert.deepEqual([reply.status, codeOf(reply)], [400, 'body-unsplittable'], body)
  }
  assert.equal(harness.log.end(), before)
})

test('a rejection has index and reason; bytes are kept, neighbours accepted (F19)', async () => {
  const bad = event('bad', { timestamp: '22.11.2026' })
  const reply = await post(harness, `[${event('a')},${bad},${event('b')},7]`, JSON_TYPE)
  assert.deepEqual(reply.body, {
    accepted: 2,
    rejected: [
      {
        index: 1,
        reason:
          'timestamp: expected RFC 3339, as 2026-11-22T19:30:00.123Z or with an offset as +01:00',
      },
      { index: 3, reason: 'event: expected a JSON object' },
    ],
  })
  const kept: string[] = []
  for await (const { bytes, reason } of listRejected(`${harness.directory}/rejected`)) {
    kept.push(`${reason} ${Buffer.from(bytes)}`)
  }
  assert.deepEqual(kept.slice(-2), [`timestamp-format ${bad}`, 'not-object 7'])
})

test('a body of rejected events only is a 200 too, and nothing is appended (F19)', async () => {
  const before = harness.log.end()
  const reply = await post(harness, '{"event_id":1}', JSON_TYPE)
  assert.deepEqual(reply.body, {
    accepted: 0,
    rejected: [{ index: 0, reason: 'event_id: expected a string' }],
  })
  assert.equal(harness.log.end(), before)
})

test('rejections are listed up to a bound and counted beyond it (F19)', async () => {
  const reply = await post(harness, 'x\n'.repeat(1001))
  const { accepted, rejected, rejectedCount } = reply.body as Record<string, unknown>
  assert.deepEqual([accepted, (rejected as unknown[]).length, rejectedCount], [0, 1000, 1001])
})

test('rejected events that lie over several chunks of the body are kept whole (F19)', async () => {
  const long = `{"event_id":"${'ä'.repeat(40_000)}"}`
  const lines = Array.from({ length: 30 }, (_, at) => `${at}${long}`)
  const reply = await post(harness, lines.join('\n'))
  assert.equal(reply.status, 200)
  const kept: string[] = []
  for await (const { bytes } of listRejected(`${harness.directory}/rejected`)) {
    kept.push(Buffer.from(bytes).toString())
  }
  assert.deepEqual(kept.slice(-30), lines)
})

test('hostile events are rejected or stored as text, never trusted (F19, F21)', async () => {
  const hostile = [
    event('p1', { campaign_id: '<script>alert(1)</script>' }),
    event('p2', { campaign_id: '../../etc/passwd' }),
    event('p3', { campaign_id: '=1+1' }),
    '{"__proto__":{"event_id":"p4"}}',
    `{"constructor":1,${event('p5').slice(1)}`,
    `${event('p6').slice(0, -1)},"x":${'['.repeat(100)}${']'.repeat(100)}}`,
    event('p7').replace('"u1"', '"\\ud800"'),
    `${event('p8').slice(0, -1)},"revenue":1e400}`,
    `${event('p9').slice(0, -1)},"revenue":-0}`,
    event('p10').replace('p10', 'a\u0000b'),
  ]
  const reply = await post(harness, hostile.join('\n'))
  assert.equal(reply.status, 200)
  const { accepted, rejected } = reply.body as { accepted: number; rejected: { index: number }[] }
  assert.deepEqual(
    rejected.map(({ index }) => index),
    [3, 5, 6, 7, 9],
  )
  assert.equal(accepted, 5)
})

const large = event('large', { filler: 'x'.repeat(33_000) })

test('an event over 32 KB is rejected in a batch and 413 alone', async () => {
  const reply = await post(harness, `${event('a')}\n${large}\n`)
  assert.deepEqual(reply.body, {
    accepted: 1,
    rejected: [{ index: 1, reason: 'event: longer than 32768 bytes' }],
  })
  const before = harness.rejected.stats().total
  const alone = await post(harness, large, JSON_TYPE)
  assert.deepEqual([alone.status, codeOf(alone)], [413, 'event-too-large'])
  assert.equal(harness.rejected.stats().total, before)
})

test('a body of 16 MiB comes in, one byte more is 413, in every coding', async () => {
  const body = Buffer.alloc(16 * MIB, ' ')
  body.write(event('exact'), 0)
  const over = Buffer.concat([body, Buffer.from(' ')])
  for (const [coding, encode] of CODINGS) {
    const headers = { ...JSON_TYPE, 'content-encoding': coding }
    assert.equal((await post(harness, encode(body), headers)).status, 200, coding)
    const reply = await post(harness, encode(over), headers)
    assert.deepEqual([reply.status, codeOf(reply)], [413, 'body-too-large'], coding)
  }
})

test('more events than can be valid are 413 with the limit, in any form and number', async () => {
  const before = harness.rejected.stats().total
  for (const count of [200_001, 262_145, 400_001]) {
    const bodies = [
      ['x\n'.repeat(count), { 'content-type': 'application/x-ndjson' }],
      ['x\n'.repeat(count), { 'content-type': 'text/plain' }],
      [`[${'0,'.repeat(count - 1)}0]`, JSON_TYPE],
    ] as const
    for (const [body, headers] of bodies) {
      const reply = await post(harness, body, headers)
      assert.deepEqual([reply.status, codeOf(reply)], [413, 'too-many-events'], `${count}`)
      assert.match(JSON.stringify(reply.body), /200,000 events/)
    }
  }
  assert.equal(harness.rejected.stats().total, before)
})

const CODINGS = [
  ['identity', (bytes: Buffer<ArrayBuffer>) => bytes],
  ['gzip', (bytes: Buffer<ArrayBuffer>) => gzipSync(bytes)],
  ['zstd', (bytes: Buffer<ArrayBuffer>) => zstdCompressSync(bytes)],
] as const

const plain = Buffer.from(events(500).join('\n'))

test('gzip, x-gzip, zstd and identity come in, whatever the case of the name', async () => {
  await expectStored(gzipSync(plain), { 'content-encoding': 'GZip' }, 500)
  await expectStored(gzipSync(plain), { 'content-encoding': 'x-gzip' }, 500)
  await expectStored(zstdCompressSync(plain), { 'content-encoding': 'zstd' }, 500)
  await expectStored(plain, { 'content-encoding': 'identity' }, 500)
})

test('joined gzip members or zstd frames are one body; no event of a second is lost', async () => {
  const [one, two] = [Buffer.from(`${event('m1')}\n`), Buffer.from(`${event('m2')}\n`)]
  await expectStored(
    Buffer.concat([gzipSync(one), gzipSync(two)]),
    { 'content-encoding': 'gzip' },
    2,
  )
  await expectStored(
    Buffer.concat([zstdCompressSync(one), zstdCompressSync(two)]),
    { 'content-encoding': 'zstd' },
    2,
  )
})

test('zstd frames amid skippable ones are one body (RFC 8878, 3.1.2)', async () => {
  const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4])
  const frames = events(3).map((line) => zstdCompressSync(`${line}\n`))
  const body = Buffer.concat([skippable, ...frames.flatMap((frame) => [frame, skippable])])
  await expectStored(body, { 'content-encoding': 'zstd' }, 3)
  const garbage = Buffer.concat([body, Buffer.from('{}')])
  const reply = await post(harness, garbage, { 'content-encoding': 'zstd' })
  assert.deepEqual([reply.status, codeOf(reply)], [400, 'body-compression'])
})

test('a compressed body cut at any place, or with bytes after its end, is 400', async () => {
  for (const [coding, encode] of CODINGS.slice(1)) {
    const whole = encode(Buffer.from(event('cut')))
    const broken = [
      ...Array.from({ length: whole.length - 1 }, (_, at) => whole.subarray(0, at + 1)),
      Buffer.concat([whole, Buffer.from('x')]),
      Buffer.concat([whole, Buffer.alloc(7)]),
      Buffer.concat([whole, whole.subarray(0, 5)]),
      Buffer.concat([Buffer.from([0]), whole]),
    ]
    for (const bytes of broken) {
      const reply = await post(harness, bytes, { 'content-encoding': coding })
      assert.deepEqual(
        [reply.status, codeOf(reply)],
        [400, 'body-compression'],
        `${coding} ${bytes.length}`,
      )
    }
  }
})

test('a bomb is stopped at 16 MiB of output (F21)', async () => {
  const zeros = Buffer.alloc(256 * MIB)
  for (const [coding, encode] of CODINGS.slice(1)) {
    const bomb = encode(zeros)
    assert.ok(bomb.length < MIB / 2)
    const before = harness.meter.collect.inflatedBytes
    const reply = await post(harness, bomb, { 'content-encoding': coding })
    assert.deepEqual([reply.status, codeOf(reply)], [413, 'body-too-large'])
    const inflated = harness.meter.collect.inflatedBytes - before
    assert.ok(inflated <= 16 * MIB + 64 * 1024, `${inflated} bytes`)
  }
})

test('other codings, and several at once, are 415', async () => {
  for (const coding of ['br', 'deflate', 'gzip, gzip', 'gzip,zstd', 'identity, gzip', 'compress']) {
    const reply = await post(harness, plain, { 'content-encoding': coding })
    assert.deepEqual([reply.status, codeOf(reply)], [415, 'content-encoding'], coding)
  }
})

test('GET of the events path is 405 with Allow, an unknown path 404, both as JSON', async () => {
  const wrong = await get(harness, '/v1/events')
  assert.equal(wrong.status, 405)
  assert.equal(wrong.headers.get('allow'), 'POST, OPTIONS')
  assert.equal(JSON.parse(wrong.text).error.code, 'method-not-allowed')
  for (const path of ['/', '/v1/event', '/v1/events/', '/v1/eventsx', '/%', '/v1//events']) {
    const missing = await get(harness, path)
    assert.ok(missing.status === 404 || missing.status === 400, `${path} ${missing.status}`)
    assert.ok(JSON.parse(missing.text).error.message.length > 10)
  }
})

test('a read path answers GET and HEAD, and 405 with Allow to others', async () => {
  assert.equal((await fetch(`${harness.url}/metrics`, { method: 'HEAD' })).status, 200)
  const reply = await fetch(`${harness.url}/metrics`, { method: 'PUT', body: 'x' })
  assert.equal(reply.status, 405)
  assert.equal(reply.headers.get('allow'), 'GET, HEAD')
})

test('the counts are in /metrics', async () => {
  await post(harness, event('counted'), JSON_TYPE)
  const { text, headers } = await get(harness, '/metrics')
  assert.match(headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
  assert.match(text, /^campaign_metrics_event_requests_total\{status="200"\} [1-9]\d*$/m)
  assert.match(text, /^campaign_metrics_event_requests_total\{status="415"\} [1-9]\d*$/m)
  assert.match(text, /^campaign_metrics_events_rejected_total\{reason="not-object"\} [1-9]\d*$/m)
  const requests = [...text.matchAll(/^campaign_metrics_event_requests_total\S+ (\d+)$/gm)]
  const total = requests.reduce((sum, match) => sum + Number(match[1]), 0)
  assert.match(
    text,
    new RegExp(`^campaign_metrics_event_request_duration_seconds_count ${total}$`, 'm'),
  )
})
