/**
 * Days of a zone in the answers: sums by day, comparisons and breakdowns are those that SQL finds
 * by the date that DuckDB's own calendar gives each event.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type DuckDBConnection, DuckDBInstance, DuckDBTimestampValue } from '@duckdb/node-api'
import type {
  BreakdownAnswer,
  SummaryAnswer,
  TrendAnswer,
} from '../../../src/dashboard-definition/wire.ts'
import { openRandom } from '../../support/random.ts'
import type { ModelEvent } from './memory-lake.ts'
import { openServiceAt, type ServiceAt } from './service-at.ts'

const FIRST_US = Date.UTC(2026, 0, 1) * 1000
const DAYS = 396
const EVENTS = 6_000

let instance: DuckDBInstance
let connection: DuckDBConnection
let events: readonly ModelEvent[]

before(async () => {
  const random = openRandom(15)
  events = Array.from({ length: EVENTS }, () => ({
    campaign: random.pick(['a', 'b', 'c']),
    type: random.pick(['impression', 'impression', 'click', 'conversion']),
    timeUs: FIRST_US + random.below(DAYS * 86_400) * 1_000_000,
    millionths: random.below(9_000_000) - 1_000_000,
    platform: random.pick(['web', 'mobile']),
    country: random.pick(['', 'DE', 'CL']),
    device: 'ios',
  }))
  instance = await DuckDBInstance.create(':memory:')
  connection = await instance.connect()
  await connection.run(`CREATE TABLE events (type VARCHAR, moment TIMESTAMP, millionths BIGINT,
    platform VARCHAR, country VARCHAR)`)
  const appender = await connection.createAppender('events')
  for (const { type, timeUs, millionths, platform, country } of events) {
    appender.appendVarchar(type)
    appender.appendTimestamp(new DuckDBTimestampValue(BigInt(timeUs)))
    appender.appendBigInt(BigInt(millionths ?? 0))
    appender.appendVarchar(platform ?? '')
    appender.appendVarchar(country ?? '')
    appender.endRow()
  }
  appender.closeSync()
})
after(() => {
  connection.closeSync()
  instance.closeSync()
})

/** What was taken until a moment, all of it committed. */
function openAt(now: string): ServiceAt {
  const nowUs = Date.parse(now) * 1000
  const at = openServiceAt({ nowUs })
  at.lake.start()
  at.lake.take(
    events.filter(({ timeUs }) => timeUs < nowUs),
    nowUs,
  )
  at.lake.commit(nowUs)
  return at
}

type Counts = readonly [impressions: number, clicks: number, conversions: number, revenue: number]

const COUNTS = `count(*) FILTER (type = 'impression'), count(*) FILTER (type = 'click'),
  count(*) FILTER (type = 'conversion'), coalesce(sum(millionths), 0)`

/** By a column, of the events whose date in the zone is between two days. */
async function sqlCounts(
  by: string,
  zone: string,
  [from, to]: readonly [string, string],
  more = 'true',
): Promise<ReadonlyMap<string, Counts>> {
  const local = `(moment AT TIME ZONE 'UTC' AT TIME ZONE '${zone}')`
  const result = await connection.run(`SELECT (${by.replace('local', local)})::VARCHAR, ${COUNTS}
    FROM events WHERE ${local}::DATE BETWEEN '${from}' AND '${to}' AND ${more}
    GROUP BY ALL ORDER BY ALL`)
  const rows = await result.getRows()
  return new Map(
    rows.map(([key, ...counts]) => [String(key), counts.map(Number) as unknown as Counts]),
  )
}

async function sqlTotal(
  zone: string,
  days: readonly [string, string],
  more?: string,
): Promise<Counts> {
  return (await sqlCounts("'all'", zone, days, more)).get('all') ?? [0, 0, 0, 0]
}

type Named = Readonly<{ impressions: number | null; clicks: number | null }> &
  Readonly<{ conversions: number | null; revenue: number | null }>

