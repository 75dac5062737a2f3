/** Too much at once, a log that cannot take it, and a collector that closes in the middle. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { DEFAULT_LIMITS } from '../../src/collect/limits.ts'
import {
  codeOf,
  event,
  events,
  get,
  heldBytes,
  on,
  openGate,
  openHarness,
  openRaw,
  post,
  rawRequest,
  statusesOf,
} from './harness.ts'

const JSON_TYPE = 'Content-Type: application/json'
const MIB = 1024 * 1024

test('a thousand connections share few syncs, and every event is in the log once', () =>
  on({}, async (harness) => {
    const before = harness.disk.syncs
    const raws = Array.from({ length: 1000 }, () => openRaw(harness.port))
    const { gate, open } = openGate()
    harness.disk.gate = gate
    raws.forEach((raw, at) => {
      raw.send(rawRequest(event(`c${at}`), [JSON_TYPE]))
    })
    // All are in before the first sync, however long a thousand connections take.
    await heldBytes(harness, (bytes) => bytes >= raws.length * DEFAULT_LIMITS.requestBytes)
    open()
    await Promise.all(raws.map((raw) => raw.until(/"accepted":1/)))
    for (const raw of raws) raw.socket.destroy()
    const ids = (await harness.lines()).map((line) => JSON.parse(line).event_id)
    assert.equal(new Set(ids).size, 1000)
    assert.equal(ids.length, 1000)
    assert.ok(harness.disk.syncs - before < 500, `${harness.disk.syncs - before} syncs`)
  }))

test('bodies over the limit of bytes in flight are 429, and come in when sent again', () =>
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

test('the heads of requests count as in flight too, while their bodies are on the way', () =>
  on({ limits: { heldBytesMax: MIB } }, async (harness) => {
    const head = rawRequest('', [`X-Filler: ${'x'.repeat(60_000)}`, 'Content-Length: 5'])
    const raws = Array.from({ length: 40 }, () => openRaw(harness.port))
    for (const raw of raws) raw.send(head)
    await Promise.race(raws.map((raw) => raw.until(/429/)))
    assert.ok(harness.meter.collect.heldBytes <= MIB)
    for (const raw of raws) raw.socket.destroy()
    await heldBytes(harness, (bytes) => bytes === 0)
  }))

test('decompressed bytes count too: small bombs at once stay within the limit', () =>
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

test('a full log is 503 with Retry-After; nothing is kept or counted, nor are rejections', () =>
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

test('a log that is behind is 429, and takes the same body later', () =>
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

test('after a failed sync it is 503, health says so when status does, and reading goes on', () =>
  on({}, async (harness) => {
    harness.disk.syncFault = Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })
    for (let tries = 0; tries < 3; tries++) {
      const reply = await post(harness, event('failed'))
      assert.deepEqual([reply.status, codeOf(reply)], [503, 'log-failed'])
      assert.equal(reply.headers.get('retry-after'), '60')
      harness.disk.syncFault = null
    }
    harness.status = { healthy: false, problems: ['the log in /srv/secret failed: restart'] }
    const health = await get(harness, '/healthz')
    assert.equal(health.status, 503)
    assert.deepEqual(JSON.parse(health.text), {
      status: 'unhealthy',
      problems: [
        '1 problem: see GET /v1/status or `campaign-metrics status`; ' +
          'with a read key they are named here',
      ],
    })
    assert.equal((await get(harness, '/v1/status')).status, 200)
    assert.equal(harness.log.end(), 0)
    harness.disk.syncFault = null
  }))

test('unkept rejected events are 503; a retry of the whole body closes the ledger', async () => {
  const harness = await openHarness()
  const { writeFile, rm } = await import('node:fs/promises')
  const folder = `${harness.directory}/rejected`
  await writeFile(folder, 'a file where the folder should be')
  const body = `${event('kept')}\nbad`
  const refused = await post(harness, body)
  assert.deepEqual([refused.status, codeOf(refused)], [503, 'rejected-failed'])
  assert.equal(harness.rejected.stats().total, 0)
  assert.equal((await post(harness, body)).status, 503)
  assert.equal(harness.warnings.length, 1, 'a warning once, not for every request')
  assert.match(harness.warnings.join(), /could not be kept/)
  await rm(folder)
  assert.equal((await post(harness, body)).status, 200)
  // The job counts the repeats as duplicates: received 4 = stored 1 + duplicates 2 + rejected 1.
  assert.deepEqual(await harness.lines(), [event('kept'), event('kept'), event('kept')])
  assert.equal(harness.rejected.stats().total, 1)
  await harness.close()
})

test('closing finishes requests under way, takes no further one and no new connection', () =>
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

test('closing does not wait for ever: a client that never finishes is cut', () =>
  on({ limits: { closeTimeoutMs: 100 } }, async (harness) => {
    const raw = openRaw(harness.port)
    raw.send(rawRequest('[', [JSON_TYPE, 'Content-Length: 1000']))
    await heldBytes(harness, (bytes) => bytes > 0)
    await harness.collector.close()
    assert.deepEqual(statusesOf(await raw.end), [])
    assert.equal(harness.log.end(), 0)
  }))

test('after closing under load every answered event is in the log', () =>
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
    while (answered === 0) await sleep(100)
    await harness.collector.close()
    stop = true
    await Promise.all(senders)
    assert.equal(harness.log.end(), answered)
  }))

test('closing twice is once', () =>
  on({}, async (harness) => {
    await Promise.all([harness.collector.close(), harness.collector.close()])
  }))
