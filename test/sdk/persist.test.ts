/**
 * `persist` and `remember` on fake time: pages that are killed before any of their effects, tabs
 * beside each other, storage that is full, cleared or slow, and times across reloads.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openTracker } from '../../sdk/src/tracker.ts'
import { type Device, openDevice, openLateStorage, URL_OF_COLLECTOR, type Visit } from './device.ts'
import { answer, openPage, openWorld, START_MS, type World } from './world.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
const TYPES = ['impression', 'click', 'conversion'] as const

for (const hasLocks of [true, false]) {
  const where = hasLocks ? 'with Web Locks' : 'without Web Locks'

  test(`killed before any effect: an event is stored once, dropped or unresolved, ${where}`, async () => {
    const ends = { stored: 0, dropped: 0, unresolved: 0, resent: 0 }
    for (let seed = 1; seed <= 60; seed++) {
      const world = openWorld({ seed })
      const device = openDevice(world, hasLocks)
      const { returned, visits } = await live(world, (killAt) =>
        device.visit({ killAt, queueEvents: 40 }),
      )
      visits.push(device.visit())
      await world.pass(3 * HOUR_MS)
      expectAllAccounted(world, returned, visits, seed, ends)
      const left = [...device.kept].filter(([, value]) => value !== '')
      assert.deepEqual(left, [], `seed ${seed}`)
    }
    for (const [end, count] of Object.entries(ends)) assert.ok(count > 0, `${end}: ${count}`)
  })

  test(`tabs beside each other lose nothing and count nothing twice, ${where}`, async () => {
    const ends = { stored: 0, dropped: 0, unresolved: 0, resent: 0 }
    for (let seed = 1; seed <= 30; seed++) {
      const world = openWorld({ seed })
      const { random } = world
      const device = openDevice(world, hasLocks)
      world.horizonMs = random.pick([10_000, 20 * MINUTE_MS, HOUR_MS])
      let isDown = false
      world.fate = () => (isDown || random.chance(0.2) ? 'lost-answer' : 'ok')
      const visits: Visit[] = []
      const returned: string[] = []
      for (let step = 0; step < 120; step++) {
        const open = visits.filter((visit) => !visit.isDead())
        if (open.length < 3 && random.chance(0.2)) visits.push(device.visit())
        else if (open.length > 0 && random.chance(0.1)) random.pick(open).close()
        if (random.chance(0.1)) isDown = !isDown
        for (const visit of visits.filter((one) => !one.isDead())) call(world, visit, returned)
        await world.pass(random.below(random.chance(0.1) ? 10 * MINUTE_MS : 2_000))
      }
      world.fate = () => 'ok'
      for (const visit of visits) visit.kill()
      visits.push(device.visit())
      await world.pass(3 * HOUR_MS)
      expectAllAccounted(world, returned, visits, seed, ends)
    }
    assert.ok(ends.stored > 0 && ends.resent > 0)
  })
}

/** Pages that come, make events, and are killed or closed, on a bad network. */
async function live(
  world: World,
  visit: (killAt: number) => Visit,
): Promise<{ returned: string[]; visits: Visit[] }> {
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
      answer(502),
    ])
  }
  const returned: string[] = []
  const visits: Visit[] = []
  for (let count = 0; count < 8; count++) {
    const one = visit(1 + random.below(random.pick([20, 300])))
    visits.push(one)
    for (let step = 0; step < 30 && !one.isDead(); step++) {
      if (random.chance(0.05)) outageUntilMs = world.trueMs() + random.below(2 * HOUR_MS)
      for (let burst = random.below(4); burst > 0; burst--) call(world, one, returned)
      if (random.chance(0.1)) one.page.fire(random.pick(['hidden', 'visible'] as const))
      await world.pass(random.below(random.chance(0.1) ? 10 * MINUTE_MS : 3_000))
    }
    if (random.chance(0.5)) one.close()
    else one.kill()
  }
  world.fate = () => 'ok'
  return { returned, visits }
}

