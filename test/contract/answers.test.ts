/** What the collector answers to every kind of request, as a sender sees it. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { type Answer, get, post, postAccepted } from '../support/client.ts'
import { eventLine, eventLines } from '../support/events.ts'
import { openFolder } from '../support/folder.ts'
import { type Product, startProduct } from '../support/product.ts'
import { expectSettled } from '../support/settled.ts'

const MIB = 1024 * 1024

const folder = await openFolder()
let product: Product
let url: string
const sums = { stored: 0, rejected: 0 }

before(async () => {
  product = await startProduct(folder)
  url = product.url
})

after(async () => {
  assert.deepEqual(await product.stop('SIGINT'), { code: 0, signal: null })
  await folder.close()
})

const forms = [
  ['an object', 'application/json', (lines: readonly string[]) => `\n ${lines[0]} \r\n`, 1],
  ['an array', 'application/json', (lines: readonly string[]) => `[${lines.join(' ,\n')}]`, 3],
  ['lines', 'application/x-ndjson', (lines: readonly string[]) => lines.join('\n'), 3],
  [
    'lines with CRLF and blank ones',
    'application/x-ndjson',
    (lines: readonly string[]) => `\n\r\n${lines.join('\r\n \r\n')}\r\n`,
    3,
  ],
  ['a beacon of lines', 'text/plain', (lines: readonly string[]) => lines.join('\n'), 3],
  [
    'a beacon of an array',
    'text/plain;charset=UTF-8',
    (lines: readonly string[]) => `[${lines}]`,
    3,
  ],
  [
    'a type with parameters',
    'application/json; charset=utf-8',
    (lines: readonly string[]) => `[${lines}]`,
    3,
  ],
] as const

for (const [name, type, join, count] of forms) {
  for (const [encoding, encode] of [
    [undefined, (bytes: Buffer) => bytes],
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ] as const) {
    test(`${name} (${type}), ${encoding ?? 'not compressed'}, is accepted`, async () => {
      const lines = eventLines(`${name}-${encoding}`, count)
      const options = { type, ...(encoding === undefined ? {} : { encoding }) }
      const answer = await postAccepted(url, encode(Buffer.from(join(lines))), options)
      assert.deepEqual(answer, { accepted: count, rejected: [] })
      sums.stored += count
    })
  }
}

test('a bad event is named by its index with the reason, and spoils no other event', async () => {
  const [first, second] = eventLines('neighbours', 2)
  const bad = eventLine({ event_id: 'bad', timestamp: 'yesterday' })
  const answer = await postAccepted(url, [first, bad, second, '{', 'null'].join('\n'))
  assert.equal(answer.accepted, 2)
  assert.deepEqual(
    answer.rejected.map(({ index }) => index),
    [1, 3, 4],
  )
  assert.match(answer.rejected[0]?.reason ?? '', /^timestamp: \S/)
  sums.stored += 2
  sums.rejected += 3
})

test('an answer to bulk is JSON', async () => {
  const answer = await post(url, '[]', { type: 'application/json' })
  assert.equal(answer.status, 200)
  assert.match(String(answer.headers['content-type']), /^application\/json/)
  assert.deepEqual(JSON.parse(answer.text), { accepted: 0, rejected: [] })
})

for (const body of ['[', '[{]', '[{}', '[{}] x', '[{}]]', '["', `[${'['.repeat(9)}`]) {
  test(`a body that cannot be split into events is 400: ${body}`, async () => {
    const answer = await post(url, body, { type: 'application/json' })
    expectError(answer, 400)
  })
}

for (const [name, bytes, encoding] of [
  ['gzip', Buffer.from('not gzip'), 'gzip'],
  ['gzip that ends early', gzipSync(Buffer.alloc(9999, 'x')).subarray(0, 30), 'gzip'],
  ['zstd', Buffer.from('not zstd'), 'zstd'],
] as const) {
  test(`a body that is not the ${name} it claims to be is 400`, async () => {
    expectError(await post(url, bytes, { encoding }), 400)
  })
}

test('other types and encodings are 415', async () => {
  expectError(await post(url, '{}', { type: 'application/xml' }), 415)
  expectError(await post(url, 'a=b', { type: 'application/x-www-form-urlencoded' }), 415)
  expectError(await post(url, brotliCompressSync('{}'), { encoding: 'br' }), 415)
})

test('a body over 16 MiB is 413, also when only its gzip or zstd expansion is', async () => {
  const line = Buffer.from(`${' '.repeat(1023)}\n`)
  const large = Buffer.concat(Array.from({ length: 17 * 1024 }, () => line))
  expectError(await post(url, large), 413)
  expectError(await post(url, gzipSync(large), { encoding: 'gzip' }), 413)
  expectError(await post(url, zstdCompressSync(large), { encoding: 'zstd' }), 413)
  const bomb = zstdCompressSync(Buffer.alloc(1024 * MIB, ' '))
  assert.ok(bomb.length < MIB)
  expectError(await post(url, bomb, { encoding: 'zstd' }), 413)
})

test('a body of almost 16 MiB is accepted', async () => {
  const padding = 'x'.repeat(30_000)
  const lines = eventLines('large', 545).map((line) => line.replace(/}$/, `,"x":"${padding}"}`))
  const body = lines.join('\n')
  assert.ok(body.length > 15 * MIB && body.length < 16 * MIB)
  assert.equal((await postAccepted(url, body)).accepted, 545)
  sums.stored += 545
})

test('a body that is announced as 1 GB is refused before it is read', async () => {
  const answer = await new Promise<string>((resolve, reject) => {
    const { host, hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    socket.on('error', reject)
    socket.setTimeout(30_000, () => socket.destroy(new Error('no answer')))
    socket.once('data', (bytes) => {
      resolve(bytes.toString('utf8'))
      socket.destroy()
    })
    socket.write(
      `POST /v1/events HTTP/1.1\r\nhost: ${host}\r\ncontent-type: ` +
        'application/x-ndjson\r\ncontent-length: 1073741824\r\n\r\n{',
    )
  })
  assert.match(answer, /^HTTP\/1.1 413 /)
})

test('a chunked body without a length is accepted', async () => {
  const lines = eventLines('chunked', 3)
  const response = await fetch(new URL('/v1/events', url), {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: new Blob(lines.map((line) => `${line}\n`)).stream(),
    duplex: 'half',
  } as RequestInit)
  assert.deepEqual(await response.json(), { accepted: 3, rejected: [] })
  sums.stored += 3
})

test('an event over 32 KB in a batch is rejected alone', async () => {
  const [first, second] = eventLines('size', 2)
  const large = eventLine({ event_id: 'large' }).replace(/}$/, `,"x":"${'x'.repeat(33_000)}"}`)
  const answer = await postAccepted(url, [first, large, second].join('\n'))
  assert.equal(answer.accepted, 2)
  assert.equal(answer.rejected[0]?.index, 1)
  sums.stored += 2
  sums.rejected += 1
})

test('GET is not a way to send; an unknown path is 404', async () => {
  assert.ok([404, 405].includes((await get(url, '/v1/events')).status))
  expectError(await get(url, '/v1/nothing'), 404)
})

test('/healthz is 200 and /metrics is Prometheus text', async () => {
  assert.equal((await get(url, '/healthz')).status, 200)
  const metrics = await get(url, '/metrics')
  assert.equal(metrics.status, 200)
  assert.match(String(metrics.headers['content-type']), /^text\/plain/)
  assert.match(metrics.text, /^# TYPE \w+ (counter|gauge|histogram|summary)$/m)
  assert.match(metrics.text, /^[a-z_:]+(\{[^}]*\})? [\d.e+-]+$/m)
})

test('the ledger counts what the answers said', async () => {
  await expectSettled(folder, url, { stored: sums.stored, rejected: sums.rejected, duplicates: 0 })
})

function expectError(answer: Answer, status: number): void {
  assert.equal(answer.status, status, answer.text)
  assert.match(String(answer.headers['content-type']), /^application\/json/)
  const { error } = JSON.parse(answer.text) as { error: { code: string; message: string } }
  assert.match(error.code, /^[a-z-]+$/)
  assert.ok(error.message.length > 10, answer.text)
}
