/**
 * The thread of the figures beside a true job: a log and tables on the disk, DuckDB on both sides.
 * Answers are held against SQL over the tables once everything is committed, and against a plain
 * list of the events while they are pending.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type FiguresThread,
  startFiguresThread,
} from '../../../src/dashboard/figures/figures-thread.ts'
import type { LiveUpdate } from '../../../src/dashboard/live/live-updates.ts'
import {
  CHARTS,
  chartSql,
  measureOf,
  measureSql,
  type Sums,
} from '../../../src/dashboard-definition/definition.ts'
import type {
  BreakdownAnswer,
  CampaignsAnswer,
  RevenueAnswer,
  SummaryAnswer,
  TrendAnswer,
} from '../../../src/dashboard-definition/wire.ts'
import { type JobThread, startJob } from '../../../src/embedded.ts'
import { type JobPlace, openJobPlace } from '../../support/job-place.ts'
import { queryRows } from '../../support/query-results.ts'
import { openRandom, type Random } from '../../support/random.ts'
import { until } from '../../support/until.ts'
import { DAY_US, type ModelEvent } from './memory-lake.ts'
import {
  expectBreakdown,
  expectCampaigns,
  expectRevenue,
  expectSummary,
  expectTrend,
} from './naive.ts'

const MIB = 2 ** 20
const WINDOW_US = 300_000_000
/** A round of events and answers, as long as the machine keeps up. */
const ROUND_MS = 700
const CAMPAIGNS = ['spring', 'autumn', '=1+1', '<img src=x onerror=alert(1)>', "it's", '😀', 'ü']

function openPlace(t: TestContext, commitIntervalMs: number): Promise<JobPlace> {
  return openJobPlace(t, {
    log: { bytesMax: 16 * MIB, segmentBytes: 4 * MIB, groupBytesMax: MIB },
    job: { windowUs: WINDOW_US, commitIntervalMs },
  })
}

type Running = Readonly<{
  job: JobThread
  told: LiveUpdate[]
  ask<T>(path: string, query: string): Promise<T>
  close(): Promise<void>
}>

async function startBoth({ log, settings, opened }: JobPlace): Promise<Running> {
  const told: LiveUpdate[] = []
  const job = await startJob(settings, { onProgress() {}, onWarning() {} })
  const { warehouse, cache } = settings
  const thread: FiguresThread = await startFiguresThread(
    {
      ...{ warehouse, cache, windowUs: WINDOW_US, timezone: 'UTC' },
      ...{ weekStart: null, currency: null, campaignNames: null },
    },
    { onLive: (live) => told.push(live), onNames() {}, onFailed: (error) => assert.fail(error) },
  )
  job.feed(thread.port)
  let closing: Promise<void> | null = null
  const close = async (): Promise<void> => {
    await thread.close()
    await job.close(log.end(), 10_000)
  }
  const running: Running = {
    job,
    told,
    async ask<T>(asked: string, query: string): Promise<T> {
      const { status, body } = await thread.answer(asked, query, false)
      const text = Buffer.from(body).toString('utf8')
      assert.equal(status, 200, text)
      return JSON.parse(text) as T
    },
    close() {
      closing ??= close()
      return closing
    },
  }
  opened.push(running)
  return running
}

function openEvents(random: Random, beforeUs: number) {
  let ids = 0
  return (count: number): { events: ModelEvent[]; lines: Buffer } => {
    const events = Array.from({ length: count }, () => randomEvent(random, beforeUs))
    const lines = events.map((event) => {
      const timestamp = new Date(event.timeUs / 1000).toISOString()
      return JSON.stringify({
        event_id: `event-${++ids}`,
        user_id: 'u',
        campaign_id: event.campaign,
        event_type: event.type,
        timestamp,
        revenue: (event.millionths ?? 0) / 1e6,
        platform: event.platform,
        country: event.country === '' ? null : event.country,
        device_type: event.device,
      })
    })
    return { events, lines: Buffer.from(`${lines.join('\n')}\n`) }
  }
}

/** Most of the last hours, some of the days before. */
function randomEvent(random: Random, beforeUs: number): ModelEvent {
  const backMs = random.below(random.chance(0.7) ? 3 * 3_600_000 : 50 * 3_600_000)
  return {
    campaign: random.pick(CAMPAIGNS),
    type: random.pick(['impression', 'impression', 'impression', 'click', 'click', 'conversion']),
    timeUs: beforeUs - backMs * 1000,
    millionths: (random.below(20_000) - 3_000) * 10_000,
    platform: random.pick(['web', 'mobile']),
    country: random.pick(['', 'DE', 'FR']),
    device: random.pick(['ios', 'android', 'desktop']),
  }
}

