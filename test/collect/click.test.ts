/** The click link: an event in the address of a link, then a redirect. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { until } from '../support/until.ts'
import {
  CRAWLER,
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
const SHOP = 'https://shop.example'
const REDIRECTS = { keys: KEYS, redirects: [SHOP, 'http://127.0.0.1:8080'] }
/** The disk of a busy machine may need longer than a shopper is kept waiting. */
const OPTIONS = { ...REDIRECTS, limits: { clickWaitMs: 60_000 } }

let harness: Harness
before(async () => {
  harness = await openHarness(OPTIONS)
})
after(() => harness.close())

const pathOf = (to: string, query = 'campaign_id=spring', key = PAGE) =>
  `/v1/click?key=${key}&${query}&to=${encodeURIComponent(to)}`

type Init = Readonly<{ method?: string; headers?: Readonly<Record<string, string>> }>

async function follow(path: string, init: Init = {}, at: Pick<Harness, 'url'> = harness) {
  const headersSent = { ...PERSON, ...init.headers }
  const response = await fetch(at.url + path, {
    redirect: 'manual',
    ...init,
    headers: headersSent,
  })
  await response.arrayBuffer()
  const { headers } = response
  return {
    status: response.status,
    location: headers.get('location'),
    stored: headers.get('x-click-stored'),
    headers,
  }
}

const newest = async () => JSON.parse((await harness.lines()).at(-1) ?? '')

test('a link is a click now, anonymous, with its own id; then the browser is sent on', async () => {
  const { status, location, stored, headers } = await follow(pathOf(`${SHOP}/sale?a=1&b=2#top`))
  assert.deepEqual([status, location, stored], [302, `${SHOP}/sale?a=1&b=2#top`, 'yes'])
  assert.equal(headers.get('cache-control'), 'no-store')
  const { event_id: id, ...first } = await newest()
  assert.match(id, /^[\da-f-]{36}$/)
  assert.deepEqual(first, {
    user_id: 'anonymous',
    event_type: 'click',
    timestamp: '2026-11-22T10:00:00.000Z',
    campaign_id: 'spring',
  })
})

for (const [to, location] of [
  [SHOP, `${SHOP}/`],
  [`HTTPS://Shop.Example:443/a/../b`, `${SHOP}/b`],
  ['http://127.0.0.1:8080/x', 'http://127.0.0.1:8080/x'],
  [`${SHOP}/s p\u00e4t?q=\u4e2d "<>`, `${SHOP}/s%20p%C3%A4t?q=%E4%B8%AD%20%22%3C%3E`],
  [`${SHOP}?to=//evil.example#@evil`, `${SHOP}/?to=//evil.example#@evil`],
] as const) {
  test(`${to} is of an allowed origin: the Location is ${location}`, async () => {
    const answer = await follow(pathOf(to))
    assert.deepEqual([answer.status, answer.location], [302, location])
  })
}

for (const to of [
  '',
  '/path',
  '//evil',
  '//shop.example/',
  'https:evil',
  'https:shop.example',
  'https:/shop.example',
  'https:///shop.example',
  'https://shop.example@evil',
  'https://shop.example:443@evil',
  'https://user@shop.example/',
  'https://@shop.example/',
  'https://shop.example.evil',
  'https://evil/https://shop.example',
  'https://shop.example:8443/',
  'https://shop.example./',
  'http://shop.example/',
  'https://shop.example\\@evil',
  'https:\\\\shop.example',
  'https://shop.example/\\evil',
  'https://evil\\@shop.example',
  'https://shop.example/\r\nSet-Cookie: a=b',
  'https://shop.example/\n',
  '\thttps://shop.example/',
  ' https://shop.example/',
  'https://sh\top.example/',
  'https://shop.example/\0',
  'https://shop.example\uff20evil/',
  'https://evil\u3002example/',
  'javascript:alert(1)',
  'javascript://shop.example/%0aalert(1)',
  'data:text/html,x',
  'ftp://shop.example/',
  'file://shop.example/',
  'blob:https://shop.example/1',
] as const) {
  test(`${JSON.stringify(to)} is answered 400, and nothing is counted`, async () => {
    const end = harness.log.end()
    for (const method of ['GET', 'HEAD']) {
      const { status, location } = await follow(pathOf(to), { method })
      assert.deepEqual([status, location], [400, null], method)
    }
    assert.equal(harness.log.end(), end)
  })
}

test('of several `to` the last counts, as it is checked; without one the answer is 400', async () => {
  const link = pathOf('https://evil.example/')
  assert.equal((await follow(`${link}&to=${SHOP}/last`)).location, `${SHOP}/last`)
  assert.equal((await follow(`${pathOf(SHOP)}&to=https://evil.example/`)).status, 400)
  const { status, text } = await get(harness, `/v1/click?key=${PAGE}&campaign_id=a`)
  assert.equal(status, 400)
  assert.match(text, /redirect-not-allowed.*`redirects`/)
})