let ids = 0

function call(world: World, visit: Visit, returned: string[]): void {
  const id = `call-${++ids}`
  visit.metrics[world.random.pick(TYPES)]({ event_id: id })
  if (!visit.isDead()) returned.push(id)
}

/** Whose call returned. A page that died may have counted some more that are stored. */
function expectAllAccounted(
  world: World,
  returned: readonly string[],
  visits: readonly Visit[],
  seed: number,
  ends: { stored: number; dropped: number; unresolved: number; resent: number },
): void {
  let dropped = 0
  let unresolved = 0
  for (const visit of visits) {
    dropped += visit.counts().dropped
    unresolved += visit.counts().unresolved
  }
  assert.equal(visits.at(-1)?.counts().waiting, 0, `seed ${seed}`)
  const lost = returned.filter((id) => !world.arrivals.has(id)).length
  assert.ok(lost <= dropped + unresolved, `seed ${seed}: ${lost} lost`)
  for (const [id, [first = 0, ...others]] of world.arrivals) {
    // The collector recognises a repeat within the horizon.
    for (const atMs of others) assert.ok(atMs - first <= world.horizonMs, `${id}, seed ${seed}`)
    if (others.length > 0) ends.resent++
  }
  ends.stored += world.arrivals.size
  ends.dropped += dropped
  ends.unresolved += unresolved
}

test('a call writes one event, whatever else waits', async () => {
  const world = openWorld()
  world.fate = () => 'lost-request'
  const device = openDevice(world)
  const { metrics } = device.visit()
  metrics.click()
  const writes: string[] = []
  device.beforeSet = (_key, value) => writes.push(value)
  for (let count = 1; count <= 1_000; count++) {
    metrics.click({ campaign_id: 'spring' })
    assert.equal(writes.length, count)
    assert.ok((writes.at(-1) as string).length < 300)
  }
})

test('a later page sends the same bytes, within the horizon less five minutes', async () => {
  for (const { afterMs, expected } of [
    { afterMs: 50 * MINUTE_MS, expected: { accepted: 1, unresolved: 0 } },
    { afterMs: 56 * MINUTE_MS, expected: { accepted: 0, unresolved: 1 } },
  ]) {
    const world = openWorld()
    const device = openDevice(world)
    world.fate = (path) => (path === '/v1/time' ? 'ok' : 'lost-answer')
    const first = device.visit()
    first.metrics.conversion({ revenue: 0.1, user_id: 'ü\n"', campaign_id: 'a\nb' })
    await world.pass(2_500)
    first.kill()
    assert.equal(world.bodies.length, 1)
    await world.pass(afterMs)
    world.fate = () => 'ok'
    const second = device.visit()
    await world.pass(10_000)
    const { accepted, unresolved } = second.counts()
    assert.deepEqual({ accepted, unresolved }, expected)
    assert.equal(new Set(world.bodies).size, 1)
    assert.equal(world.bodies.length, 1 + accepted)
  }
})

test('a page whose clock is behind that of an earlier page gives nothing up for that', async () => {
  const world = openWorld()
  world.aheadMs = 40 * MINUTE_MS
  const device = openDevice(world)
  // Half of the round trip is the error of the first page: it is ten seconds fast.
  world.delaysMs = [20_000, 10]
  world.fate = (path) => (path === '/v1/time' ? 'ok' : 'lost-answer')
  const first = device.visit()
  first.metrics.click()
  while (!world.requests.some((line) => line.startsWith('POST'))) await world.pass(100)
  first.kill()
  world.delaysMs = [10, 10]
  world.fate = () => 'ok'
  const second = device.visit()
  await world.pass(5_000)
  const { accepted, unresolved } = second.counts()
  assert.deepEqual({ accepted, unresolved }, { accepted: 1, unresolved: 0 })
  assert.equal(new Set(world.bodies).size, 1)
})

