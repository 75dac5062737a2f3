/**
 * Keys of web pages: what they may send, from where, how much of it, and that they open nothing
 * else.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  CRAWLER,
  codeOf,
  event,
  get,
  type Harness,
  keptEvents,
  on,
  openHarness,
  PERSON,
  post,
} from './harness.ts'

const WRITE = 'write-key-1'
const READ = 'read-key-1'
const PAGE = 'page-key-1'
const SHOP = 'https://shop.example'
const KEYS = { write: [WRITE], read: [READ], page: ['other-page', PAGE] }
const FROM_SHOP = { ...PERSON, 'content-type': 'text/plain', origin: SHOP }
const PATH = `/v1/events?key=${PAGE}`

let harness: Harness
before(async () => {
  harness = await openHarness({ keys: KEYS, cors: [SHOP] })
})
after(() => harness.close())

test('a page key sends impressions and clicks from a page of an allowed origin', async () => {
  const body = [event('i', { event_type: 'impression' }), event('c')].join('\n')
  const reply = await post(harness, body, FROM_SHOP, PATH)
  assert.deepEqual([reply.status, reply.body], [200, { accepted: 2, rejected: [] }])
  assert.equal(reply.headers.get('access-control-allow-origin'), SHOP)
})

test('a conversion by a page key is rejected and kept; events beside it are taken', async () => {
  const hidden = event('x3').replace('"click"', '"click","event_type":"\\u0063onversion"')
  const lines = [
    event('x0'),
    event('x1', { event_type: 'conversion', revenue: 5 }),
    '{"event_id":"x2"}',
    hidden,
    event('x4', { platform: 'conversion' }),
  ]
  const reply = await post(harness, lines.join('\r\n'), FROM_SHOP, PATH)
  const reason =
    'event_type: a key of keys.page may send impressions and clicks only (page.conversions)'
  assert.deepEqual(reply.body, {
    accepted: 2,
    rejected: [
      { index: 1, reason },
      { index: 2, reason: 'user_id: required' },
      { index: 3, reason },
    ],
  })
  const stored = (await harness.lines()).map((line) => JSON.parse(line).event_id)
  assert.deepEqual(
    stored.filter((id) => id.startsWith('x')),
    ['x0', 'x4'],
  )
  const kept = await keptEvents(harness)
  assert.deepEqual(
    kept.map(({ reason: code, bytes }) => [code, Buffer.from(bytes).toString()]),
    [
      ['page-conversion', lines[1]],
      ['user-id-missing', lines[2]],
      ['page-conversion', hidden],
    ],
  )
})

test('a page key needs the Origin of a page: of an allowed one, or of the collector', async () => {
  const missing = await post(harness, event('o'), { 'content-type': 'text/plain' }, PATH)
  assert.deepEqual([missing.status, codeOf(missing)], [403, 'origin-missing'])
  for (const origin of ['https://evil.example', 'null', `${SHOP}.evil`]) {
    const reply = await post(harness, event('o'), { ...FROM_SHOP, origin }, PATH)
    assert.deepEqual([reply.status, codeOf(reply)], [403, 'origin-not-allowed'], origin)
  }
  const own = await post(harness, event('own'), { ...FROM_SHOP, origin: harness.url }, PATH)
  assert.equal(own.status, 200)
})

test('without a write key a page cannot leave its key out; who is no page needs none', async () => {
  const open = await openHarness({ keys: { write: [], read: [], page: [PAGE] }, cors: [SHOP] })
  try {
    for (const [path, code] of [
      ['/v1/events', 'key-missing'],
      ['/v1/events?key=oops', 'key-wrong'],
    ] as const) {
      const reply = await post(open, event('o1', { event_type: 'conversion' }), FROM_SHOP, path)
      assert.deepEqual([reply.status, codeOf(reply)], [401, code])
    }
    const { origin: _, ...local } = FROM_SHOP
    assert.equal((await post(open, event('o2'), local)).status, 200)
    assert.equal((await post(open, event('o3'), FROM_SHOP, PATH)).status, 200)
  } finally {
    await open.close()
  }
})

test('beside a write key a page key does not matter', async () => {
  const headers = { authorization: `Bearer ${WRITE}`, 'x-api-key': PAGE }
  const reply = await post(harness, event('both', { event_type: 'conversion' }), headers)
  assert.deepEqual(reply.body, { accepted: 1, rejected: [] })
})

test('what a bot sends with a page key is rejected as `bot`, and kept; with a write key it is taken', async () => {
  const body = [event('b1'), '{', event('b2', { event_type: 'conversion' })].join('\n')
  const reply = await post(harness, body, { ...FROM_SHOP, ...CRAWLER }, PATH)
  const reason = 'event: sent by a program that is known as a bot by its User-Agent (bots)'
  assert.deepEqual(reply.body, {
    accepted: 0,
    rejected: [0, 1, 2].map((index) => ({ index, reason })),
  })
  const kept = (await keptEvents(harness)).filter(({ source }) => source === 'bots')
  assert.deepEqual(
    kept.map(({ bytes }) => Buffer.from(bytes).toString()),
    body.split('\n'),
  )
  const headers = { ...CRAWLER, 'x-api-key': WRITE, 'content-type': 'text/plain' }
  assert.deepEqual((await post(harness, event('b3'), headers)).body, { accepted: 1, rejected: [] })
})

test('what a page sends before anybody sees it is answered and not counted', async () => {
  const end = harness.log.end()
  const headers = { ...FROM_SHOP, 'sec-purpose': 'prefetch;prerender' }
  const reply = await post(harness, event('early'), headers, PATH)
  assert.deepEqual([reply.status, reply.body], [200, { accepted: 0, rejected: [] }])
  assert.equal(harness.log.end(), end)
  const server = { 'x-api-key': WRITE, 'sec-purpose': 'prefetch', 'content-type': 'text/plain' }
  assert.equal((await post(harness, event('server'), server)).status, 200)
  assert.equal(harness.log.end(), end + 1)
})

test('a page key reads nothing and signs nobody in', async () => {
  const key = { 'x-api-key': PAGE }
  for (const path of ['/metrics', '/v1/status']) {
    const { status, text } = await get(harness, path, key)
    assert.equal(status, 403, path)
    assert.match(text, /key-not-for-reading/)
  }
  assert.equal((await post(harness, null, key, '/api/v1/session')).status, 403)
})

test('with page.conversions a page key sends conversions', async () => {
  await on({ keys: KEYS, cors: ['*'], page: { conversions: true } }, async (open) => {
    const reply = await post(open, event('p', { event_type: 'conversion' }), FROM_SHOP, PATH)
    assert.deepEqual(reply.body, { accepted: 1, rejected: [] })
  })
})

test('past its rate a key is answered 429 with the wait, and nothing is taken', async () => {
  let nowMs = 0
  const page = { keyRate: 2, addressRate: 0 }
  await on({ keys: KEYS, cors: [SHOP], page, nowMs: () => nowMs }, async (slow) => {
    const sendTo = (ids: readonly string[], path = PATH) =>
      post(slow, ids.map((id) => event(id)).join('\n'), FROM_SHOP, path)
    const ids = (count: number, from: number) =>
      Array.from({ length: count }, (_, at) => `r${from + at}`)
    // Ten seconds of the rate are there at first: 20 events.
    assert.equal((await sendTo(ids(15, 0))).status, 200)
    const refused = await sendTo(ids(9, 15))
    assert.deepEqual([refused.status, codeOf(refused)], [429, 'rate-limited'])
    assert.equal(refused.headers.get('retry-after'), '2')
    assert.equal((await sendTo(ids(9, 15), '/v1/events?key=other-page')).status, 200)
    nowMs += 2000
    assert.equal((await sendTo(ids(9, 15))).status, 200)
    assert.equal((await sendTo(ids(1, 90))).status, 429)
    assert.equal(slow.log.end(), 15 + 9 + 9)
    // More than a full bucket holds: it passes once the bucket is full, and is waited for.
    nowMs += 10_000
    assert.equal((await sendTo(ids(40, 100))).status, 200)
    nowMs += 10_000
    assert.equal((await sendTo(ids(1, 200))).status, 429)
    nowMs += 1000
    assert.equal((await sendTo(ids(1, 200))).status, 200)
  })
})

test('past its rate a client address is answered 429, as a trusted proxy names it', async () => {
  const trustedProxies = [{ address: '127.0.0.1', prefix: 32, family: 'ipv4' as const }]
  const page = { keyRate: 0, addressRate: 1 }
  const options = { keys: KEYS, cors: [SHOP], page, trustedProxies, nowMs: () => 0 }
  await on(options, async (proxied) => {
    let sent = 0
    const sendFrom = async (address: string) => {
      const headers = { ...FROM_SHOP, 'x-forwarded-for': address }
      const body = Array.from({ length: 10 }, () => event(`a${sent++}`)).join('\n')
      return (await post(proxied, body, headers, PATH)).status
    }
    assert.equal(await sendFrom('203.0.113.7'), 200)
    assert.equal(await sendFrom('203.0.113.7'), 429)
    assert.equal(await sendFrom('203.0.113.8'), 200)
    // One site has a /64.
    assert.equal(await sendFrom('2001:db8::1'), 200)
    assert.equal(await sendFrom('2001:db8:0:0:ffff::2'), 429)
    assert.equal(await sendFrom('2001:db8:0:1::1'), 200)
  })
})