test('HEAD and prefetches are sent on and not counted', async () => {
  const end = harness.log.end()
  for (const init of [
    { method: 'HEAD' },
    { headers: { 'sec-purpose': 'prefetch' } },
    { headers: { purpose: 'prefetch' } },
    { headers: { 'x-moz': 'prefetch' } },
  ]) {
    const { status, location, stored } = await follow(pathOf(SHOP), init)
    assert.deepEqual([status, location, stored], [302, `${SHOP}/`, 'no'])
  }
  assert.equal(harness.log.end(), end)
  assert.equal(harness.meter.collect.clicksUnstored, 0)
})

test('a rejected click is kept, and the browser is sent on', async () => {
  for (const [query, reason] of [
    ['country=DE', 'campaign-id-missing'],
    ['campaign_id=a&event_type=conversion', 'page-conversion'],
    ['campaign_id={{campaign.id}}', 'macro'],
  ] as const) {
    const { status, stored } = await follow(pathOf(SHOP, query))
    assert.deepEqual([status, stored], [302, 'no'])
    assert.equal((await keptEvents(harness)).at(-1)?.reason, reason)
  }
  assert.equal(harness.meter.collect.clicksUnstored, 0)
})

test('the click of a bot is kept as `bot`, and it is sent on', async () => {
  const end = harness.log.end()
  const { status, stored } = await follow(pathOf(SHOP), { headers: CRAWLER })
  assert.deepEqual([status, stored], [302, 'no'])
  const kept = await keptEvents(harness)
  assert.deepEqual(
    kept.filter(({ source }) => source === 'bots').map(({ reason }) => reason),
    ['bot'],
  )
  assert.equal(harness.log.end(), end)
  assert.equal(harness.meter.collect.clicksUnstored, 0)
})

test('without a page key in the link nothing is counted, and the browser is sent on', async () => {
  const end = harness.log.end()
  for (const key of ['', 'wrong', 'write-key-1', 'read-key-1']) {
    const { status, stored } = await follow(pathOf(SHOP, 'campaign_id=a', key))
    assert.deepEqual([status, stored], [302, 'no'], key)
  }
  assert.equal(harness.log.end(), end)
})

test('without a page key in the configuration there is no click link', async () => {
  await on({ redirects: [SHOP] }, async (open) => {
    for (const method of ['GET', 'HEAD']) {
      assert.equal((await follow(pathOf(SHOP), { method }, open)).status, 404, method)
    }
    assert.equal(open.log.end(), 0)
  })
})

test('a click waits for the disk, and after 300 ms the browser is sent on all the same', async () => {
  const { gate, open } = openGate()
  const slow = await openHarness(REDIRECTS)
  try {
    slow.disk.gate = gate
    const startMs = performance.now()
    const late = await follow(pathOf(SHOP), {}, slow)
    assert.ok(performance.now() - startMs >= 299, 'it waited')
    assert.deepEqual([late.status, late.stored, late.location], [302, 'no', `${SHOP}/`])
    assert.equal(slow.meter.collect.clicksUnstored, 1)
    assert.match(await slow.meter.text(), /^campaign_metrics_clicks_unstored_total 1$/m)
    assert.equal(slow.log.end(), 0)
    open()
    // It is stored a moment later, and stays counted.
    await until(() => slow.log.end() === 1)
    assert.equal(slow.meter.collect.clicksUnstored, 1)
  } finally {
    open()
    await slow.close()
  }
})

test('a full log, a used-up rate, missing tables and a fault strand nobody', async () => {
  const inspect = () => {
    throw new Error('a fault')
  }
  const bodyBytesMax = 2 ** 24
  for (const options of [
    { areTablesInPlace: () => false },
    { limits: { heldBytesMax: 0 } },
    { inspector: { bodyBytesMax, inspect } },
  ]) {
    const refusing = await openHarness({ ...OPTIONS, ...options })
    const { status, location, stored } = await follow(pathOf(SHOP), {}, refusing)
    assert.deepEqual([status, location, stored], [302, `${SHOP}/`, 'no'])
    assert.equal(refusing.meter.collect.clicksUnstored, 1)
    await refusing.close()
  }
  await on(OPTIONS, async (full) => {
    full.disk.freeBytes = 0
    // The log looks at the disk from time to time, not at each append.
    await until(async () => {
      const { status, stored } = await follow(pathOf(SHOP), {}, full)
      assert.equal(status, 302)
      return stored === 'no'
    })
    assert.equal(full.meter.collect.clicksUnstored, 1)
  })
  await on({ ...OPTIONS, page: { keyRate: 1 }, nowMs: () => 0 }, async (slow) => {
    for (let at = 0; at < 10; at++) {
      assert.equal((await follow(pathOf(SHOP), {}, slow)).stored, 'yes')
    }
    const { status, stored } = await follow(pathOf(SHOP), {}, slow)
    assert.deepEqual([status, stored], [302, 'no'])
    assert.equal(slow.meter.collect.clicksUnstored, 1)
  })
})

test('a list of redirects with more than an origin in it is refused at the start', async () => {
  for (const origin of ['*', `${SHOP}/`, 'shop.example', 'https://user@shop.example']) {
    await assert.rejects(openHarness({ redirects: [origin] }), { code: 'bad-redirect' }, origin)
  }
})
