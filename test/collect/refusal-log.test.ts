/** What the operator is told of senders that are refused: enough to cure it, and not too often. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { event, on, PERSON, post } from './harness.ts'

const PAGE = 'page-key-1'
const KEYS = { write: ['write-key-1'], read: ['read-key-1'], page: [PAGE] }
const SHOP = 'https://shop.example'
const TEXT = { ...PERSON, 'content-type': 'text/plain' }

test('each kind is logged with what was sent and the setting that cures it', () =>
  on({ keys: KEYS, cors: [SHOP], redirects: [SHOP] }, async (harness) => {
    const send = (headers: Readonly<Record<string, string>>, path = `/v1/events?key=${PAGE}`) =>
      post(harness, event('a'), headers, path)
    const ask = (path: string, init: RequestInit = {}) =>
      fetch(harness.url + path, { headers: PERSON, redirect: 'manual', ...init })
    await send({ ...TEXT, origin: 'https://other.example' })
    await send(TEXT)
    await send({ ...TEXT, origin: SHOP, 'content-type': 'image/png' })
    await send({ ...TEXT, origin: SHOP, 'content-encoding': 'br' })
    await send(TEXT, '/v1/events')
    await send(TEXT, '/v1/events?key=wrong')
    await send(TEXT, '/v1/events?key=read-key-1')
    await ask('/v1/pixel.gif?key=write-key-1&campaign_id=a')
    await ask('/v1/click?key=wrong&campaign_id=a&to=https://shop.example')
    const told = [
      /^Events are refused \(origin-not-allowed\): origin https:\/\/other.example. .*`cors`/,
      /^Events are refused \(origin-missing\): .*`keys.page`.*`keys.write`/,
      /^Events are refused \(content-type\): content-type image\/png. Send application\/json/,
      /^Events are refused \(content-encoding\): content-encoding br. /,
      /^Events are refused \(key-missing\): A key is needed/,
      /^Events are refused \(key-wrong\): .*`keys`/,
      /^Events are refused \(key-not-for-writing\): .*`keys.write`/,
      /^Events are refused \(key-not-for-pages\): .*`keys.page`/,
    ]
    assert.equal(harness.refusals.length, told.length, harness.refusals.join('\n'))
    for (const [at, pattern] of told.entries()) assert.match(harness.refusals[at] ?? '', pattern)
    for (const text of harness.refusals) assert.doesNotMatch(text, /key-1|wrong /)
  }))

test('a kind is logged once a minute, with the number of those in between', () => {
  let nowMs = 0
  return on({ cors: [SHOP], nowMs: () => nowMs }, async (harness) => {
    const refused = () => post(harness, event('a'), { ...TEXT, origin: 'https://a.example' })
    for (let at = 0; at < 5; at++) await refused()
    nowMs = 59_999
    await refused()
    assert.equal(harness.refusals.length, 1)
    nowMs = 60_000
    await refused()
    assert.equal(harness.refusals.length, 2)
    assert.match(harness.refusals[1] ?? '', /^[^:]*\(and 5 times since the last warning\)/)
  })
})

test('a refused preflight is logged; what reads is not, nor what was accepted', () =>
  on({ keys: KEYS, cors: [SHOP] }, async (harness) => {
    const preflight = async (origin: string) =>
      await fetch(`${harness.url}/v1/events`, {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'traceparent,baggage,sentry-trace',
        },
      })
    const allowed = await preflight(SHOP)
    assert.equal(allowed.status, 204)
    assert.match(
      allowed.headers.get('access-control-allow-headers') ?? '',
      /traceparent,baggage,sentry-trace$/,
    )
    assert.equal((await fetch(`${harness.url}/v1/status`)).status, 401)
    assert.equal((await fetch(`${harness.url}/metrics?key=${PAGE}`)).status, 401)
    assert.deepEqual(harness.refusals, [])
    assert.equal((await preflight('https://a.example')).status, 403)
    assert.match(harness.refusals.join(), /origin https:\/\/a.example\. .*`cors`/)
  }))

test('a pixel without a page key in the configuration is logged with the setting', () =>
  on({}, async (harness) => {
    assert.equal((await fetch(`${harness.url}/v1/pixel.gif?key=${PAGE}`)).status, 404)
    assert.match(harness.refusals.join(), /answer 404 until the configuration has.*keys\.page/)
  }))

test('what a sender chose cannot command the terminal', () =>
  on({}, async (harness) => {
    await post(harness, event('a'), { ...TEXT, origin: `\x9b31m${'\xe9'.repeat(200)}` })
    assert.match(harness.refusals.join(), /^[\x20-\x7e]{1,400}$/)
  }))
