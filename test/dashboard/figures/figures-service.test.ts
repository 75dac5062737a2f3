/** Each answer on figures that can be worked out by hand. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type {
  CampaignsAnswer,
  RevenueAnswer,
  SummaryAnswer,
  TrendAnswer,
  ValuesAnswer,
} from '../../../src/dashboard-definition/wire.ts'
import type { ModelEvent } from './memory-lake.ts'
import { MINUTE_US, NOON_US, openServiceAt } from './service-at.ts'

/** So many minutes before 10:22:30. */
const ago = (minutes: number): number => NOON_US - minutes * MINUTE_US

function events(
  campaign: string,
  timeUs: number,
  counts: readonly [impressions: number, clicks: number, conversions: number],
  more: Partial<ModelEvent> = {},
): ModelEvent[] {
  const types = ['impression', 'click', 'conversion'] as const
  return types.flatMap((type, index) =>
    Array.from({ length: counts[index] ?? 0 }, () => ({
      campaign,
      type,
      timeUs,
      ...(type === 'conversion' ? { millionths: 2_500_000 } : {}),
      ...more,
    })),
  )
}

/**
 * In the hour 09:25–10:25: spring 200/10/2, autumn 100/20/5; in the hour before it spring 100/10/4.
 */
function openFilled() {
  const at = openServiceAt()
  at.lake.start()
  at.lake.take(
    [
      ...events('earlier', ago(300), [7, 0, 0]),
      ...events('spring', ago(90), [100, 10, 4]),
      ...events('spring', ago(40), [150, 6, 1], { platform: 'web' }),
      ...events('autumn', ago(20), [100, 20, 5], { country: 'DE' }),
    ],
    ago(1),
  )
  at.lake.commit(ago(1))
  at.lake.take(events('spring', ago(10), [50, 4, 1], { platform: 'web' }), ago(0))
  return at
}

test('the summary includes pending events and compares complete windows only', async () => {
  const { ask } = openFilled()
  const answer = await ask<SummaryAnswer>('summary', 'range=1h')
  assert.deepEqual(answer.range, {
    from: '2026-11-22T09:25:00Z',
    to: '2026-11-22T10:25:00Z',
    stepSeconds: 300,
    completeTo: '2026-11-22T10:20:00Z',
    source: 'metrics',
  })
  assert.deepEqual(answer.figures, {
    impressions: 300,
    clicks: 30,
    ctr: 10,
    conversions: 7,
    cvr: (7 * 100) / 30,
    revenue: 17.5,
    revenuePerClick: 17.5 / 30,
  })
  const { compared, previous, change } = answer
  assert.ok(previous !== null)
  assert.equal(previous.reason, null)
  assert.equal(compared.from, '2026-11-22T09:25:00Z')
  assert.equal(compared.to, '2026-11-22T10:20:00Z')
  assert.equal(compared.figures.impressions, 300)
  assert.equal(previous.from, '2026-11-22T08:25:00Z')
  assert.equal(previous.to, '2026-11-22T09:20:00Z')
  assert.equal(previous.figures.impressions, 100)
  assert.equal(change.impressions, 200)
  assert.equal(change.ctr, 0)
  assert.equal(change.conversions, 75)
  assert.equal(answer.sparkline.stepSeconds, 300)
  assert.equal(answer.sparkline.starts.length, 12)
  assert.equal(answer.sparkline.starts[0], '2026-11-22T09:25:00Z')
  // 40 minutes before 10:22:30 is in the window 09:40, 20 in that of 10:00, 10 in that of 10:10.
  assert.deepEqual(answer.sparkline.figures.impressions, [0, 0, 0, 150, 0, 0, 0, 100, 0, 50, 0, 0])
  assert.deepEqual(answer.sparkline.figures.ctr[3], 4)
  assert.equal(answer.sparkline.figures.ctr[0], null)
})

test('the trend has the sums of each window, and of the whole range', async () => {
  const { ask } = openFilled()
  const all = await ask<TrendAnswer>('trend')
  assert.equal(all.stepSeconds, 300)
  assert.equal(all.lines.length, 1)
  const [line] = all.lines
  assert.equal(line?.campaign, null)
  assert.deepEqual(line?.clicks, [0, 0, 0, 6, 0, 0, 0, 20, 0, 4, 0, 0])
  assert.deepEqual(line?.impressions, [0, 0, 0, 150, 0, 0, 0, 100, 0, 50, 0, 0])
  assert.deepEqual(line?.conversions, [0, 0, 0, 1, 0, 0, 0, 5, 0, 1, 0, 0])
  assert.deepEqual(line?.revenue, [0, 0, 0, 2.5, 0, 0, 0, 12.5, 0, 2.5, 0, 0])
  assert.deepEqual(line?.totals, { impressions: 300, clicks: 30, conversions: 7, revenue: 17.5 })
})

test('lines by campaign are the largest by the sum that is asked for', async () => {
  const { ask } = openFilled()
  const named = async (query: string): Promise<(string | null)[]> =>
    (await ask<TrendAnswer>('trend', query)).lines.map(({ campaign }) => campaign)
  assert.deepEqual(await named('lines=campaigns'), ['spring', 'autumn'])
  assert.deepEqual(await named('lines=campaigns&by=clicks'), ['autumn', 'spring'])
  assert.deepEqual(await named('lines=campaigns&by=revenue'), ['autumn', 'spring'])
  const each = await ask<TrendAnswer>('trend', 'lines=campaigns')
  assert.deepEqual(each.lines[0]?.impressions, [0, 0, 0, 150, 0, 0, 0, 0, 0, 50, 0, 0])
  assert.equal(each.lines[0]?.totals.impressions, 200)
})

