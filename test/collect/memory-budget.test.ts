/**
 * Clients that ask and do not read: what waits for them is bounded in sum, and others are answered
 * all the same.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ReadRoute } from '../../src/collect.ts'
import {
  event,
  get,
  type Harness,
  on,
  openRaw,
  post,
  type RawConnection,
  statusesOf,
} from './harness.ts'

const MIB = 1024 * 1024
const LARGE_BYTES = 8 * MIB
const HEALTH = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'
const ask = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`

/** Made anew for each request, as a table of campaigns is. */
const fresh: ReadRoute = {
  prefix: '/fresh',
  answer: () => ({ status: 200, body: Buffer.alloc(LARGE_BYTES, 'x') }),
}
const text: ReadRoute = {
  prefix: '/text',
  answer: () => ({ status: 200, body: 'x'.repeat(LARGE_BYTES) }),
}
const file = Buffer.alloc(LARGE_BYTES, 'x')
/** Read once, as the files of the page are. */
const shared: ReadRoute = { prefix: '/shared', answer: () => ({ status: 200, body: file }) }
const routes = [fresh, text, shared]

/** Asks, and does not read. */
function openDeaf(harness: Harness, path: string): RawConnection {
  const raw = openRaw(harness.port)
  raw.socket.pause()
  raw.send(ask(path))
  return raw
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(5)
}

const answered = (harness: Harness, status: number): number =>
  harness.meter.collect.otherAnswers[status] ?? 0

for (const path of ['/fresh', '/text']) {
  test(`${path}: non-readers get what memory allows, others 503 until some is free`, () =>
    on({ routes, limits: { answersBytesMax: 4 * LARGE_BYTES } }, async (harness) => {
      const { collect } = harness.meter
      const deaf = Array.from({ length: 20 }, () => openDeaf(harness, path))
      await until(() => answered(harness, 503) === 16)
      assert.ok(collect.heldReadBytes >= 4 * LARGE_BYTES)
      assert.ok(collect.heldReadBytes < 4 * LARGE_BYTES + MIB)
      const refused = await get(harness, path)
      assert.equal(refused.status, 503)
      assert.equal(refused.headers.get('retry-after'), '1')
      assert.match(refused.text, /too-many-answers/)
      assert.equal((await get(harness, '/healthz')).status, 200)
      assert.equal((await post(harness, event(`beside${path}`))).status, 200)
      for (const { socket } of deaf) socket.destroy()
      await until(() => collect.heldReadBytes === 0)
      assert.equal((await get(harness, path)).text.length, LARGE_BYTES)
    }))
}

test('clients that do not read one file in memory cost its bytes once', () =>
  on({ routes, limits: { answersBytesMax: LARGE_BYTES } }, async (harness) => {
    const { collect } = harness.meter
    const deaf = Array.from({ length: 20 }, () => openDeaf(harness, '/shared'))
    assert.equal((await get(harness, '/shared')).text.length, LARGE_BYTES)
    assert.ok(collect.heldReadBytes < LARGE_BYTES + MIB)
    assert.equal(answered(harness, 503), 0)
    for (const { socket } of deaf) socket.destroy()
    await until(() => collect.heldReadBytes === 0)
  }))

test('a client that asks many times on one connection without reading is bounded, then cut', () =>
  on({ routes, limits: { readRequestsBytesMax: MIB } }, async (harness) => {
    const { collect } = harness.meter
    const raw = openRaw(harness.port)
    raw.socket.pause()
    raw.send(ask('/shared') + HEALTH.repeat(1500))
    await until(() => answered(harness, 503) > 0)
    raw.socket.resume()
    await raw.end
    await until(() => collect.heldReadBytes === 0)
    assert.equal((await get(harness, '/healthz')).status, 200)
  }))

test('a large answer beyond the limit is sent when there is no other', () =>
  on({ routes, limits: { answersBytesMax: MIB } }, async (harness) => {
    assert.equal((await get(harness, '/fresh')).text.length, LARGE_BYTES)
    const deaf = openDeaf(harness, '/fresh')
    await until(() => harness.meter.collect.heldReadBytes >= MIB)
    assert.equal((await get(harness, '/fresh')).status, 503)
    deaf.socket.destroy()
  }))

test('a large answer is not held for HEAD', () =>
  on({ routes, limits: { answersBytesMax: 1 } }, async (harness) => {
    const deaf = openDeaf(harness, '/fresh')
    await until(() => harness.meter.collect.heldReadBytes > 0)
    const response = await fetch(`${harness.url}/fresh`, { method: 'HEAD' })
    assert.equal(response.status, 200)
    deaf.socket.destroy()
  }))

test('a read with a body in chunks of one byte is answered, and the body thrown away', () =>
  on({}, async (harness) => {
    const raw = openRaw(harness.port)
    raw.send('GET /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n')
    raw.send('1\r\nx\r\n'.repeat(200_000))
    raw.send(`0\r\n\r\n${HEALTH}`)
    assert.deepEqual(statusesOf(await raw.until(/"ok".*"ok"/s)), [200, 200])
    raw.socket.destroy()
  }))
