/**
 * The tracker on fake time, against a model of network and collector: what is sent, when, with
 * which bytes, and what becomes of each event.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openTracker } from '../../sdk/src/tracker.ts'
import { answer, openPage, openWorld, type World } from './world.ts'

const URL_OF_COLLECTOR = 'https://events.example'
const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000

function track(world: World, options: Readonly<Record<string, number>> = {}) {
  return openTracker({ url: URL_OF_COLLECTOR, key: 'k', ...options }, world.environment)
}

test('an event is sent with its id, and with the time at which it happened', async () => {
  const world = openWorld()
  const metrics = track(world)
  await world.pass(1_234)
  metrics.conversion({ campaign_id: 'spring', user_id: 'u', event_id: 'order-1', revenue: 49.9 })
  await world.pass(5_000)
  assert.deepEqual(world.stored(), [
    {
      event_id: 'order-1',
      event_type: 'conversion',
      campaign_id: 'spring',
      revenue: 49.9,
      user_id: 'u',
      timestamp: '2026-11-22T10:00:01.234Z',
    },
  ])
  assert.equal(metrics.counts().accepted, 1)
  assert.equal(metrics.counts().waiting, 0)
})

const clocks = [
  { name: 'right', aheadMs: 0, delaysMs: [10, 10] },
  { name: '40 minutes fast', aheadMs: 40 * MINUTE_MS, delaysMs: [200, 900] },
  { name: '3 days slow', aheadMs: -3 * DAY_MS, delaysMs: [50, 50] },
  { name: 'right, answers 30 s late', aheadMs: 0, delaysMs: [10, 30_000] },
  { name: '1.5 s fast, answers 30 s late', aheadMs: 1_500, delaysMs: [10, 30_000] },
] as const

for (const { name, aheadMs, delaysMs } of clocks) {
  test(`a clock that is ${name}: times within 2 s of the true ones, and in order`, async () => {
    const world = openWorld()
    world.aheadMs = aheadMs
    world.delaysMs = delaysMs
    const metrics = track(world)
    await expectTrueTimes(world, metrics, 200, () => {})
  })
}

test('a clock that is fast, first answer 30 s late: asked again, and right', async () => {
  const world = openWorld()
  world.aheadMs = 40 * MINUTE_MS
  world.delaysMs = [10, 30_000]
  const metrics = track(world)
  await expectTrueTimes(world, metrics, 100, (index) => {
    if (index === 10) world.delaysMs = [10, 10]
  })
})

test('a clock that is set again and again: times are true, and in order', async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const world = openWorld({ seed })
    world.aheadMs = world.random.pick([0, 40 * MINUTE_MS, -3 * DAY_MS])
    const metrics = track(world)
    await expectTrueTimes(world, metrics, 100, () => {
      if (!world.random.chance(0.05)) return
      world.aheadMs = world.random.pick([0, 7 * MINUTE_MS, -MINUTE_MS * 90, 3 * DAY_MS, -DAY_MS])
    })
  }
})

/** One event a second or so; `between` is called after each. */
async function expectTrueTimes(
  world: World,
  metrics: ReturnType<typeof track>,
  count: number,
  between: (index: number) => void,
): Promise<void> {
  const happenedMs = new Map<string, number>()
  for (let index = 0; index < count; index++) {
    const id = `e${index}`
    metrics.impression({ event_id: id })
    happenedMs.set(id, world.trueMs())
    between(index)
    await world.pass(world.random.below(2_000))
  }
  await world.pass(10 * MINUTE_MS)
  const stored = world
    .stored()
    .toSorted((a, b) => Number(a.event_id.slice(1)) - Number(b.event_id.slice(1)))
  assert.equal(stored.length, count)
  let previous = 0
  for (const { event_id, timestamp } of stored) {
    const ms = Date.parse(timestamp)
    const off = ms - (happenedMs.get(event_id) ?? 0)
    assert.ok(Math.abs(off) <= 2_000, `${event_id} is ${off} ms off`)
    assert.ok(ms >= previous, `${event_id} is out of order`)
    previous = ms
  }
}