test('a tab that knows no horizon gives up nothing that the beacon of another has sent', async () => {
  const world = openWorld()
  const device = openDevice(world, false)
  world.fate = () => 'lost-request'
  const first = device.visit()
  first.metrics.click()
  await world.pass(100)
  const second = device.visit()
  await world.pass(5_000)
  assert.equal(second.counts().waiting, 1)
  first.page.fire('hidden')
  assert.equal(first.page.beacons.length, 1)
  first.kill()
  second.page.fire('hidden')
  assert.equal(second.page.beacons.length, 0)
  world.fate = () => 'ok'
  await world.pass(MINUTE_MS)
  const { accepted, unresolved } = second.counts()
  assert.deepEqual({ accepted, unresolved }, { accepted: 1, unresolved: 0 })
})

test('an event that was never sent waits for the next page six days, but not eight', async () => {
  for (const { days, expected } of [
    { days: 6, expected: { accepted: 1, dropped: 0 } },
    { days: 8, expected: { accepted: 0, dropped: 1 } },
  ]) {
    const world = openWorld()
    const device = openDevice(world)
    world.fate = () => answer(503, '{"error":{"code":"log-full"}}')
    const first = device.visit()
    first.metrics.click()
    await world.pass(HOUR_MS)
    first.kill()
    await world.pass(days * DAY_MS)
    world.fate = () => 'ok'
    const second = device.visit()
    await world.pass(10_000)
    const { accepted, dropped } = second.counts()
    assert.deepEqual({ accepted, dropped }, expected)
  }
})

test('a time that the page has learned is kept, also when the clock is set afterwards', async () => {
  const world = openWorld()
  world.aheadMs = 40 * MINUTE_MS
  const device = openDevice(world)
  world.fate = (path) => (path === '/v1/time' ? 'ok' : 'lost-request')
  const first = device.visit()
  first.metrics.click()
  await world.pass(5_000)
  first.metrics.impression()
  first.kill()
  world.aheadMs = -3 * DAY_MS
  world.fate = () => 'ok'
  device.visit()
  await world.pass(10_000)
  expectTimes(world, [0, 5_000])
})

test('a page without an answer leaves the time to the next one, by the clock of the device', async () => {
  const world = openWorld()
  world.aheadMs = -3 * DAY_MS
  const device = openDevice(world)
  world.fate = () => 'lost-request'
  const first = device.visit()
  first.metrics.click()
  await world.pass(5_000)
  first.metrics.impression()
  first.kill()
  await world.pass(HOUR_MS)
  world.fate = () => 'ok'
  device.visit()
  await world.pass(10_000)
  expectTimes(world, [0, 5_000])
})

/** Within the two seconds that the SDK promises. */
function expectTimes(world: World, sinceStartMs: readonly number[]): void {
  const times = world.stored().map(({ timestamp }) => Date.parse(timestamp) - START_MS)
  assert.equal(times.length, sinceStartMs.length)
  for (const [at, ms] of times.entries()) {
    assert.ok(Math.abs(ms - (sinceStartMs[at] as number)) <= 2_000, `${times}`)
  }
}

test('with Web Locks a tab leaves the events of a living one alone', async () => {
  const world = openWorld()
  const device = openDevice(world)
  world.fate = () => 'lost-request'
  const first = device.visit()
  first.metrics.click()
  await world.pass(30_000)
  world.fate = () => 'ok'
  const second = device.visit()
  await world.pass(MINUTE_MS)
  assert.equal(first.counts().accepted, 1)
  assert.equal(second.counts().accepted, 0)
  assert.equal(world.bodies.length, 1)
})

