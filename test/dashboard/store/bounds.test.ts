/**
 * Memory stays bounded: coarser steps where there are many campaigns, the oldest chunks first, all
 * given back.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CampaignNames } from '../../../src/dashboard/store/campaign-names.ts'
import { ChunkCache } from '../../../src/dashboard/store/chunk-cache.ts'
import { LoadQueue } from '../../../src/dashboard/store/load-scheduler.ts'
import { tableOfDeltas } from '../../../src/dashboard/store/sums-table.ts'
import type { CampaignsAnswer, SummaryAnswer } from '../../../src/dashboard-definition/wire.ts'
import { mapEventFilters } from '../../../src/dashboard-definition.ts'
import { DAY_US, type ModelEvent, openMemoryLake } from '../figures/memory-lake.ts'
import { MINUTE_US, NOON_US, openServiceAt } from '../figures/service-at.ts'

const HOUR_US = 60 * MINUTE_US

/** One event of each campaign in each window of the last hours. */
function dense(campaigns: number, hours: number): ModelEvent[] {
  return Array.from({ length: hours * 12 * campaigns }, (_, index) => ({
    campaign: `c-${index % campaigns}`,
    type: 'click',
    timeUs: NOON_US - Math.floor(index / campaigns) * 5 * MINUTE_US,
  }))
}

test('a range with too many rows is answered in a coarser step, with the same sums', async () => {
  const events = dense(40, 10)
  const steps: number[] = []
  for (const askedRowsMax of [100_000, 3_000, 900, 300]) {
    const { ask, lake } = openServiceAt({ limits: { askedRowsMax } })
    lake.start()
    lake.take(events, NOON_US)
    lake.commit(NOON_US)
    const answer = await ask<SummaryAnswer>('summary', 'range=6h')
    const trend = await ask<SummaryAnswer>('trend', 'range=6h')
    assert.deepEqual(trend.range, answer.range, 'questions about one view have one range')
    steps.push(answer.range.stepSeconds)
    const [fromMs, toMs] = [Date.parse(answer.range.from), Date.parse(answer.range.to)]
    const inRange = events.filter(({ timeUs }) => timeUs >= fromMs * 1000 && timeUs < toMs * 1000)
    assert.equal(answer.figures.clicks, inRange.length)
  }
  assert.deepEqual(steps, [300, 900, 3600, 21_600])
})

test('campaigns that merge badly are answered in coarser steps or refused', async () => {
  // Each campaign has one event: no step has fewer rows than there are campaigns.
  const events = Array.from({ length: 30_000 }, (_, index): ModelEvent => {
    return { campaign: `c-${index}`, type: 'click', timeUs: NOON_US - (index % 36_000) * 1_000_000 }
  })
  const { service, ask, lake } = openServiceAt({ limits: { askedRowsMax: 10_000 } })
  lake.start()
  lake.take(events, NOON_US)
  lake.commit(NOON_US)
  const refused = await service.answer('campaigns', 'range=24h', false)
  assert.equal(refused.status, 400)
  assert.match(Buffer.from(refused.body).toString(), /range-too-large.*choose a shorter one/)
  const before = lake.calls.length
  const again = await service.answer('campaigns', 'range=24h', false)
  assert.deepEqual([again.status, lake.calls.length], [400, before], 'known without loading again')
  const short = await ask<CampaignsAnswer>('campaigns', 'range=15m')
  assert.equal(short.matched, short.totals.clicks)
})

test('sums of an earlier answer do not keep evicted chunks in memory', async () => {
  const { ask, clock, lake } = openServiceAt({ limits: { cachedRowsMax: 1_000 } })
  lake.start()
  lake.take(dense(40, 10), NOON_US)
  lake.commit(NOON_US)
  const hourAgo = (hours: number): string => {
    const moment = (at: number): string => new Date((NOON_US - at * HOUR_US) / 1000).toISOString()
    return `from=${moment(hours + 1)}&to=${moment(hours)}`
  }
  const first = await ask<SummaryAnswer>('revenue', hourAgo(1))
  const loads = lake.calls.length
  assert.deepEqual(await ask('revenue', hourAgo(1)), first)
  assert.equal(lake.calls.length, loads, 'the same question again reads nothing')
  clock.us += 1
  await ask('revenue', hourAgo(7))
  const afterOther = lake.calls.length
  assert.deepEqual(await ask('revenue', hourAgo(1)), first)
  assert.ok(lake.calls.length > afterOther, 'it went for the other one, and is read again')
})