test('chosen campaigns are the first lines, the largest others come after, five in all', async () => {
  const { ask, lake } = openFilled()
  const more = ['a', 'b', 'c', 'd', 'e', 'f'].flatMap((campaign, at) =>
    events(campaign, ago(15), [10 + at, 0, 0]),
  )
  lake.take(more, ago(0))
  const named = async (query: string): Promise<(string | null)[]> =>
    (await ask<TrendAnswer>('trend', `lines=campaigns&${query}`)).lines.map((one) => one.campaign)
  assert.deepEqual(await named('campaign=b'), ['b', 'spring', 'autumn', 'f', 'e'])
  assert.deepEqual(await named('campaign=a&campaign=c'), ['c', 'a', 'spring', 'autumn', 'f'])
  const six = ['a', 'b', 'c', 'd', 'e', 'f'].map((campaign) => `campaign=${campaign}`).join('&')
  assert.deepEqual(await named(six), ['f', 'e', 'd', 'c', 'b'])
  assert.deepEqual(await named('campaign=nobody'), ['spring', 'autumn', 'f', 'e', 'd'])
  // All together, only chosen campaigns count.
  const one = await ask<TrendAnswer>('trend', 'campaign=b')
  assert.equal(one.lines[0]?.totals.impressions, 11)
})

test('revenue is ranked, and what is not listed is summed up as others', async () => {
  const { ask, lake } = openFilled()
  const few = await ask<RevenueAnswer>('revenue')
  assert.deepEqual(few.campaigns, [
    { campaign: 'autumn', revenue: 12.5 },
    { campaign: 'spring', revenue: 5 },
  ])
  assert.equal(few.total, 17.5)
  assert.deepEqual(few.others, { campaigns: 0, revenue: 0 })
  const small = Array.from({ length: 12 }, (_, index) =>
    events(`small-${String(index).padStart(2, '0')}`, ago(5), [0, 0, 1], { millionths: 250_000 }),
  )
  lake.take(small.flat(), ago(0))
  const many = await ask<RevenueAnswer>('revenue')
  assert.equal(many.campaigns.length, 10)
  assert.equal(many.campaigns[9]?.campaign, 'small-07')
  assert.deepEqual(many.others, { campaigns: 4, revenue: 1 })
  assert.equal(many.total, 20.5)
})

test('the table is sorted, searched and paged; its totals are of all that match', async () => {
  const { ask } = openFilled()
  const answer = await ask<CampaignsAnswer>('campaigns', 'sort=ctr&order=asc&size=1')
  assert.deepEqual(
    answer.rows.map(({ campaign, ctr }) => ({ campaign, ctr })),
    [{ campaign: 'spring', ctr: 5 }],
  )
  assert.equal(answer.matched, 2)
  assert.equal(answer.totals.ctr, 10)
  const second = await ask<CampaignsAnswer>('campaigns', 'sort=ctr&order=asc&size=1&page=2')
  assert.equal(second.rows[0]?.campaign, 'autumn')
  const past = await ask<CampaignsAnswer>('campaigns', 'page=9')
  assert.deepEqual(past.rows, [])
  const found = await ask<CampaignsAnswer>('campaigns', 'search=TUM')
  assert.equal(found.matched, 1)
  assert.equal(found.totals.impressions, 100)
})

test('a choice of campaigns holds everywhere; one that is unknown has zeros', async () => {
  const { ask } = openFilled()
  const spring = await ask<SummaryAnswer>('summary', 'campaign=spring&campaign=nobody')
  assert.equal(spring.figures.impressions, 200)
  assert.equal(spring.previous?.figures.impressions, 100)
  const nobody = await ask<SummaryAnswer>('summary', 'campaign=nobody')
  assert.equal(nobody.figures.impressions, 0)
  assert.equal(nobody.figures.ctr, null)
  assert.equal(nobody.change.impressions, null)
  const table = await ask<CampaignsAnswer>('campaigns', 'campaign=spring')
  assert.equal(table.matched, 1)
})

test('a filter on raw columns is answered from committed events only', async () => {
  const { ask, lake } = openFilled()
  const web = await ask<SummaryAnswer>('summary', 'platform=web')
  assert.equal(web.range.source, 'events')
  assert.equal(web.figures.impressions, 150)
  lake.commit(ago(0))
  const later = await ask<SummaryAnswer>('summary', 'platform=web')
  assert.equal(later.figures.impressions, 200)
  const unset = await ask<SummaryAnswer>('summary', 'platform=&country=DE')
  assert.equal(unset.figures.impressions, 100)
})

test('values are listed by how often they occur', async () => {
  const { ask, lake } = openFilled()
  lake.commit(ago(0))
  const values = await ask<ValuesAnswer>('values')
  assert.deepEqual(values, { platform: ['', 'web'], country: ['', 'DE'], device: [''] })
})

test('values are there with the first events, though they were asked for before', async () => {
  const { ask, lake } = openServiceAt()
  lake.start()
  assert.deepEqual(await ask('values'), { platform: [], country: [], device: [] })
  lake.take([{ campaign: 'a', type: 'click', timeUs: NOON_US, platform: 'web' }], NOON_US)
  lake.commit(NOON_US)
  assert.deepEqual((await ask<ValuesAnswer>('values')).platform, ['web'])
})