test('without Web Locks a tab does not send what another has finished with', async () => {
  const world = openWorld()
  const device = openDevice(world, false)
  world.fate = () => 'lost-request'
  const first = device.visit()
  first.metrics.click()
  await world.pass(100)
  const second = device.visit()
  await world.pass(10_000)
  assert.equal(second.counts().waiting, 1)
  world.fate = () => 'ok'
  void first.metrics.flush()
  await world.pass(100)
  assert.equal(first.counts().accepted, 1)
  await world.pass(HOUR_MS)
  assert.equal(second.counts().waiting, 0)
  assert.equal(second.counts().accepted, 0)
  assert.equal(world.bodies.length, 1)
})

test('a page in the back/forward cache holds no lock, and has its events back afterwards', async () => {
  const world = openWorld()
  const device = openDevice(world)
  world.fate = () => 'lost-request'
  const visit = device.visit()
  visit.page.takesBeacons = false
  visit.metrics.click()
  await world.pass(5_000)
  assert.equal(device.locked.size, 1)
  visit.page.fire('gone')
  assert.equal(device.locked.size, 0)
  assert.equal(visit.counts().waiting, 0)
  world.fate = () => 'ok'
  visit.page.fire('restored')
  await world.pass(HOUR_MS)
  assert.equal(visit.counts().accepted, 1)
  assert.equal(world.stored().length, 1)
})

test('what a page in the back/forward cache has left may be sent by the next one', async () => {
  const world = openWorld()
  const device = openDevice(world)
  world.fate = () => 'lost-request'
  const first = device.visit()
  first.page.takesBeacons = false
  first.metrics.click()
  first.page.fire('gone')
  world.fate = () => 'ok'
  const second = device.visit()
  await world.pass(10_000)
  assert.equal(second.counts().accepted, 1)
  first.page.fire('restored')
  await world.pass(HOUR_MS)
  assert.equal(world.bodies.length, 1)
})

const faults: Readonly<Record<string, (device: Device) => void>> = {
  full(device) {
    device.beforeSet = () => {
      throw new DOMException('full', 'QuotaExceededError')
    }
  },
  'cleared by the browser': (device) => device.kept.clear(),
}

for (const [name, happens] of Object.entries(faults)) {
  for (const hasLocks of [true, false]) {
    const where = hasLocks ? 'with Web Locks' : 'without'
    test(`storage that is ${name}, ${where}: events are sent from memory`, async () => {
      const world = openWorld()
      const device = openDevice(world, hasLocks)
      world.fate = () => 'lost-request'
      const { metrics } = device.visit()
      metrics.click()
      await world.pass(100)
      happens(device)
      metrics.click()
      await world.pass(10_000)
      world.fate = () => 'ok'
      await world.pass(HOUR_MS)
      assert.equal(metrics.counts().accepted, 2)
      assert.equal(world.stored().length, 2)
      const others = world.warnings.filter((warning) => !warning.includes('has not answered'))
      assert.deepEqual(others, [])
    })
  }
}

test('a stored event that is no longer true is not left behind when the storage is full', async () => {
  const world = openWorld()
  const device = openDevice(world)
  const first = device.visit()
  first.metrics.click()
  faults.full?.(device)
  world.fate = (path) => (path === '/v1/time' ? 'ok' : 'lost-answer')
  await world.pass(5_000)
  first.kill()
  const sent = world.bodies.length
  assert.ok(sent > 0)
  device.beforeSet = () => {}
  await world.pass(2 * HOUR_MS)
  device.visit()
  await world.pass(HOUR_MS)
  // It would be a second event there, past the horizon.
  assert.equal(world.bodies.length, sent)
})

test('without persist and remember no storage is touched', async () => {
  const world = openWorld({ page: openPage })
  // Of this world, localStorage() and Global Privacy Control fail the test.
  const metrics = openTracker({ url: URL_OF_COLLECTOR }, world.environment)
  metrics.click()
  await world.pass(MINUTE_MS)
  assert.equal(metrics.counts().accepted, 1)
})

