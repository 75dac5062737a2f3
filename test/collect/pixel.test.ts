/** The pixel: an event in the address of a picture. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  CRAWLER,
  event,
  get,
  type Harness,
  keptEvents,
  on,
  openGate,
  openHarness,
  PERSON,
} from './harness.ts'

const PAGE = 'page-key-1'
const KEYS = { write: ['write-key-1'], read: ['read-key-1'], page: [PAGE] }

let harness: Harness
before(async () => {
  harness = await openHarness({ keys: KEYS })
})
after(() => harness.close())

const pathOf = (query: string, key = PAGE) => `/v1/pixel.gif?key=${key}&${query}`

type Init = Readonly<{ method?: string; headers?: Readonly<Record<string, string>> }>

async function ask(query: string, init: Init = {}, key = PAGE, at = harness) {
  const headersSent = { ...PERSON, ...init.headers }
  const response = await fetch(at.url + pathOf(query, key), { ...init, headers: headersSent })
  const bytes = Buffer.from(await response.arrayBuffer())
  return { status: response.status, bytes, headers: response.headers }
}

const newest = async () => JSON.parse((await harness.lines()).at(-1) ?? '')

test('a pixel with a campaign is an impression now, anonymous, with its own id', async () => {
  const { status, bytes, headers } = await ask('campaign_id=spring')
  assert.equal(status, 200)
  assert.equal(bytes.length, 43)
  assert.equal(bytes.subarray(0, 6).toString(), 'GIF89a')
  assert.equal(bytes.at(-1), 0x3b)
  assert.equal(headers.get('content-type'), 'image/gif')
  assert.equal(headers.get('cache-control'), 'no-store')
  assert.equal(headers.get('cross-origin-resource-policy'), 'cross-origin')
  const { event_id: id, ...first } = await newest()
  assert.deepEqual(first, {
    user_id: 'anonymous',
    event_type: 'impression',
    timestamp: '2026-11-22T10:00:00.000Z',
    campaign_id: 'spring',
  })
  await ask('campaign_id=spring')
  assert.notEqual((await newest()).event_id, id)
})

test('every field may be a parameter; empty ones are absent, unknown ones ignored', async () => {
  const query =
    'event_id=p1&user_id=&campaign_id=a&campaign_id=Spr%C3%BCng+%26%22&event_type=click&' +
    'timestamp=2026-11-22T10:59:00%2B01:00&revenue=1.50&platform=web&country=DE&device_type=&ord=7'
  assert.equal((await ask(query)).status, 200)
  assert.deepEqual(await newest(), {
    event_id: 'p1',
    user_id: 'anonymous',
    event_type: 'click',
    timestamp: '2026-11-22T10:59:00+01:00',
    campaign_id: 'Sprüng &"',
    revenue: 1.5,
    platform: 'web',
    country: 'DE',
  })
})

for (const [query, reason] of [
  ['country=DE', 'campaign-id-missing'],
  ['campaign_id=a&revenue=ten', 'revenue-not-number'],
  ['campaign_id=a&event_type=conversion', 'page-conversion'],
  ['campaign_id=a&event_id=[CACHEBUSTER]', 'macro'],
  ['campaign_id=a&event_id=imp-%5BRANDOM%5D', 'macro'],
  ['campaign_id=%%CACHEBUSTER%%', 'macro'],
  ['campaign_id=%%CLICK_URL%%', 'macro'],
  ['campaign_id={gclid}', 'macro'],
  ['campaign_id=$%7BCAMPAIGN%7D', 'macro'],
  ['campaign_id={{campaign.id}}', 'macro'],
  ['campaign_id=a&timestamp=[TIMESTAMP]', 'macro'],
  ['campaign_id=a&event_id=[timestamp]', 'macro'],
] as const) {
  test(`${query} is answered 400 with a picture, and kept as ${reason}`, async () => {
    const end = harness.log.end()
    const { status, bytes } = await ask(query)
    assert.deepEqual([status, bytes.length], [400, 43])
    assert.equal(harness.log.end(), end)
    const kept = await keptEvents(harness)
    assert.equal(kept.findLast(({ source }) => source === 'collector')?.reason, reason)
  })
}

test('brackets in the name of a campaign, and macros in other fields, are no macro', async () => {
  assert.equal((await ask('campaign_id=Spring+[SALE]&platform={device}')).status, 200)
  assert.equal((await newest()).campaign_id, 'Spring [SALE]')
})

test('HEAD and prefetches get the answer and are not counted', async () => {
  const end = harness.log.end()
  assert.equal((await ask('campaign_id=a', { method: 'HEAD' })).status, 200)
  for (const [name, value] of [
    ['sec-purpose', 'prefetch;prerender'],
    ['purpose', 'prefetch'],
    ['x-moz', 'prefetch'],
  ] as const) {
    assert.equal((await ask('campaign_id=a', { headers: { [name]: value } })).status, 200, name)
  }
  assert.equal(harness.log.end(), end)
})

test('only a page key asks for a pixel: others are refused, with a picture', async () => {
  const end = harness.log.end()
  for (const [key, status] of [
    ['', 401],
    ['wrong', 401],
    ['write-key-1', 403],
    ['read-key-1', 403],
  ] as const) {
    const answer = await ask('campaign_id=a', {}, key)
    assert.deepEqual([answer.status, answer.bytes.length], [status, 43], key)
  }
  assert.equal(harness.log.end(), end)
})

test('without a page key there is no pixel: nothing can be written by a GET', async () => {
  await on({}, async (open) => {
    for (const method of ['GET', 'HEAD']) {
      assert.equal((await ask('campaign_id=a', { method }, PAGE, open)).status, 404, method)
    }
    assert.equal((await get(open, '/v1/pixel.gif')).status, 404)
    assert.equal(open.log.end(), 0)
  })
})

test('a pixel is answered once durable, and those asked for at once share syncs', async () => {
  const { gate, open } = openGate()
  const waiting = await openHarness({ keys: KEYS })
  try {
    waiting.disk.gate = gate
    const before = waiting.disk.syncs
    let answered = 0
    const all = Array.from({ length: 30 }, async (_, at) => {
      const { status } = await ask(`campaign_id=c${at}`, {}, PAGE, waiting)
      answered += 1
      return status
    })
    while (waiting.meter.collect.heldBytes < 30 * 2048) await new Promise(setImmediate)
    assert.equal(answered, 0)
    open()
    assert.deepEqual(new Set(await Promise.all(all)), new Set([200]))
    assert.equal(waiting.log.end(), 30)
    assert.ok(waiting.disk.syncs - before < 10, `${waiting.disk.syncs - before} syncs`)
  } finally {
    open()
    await waiting.close()
  }
})

test('missing tables are 503, a used-up rate 429, with a picture and Retry-After', async () => {
  await on({ keys: KEYS, page: { keyRate: 1 }, nowMs: () => 0 }, async (slow) => {
    for (let at = 0; at < 10; at++) {
      assert.equal((await ask('campaign_id=a', {}, PAGE, slow)).status, 200)
    }
    const { status, bytes, headers } = await ask('campaign_id=a', {}, PAGE, slow)
    assert.deepEqual([status, bytes.length, headers.get('retry-after')], [429, 43, '1'])
  })
  await on({ keys: KEYS, areTablesInPlace: () => false }, async (away) => {
    const { status, bytes, headers } = await ask('campaign_id=a', {}, PAGE, away)
    assert.deepEqual([status, bytes.length, headers.get('retry-after')], [503, 43, '30'])
  })
})

test('the impression of a bot is kept as it was filled, whatever else is wrong with it', async () => {
  const end = harness.log.end()
  const { status, bytes } = await ask('campaign_id=a', { headers: CRAWLER })
  assert.deepEqual([status, bytes.length], [400, 43])
  const kept = (await keptEvents(harness)).filter(({ reason }) => reason === 'bot')
  const [first] = kept
  assert.equal(first?.source, 'bots')
  const { event_id: id, ...rest } = JSON.parse(Buffer.from(first?.bytes ?? '').toString())
  assert.match(id, /^[\da-f-]{36}$/)
  assert.deepEqual(rest, {
    user_id: 'anonymous',
    event_type: 'impression',
    timestamp: '2026-11-22T10:00:00.000Z',
    campaign_id: 'a',
  })
  for (const query of ['country=DE', 'campaign_id=a&event_id=[X]', 'campaign_id=a&event_type=z']) {
    assert.equal((await ask(query, { headers: CRAWLER })).status, 400, query)
  }
  const reasons = (await keptEvents(harness)).filter(({ source }) => source === 'bots')
  assert.deepEqual(
    reasons.map(({ reason }) => reason),
    ['bot', 'bot', 'bot', 'bot'],
  )
  assert.equal(harness.log.end(), end)
})

test('a pixel without a User-Agent is not taken for a bot', async () => {
  assert.equal((await ask('campaign_id=a', { headers: { 'user-agent': '' } })).status, 200)
})

test('with `bots: accept` the impression of a bot counts', async () => {
  await on({ keys: KEYS, page: { bots: true } }, async (open) => {
    assert.equal((await ask('campaign_id=a', { headers: CRAWLER }, PAGE, open)).status, 200)
    assert.equal(open.log.end(), 1)
  })
})

test('what was not valid is kept as it was filled, so that it can be sent again', async () => {
  await ask('campaign_id=a&event_type=conversion&event_id=k1')
  const kept = await keptEvents(harness)
  const { timestamp, ...rest } = JSON.parse(event('k1', { user_id: 'anonymous' }))
  const last = kept.findLast(({ source }) => source === 'collector')
  assert.deepEqual(JSON.parse(Buffer.from(last?.bytes ?? new Uint8Array()).toString()), {
    ...rest,
    ...{ campaign_id: 'a', event_type: 'conversion', timestamp: timestamp.replace('Z', '.000Z') },
  })
})