test('every event is stored once, dropped or unresolved, whatever the network does', async () => {
  const ends = { stored: 0, dropped: 0, unresolved: 0 }
  for (let seed = 1; seed <= 12; seed++) {
    const world = openWorld({ seed })
    const { random } = world
    world.horizonMs = random.pick([10_000, 20 * MINUTE_MS, HOUR_MS])
    let outageUntilMs = 0
    world.fate = () => {
      if (world.trueMs() < outageUntilMs) return random.pick(['lost-request', 'lost-answer'])
      if (random.chance(0.7)) return 'ok'
      return random.pick([
        'lost-request',
        'lost-answer',
        answer(503, '{"error":{"code":"log-full"}}', '30'),
        answer(503, '{"error":{"code":"rejected-failed"}}'),
        answer(429, '', '5'),
        answer(502),
      ])
    }
    const metrics = track(world, { queueEvents: 40 })
    let calls = 0
    for (let step = 0; step < 300; step++) {
      if (random.chance(0.02)) outageUntilMs = world.trueMs() + random.below(3 * HOUR_MS)
      for (let burst = random.below(4); burst > 0; burst--) {
        metrics[random.pick(['impression', 'click', 'conversion'] as const)]()
        calls++
      }
      await world.pass(random.below(random.chance(0.1) ? 10 * MINUTE_MS : 3_000))
    }
    outageUntilMs = 0
    world.fate = () => 'ok'
    await world.pass(3 * HOUR_MS)
    const { accepted, dropped, unresolved, waiting } = metrics.counts()
    assert.equal(waiting, 0, `seed ${seed}`)
    assert.equal(accepted + dropped + unresolved, calls, `seed ${seed}`)
    // An unresolved one may be stored or not; nothing else may be missing.
    const stored = world.stored().length
    assert.ok(stored >= accepted && stored <= accepted + unresolved, `seed ${seed}`)
    for (const [id, bytes] of world.lines) assert.equal(bytes.size, 1, `${id} has two forms`)
    ends.stored += stored
    ends.dropped += dropped
    ends.unresolved += unresolved
  }
  for (const [end, count] of Object.entries(ends)) assert.ok(count > 0, `${end}: ${count}`)
})

test('what was sent but not answered is not sent after the horizon less five minutes', async () => {
  const world = openWorld()
  const metrics = track(world)
  world.fate = (path) => (path === '/v1/time' ? 'ok' : 'lost-answer')
  metrics.click()
  await world.pass(2 * HOUR_MS)
  assert.deepEqual(
    { ...metrics.counts() },
    {
      accepted: 0,
      rejected: 0,
      refused: 0,
      dropped: 0,
      unresolved: 1,
      waiting: 0,
    },
  )
  assert.ok(world.bodies.length > 5)
  assert.equal(new Set(world.bodies).size, 1)
})

test('what was never sent waits six days, but not eight', async () => {
  for (const { days, counts } of [
    { days: 6, counts: { accepted: 1, dropped: 0 } },
    { days: 8, counts: { accepted: 0, dropped: 1 } },
  ]) {
    const world = openWorld({ page: openPage })
    const metrics = track(world)
    world.fate = () => answer(503, '{"error":{"code":"log-full"}}')
    metrics.click()
    await world.pass(days * DAY_MS)
    world.fate = () => 'ok'
    await world.pass(HOUR_MS)
    const { accepted, dropped } = metrics.counts()
    assert.deepEqual({ accepted, dropped }, counts)
  }
})

test('a full queue drops the oldest impressions first, and conversions last', async () => {
  const world = openWorld()
  world.fate = () => 'lost-request'
  const metrics = track(world, { queueEvents: 4 })
  metrics.conversion({ event_id: 'conversion' })
  for (const id of ['i1', 'i2', 'i3', 'i4']) metrics.impression({ event_id: id })
  metrics.click({ event_id: 'click' })
  world.fate = () => 'ok'
  await world.pass(HOUR_MS)
  const ids = world.stored().map(({ event_id }) => event_id)
  assert.deepEqual(ids, ['conversion', 'click', 'i3', 'i4'])
  assert.equal(metrics.counts().dropped, 2)
})

test('a refused body is logged once, counted, and not sent again', async () => {
  const world = openWorld()
  const refusal = JSON.stringify({ error: { code: 'key-wrong' } })
  world.fate = (path) => (path === '/v1/time' ? 'ok' : answer(401, refusal))
  const metrics = track(world)
  for (let count = 0; count < 3; count++) {
    metrics.click()
    await world.pass(MINUTE_MS)
  }
  assert.equal(world.bodies.length, 3)
  assert.equal(metrics.counts().refused, 3)
  assert.deepEqual(world.warnings, [`the collector refused events with 401: ${refusal}`])
})

