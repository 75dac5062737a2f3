/** What moves: events by second, the newest window, the version. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ModelEvent } from '../figures/memory-lake.ts'
import { MINUTE_US, NOON_US, openServiceAt } from '../figures/service-at.ts'

const turn = (): Promise<void> => new Promise(setImmediate)
const SECOND = Math.floor(NOON_US / 1_000_000)

function clicks(count: number, timeUs: number = NOON_US): ModelEvent[] {
  return Array.from({ length: count }, () => ({
    campaign: 'a',
    type: 'click',
    timeUs,
    millionths: 500_000,
  }))
}

test('events are counted once, in the second in which they were told, across commits', async () => {
  const { lake, clock, told } = openServiceAt()
  lake.start()
  lake.take(clicks(3), NOON_US)
  lake.take(clicks(2), NOON_US)
  clock.us += 1_000_000
  // Three of the five are committed; two are pending again.
  lake.commit(NOON_US, 3)
  lake.take(clicks(4), NOON_US)
  lake.commit(NOON_US)
  clock.us += 1_000_000
  lake.take(clicks(1), NOON_US)
  assert.deepEqual(
    told.flatMap(({ seconds }) => seconds),
    [
      [SECOND, 0, 3, 0],
      [SECOND, 0, 5, 0],
      [SECOND + 1, 0, 4, 0],
      [SECOND + 2, 0, 1, 0],
    ],
  )
})

test('the newest window has all its sums: from the tables at first, then as it grows', async () => {
  const first = openServiceAt()
  first.lake.start()
  await turn()
  assert.equal(first.told.at(-1)?.newest, null)
  first.lake.take(clicks(3, NOON_US - 20 * MINUTE_US), NOON_US)
  first.lake.commit(NOON_US)
  first.lake.take(clicks(2, NOON_US - 20 * MINUTE_US), NOON_US)
  const fromUs = Date.UTC(2026, 10, 22, 10) * 1000
  assert.deepEqual(first.told.at(-1)?.newest, {
    fromUs,
    toUs: fromUs + 5 * MINUTE_US,
    impressions: 0,
    clicks: 5,
    conversions: 0,
    revenue: 2.5,
  })
  first.lake.take(clicks(1, NOON_US - 90 * MINUTE_US), NOON_US)
  assert.equal(first.told.at(-1)?.newest?.clicks, 5, 'a late event is in no newer window')
  first.lake.take(clicks(1), NOON_US)
  assert.equal(first.told.at(-1)?.newest?.fromUs, fromUs + 20 * MINUTE_US)
  assert.equal(first.told.at(-1)?.newest?.clicks, 1)
})

test('a window ahead of the clock is not shown before it begins', async () => {
  const { lake, clock, service, told } = openServiceAt()
  lake.start()
  await turn()
  const newest = () => {
    const { fromUs = 0, clicks: count } = told.at(-1)?.newest ?? {}
    return [new Date(fromUs / 1000).toISOString().slice(11, 16), count]
  }
  const ahead = NOON_US + 4 * MINUTE_US
  lake.take(clicks(1, ahead), NOON_US)
  assert.deepEqual(newest(), ['10:25', 1], 'nothing else is there to be shown')
  lake.take(clicks(3), NOON_US)
  assert.deepEqual(newest(), ['10:20', 3])
  lake.commit(NOON_US)
  assert.deepEqual(newest(), ['10:20', 3])
  lake.take([...clicks(2), ...clicks(1, ahead)], NOON_US)
  assert.deepEqual(newest(), ['10:20', 5])
  clock.us += 2.5 * MINUTE_US
  service.tick()
  assert.deepEqual(newest(), ['10:25', 2])
  lake.commit(NOON_US)
  lake.take([...clicks(1), ...clicks(4, clock.us)], clock.us)
  assert.deepEqual(newest(), ['10:25', 6])
})

test('they do not hide it after a start either, not even past midnight', async () => {
  const nowUs = Date.UTC(2026, 10, 22, 23, 58) * 1000
  const { lake, clock, service, told } = openServiceAt({ nowUs })
  lake.take([...clicks(3, nowUs), ...clicks(1, nowUs + 4 * MINUTE_US)], nowUs)
  lake.commit(nowUs)
  for (let turns = 0; turns < 200 && told.at(-1)?.newest === null; turns++) await turn()
  assert.equal(told.at(-1)?.newest?.clicks, 3)
  assert.equal(told.at(-1)?.newest?.toUs, nowUs + 2 * MINUTE_US)
  clock.us += 2 * MINUTE_US
  service.tick()
  assert.equal(told.at(-1)?.newest?.clicks, 1)
})

test('after a start the newest window is found in the tables despite commits', async () => {
  const { lake, told } = openServiceAt()
  // Tables that are filled before anybody is told of them.
  lake.take(clicks(3, NOON_US - 200 * MINUTE_US), NOON_US)
  lake.commit(NOON_US)
  const release = lake.hold()
  lake.take(clicks(2, NOON_US - 200 * MINUTE_US), NOON_US)
  lake.commit(NOON_US)
  release()
  for (let turns = 0; turns < 200 && told.at(-1)?.newest === null; turns++) await turn()
  assert.equal(told.at(-1)?.newest?.clicks, 5)
})

test('a commit into what was looked at already is not missed', async () => {
  const { lake, told } = openServiceAt()
  const { sumMetrics } = lake.sums
  let looks = 0
  lake.sums.sumMetrics = (...asked) => {
    // The half hours of 10:00 and 9:30 have been looked at, and were empty.
    if (++looks === 3) {
      lake.take(clicks(1), NOON_US)
      lake.commit(NOON_US)
    }
    return sumMetrics(...asked)
  }
  lake.take(clicks(3, NOON_US - 200 * MINUTE_US), NOON_US)
  lake.commit(NOON_US)
  for (let turns = 0; turns < 200 && told.at(-1)?.newest === null; turns++) await turn()
  assert.equal(told.at(-1)?.newest?.clicks, 1)
})

test('the version changes with messages, and when a window begins or is complete', () => {
  const { service, lake, clock, told } = openServiceAt()
  lake.start()
  lake.take(clicks(1), NOON_US)
  lake.commit(NOON_US)
  lake.merge()
  const versions = told.map(({ version }) => version)
  assert.equal(new Set(versions).size, versions.length)
  service.tick()
  const before = told.length
  for (let second = 0; second < 600; second++) {
    clock.us += 1_000_000
    service.tick()
  }
  // 10:25:00, 10:25:10, 10:30:00, 10:30:10.
  assert.equal(told.length - before, 4)
})

test('a commit that leaves events waiting lets no figure fall, not for one message', async () => {
  const { lake, told } = openServiceAt()
  lake.start()
  await turn()
  for (let round = 0; round < 5; round++) {
    lake.take(clicks(3), NOON_US)
    lake.take(clicks(2), NOON_US)
    lake.commit(NOON_US, 3)
  }
  await turn()
  const seen = told.flatMap(({ newest }) => newest?.clicks ?? [])
  assert.equal(seen.at(-1), 25)
  assert.deepEqual(
    seen,
    seen.toSorted((a, b) => a - b),
  )
})