const moment = (us: number): string => new Date(us / 1000).toISOString()
const windowOf = (us: number): number => Math.floor(us / WINDOW_US) * WINDOW_US

const numberOf = (cell: unknown): number | null => (cell === null ? null : Number(cell))

function expectClose(found: number | null, expected: number | null, what: string): void {
  if (found === null || expected === null) assert.equal(found, expected, what)
  else assert.ok(Math.abs(found - expected) <= 1e-9 * Math.max(1, Math.abs(expected)), what)
}

/** The answers about a stretch equal the definition's SQL over the tables. */
async function expectLikeSql(place: JobPlace, { ask }: Running, fromUs: number, toUs: number) {
  const range = `from=${moment(fromUs)}&to=${moment(toUs)}`
  const sqlRange = {
    from: `TIMESTAMP '${moment(fromUs).replace('T', ' ').replace('Z', '')}'`,
    to: `TIMESTAMP '${moment(toUs).replace('T', ' ').replace('Z', '')}'`,
  }
  const summary = await ask<SummaryAnswer>('summary', range)
  const [totals = []] = await queryRows(place.settings, chartSql('totals', sqlRange))
  const measured = Object.values(summary.figures)
  for (const [index, value] of measured.entries()) {
    expectClose(value, numberOf(totals[index]), `total ${index}`)
  }
  const trend = await ask<TrendAnswer>('trend', range)
  const points = await queryRows(place.settings, trendSql(trend.stepSeconds, sqlRange))
  const withEvents = trend.lines[0]?.impressions.filter(
    (count, point) =>
      count + (trend.lines[0]?.clicks[point] ?? 0) + (trend.lines[0]?.conversions[point] ?? 0) > 0,
  )
  assert.equal(withEvents?.length, points.length)
  for (const [start, ...cells] of points) {
    const point = trend.starts.findIndex((text) => Date.parse(text) === startMs(start))
    const [line] = trend.lines
    const sums: Sums = {
      impressions: line?.impressions[point] ?? 0,
      clicks: line?.clicks[point] ?? 0,
      conversions: line?.conversions[point] ?? 0,
      revenue: line?.revenue[point] ?? 0,
    }
    for (const [at, id] of CHARTS.trend.measures.entries()) {
      expectClose(measureOf(id, sums), numberOf(cells[at]), `${id} at ${start}`)
    }
  }
  const table = await ask<CampaignsAnswer>('campaigns', `${range}&sort=revenue&size=200`)
  const campaigns = await queryRows(place.settings, chartSql('campaigns', sqlRange))
  assert.deepEqual(
    table.rows.map(({ campaign }) => campaign),
    campaigns.map(([campaign]) => campaign),
  )
  for (const [index, { campaign, change: _, uncertain: __, ...figures }] of table.rows.entries()) {
    const cells = campaigns[index] ?? []
    for (const [at, value] of Object.values(figures).entries()) {
      expectClose(value, numberOf(cells[at + 1]), `${campaign} ${at}`)
    }
  }
}

/** As the definition's, but for points of several windows. */
function trendSql(seconds: number, { from, to }: { from: string; to: string }): string {
  return `SELECT time_bucket(INTERVAL ${seconds} SECOND, window_start) AS start,
      ${CHARTS.trend.measures.map((id) => measureSql(id)).join(', ')}
    FROM campaign_metrics WHERE window_start >= ${from} AND window_start < ${to}
    GROUP BY 1 ORDER BY 1`
}

function startMs(cell: unknown): number {
  return Number((cell as Readonly<{ micros: bigint }>).micros) / 1000
}