test('a 403 of a proxy is no refusal: it is logged, and the events are sent again', async () => {
  const world = openWorld()
  world.fate = (path) => (path === '/v1/time' ? 'ok' : answer(403, '<h1>Forbidden</h1>'))
  const metrics = track(world)
  metrics.click()
  await world.pass(MINUTE_MS)
  assert.equal(metrics.counts().waiting, 1)
  assert.deepEqual(world.warnings, [`${URL_OF_COLLECTOR} answered events with 403`])
  world.fate = () => 'ok'
  await world.pass(MINUTE_MS)
  assert.equal(metrics.counts().accepted, 1)
})

test('a captive portal that answers for the time is asked again, and not believed', async () => {
  const world = openWorld()
  world.aheadMs = -3 * DAY_MS
  world.fate = () => answer(200, '<h1>Sign in to the network</h1>')
  const metrics = track(world)
  metrics.click()
  const happenedMs = world.trueMs()
  await world.pass(MINUTE_MS)
  world.fate = () => 'ok'
  await world.pass(MINUTE_MS)
  const [{ timestamp } = { timestamp: '' }] = world.stored()
  assert.ok(Math.abs(Date.parse(timestamp) - happenedMs) < 2_000, timestamp)
})

test('an event that comes while flush() resolves is sent by the next flush()', async () => {
  const world = openWorld()
  const metrics = track(world)
  metrics.click({ event_id: 'first' })
  const both = (async () => {
    await metrics.flush()
    metrics.click({ event_id: 'second' })
    await metrics.flush()
    return metrics.counts()
  })()
  await world.pass(100)
  const { accepted, waiting } = await both
  assert.deepEqual({ accepted, waiting }, { accepted: 2, waiting: 0 })
})

test('a field cannot change what the call says: the type', async () => {
  const world = openWorld()
  const metrics = track(world)
  metrics.click({ event_type: 'conversion' } as object)
  await world.pass(MINUTE_MS)
  assert.deepEqual(
    world.stored().map(({ event_type: type }) => type),
    ['click'],
  )
})

test('time and horizon are asked for again after an hour', async () => {
  const world = openWorld()
  const metrics = track(world)
  const times = (): number => world.requests.filter((each) => each.includes('/v1/time')).length
  for (let minutes = 0; minutes < 150; minutes += 10) {
    metrics.click()
    await world.pass(10 * MINUTE_MS)
  }
  assert.equal(times(), 3)
  assert.equal(metrics.counts().accepted, 15)
})

test('a 200 that is not the collector’s, as of a captive portal, takes nothing', async () => {
  const world = openWorld()
  world.fate = (path) =>
    path === '/v1/time' ? 'ok' : answer(200, '<h1>Sign in to the network</h1>')
  const metrics = track(world)
  metrics.conversion()
  await world.pass(MINUTE_MS)
  assert.equal(metrics.counts().accepted, 0)
  assert.equal(metrics.counts().waiting, 1)
  world.fate = () => 'ok'
  await world.pass(10 * MINUTE_MS)
  assert.equal(metrics.counts().accepted, 1)
  assert.equal(new Set(world.bodies).size, 1, 'the same bytes')
})

test('Retry-After is honoured, also by flush, as seconds and as a date', async () => {
  for (const header of ['120', 'Sun, 22 Nov 2026 10:02:00 GMT']) {
    const world = openWorld()
    world.fate = (path) => (path === '/v1/time' ? 'ok' : answer(429, '', header))
    const metrics = track(world)
    metrics.click()
    await world.pass(10_000)
    const askedMs = world.trueMs()
    world.fate = () => 'ok'
    await metrics.flush()
    await world.pass(100_000)
    assert.equal(world.bodies.length, 1, header)
    await world.pass(15_000)
    assert.equal(world.bodies.length, 2, header)
    assert.equal(metrics.counts().accepted, 1)
    assert.ok(world.trueMs() - askedMs < 120_000)
  }
})