function openPieces(cachedRowsMax: number) {
  const names = new CampaignNames()
  const values = mapEventFilters(() => new CampaignNames())
  const lake = openMemoryLake({
    windowUs: 5 * MINUTE_US,
    tell: (message) => {
      if (message.kind === 'commit') chunks.addCommit(message, tableOfDeltas(message.deltas, names))
    },
  })
  const chunks = new ChunkCache({
    sums: lake.sums,
    queue: new LoadQueue(),
    names: { campaign: names, ...values },
    windowUs: 5 * MINUTE_US,
    limits: { cachedRowsMax },
  })
  const use = (hoursAgo: number, nowUs: number) => {
    const fromUs = Math.floor(NOON_US / HOUR_US) * HOUR_US - hoursAgo * HOUR_US
    const span = { fromUs, toUs: fromUs + HOUR_US, stepUs: 5 * MINUTE_US }
    return chunks.use({ selection: null, span }, nowUs, (found) =>
      found.reduce((sum, chunk) => sum + chunk.table.rows, 0),
    )
  }
  return { lake, chunks, names, use }
}

test('no more rows are kept than may be; what was not used for longest goes first', async () => {
  const { lake, chunks, use } = openPieces(2_500)
  lake.take(dense(50, 10), NOON_US)
  lake.commit(NOON_US)
  for (let hour = 1; hour <= 8; hour++) {
    assert.equal(await use(hour, hour), 600)
    assert.ok(chunks.rows <= 2_500, `${chunks.rows} rows`)
    // Used again and again, so that it stays.
    await use(1, hour + 0.5)
  }
  const before = lake.calls.length
  await use(1, 9)
  assert.equal(lake.calls.length, before)
  await use(2, 10)
  assert.equal(lake.calls.length, before + 1)
})

test('all is given back when nobody has asked for a while', async () => {
  const { lake, chunks, use } = openPieces(1_000_000)
  lake.take(dense(50, 3), NOON_US)
  lake.commit(NOON_US)
  await use(1, NOON_US)
  chunks.sweep(NOON_US + 14 * MINUTE_US)
  assert.ok(chunks.rows > 600)
  chunks.sweep(NOON_US + 16 * MINUTE_US)
  assert.equal(chunks.rows, 0)
  assert.equal(await use(1, NOON_US), 600)
})

test('dropped days no longer count, even if a late event begins such a day again', async () => {
  const { ask, lake } = openServiceAt()
  lake.start()
  lake.take(
    [0, 1, 2, 3].map((days) => ({ campaign: 'a', type: 'click', timeUs: NOON_US - days * DAY_US })),
    NOON_US,
  )
  lake.commit(NOON_US)
  const clicks = async (): Promise<number | null> =>
    (await ask<SummaryAnswer>('summary', 'range=7d')).figures.clicks
  assert.equal(await clicks(), 4)
  lake.dropDaysBefore(Math.floor(NOON_US / DAY_US) - 1)
  assert.equal(await clicks(), 2)
  lake.take([{ campaign: 'a', type: 'click', timeUs: NOON_US - 3 * DAY_US }], NOON_US)
  lake.commit(NOON_US)
  assert.equal(await clicks(), 3)
})

test('a failing query is said, and asked again by the next question', async () => {
  const { service, ask, lake } = openServiceAt()
  lake.start()
  lake.take([{ campaign: 'a', type: 'click', timeUs: NOON_US }], NOON_US)
  lake.commit(NOON_US)
  const { sumMetrics } = lake.sums
  lake.sums.sumMetrics = () => Promise.reject(new Error('the disk is on fire'))
  const failed = await service.answer('summary', 'range=24h', false)
  assert.equal(failed.status, 500)
  assert.match(Buffer.from(failed.body).toString(), /the disk is on fire/)
  assert.equal(failed.fault, 'the disk is on fire', 'for the log')
  lake.sums.sumMetrics = sumMetrics
  assert.equal((await ask<SummaryAnswer>('summary', 'range=24h')).figures.clicks, 1)
})
