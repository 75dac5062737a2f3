/**
 * Answers that go on: they are not cut while they are silent, wait for who reads slowly, and end
 * with the collector.
 */
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ReadRoute } from '../../src/collect.ts'
import { BEYOND_LIMIT_MS, until, withinLimit } from '../support/until.ts'
import { get, on, openRaw, statusesOf } from './harness.ts'

const MIB = 1024 * 1024
const PATIENT = { closeTimeoutMs: BEYOND_LIMIT_MS }
const ASK = 'GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n'

/** A route that answers with these sources, one a request. */
function streamRoute(next: () => Readable, access: 'read' | 'open' = 'read'): ReadRoute {
  return {
    prefix: '/stream',
    access,
    answer: () => ({
      status: 200,
      headers: { 'content-type': 'text/event-stream' },
      body: next(),
    }),
  }
}

/** Says what it is told, when it is told. */
function silentSource(): Readable {
  return new Readable({ read() {} })
}

/** Has always more to say, and counts what it was asked for. */
function endlessSource(): Readonly<{ source: Readable; pulledBytes: () => number }> {
  const chunk = Buffer.alloc(64 * 1024, 'x')
  let pulledBytes = 0
  const source = new Readable({
    highWaterMark: 0,
    read() {
      pulledBytes += chunk.length
      setImmediate(() => this.push(chunk))
    },
  })
  return { source, pulledBytes: () => pulledBytes }
}

/** More than sockets hold. */
const large = Buffer.alloc(32 * MIB, 'x')
const ASK_FILE = 'GET /file HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
const file: ReadRoute = { prefix: '/file', answer: () => ({ status: 200, body: large }) }
const STUCK_LIMITS = { stuckTimeoutMs: 400 }
/** So much longer than the pauses of a slow client that a busy machine does not make it a stuck one. */
const SLOW_LIMITS = { stuckTimeoutMs: 3_000 }
const SLOW_PAUSE_MS = 150

test('a client that takes nothing is cut off, be the answer a large file or a stream', async () => {
  const { source } = endlessSource()
  await on({ routes: [file, streamRoute(() => source)], limits: STUCK_LIMITS }, async (harness) => {
    const [taker, viewer] = [openRaw(harness.port), openRaw(harness.port)]
    taker.send(ASK_FILE)
    viewer.send(ASK)
    for (const { socket } of [taker, viewer]) socket.pause()
    await until(() => source.destroyed)
    await sleep(1000)
    for (const { socket } of [taker, viewer]) socket.resume()
    assert.ok((await taker.end).length < large.length)
    await viewer.end
  })
})

test('a client that takes some of its answer now and then keeps its connection', async () => {
  await on({ routes: [file], limits: SLOW_LIMITS }, async (harness) => {
    const slow = openRaw(harness.port)
    const startMs = performance.now()
    slow.send(ASK_FILE)
    let isOver = false
    slow.socket.on('close', () => {
      isOver = true
    })
    let taken = 0
    slow.socket.on('data', (chunk) => {
      taken += chunk.length
      if (taken < MIB || isOver) return
      taken = 0
      slow.socket.pause()
      void sleep(SLOW_PAUSE_MS).then(() => slow.socket.resume())
    })
    assert.ok((await slow.end).length > large.length)
    const tookMs = performance.now() - startMs
    assert.ok(tookMs > SLOW_LIMITS.stuckTimeoutMs, `over in ${tookMs} ms, before the limit`)
  })
})

test('a stream is answered before it has anything to send, and not cut while silent', async () => {
  const source = silentSource()
  const limits = {
    headersTimeoutMs: 500,
    requestTimeoutMs: 1_000,
    keepAliveTimeoutMs: 500,
    timeoutCheckMs: 20,
  }
  await on({ routes: [streamRoute(() => source)], limits }, async (harness) => {
    const raw = openRaw(harness.port)
    raw.send(ASK)
    const head = await raw.until(/\r\n\r\n/)
    assert.deepEqual(statusesOf(head), [200])
    assert.match(head, /^content-type: text\/event-stream\r$/m)
    await sleep(2.5 * limits.requestTimeoutMs)
    source.push('data: late\n\n')
    await raw.until(/data: late/)
    assert.equal(raw.socket.readyState, 'open')
    raw.socket.destroy()
    await until(() => source.destroyed)
  })
})