test('pauses grow to five minutes in pages, ten seconds on servers, and differ by device', async () => {
  const kinds = [
    { page: openPage, pauseMaxMs: 5 * MINUTE_MS, spanMs: DAY_MS },
    { page: null, pauseMaxMs: 10_000, spanMs: HOUR_MS },
  ]
  for (const { page, pauseMaxMs, spanMs } of kinds) {
    const counts = new Set<number>()
    const least = spanMs / pauseMaxMs
    for (let seed = 1; seed <= 5; seed++) {
      const world = openWorld({ seed, page })
      world.fate = () => 'lost-request'
      track(world).click()
      await world.pass(spanMs)
      counts.add(world.requests.length)
    }
    // Half of a pause is jitter.
    for (const count of counts) assert.ok(count >= least && count <= 2.1 * least, `${count}`)
    assert.ok(counts.size > 1)
  }
})

test('ready() waits while more than half of the queue is used', async () => {
  const world = openWorld()
  world.fate = () => 'lost-request'
  const metrics = track(world, { queueEvents: 10 })
  for (let count = 0; count < 6; count++) metrics.impression()
  let isReady = false
  const ready = metrics.ready().then(() => {
    isReady = true
  })
  await world.pass(MINUTE_MS)
  assert.equal(isReady, false)
  world.fate = () => 'ok'
  await world.pass(HOUR_MS)
  await ready
  await metrics.ready()
})

test('flush ends under steady traffic, and when the collector is away', async () => {
  const world = openWorld()
  const metrics = track(world)
  let isOver = false
  metrics.click()
  void metrics.flush().then(() => {
    isOver = true
  })
  for (let step = 0; step < 100 && !isOver; step++) {
    metrics.click()
    await world.pass(5)
  }
  assert.equal(isOver, true)
  world.fate = () => 'lost-request'
  metrics.click()
  const flushed = metrics.flush()
  await world.pass(1_000)
  await flushed
  assert.equal(metrics.counts().waiting >= 1, true)
})

test('undefined leaves a default as it is, and a revenue that is no number is rejected', async () => {
  const world = openWorld()
  const defaults = { campaign_id: 'spring', user_id: 'known' }
  const metrics = openTracker({ url: URL_OF_COLLECTOR, defaults }, world.environment)
  metrics.click({ user_id: undefined } as object)
  metrics.conversion({ revenue: Number.NaN })
  await world.pass(MINUTE_MS)
  assert.deepEqual(
    world.stored().map(({ user_id: user }) => user),
    ['known'],
  )
  assert.equal(metrics.counts().rejected, 1)
  assert.match(world.warnings.join(), /revenue: NaN/)
})

test('an address that no collector can have is reported at once', () => {
  for (const url of [
    'events.example',
    'http://u:p@events.example',
    undefined as unknown as string,
  ]) {
    const world = openWorld()
    openTracker({ url }, world.environment)
    assert.match(world.warnings.join(), /not like https:\/\/events\.example\.org/)
  }
})

test('a collector that does not answer is reported once', async () => {
  const world = openWorld()
  world.fate = () => 'lost-request'
  const metrics = track(world)
  metrics.click()
  await world.pass(HOUR_MS)
  assert.deepEqual(world.warnings, [
    `${URL_OF_COLLECTOR} has not answered yet (TypeError: network)`,
  ])
})

test('a value that cannot be sent is counted, and nothing is thrown', () => {
  const world = openWorld()
  const metrics = track(world)
  metrics.conversion({ revenue: 1n as unknown as number })
  metrics.click({ campaign_id: 'x'.repeat(40_000) })
  metrics.click({ timestamp: new Date(Number.NaN) })
  assert.equal(metrics.counts().rejected, 3)
  assert.equal(world.warnings.length, 3)
})

test('a collector without /v1/time is sent to by the time of the device', async () => {
  const world = openWorld()
  world.fate = (path) => (path === '/v1/time' ? answer(404) : 'ok')
  const metrics = track(world)
  metrics.click()
  await world.pass(MINUTE_MS)
  assert.deepEqual(
    world.stored().map(({ timestamp }) => timestamp),
    ['2026-11-22T10:00:00.000Z'],
  )
})