test('a remembered user is the same on the next page; the others are not', async () => {
  const world = openWorld()
  const device = openDevice(world)
  async function userOf(options: Readonly<Record<string, boolean>>): Promise<string> {
    const visit = device.visit({ persist: false, ...options })
    visit.metrics.click()
    await world.pass(10_000)
    visit.kill()
    return world.stored().at(-1)?.user_id ?? ''
  }
  const first = await userOf({ remember: true })
  assert.equal(await userOf({ remember: true }), first)
  assert.notEqual(await userOf({}), first)
  assert.equal(device.kept.size, 1)
  device.refusesTracking = true
  const refused = await userOf({ remember: true })
  assert.notEqual(refused, first)
  assert.notEqual(await userOf({ remember: true }), refused)
  assert.equal(device.kept.size, 0)
})

test('a storage that answers later goes on after the back/forward cache', async () => {
  const world = openWorld()
  const device = openDevice(world)
  const storage = openLateStorage(world)
  const visit = device.visit({ storage })
  await world.pass(1_000)
  visit.page.fire('gone')
  visit.page.fire('restored')
  visit.metrics.click({ event_id: 'after' })
  await world.pass(1_000)
  assert.ok(storage.written.has('after'))
  await world.pass(60_000)
  assert.equal(visit.counts().accepted, 1)
  assert.deepEqual(
    [...storage.kept.values()].filter((value) => value.includes('event_id')),
    [],
  )
})

test('a storage that fails once while it notes the range loses nothing written later', async () => {
  const world = openWorld()
  world.fate = () => 'lost-request'
  const device = openDevice(world)
  const storage = openLateStorage(world)
  let failures = 1
  const failing = {
    ...storage,
    setItem(key: string, value: string) {
      if (failures-- > 0) throw new Error('full')
      return storage.setItem(key, value)
    },
  }
  const first = device.visit({ storage: failing })
  for (const id of ['one', 'two', 'three']) first.metrics.click({ event_id: id })
  await world.pass(1_000)
  first.kill()
  assert.deepEqual([...storage.written].sort(), ['three', 'two'])
  world.fate = () => 'ok'
  const second = device.visit({ storage })
  await world.pass(60_000)
  assert.deepEqual(
    world
      .stored()
      .map(({ event_id: id }) => id)
      .sort(),
    ['three', 'two'],
  )
  assert.equal(second.counts().accepted, 2)
})

test('a prerendered page takes over nothing before it is activated', async () => {
  const world = openWorld()
  world.fate = () => 'lost-request'
  const device = openDevice(world)
  const first = device.visit()
  first.metrics.click()
  await world.pass(1_000)
  first.kill()
  world.fate = () => 'ok'
  const asked = world.requests.length
  const second = device.visit({ isPrerendered: true })
  await world.pass(60_000)
  assert.equal(world.requests.length, asked)
  second.page.prerendering = false
  second.page.fire('activated')
  await world.pass(60_000)
  assert.equal(world.stored().length, 1)
})

test('a storage that answers later: killed at any point, nothing written is lost', async () => {
  const ends = { stored: 0, dropped: 0, unresolved: 0, resent: 0 }
  for (let seed = 1; seed <= 10; seed++) {
    const world = openWorld({ seed })
    const device = openDevice(world)
    const storage = openLateStorage(world)
    const { returned, visits } = await live(world, (killAt) =>
      device.visit({ killAt, storage, queueEvents: 40 }),
    )
    // A call returns before its event is written, so only these were promised.
    const written = new Set(returned.filter((id) => storage.written.has(id)))
    visits.push(device.visit({ storage }))
    await world.pass(3 * HOUR_MS)
    expectAllAccounted(world, [...written], visits, seed, ends)
    assert.deepEqual(
      [...storage.kept.keys()].filter((key) => / \d+$/.test(key)),
      [],
    )
  }
  assert.ok(ends.stored > 0 && ends.resent > 0 && ends.unresolved > 0)
})