const countsOf = ({ impressions, clicks, conversions, revenue }: Named): Counts => [
  impressions ?? 0,
  clicks ?? 0,
  conversions ?? 0,
  Math.round((revenue ?? 0) * 1e6),
]

const AFTER = '2027-02-03T00:00Z'
const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/Santiago',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'Africa/Cairo',
  'America/Havana',
  'Pacific/Apia',
  'Asia/Beirut',
] as const
/** Around the changes of clocks of these zones in 2026. */
const STRETCHES: readonly (readonly [string, string])[] = [
  ['2026-03-05', '2026-05-01'],
  ['2026-08-20', '2026-10-10'],
  ['2026-10-15', '2026-11-20'],
]

test('the trend has the sums of each day of the zone, also where clocks change', async () => {
  const { ask } = openAt(AFTER)
  for (const zone of ZONES) {
    for (const [from, to] of STRETCHES) {
      for (const filter of ['', '&platform=web']) {
        const trend = await ask<TrendAnswer>('trend', `zone=${zone}&from=${from}&to=${to}${filter}`)
        const where = filter === '' ? 'true' : "platform = 'web'"
        const counts = await sqlCounts('local::DATE', zone, [from, to], where)
        // Each day has events, but not of each platform.
        const days = [...(await sqlCounts('local::DATE', zone, [from, to])).keys()]
        const expected = days.map((day) => counts.get(day) ?? [0, 0, 0, 0])
        const [line] = trend.lines
        assert.ok(line !== undefined)
        assert.equal(trend.stepSeconds, 86_400)
        const found = trend.starts.map((_, at) =>
          countsOf({
            impressions: line.impressions[at] ?? null,
            clicks: line.clicks[at] ?? null,
            conversions: line.conversions[at] ?? null,
            revenue: line.revenue[at] ?? null,
          }),
        )
        assert.deepEqual(found, expected, `${from} to ${to} in ${zone} ${filter}`)
      }
    }
  }
})

/** What is asked, and the days that it must have compared. */
const COMPARED: readonly (readonly [
  zone: string,
  days: readonly [string, string],
  compare: string,
  before: readonly [string, string],
])[] = [
  ['Europe/Berlin', ['2026-03-29', '2026-03-29'], 'previous', ['2026-03-28', '2026-03-28']],
  ['Europe/Berlin', ['2026-03-28', '2026-03-29'], 'weekdays', ['2026-03-21', '2026-03-22']],
  ['Europe/Berlin', ['2026-10-25', '2026-10-26'], 'previous', ['2026-10-23', '2026-10-24']],
  ['Europe/Berlin', ['2027-01-10', '2027-01-12'], 'year', ['2026-01-10', '2026-01-12']],
  ['America/Santiago', ['2026-09-05', '2026-09-05'], 'previous', ['2026-09-04', '2026-09-04']],
  ['America/Santiago', ['2026-09-06', '2026-09-06'], 'previous', ['2026-09-05', '2026-09-05']],
  ['America/Santiago', ['2026-09-07', '2026-09-07'], 'previous', ['2026-09-06', '2026-09-06']],
  ['America/Santiago', ['2026-09-12', '2026-09-13'], 'weekdays', ['2026-09-05', '2026-09-06']],
  ['America/Santiago', ['2026-04-04', '2026-04-05'], 'previous', ['2026-04-02', '2026-04-03']],
  ['Africa/Cairo', ['2026-04-24', '2026-04-24'], 'previous', ['2026-04-23', '2026-04-23']],
  ['America/Havana', ['2026-03-08', '2026-03-14'], 'previous', ['2026-03-01', '2026-03-07']],
  ['Asia/Beirut', ['2026-03-23', '2026-03-29'], 'weekdays', ['2026-03-16', '2026-03-22']],
  ['Australia/Lord_Howe', ['2026-10-04', '2026-10-10'], 'previous', ['2026-09-27', '2026-10-03']],
  // Three months with another offset than the three before.
  ['Europe/London', ['2026-11-01', '2027-01-31'], 'previous', ['2026-08-01', '2026-10-31']],
  ['Australia/Lord_Howe', ['2026-10-05', '2026-12-20'], 'previous', ['2026-07-20', '2026-10-04']],
]