test('a page that goes sends one beacon of 60 KiB, and the rest stays', async () => {
  const page = openPage()
  const world = openWorld({ page: () => page })
  world.fate = () => 'lost-request'
  const metrics = track(world)
  for (let count = 0; count < 500; count++) metrics.impression({ campaign_id: 'c'.repeat(100) })
  page.fire('hidden')
  page.fire('gone')
  assert.equal(page.beacons.length, 2)
  const [first = '', second = ''] = page.beacons
  assert.ok(first.length > 50_000 && first.length <= 60 * 1024)
  const ids = [...first.split('\n'), ...second.split('\n')].map((line) => JSON.parse(line).event_id)
  assert.equal(new Set(ids).size, ids.length)
  assert.equal(metrics.counts().waiting, 500)
  // The page lives on: nobody answered the beacon, so its bytes are sent again.
  world.fate = () => 'ok'
  page.fire('visible')
  await world.pass(HOUR_MS)
  assert.equal(world.stored().length, 500)
  const lines = new Set([...world.lines.values()].flatMap((all) => [...all]))
  for (const line of first.split('\n')) assert.ok(lines.has(line))
})

test('a beacon after a sleep carries nothing that was sent before: how long ago is not known', async () => {
  const page = openPage()
  const world = openWorld({ page: () => page })
  world.fate = (path) => (path === '/v1/time' ? 'ok' : 'lost-answer')
  const metrics = track(world)
  metrics.click({ event_id: 'sent' })
  await world.pass(5_000)
  assert.equal(world.lines.has('sent'), true)
  world.aheadMs += 8 * HOUR_MS
  metrics.click({ event_id: 'new' })
  page.fire('hidden')
  assert.equal(page.beacons.length, 1)
  assert.doesNotMatch(page.beacons[0] ?? '', /"sent"/)
})

test('a page that comes back counts an event of a running request once', async () => {
  const page = openPage()
  const world = openWorld({ page: () => page })
  world.delaysMs = [10, 20_000]
  const metrics = track(world, { queueEvents: 5 })
  await world.pass(1_000)
  for (let count = 0; count < 5; count++) metrics.click()
  await world.pass(30_000)
  page.fire('hidden')
  page.fire('visible')
  for (let count = 0; count < 5; count++) metrics.click()
  await world.pass(10 * MINUTE_MS)
  const { accepted, rejected, refused, dropped, unresolved, waiting } = metrics.counts()
  assert.equal(accepted + rejected + refused + dropped + unresolved + waiting, 10)
})

test('a beacon that the browser does not take leaves its events unsent', async () => {
  const page = openPage()
  const world = openWorld({ page: () => page })
  page.takesBeacons = false
  const metrics = track(world)
  metrics.click()
  page.fire('hidden')
  await world.pass(MINUTE_MS)
  assert.equal(metrics.counts().accepted, 1)
})

test('a prerendered page counts once it is activated, with that time', async () => {
  const page = openPage()
  const world = openWorld({ page: () => page })
  page.prerendering = true
  const metrics = track(world)
  metrics.impression()
  await world.pass(MINUTE_MS)
  assert.equal(metrics.counts().waiting, 0)
  page.prerendering = false
  page.fire('activated')
  await world.pass(MINUTE_MS)
  assert.deepEqual(
    world.stored().map(({ timestamp }) => timestamp),
    ['2026-11-22T10:01:00.000Z'],
  )
})

test('a page back from the back/forward cache is a new page view, with a new user', async () => {
  const page = openPage()
  const world = openWorld({ page: () => page })
  const metrics = track(world)
  metrics.impression()
  page.fire('restored')
  metrics.impression()
  metrics.impression()
  await world.pass(MINUTE_MS)
  const [first, second, third] = world.stored().map(({ user_id }) => user_id)
  assert.notEqual(first, second)
  assert.equal(second, third)
})

test('a page sends its key in the address, a server in a header', async () => {
  const inPage = openWorld({ page: openPage })
  track(inPage).click()
  await inPage.pass(MINUTE_MS)
  assert.deepEqual(inPage.requests, [
    'GET https://events.example/v1/time?key=k',
    'POST https://events.example/v1/events?key=k',
  ])
  const onServer = openWorld()
  track(onServer).click()
  await onServer.pass(MINUTE_MS)
  assert.deepEqual(onServer.requests, [
    'GET https://events.example/v1/time',
    'POST https://events.example/v1/events',
  ])
})