test('answers equal the SQL of the definition over the tables, also after a restart', async (t) => {
  const place = await openPlace(t, 200)
  const endUs = windowOf(Date.now() * 1000)
  const makeEvents = openEvents(openRandom(4), endUs)
  let running = await startBoth(place)
  const sent: ModelEvent[] = []
  const send = async (count: number): Promise<void> => {
    const { events, lines } = makeEvents(count)
    sent.push(...events)
    await place.log.append(lines, count, place.log.stampUs())
  }
  const settle = (): Promise<void> =>
    until(() => running.job.progress().checkpoint.nextOffset === place.log.end())

  for (let round = 0; round < 5; round++) {
    await send(200)
    // Chunks are loaded between commits, so that some of what they hold was gained later.
    await running.ask('summary', 'range=24h')
    await running.ask('summary', 'range=7d&platform=web')
    await sleep(150)
  }
  await settle()
  for (const hours of [1, 6, 24]) {
    await expectLikeSql(place, running, endUs - hours * 3_600_000_000, endUs)
  }
  await expectFiltered(running, sent, endUs)
  await running.close()

  running = await startBoth(place)
  await expectLikeSql(place, running, endUs - DAY_US, endUs)
  await send(200)
  await settle()
  await expectLikeSql(place, running, endUs - DAY_US, endUs)
  await expectFiltered(running, sent, endUs)
  const newestUs = Math.max(...sent.map(({ timeUs }) => windowOf(timeUs)))
  const inNewest = sent.filter(({ timeUs }) => windowOf(timeUs) === newestUs)
  await until(() => {
    const { newest } = running.told.at(-1) ?? assert.fail('nothing was told')
    assert.equal(newest?.fromUs, newestUs)
    assert.equal(newest.impressions, inNewest.filter(({ type }) => type === 'impression').length)
    return true
  })
})

/** What only raw events tell, against the list of what was sent. */
async function expectFiltered({ ask }: Running, sent: readonly ModelEvent[], endUs: number) {
  const range = `from=${moment(endUs - 2 * DAY_US)}&to=${moment(endUs)}`
  const fitting = sent.filter(
    ({ platform, country }) => platform === 'web' && (country === '' || country === 'DE'),
  )
  const filter = 'platform=web&country=&country=DE'
  expectSummary(await ask('summary', `${range}&${filter}`), fitting)
  expectTrend(await ask('trend', `${range}&${filter}&lines=campaigns&by=clicks`), fitting, {
    by: 'clicks',
    campaigns: [],
  })
  const table = await ask<CampaignsAnswer>('campaigns', `${range}&${filter}&sort=ctr&order=asc`)
  expectCampaigns(table, fitting, { sort: 'ctr', order: 'asc', search: '' })
  const chosen = `country=&country=DE&campaign=${CAMPAIGNS[0]}`
  const ofChosen = sent.filter(
    ({ campaign, country }) => campaign === CAMPAIGNS[0] && (country === '' || country === 'DE'),
  )
  for (const by of ['platform', 'country', 'device'] as const) {
    const all = await ask<BreakdownAnswer>('breakdown', `${range}&by=${by}`)
    expectBreakdown(all, sent, { by, sort: 'impressions', order: 'desc' })
    const some = await ask<BreakdownAnswer>(
      'breakdown',
      `${range}&${chosen}&by=${by}&sort=value&order=asc`,
    )
    expectBreakdown(some, ofChosen, { by, sort: 'value', order: 'asc' })
  }
}

test('pending events are in the answers within a second, and counted once', async (t) => {
  const place = await openPlace(t, 2_000)
  const endUs = windowOf(Date.now() * 1000)
  const makeEvents = openEvents(openRandom(5), endUs)
  const running = await startBoth(place)
  const sent: ModelEvent[] = []
  const range = `from=${moment(endUs - DAY_US)}&to=${moment(endUs)}`
  const seenMs: number[] = []
  for (let round = 0; round < 8; round++) {
    const { events, lines } = makeEvents(50)
    sent.push(...events)
    const sentMs = performance.now()
    await place.log.append(lines, 50, place.log.stampUs())
    await until(async () => {
      expectSummary(await running.ask<SummaryAnswer>('summary', range), sent)
      expectRevenue(await running.ask<RevenueAnswer>('revenue', range), sent)
      return true
    })
    const tookMs = performance.now() - sentMs
    seenMs.push(tookMs)
    await sleep(Math.max(0, ROUND_MS - tookMs))
  }
  // Other work on the machine may hold up some rounds, and not all of them.
  assert.ok(Math.min(...seenMs) < 1_000, `${seenMs.map(Math.round)} ms`)
  assert.ok(running.job.progress().checkpoint.nextOffset > 0, 'commits came in between')
  // What is told of each second comes by itself, beside the answers.
  await until(() => {
    const counted = running.told.flatMap(({ seconds }) => seconds)
    const bySecond = new Map(counted.map(([second, a, b, c]) => [second, a + b + c]))
    assert.equal(
      [...bySecond.values()].reduce((sum, count) => sum + count, 0),
      sent.length,
    )
    return true
  })
})
