/** Connections that do not behave: slow, cut, malformed, pipelined, very many; and a collector that closes under them. */
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  codeOf,
  event,
  events,
  get,
  type Harness,
  type HarnessOptions,
  openGate,
  openHarness,
  openRaw,
  post,
  rawRequest,
  statusesOf,
} from './harness.ts'

const JSON_TYPE = 'Content-Type: application/json'
const CHUNKED = 'Transfer-Encoding: chunked'
const MIB = 1024 * 1024

/** Every test has a collector of its own, because it ends or starves it. */
async function on(
  options: HarnessOptions,
  test: (harness: Harness) => Promise<void>,
): Promise<void> {
  const harness = await openHarness(options)
  try {
    await test(harness)
    assert.deepEqual(harness.warnings, [])
  } finally {
    await harness.close()
  }
  assert.equal(harness.meter.collect.heldBytes, 0)
}

function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
}

describe('bodies on the wire', () => {
  it('chunked, in pieces of one byte, is the same body', () =>
    on({}, async (harness) => {
      const raw = openRaw(harness.port)
      raw.send(rawRequest('', [JSON_TYPE, CHUNKED]))
      for (const byte of event('bytewise')) raw.send(chunk(byte))
      raw.send('0\r\n\r\n')
      await raw.until(/\{"accepted":1,"rejected":\[\]\}$/)
      assert.deepEqual(await harness.lines(), [event('bytewise')])
      raw.socket.destroy()
    }))

  it('pipelined requests are answered in order, a compressed one among them', () =>
    on({}, async (harness) => {
      const { gzipSync } = await import('node:zlib')
      const raw = openRaw(harness.port)
      const zipped = gzipSync(events(3, 'z').join('\n'))
      raw.send(
        Buffer.concat([
          Buffer.from(
            rawRequest('', [`Content-Length: ${zipped.length}`, 'Content-Encoding: gzip']),
          ),
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

  it('Expect: 100-continue asks for the body only if it will be taken', () =>
    on({}, async (harness) => {
      const raw = openRaw(harness.port)
      const body = event('expected')
      raw.send(
        rawRequest('', [JSON_TYPE, `Content-Length: ${body.length}`, 'Expect: 100-continue']),
      )
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

  it('a client that is still sending a body too large reads the 413, announced or not', () =>
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

  it('after a refusal with a small body the connection goes on', () =>
    on({}, async (harness) => {
      const raw = openRaw(harness.port)
      raw.send(rawRequest('<x/>', ['Content-Type: text/xml']))
      await raw.until(/"content-type"/)
      raw.send(rawRequest(event('after'), [JSON_TYPE]))
      assert.deepEqual(statusesOf(await raw.until(/"accepted":1/)), [415, 200])
      raw.socket.destroy()
    }))

  it('an upload cut in the middle is taken in no part, and counted as gone', () =>
    on({}, async (harness) => {
      const raw = openRaw(harness.port)
      raw.send(rawRequest(`[${event('cut')},`, [JSON_TYPE, 'Content-Length: 100000']))
      await heldBytes(harness, (bytes) => bytes > 0)
      raw.socket.destroy()
      while (harness.meter.collect.eventAnswers[499] !== 1) await sleep(5)
      assert.equal(harness.log.end(), 0)
    }))

  it('a client that goes away before its answer changes nothing for the others', () =>
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
})

describe('malformed requests', () => {
  for (const [name, text] of [
    ['no HTTP at all', 'hello\r\n\r\n'],
    ['a bad header', 'POST /v1/events HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n'],
    ['no Host', 'POST /v1/events HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}'],
    ['a bad chunk size', `${rawRequest('', [JSON_TYPE, CHUNKED])}xyz\r\n`],
    ['two lengths', rawRequest('{}', ['Content-Length: 2', 'Content-Length: 3'])],
    ['length and chunks', rawRequest('0\r\n\r\n', ['Content-Length: 5', CHUNKED])],
    ['a negative length', rawRequest('', ['Content-Length: -1'])],
    ['a head too large', rawRequest('', [`X: ${'x'.repeat(20_000)}`])],
  ] as const) {
    it(`${name} is answered once, and the connection closed`, () =>
      on({}, async (harness) => {
        const raw = openRaw(harness.port)
        raw.send(text)
        const statuses = statusesOf(await raw.end)
        assert.deepEqual(statuses, [name === 'a head too large' ? 431 : 400])
        assert.equal(harness.log.end(), 0)
      }))
  }

  it('junk behind a pipelined request does not overtake its answer', () =>
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
})

describe('slow clients', () => {
  const quick = { limits: { headersTimeoutMs: 200, requestTimeoutMs: 400, timeoutCheckMs: 50 } }

  it('a body that does not arrive in time is 408, and what it held is free again', () =>
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

  it('a head that does not arrive in time is 408', () =>
    on(quick, async (harness) => {
      const raw = openRaw(harness.port)
      raw.send('POST /v1/events HTTP/1.1\r\nHost: localhost\r\n')
      assert.deepEqual(statusesOf(await raw.end), [408])
    }))
})

describe('many at once', () => {
  it('a thousand connections share few syncs, and every event is in the log once', () =>
    on({}, async (harness) => {
      const before = harness.disk.syncs
      const raws = Array.from({ length: 1000 }, () => openRaw(harness.port))
      const { gate, open } = openGate()
      harness.disk.gate = gate
      raws.forEach((raw, at) => {
        raw.send(rawRequest(event(`c${at}`), [JSON_TYPE]))
      })
      setTimeout(open, 300)
      await Promise.all(raws.map((raw) => raw.until(/"accepted":1/)))
      for (const raw of raws) raw.socket.destroy()
      const ids = (await harness.lines()).map((line) => JSON.parse(line).event_id)
      assert.equal(new Set(ids).size, 1000)
      assert.equal(ids.length, 1000)
      assert.ok(harness.disk.syncs - before < 500, `${harness.disk.syncs - before} syncs`)
    }))

  it('bodies over the limit of bytes in flight are 429, and come in when sent again', () =>
    on({ limits: { heldBytesMax: 3 * MIB } }, async (harness) => {
      const { gate, open } = openGate()
      harness.disk.gate = gate
      const body = `${event('big')}\n${' '.repeat(MIB)}`
      const first = [post(harness, body), post(harness, body)]
      await heldBytes(harness, (bytes) => bytes > 2 * MIB)
      const refused = await post(harness, body)
      assert.deepEqual([refused.status, codeOf(refused)], [429, 'too-busy'])
      assert.equal(refused.headers.get('retry-after'), '1')
      open()
      for (const reply of await Promise.all(first)) assert.equal(reply.status, 200)
      assert.equal((await post(harness, body)).status, 200)
      assert.equal(harness.log.end(), 3)
    }))

  it('decompressed bytes count too: small bombs at once stay within the limit', () =>
    on({ limits: { heldBytesMax: 20 * MIB } }, async (harness) => {
      const { zstdCompressSync } = await import('node:zlib')
      const body = Buffer.alloc(15 * MIB, ' ')
      body.write(event('padded'))
      const small = zstdCompressSync(body)
      let most = 0
      const watch = setInterval(() => {
        most = Math.max(most, harness.meter.collect.heldBytes)
      }, 1)
      const replies = await Promise.all(
        Array.from({ length: 8 }, () => post(harness, small, { 'content-encoding': 'zstd' })),
      )
      clearInterval(watch)
      for (const { status } of replies) assert.ok(status === 200 || status === 429, `${status}`)
      assert.ok(replies.some(({ status }) => status === 200))
      assert.ok(most <= 20 * MIB)
    }))
})

describe('a log that cannot take it', () => {
  it('that is full is 503 with Retry-After; nothing is kept or counted, also not what was rejected', () =>
    on({}, async (harness) => {
      harness.disk.freeBytes = 0
      let reply = await post(harness, `${event('full')}\nbad`)
      // The log looks at the disk from time to time, not at each append.
      for (let tries = 0; reply.status === 200 && tries < 100; tries++) {
        await sleep(50)
        reply = await post(harness, `${event('full')}\nbad`)
      }
      assert.deepEqual([reply.status, codeOf(reply)], [503, 'log-full'])
      assert.ok(Number(reply.headers.get('retry-after')) > 0)
      const counted = harness.rejected.stats().total
      assert.equal(counted, harness.meter.collect.rejected.syntax ?? 0)
      await post(harness, `${event('full')}\nbad`)
      assert.equal(harness.rejected.stats().total, counted)
    }))

  it('that is behind is 429, and takes the same body later', () =>
    on({ logOptions: { waitingBytesMax: 2000 } }, async (harness) => {
      const { gate, open } = openGate()
      harness.disk.gate = gate
      const body = event('waiting', { filler: 'x'.repeat(1500) })
      const first = [post(harness, body), post(harness, body), post(harness, body)]
      const settled = await Promise.race(first)
      assert.deepEqual([settled.status, codeOf(settled)], [429, 'log-busy'])
      open()
      await Promise.all(first)
      assert.equal((await post(harness, body)).status, 200)
    }))

  it('whose sync failed is 503 from then on, health says so when status does, and reading goes on', () =>
    on({}, async (harness) => {
      harness.disk.syncFault = Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })
      for (let tries = 0; tries < 3; tries++) {
        const reply = await post(harness, event('failed'))
        assert.deepEqual([reply.status, codeOf(reply)], [503, 'log-failed'])
        assert.equal(reply.headers.get('retry-after'), '60')
        harness.disk.syncFault = null
      }
      harness.status = { healthy: false, problems: ['the log failed: restart'] }
      const health = await get(harness, '/healthz')
      assert.equal(health.status, 503)
      assert.deepEqual(JSON.parse(health.text), {
        status: 'unhealthy',
        problems: ['the log failed: restart'],
      })
      assert.equal((await get(harness, '/v1/status')).status, 200)
      assert.equal(harness.log.end(), 0)
      harness.disk.syncFault = null
    }))

  it('rejected events that cannot be kept are 503; after the retry of the whole body the ledger closes', async () => {
    const harness = await openHarness()
    const { writeFile, rm } = await import('node:fs/promises')
    const folder = `${harness.directory}/rejected`
    await writeFile(folder, 'a file where the folder should be')
    const body = `${event('kept')}\nbad`
    const refused = await post(harness, body)
    assert.deepEqual([refused.status, codeOf(refused)], [503, 'rejected-failed'])
    assert.equal(harness.rejected.stats().total, 0)
    assert.match(harness.warnings.join(), /could not be kept/)
    await rm(folder)
    assert.equal((await post(harness, body)).status, 200)
    // The job counts the second line as a duplicate: received 3 = stored 1 + duplicate 1 + rejected 1.
    assert.deepEqual(await harness.lines(), [event('kept'), event('kept')])
    assert.equal(harness.rejected.stats().total, 1)
    await harness.close()
  })
})

describe('closing', () => {
  it('finishes requests under way, takes no further one and no new connection', () =>
    on({}, async (harness) => {
      const { gate, open } = openGate()
      harness.disk.gate = gate
      const waiting = openRaw(harness.port)
      waiting.send(rawRequest(event('waiting'), [JSON_TYPE]))
      const uploading = openRaw(harness.port)
      const body = event('uploading')
      uploading.send(rawRequest(body.slice(0, 10), [JSON_TYPE, `Content-Length: ${body.length}`]))
      const idle = openRaw(harness.port)
      idle.send('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
      await idle.until(/"ok"/)
      await heldBytes(harness, (bytes) => bytes >= 2 * 2048 + 10)
      const closed = harness.collector.close()
      assert.deepEqual(statusesOf(await idle.end), [200])
      await assert.rejects(fetch(`${harness.url}/healthz`))
      waiting.send(rawRequest(event('late'), [JSON_TYPE]))
      uploading.send(body.slice(10))
      await sleep(20)
      open()
      for (const raw of [waiting, uploading]) {
        const text = await raw.end
        assert.deepEqual(statusesOf(text), [200])
        assert.match(text, /Connection: close/i)
      }
      await closed
      const ids = (await harness.lines()).map((line) => JSON.parse(line).event_id)
      assert.deepEqual(ids.sort(), ['uploading', 'waiting'])
    }))

  it('does not wait for ever: a client that never finishes is cut', () =>
    on({ limits: { closeTimeoutMs: 100 } }, async (harness) => {
      const raw = openRaw(harness.port)
      raw.send(rawRequest('[', [JSON_TYPE, 'Content-Length: 1000']))
      await heldBytes(harness, (bytes) => bytes > 0)
      await harness.collector.close()
      assert.deepEqual(statusesOf(await raw.end), [])
      assert.equal(harness.log.end(), 0)
    }))

  it('under load every answered event is in the log', () =>
    on({}, async (harness) => {
      let answered = 0
      let stop = false
      const senders = Array.from({ length: 20 }, async (_, sender) => {
        for (let at = 0; !stop; at++) {
          try {
            const { status } = await post(harness, events(5, `s${sender}-${at}-`).join('\n'))
            if (status === 200) answered += 5
          } catch {
            stop = true
          }
        }
      })
      await sleep(100)
      await harness.collector.close()
      stop = true
      await Promise.all(senders)
      assert.ok(answered > 0)
      assert.equal(harness.log.end(), answered)
    }))

  it('twice is once', () =>
    on({}, async (harness) => {
      await Promise.all([harness.collector.close(), harness.collector.close()])
    }))
})

it('a request that asks to close gets its answer and a closed connection', () =>
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

/** Waits until the bytes in flight are so; the test runner's time-out is the limit. */
async function heldBytes(harness: Harness, are: (bytes: number) => boolean): Promise<void> {
  while (!are(harness.meter.collect.heldBytes)) await sleep(5)
}