test('days are compared with whole days of the zone, and broken down within them', async () => {
  const { ask } = openAt(AFTER)
  for (const [zone, days, compare, earlier] of COMPARED) {
    const what = `${days} in ${zone} against ${compare}`
    const view = `zone=${zone}&from=${days[0]}&to=${days[1]}&compare=${compare}`
    const { compared, previous, change } = await ask<SummaryAnswer>('summary', view)
    const [now, then] = [await sqlTotal(zone, days), await sqlTotal(zone, earlier)]
    assert.deepEqual(countsOf(compared.figures), now, what)
    assert.ok(previous !== null)
    assert.equal(previous.reason, null, what)
    assert.deepEqual(countsOf(previous.figures), then, `${what}, before`)
    assert.equal(change.impressions, ((now[0] - then[0]) / then[0]) * 100)
    const { rows, totals } = await ask<BreakdownAnswer>('breakdown', `${view}&by=country`)
    const found = new Map(rows.map((row) => [row.value, countsOf(row)]))
    const expected = await sqlCounts('country', zone, days)
    assert.deepEqual([...found].sort(), [...expected].sort(), what)
    assert.deepEqual(countsOf(totals), now, what)
  }
})

/** What a preset means at a moment, where all of it is over, and the days before it. */
const PRESETS = [
  {
    at: ['America/Santiago', '2026-09-06T15:00Z', 'yesterday'],
    days: ['2026-09-05', '2026-09-05'],
    before: ['2026-09-04', '2026-09-04'],
  },
  {
    at: ['America/Santiago', '2026-09-07T15:00Z', 'yesterday'],
    days: ['2026-09-06', '2026-09-06'],
    before: ['2026-09-05', '2026-09-05'],
  },
  {
    at: ['America/Santiago', '2026-09-14T15:00Z', 'last-week'],
    days: ['2026-09-07', '2026-09-13'],
    before: ['2026-08-31', '2026-09-06'],
  },
  {
    at: ['Europe/Berlin', '2026-03-30T22:30Z', 'yesterday'],
    days: ['2026-03-30', '2026-03-30'],
    before: ['2026-03-29', '2026-03-29'],
  },
  {
    at: ['Europe/Berlin', '2026-03-31T22:30Z', 'last-month'],
    days: ['2026-03-01', '2026-03-31'],
    before: ['2026-02-01', '2026-02-28'],
  },
] as const

test('a preset is the days of the zone at that moment, and so are those before', async () => {
  for (const { at, days, before } of PRESETS) {
    const [zone, now, range] = at
    const { ask } = openAt(now)
    const asked = `zone=${zone}&range=${range}&weekStart=monday`
    const { compared, previous } = await ask<SummaryAnswer>('summary', asked)
    const what = `${range} in ${zone} at ${now}`
    assert.deepEqual(countsOf(compared.figures), await sqlTotal(zone, days), what)
    assert.ok(previous !== null)
    assert.deepEqual(countsOf(previous.figures), await sqlTotal(zone, before), `${what}, before`)
  }
})

test('a zone is refused where what is compared begins within a window', async () => {
  const at = openServiceAt({ windowUs: 3_600_000_000, nowUs: Date.parse(AFTER) * 1000 })
  at.lake.start()
  const ask = async (compare: string): Promise<string> => {
    const asked = `zone=Australia/Lord_Howe&from=2026-10-05&to=2026-10-11&compare=${compare}`
    const { status, body } = await at.service.answer('summary', asked, false)
    return `${status} ${Buffer.from(body).toString('utf8')}`
  }
  assert.match(await ask('none'), /^200 /)
  assert.match(
    await ask('previous'),
    /^400 .*UTC\+10:30, which is no multiple of the window of 1 h/,
  )
})
