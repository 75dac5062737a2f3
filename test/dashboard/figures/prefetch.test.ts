/**
 * What a viewer is likely to look at next is loaded beforehand, where there is room, and never in a
 * small question's way.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FiguresService } from '../../../src/dashboard/figures/figures-service.ts'
import type { SummaryAnswer } from '../../../src/dashboard-definition/wire.ts'
import { DAY_US, type ModelEvent, openMemoryLake } from './memory-lake.ts'
import { MINUTE_US, NOON_US, openServiceAt } from './service-at.ts'

const settle = async (): Promise<void> => {
  for (let turns = 0; turns < 300; turns++) await new Promise(setImmediate)
}

/** An event of each of ten campaigns every hour of sixty days. */
const PAST: readonly ModelEvent[] = Array.from({ length: 60 * 24 * 10 }, (_, index) => ({
  campaign: `c-${index % 10}`,
  type: 'click',
  timeUs: NOON_US - Math.floor(index / 10) * 3_600_000_000,
}))

function openFilled(limits?: { cachedRowsMax: number }) {
  const at = openServiceAt(limits === undefined ? {} : { limits })
  at.lake.start()
  at.lake.take(PAST, NOON_US)
  at.lake.commit(NOON_US)
  return at
}

test('after the first question longer ranges are answered without the tables', async () => {
  const { ask, lake } = openFilled()
  await ask('summary')
  await settle()
  const before = lake.calls.length
  for (const range of ['24h', '7d', '30d']) {
    const answer = await ask<SummaryAnswer>('summary', `range=${range}`)
    const [fromMs, toMs] = [Date.parse(answer.range.from), Date.parse(answer.range.to)]
    const inRange = PAST.filter(({ timeUs }) => timeUs >= fromMs * 1000 && timeUs < toMs * 1000)
    assert.equal(answer.figures.clicks, inRange.length)
  }
  assert.equal(lake.calls.length, before)
})

test('what the tables hold at the start is loaded before anybody asks', async () => {
  let service: FiguresService | null = null
  const windowUs = 5 * MINUTE_US
  const lake = openMemoryLake({ windowUs, tell: (message) => service?.take(message) })
  lake.take(PAST, NOON_US)
  lake.commit(NOON_US)
  service = new FiguresService({
    timezone: 'UTC',
    weekStart: null,
    currency: null,
    sums: lake.sums,
    windowUs,
    nowUs: () => NOON_US,
    onLive: () => {},
  })
  lake.start()
  await settle()
  const before = lake.calls.length
  assert.ok(before > 0)
  for (const range of ['1h', '24h', '7d', '30d']) {
    const { status } = await service.answer('summary', `range=${range}`, false)
    assert.equal(status, 200)
  }
  assert.equal(lake.calls.length, before)
})

test('empty tables are not asked at the start', async () => {
  const { lake } = openServiceAt()
  lake.start()
  await settle()
  assert.deepEqual(lake.calls, [])
})

test('what does not fit is not loaded beforehand', async () => {
  const { ask, lake } = openFilled({ cachedRowsMax: 3_000 })
  await ask('summary')
  await settle()
  const longestUs = Math.max(
    ...lake.calls
      .map((call) => call.split(' ').map(Number))
      .map(([, , from = 0, to = 0]) => to - from),
  )
  assert.ok(longestUs <= 3 * DAY_US, `${longestUs / DAY_US} days at once`)
})

test('a question asked meanwhile is answered before the rest is loaded', async () => {
  const { ask, lake } = openFilled()
  await ask('summary')
  const release = lake.hold()
  await settle()
  const short = ask<SummaryAnswer>('summary', 'from=2026-11-20T00:00:00Z&to=2026-11-20T01:00:00Z')
  const loads = lake.calls.length
  release()
  assert.equal((await short).figures.clicks, 10)
  const [fromUs, toUs] = [Date.UTC(2026, 10, 19, 23) * 1000, Date.UTC(2026, 10, 20, 1) * 1000]
  assert.equal(lake.calls[loads], `metrics 2 ${fromUs} ${toUs} ${5 * MINUTE_US}`, 'its own is next')
})