test('a stream asks its source for no more than the client takes', async () => {
  const { source, pulledBytes } = endlessSource()
  await on({ routes: [streamRoute(() => source)] }, async (harness) => {
    const raw = openRaw(harness.port)
    raw.send(ASK)
    await raw.until(/\r\n\r\n/)
    raw.socket.pause()
    // What the sockets of both sides hold in the kernel is a few megabytes; then nothing moves.
    let before = -1
    while (before !== pulledBytes()) {
      before = pulledBytes()
      await sleep(400)
    }
    const stuckAt = pulledBytes()
    assert.ok(stuckAt < 32 * MIB, `${stuckAt} bytes were taken`)
    assert.ok(source.readableLength <= 64 * 1024, 'at most one piece waits')
    await sleep(400)
    assert.equal(pulledBytes(), stuckAt)
    // Other requests do not wait for it, and it goes on when it is read.
    assert.equal((await get(harness, '/healthz')).status, 200)
    raw.socket.resume()
    await until(() => pulledBytes() > stuckAt + MIB)
    raw.socket.destroy()
    await until(() => source.destroyed)
  })
})

test('a stream needs a read key unless its route is open', async () => {
  const asked: Readable[] = []
  const next = () => {
    const source = silentSource()
    asked.push(source)
    return source
  }
  const keys = { write: ['w'], read: ['r'] }
  await on({ keys, routes: [streamRoute(next)] }, async (harness) => {
    assert.equal((await get(harness, '/stream')).status, 401)
    assert.equal(asked.length, 0)
  })
  await on({ keys, routes: [streamRoute(next, 'open')] }, async (harness) => {
    const raw = openRaw(harness.port)
    raw.send(ASK)
    await raw.until(/ 200 OK/)
    assert.equal(asked.length, 1)
    raw.socket.destroy()
  })
})

test('a stream asked for with HEAD is its head alone, and its source is let go', async () => {
  const source = silentSource()
  await on({ routes: [streamRoute(() => source)] }, async (harness) => {
    const raw = openRaw(harness.port)
    raw.send(ASK.replace('GET', 'HEAD'))
    raw.send('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    const text = await raw.end
    assert.deepEqual(statusesOf(text), [200, 200], 'the connection goes on')
    assert.match(text, /text\/event-stream/)
    assert.ok(source.destroyed)
  })
})

test('a stream whose source fails is cut, and the failure reported', async () => {
  const source = silentSource()
  const warned: string[] = []
  const options = {
    routes: [streamRoute(() => source)],
    warn: (message: string, cause: unknown) => void warned.push(`${message}: ${cause}`),
  }
  await on(options, async (harness) => {
    const raw = openRaw(harness.port)
    raw.send(ASK)
    await raw.until(/\r\n\r\n/)
    source.destroy(new Error('on purpose'))
    const text = await raw.end
    assert.ok(!text.endsWith('0\r\n\r\n'), 'the client sees that it is not the end')
    assert.deepEqual(warned, ['an event stream failed: Error: on purpose'])
  })
})

test('a stream whose client is gone before the answer is made lets its source go', async () => {
  const source = silentSource()
  const asked = Promise.withResolvers<void>()
  const gone = Promise.withResolvers<void>()
  const route: ReadRoute = {
    prefix: '/stream',
    async answer() {
      asked.resolve()
      await gone.promise
      return { status: 200, body: source }
    },
  }
  await on({ routes: [route] }, async (harness) => {
    const raw = openRaw(harness.port)
    raw.send(ASK)
    await asked.promise
    raw.socket.destroy()
    await sleep(50)
    gone.resolve()
    await until(() => source.destroyed)
  })
})

test('closing ends 200 streams without waiting: readers see the end, others are cut', async () => {
  const sources: Readable[] = []
  const next = () => {
    const source = sources.length % 2 === 0 ? silentSource() : endlessSource().source
    sources.push(source)
    return source
  }
  await on({ routes: [streamRoute(next)], limits: PATIENT }, async (harness) => {
    const raws = []
    for (let at = 0; at < 200; at++) {
      const raw = openRaw(harness.port)
      raw.send(ASK)
      await raw.until(/\r\n\r\n/)
      // Every second one has far more to say than its client reads.
      if (at % 2 === 1) raw.socket.pause()
      raws.push(raw)
    }
    await sleep(200)
    await withinLimit(harness.collector.close())
    for (const [at, raw] of raws.entries()) {
      raw.socket.resume()
      if (at % 2 === 0) assert.ok((await raw.end).endsWith('0\r\n\r\n'))
    }
    await until(() => sources.every((source) => source.destroyed))
  })
})

test('closing ends a stream whose answer was still being made', async () => {
  const source = silentSource()
  const asked = Promise.withResolvers<void>()
  const closing = Promise.withResolvers<void>()
  const route: ReadRoute = {
    prefix: '/stream',
    async answer() {
      asked.resolve()
      await closing.promise
      return { status: 200, body: source }
    },
  }
  await on({ routes: [route], limits: PATIENT }, async (harness) => {
    const raw = openRaw(harness.port)
    raw.send(ASK)
    await asked.promise
    const closed = harness.collector.close()
    closing.resolve()
    assert.deepEqual(statusesOf(await raw.end), [200])
    await withinLimit(closed)
    assert.ok(source.destroyed)
  })
})
