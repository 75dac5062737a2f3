/** Sums for the dashboard: what they add up to, what a filter takes, and how they end. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { openDuck } from '../../../src/query/duckdb/instance.ts'
import { readSumRows } from '../../../src/query/duckdb/sum-rows.ts'
import { openSums, type SumRows, type SumsOptions, type SumsQuery } from '../../../src/query.ts'
import { placesIn } from '../../support/places.ts'
import { openRandom } from '../../support/random.ts'
import type { CampaignWindow } from '../../support/stored-rows.ts'
import { type EventRow, type Fixture, openFixture } from '../fixture.ts'

let fixture: Fixture
let spill: string
before(async () => {
  fixture = await openFixture()
  spill = join(fixture.path, 'sums-spill')
  await mkdir(spill)
})
after(() => fixture.close())

const MINUTE_US = 60_000_000
const HOUR_US = 60 * MINUTE_US
const TEN_US = Date.UTC(2026, 10, 22, 10) * 1000
const ANY_TIME = { fromUs: TEN_US - 240 * HOUR_US, toUs: TEN_US + 240 * HOUR_US }
const ALL = { campaign: [], platform: [], country: [], device: [] }
const BY_CAMPAIGN = { by: 'campaign', where: ALL } as const

function options(): SumsOptions {
  const warehouse = { kind: 'folder', path: join(fixture.path, 'data') } as const
  const { cache } = placesIn(fixture.path)
  return { warehouse, cache, nowMs: () => Date.now(), temporaryPath: spill }
}

async function open(t: TestContext): Promise<SumsQuery> {
  const sums = await openSums(options())
  t.after(() => sums.close())
  return sums
}

type Sum = readonly [
  campaign: string,
  start: string,
  impressions: number,
  clicks: number,
  conversions: number,
  millionths: number,
]

/** One line for each entry, by start and campaign. */
function linesOf(rows: SumRows): readonly Sum[] {
  const lines = Array.from(rows.codes, (code, at): Sum => {
    const start = new Date((rows.startsUs[at] as number) / 1000).toISOString()
    const counts = [rows.impressions[at], rows.clicks[at], rows.conversions[at]] as number[]
    const [impressions = -1, clicks = -1, conversions = -1] = counts
    const millionths = rows.revenueMillionths[at] as number
    return [rows.names[code] as string, start, impressions, clicks, conversions, millionths]
  })
  return lines.toSorted(([aName, aStart], [bName, bStart]) =>
    aStart === bStart ? compare(aName, bName) : compare(aStart, bStart),
  )
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

function metricsRow(
  campaign: string,
  time: string,
  counts: CampaignWindow['counts'],
  revenue: string,
): CampaignWindow {
  const start = `2026-11-22 ${time}`
  return { campaign, start, end: start, counts, revenue, ctr: 'NULL', cvr: 'NULL' }
}

test('windows add up to the steps that hold them, refunds too, to the millionth', async (t) => {
  const files = [
    await fixture.metricsFile('m1.parquet', [
      metricsRow('spring', '09:55:00', [7, 0, 0], '0'),
      metricsRow('spring', '10:00:00', [10, 4, 1], '0.1::DOUBLE + 0.2::DOUBLE'),
      metricsRow('été 🌞', '10:00:00', [3, 2, 1], '-2.500001'),
      metricsRow('spring', '10:05:00', [20, 5, 2], '-0.3'),
    ]),
    await fixture.metricsFile('m2.parquet', [
      metricsRow('été 🌞', '10:55:00', [1, 0, 0], '8589934591.999999'),
    ]),
  ]
  const sums = await open(t)
  assert.deepEqual(linesOf(await sums.sumMetrics(files, ANY_TIME, HOUR_US)), [
    ['spring', '2026-11-22T09:00:00.000Z', 7, 0, 0, 0],
    ['spring', '2026-11-22T10:00:00.000Z', 30, 9, 3, 0],
    ['été 🌞', '2026-11-22T10:00:00.000Z', 4, 2, 1, 8_589_934_589_499_998],
  ])
  assert.deepEqual(linesOf(await sums.sumMetrics(files, ANY_TIME, 5 * MINUTE_US)), [
    ['spring', '2026-11-22T09:55:00.000Z', 7, 0, 0, 0],
    ['spring', '2026-11-22T10:00:00.000Z', 10, 4, 1, 300_000],
    ['été 🌞', '2026-11-22T10:00:00.000Z', 3, 2, 1, -2_500_001],
    ['spring', '2026-11-22T10:05:00.000Z', 20, 5, 2, -300_000],
    ['été 🌞', '2026-11-22T10:55:00.000Z', 1, 0, 0, 8_589_934_591_999_999],
  ])
})

test('a span takes what begins in it; steps are counted from the epoch', async (t) => {
  const file = await fixture.metricsFile('cut.parquet', [
    metricsRow('a', '09:55:00', [1, 0, 0], '0'),
    metricsRow('a', '10:10:00', [2, 0, 0], '0'),
    metricsRow('a', '10:20:00', [4, 0, 0], '0'),
    metricsRow('a', '10:30:00', [8, 0, 0], '0'),
  ])
  const events = await fixture.eventsFile('cut-events.parquet', [
    { id: '1', campaign: 'a', at: '2026-11-22 10:09:59.999999' },
    { id: '2', campaign: 'a', at: '2026-11-22 10:10:00' },
    { id: '3', campaign: 'a', at: '2026-11-22 10:29:59.999999', type: 'click' },
    { id: '4', campaign: 'a', at: '2026-11-22 10:30:00' },
  ])
  const span = { fromUs: TEN_US + 10 * MINUTE_US, toUs: TEN_US + 30 * MINUTE_US }
  const sums = await open(t)
  assert.deepEqual(linesOf(await sums.sumMetrics([file], span, 15 * MINUTE_US)), [
    ['a', '2026-11-22T10:00:00.000Z', 2, 0, 0, 0],
    ['a', '2026-11-22T10:15:00.000Z', 4, 0, 0, 0],
  ])
  assert.deepEqual(linesOf(await sums.sumEvents([events], span, HOUR_US, BY_CAMPAIGN)), [
    ['a', '2026-11-22T10:00:00.000Z', 1, 1, 0, 0],
  ])
  const empty = { fromUs: span.toUs, toUs: span.fromUs }
  assert.equal((await sums.sumMetrics([file], empty, HOUR_US)).codes.length, 0)
})

test('two rows of one window, which should not be, are added up', async (t) => {
  const row = metricsRow('twice', '10:00:00', [1, 1, 1], '0.5')
  const file = await fixture.metricsFile('twice.parquet', [row, row])
  const sums = await open(t)
  assert.deepEqual(linesOf(await sums.sumMetrics([file], ANY_TIME, 5 * MINUTE_US)), [
    ['twice', '2026-11-22T10:00:00.000Z', 2, 2, 2, 1_000_000],
  ])
})

test('a filter takes events by their values; the empty value takes NULL too', async (t) => {
  const file = await fixture.eventsFile('filter.parquet', [
    { id: '1', platform: 'web', country: 'DE', device: 'ios', type: 'click', revenue: '1.25' },
    { id: '2', platform: 'mobile', country: 'DE', device: null, revenue: '-0.0000005' },
    { id: '3', platform: null, country: "Côte d'Ivoire", device: 'ios', type: 'conversion' },
    { id: '4', platform: '', country: "') OR true --", device: '' },
  ])
  const sums = await open(t)
  const found = async (filter: Partial<Parameters<SumsQuery['sumEvents']>[3]['where']>) => {
    const asked = { ...BY_CAMPAIGN, where: { ...ALL, ...filter } }
    return linesOf(await sums.sumEvents([file], ANY_TIME, HOUR_US, asked)).map(
      ([, , ...counts]) => counts,
    )
  }
  assert.deepEqual(await found({}), [[2, 1, 1, 1_249_999]])
  assert.deepEqual(await found({ platform: ['web', 'mobile'] }), [[1, 1, 0, 1_249_999]])
  assert.deepEqual(await found({ platform: [''] }), [[1, 0, 1, 0]])
  assert.deepEqual(await found({ platform: ['', 'web'], country: ['DE'] }), [[0, 1, 0, 1_250_000]])
  assert.deepEqual(await found({ device: [''] }), [[2, 0, 0, -1]])
  assert.deepEqual(await found({ country: ["Côte d'Ivoire"], device: ['ios'] }), [[0, 0, 1, 0]])
  assert.deepEqual(await found({ country: ["') OR true --"] }), [[1, 0, 0, 0]])
  assert.deepEqual(await found({ country: ["x' OR '1' = '1", '$platform0'] }), [])
})

test('events add up by another column, NULL as the empty text, of some campaigns', async (t) => {
  const file = await fixture.eventsFile('by.parquet', [
    { id: '1', campaign: 'a', country: 'DE', type: 'click', revenue: '1.25', platform: 'web' },
    { id: '2', campaign: 'a', country: 'DE', platform: 'web' },
    { id: '3', campaign: 'b', country: 'DE', type: 'conversion', platform: 'tv' },
    { id: '4', campaign: 'c', country: 'FR', platform: 'web' },
    { id: '5', campaign: 'b', country: null, revenue: '-3' },
    { id: '6', campaign: 'a', country: '', type: 'click' },
  ])
  const sums = await open(t)
  const found = async (where: Partial<Parameters<SumsQuery['sumEvents']>[3]['where']>) => {
    const asked = { by: 'country', where: { ...ALL, ...where } } as const
    return linesOf(await sums.sumEvents([file], ANY_TIME, 24 * HOUR_US, asked)).map(
      ([value, , ...counts]) => [value, ...counts],
    )
  }
  assert.deepEqual(await found({}), [
    ['', 1, 1, 0, -3_000_000],
    ['DE', 1, 1, 1, 1_250_000],
    ['FR', 1, 0, 0, 0],
  ])
  assert.deepEqual(await found({ campaign: ['a', 'nobody'] }), [
    ['', 0, 1, 0, 0],
    ['DE', 1, 1, 0, 1_250_000],
  ])
  assert.deepEqual(await found({ country: ['DE', 'IT'], platform: ['tv'] }), [['DE', 0, 0, 1, 0]])
  assert.deepEqual(await found({ country: [''] }), [['', 1, 1, 0, -3_000_000]])
})

test('events of many campaigns and files add up as in a plain model', async (t) => {
  const random = openRandom(20_261_122)
  const rows = Array.from({ length: 6_000 }, (_, index): EventRow => {
    const atMs = TEN_US / 1000 + random.below(6 * 3_600_000)
    return {
      id: `e${index}`,
      campaign: `campaign ${random.below(40)}`,
      type: random.pick(['impression', 'click', 'conversion']),
      at: new Date(atMs).toISOString().slice(0, 23).replace('T', ' '),
      revenue: (random.below(2_000_001) / 1e6 - 1).toFixed(6),
      platform: random.pick(['web', 'mobile', '', null]),
      country: random.pick(['DE', 'US', 'FR', null]),
    }
  })
  const files = await Promise.all(
    [0, 2_000, 4_000].map((from) =>
      fixture.eventsFile(`model-${from}.parquet`, rows.slice(from, from + 2_000)),
    ),
  )
  const sums = await open(t)
  for (const stepUs of [5 * MINUTE_US, 15 * MINUTE_US, HOUR_US, 24 * HOUR_US]) {
    const span = {
      fromUs: TEN_US + random.below(120) * MINUTE_US,
      toUs: TEN_US + (181 + random.below(180)) * MINUTE_US,
    }
    const where = { ...ALL, platform: ['web', ''], country: ['DE', 'US', 'XX'] }
    const filter = { by: 'campaign', where } as const
    const found = linesOf(await sums.sumEvents(files, span, stepUs, filter))
    const expected = modelOf(rows, span, stepUs, (row) => {
      const fitsPlatform = row.platform !== 'mobile'
      return fitsPlatform && (row.country === 'DE' || row.country === 'US')
    })
    assert.ok(found.length >= 40)
    assert.deepEqual(found, expected)
  }
})

/** Adds up row by row, in integers. */
function modelOf(
  rows: readonly EventRow[],
  span: Readonly<{ fromUs: number; toUs: number }>,
  stepUs: number,
  fits: (row: EventRow) => boolean,
): readonly Sum[] {
  const entries = new Map<string, [string, string, number, number, number, number]>()
  for (const row of rows) {
    const atUs = Date.parse(`${row.at?.replace(' ', 'T')}Z`) * 1000
    if (atUs < span.fromUs || atUs >= span.toUs || !fits(row)) continue
    const start = new Date((atUs - (atUs % stepUs)) / 1000).toISOString()
    const campaign = row.campaign ?? ''
    const entry = entries.get(`${start} ${campaign}`) ?? [campaign, start, 0, 0, 0, 0]
    entries.set(`${start} ${campaign}`, entry)
    if (row.type === 'impression') entry[2]++
    else if (row.type === 'click') entry[3]++
    else entry[4]++
    entry[5] += Number(row.revenue?.replace('.', ''))
  }
  return [...entries.values()].toSorted(
    (a, b) => compare(a[1], b[1]) || compare(a[0] as string, b[0] as string),
  )
}

test('more entries than one read gives keep their campaigns, each named once', async (t) => {
  const file = join(fixture.path, 'data', 'many.parquet')
  await fixture.sql(`COPY (SELECT 'c' || (n % 3001) AS campaign_id,
      TIMESTAMP '2026-11-22 00:00:00' + to_minutes((5 * (n // 3001))::BIGINT) AS window_start,
      TIMESTAMP '2026-11-22 00:00:00' AS window_end, n AS impressions, 1::BIGINT AS clicks,
        0::BIGINT AS conversions,
      (n % 7)::DOUBLE AS revenue, NULL::DOUBLE AS ctr_percent, NULL::DOUBLE AS cvr_percent,
        NULL::TIMESTAMP AS processed_at
    FROM range(30010) t(n)) TO '${file}' (FORMAT parquet, FIELD_IDS {campaign_id: 1,
      window_start: 2, window_end: 3,
      impressions: 4, clicks: 5, conversions: 6, revenue: 7, ctr_percent: 8, cvr_percent: 9,
        processed_at: 10})`)
  const sums = await open(t)
  const rows = await sums.sumMetrics([file], ANY_TIME, 5 * MINUTE_US)
  assert.equal(rows.codes.length, 30_010)
  assert.equal(new Set(rows.names).size, 3_001)
  const midnightUs = TEN_US - 10 * HOUR_US
  for (let at = 0; at < rows.codes.length; at++) {
    const n = rows.impressions[at] as number
    assert.equal(rows.names[rows.codes[at] as number], `c${n % 3001}`)
    assert.equal(rows.startsUs[at], midnightUs + Math.floor(n / 3001) * 5 * MINUTE_US)
    assert.equal(rows.revenueMillionths[at], (n % 7) * 1e6)
  }
})

test('values come most frequent first, NULL as the empty text, 200 of each at most', async (t) => {
  const rows = [
    { id: '1', platform: 'web', country: 'DE', device: null },
    { id: '2', platform: null, country: 'DE', device: null },
    { id: '3', platform: '', country: 'US', device: 'platform' },
    ...Array.from({ length: 250 }, (_, n) => ({ id: `n${n}`, device: `d${n}`, platform: 'web' })),
  ]
  const sums = await open(t)
  const found = await sums.listValues([await fixture.eventsFile('values.parquet', rows)])
  assert.deepEqual(found.platform, ['web', ''])
  assert.deepEqual(found.country, ['DE', 'US'])
  assert.equal(found.device.length, 200)
  assert.deepEqual(found.device.slice(0, 3), ['', 'd0', 'd1'])
})

test('a U+FEFF in front of a name or a value belongs to it', async (t) => {
  const [name, other] = ['\ufeffspring', 'spring']
  const metrics = await fixture.metricsFile('mark.parquet', [
    metricsRow(name, '10:00:00', [1, 0, 0], '0'),
    metricsRow(other, '10:00:00', [2, 0, 0], '0'),
  ])
  const events = await fixture.eventsFile('mark-events.parquet', [
    { id: '1', campaign: name, platform: '\ufeffweb', country: '\ufeff', device: '' },
    { id: '2', campaign: other, platform: 'web', country: '', device: '\ufeff' },
    { id: '3', campaign: other, platform: 'web', country: '', device: '\ufeff' },
  ])
  const sums = await open(t)
  const expected = [
    [other, '2026-11-22T10:00:00.000Z', 2, 0, 0, 0],
    [name, '2026-11-22T10:00:00.000Z', 1, 0, 0, 0],
  ]
  assert.deepEqual(linesOf(await sums.sumMetrics([metrics], ANY_TIME, HOUR_US)), expected)
  assert.deepEqual(
    linesOf(await sums.sumEvents([events], ANY_TIME, HOUR_US, BY_CAMPAIGN)),
    expected,
  )
  assert.deepEqual(await sums.listValues([events]), {
    platform: ['web', '\ufeffweb'],
    country: ['', '\ufeff'],
    device: ['\ufeff', ''],
  })
})

test('no files give nothing', async (t) => {
  const sums = await open(t)
  const none = await sums.sumMetrics([], ANY_TIME, HOUR_US)
  assert.deepEqual([none.names, none.codes.length, none.startsUs.length], [[], 0, 0])
  const filter = { by: 'campaign', where: { ...ALL, country: ['DE'] } } as const
  assert.deepEqual(linesOf(await sums.sumEvents([], ANY_TIME, HOUR_US, filter)), [])
  assert.deepEqual(await sums.listValues([]), { platform: [], country: [], device: [] })
})

test('a file that has gone is said to have expired, and the next call is answered', async (t) => {
  const file = await fixture.eventsFile('gone.parquet', [{ id: '1', type: 'click' }])
  const other = await fixture.eventsFile('there.parquet', [{ id: '2', type: 'click' }])
  const sums = await open(t)
  const asked = () => sums.sumEvents([file, other], ANY_TIME, HOUR_US, BY_CAMPAIGN)
  assert.equal((await asked()).clicks[0], 2)
  await rm(file)
  await assert.rejects(asked(), { name: 'QueryError', code: 'files-expired' })
  assert.equal((await sums.sumEvents([other], ANY_TIME, HOUR_US, BY_CAMPAIGN)).clicks[0], 1)
})

test('closing breaks off what runs and what waits, and leaves no folder behind', async () => {
  const file = join(fixture.path, 'data', 'long.parquet')
  await fixture.sql(`COPY (SELECT 'e' || n AS event_id, 'u' AS user_id,
    'campaign-' || n AS campaign_id, 'click' AS event_type,
      TIMESTAMP '2026-11-22 10:00:00' AS "timestamp", n / 7 AS revenue, 'web' AS platform,
        'DE' AS country, 'ios' AS device_type
    FROM range(2000000) t(n)) TO '${file}' (FORMAT parquet, FIELD_IDS {event_id: 1, user_id: 2,
      campaign_id: 3,
      event_type: 4, "timestamp": 5, revenue: 6, platform: 7, country: 8, device_type: 9})`)
  const sums = await openSums(options())
  const running = sums.sumEvents([file], ANY_TIME, HOUR_US, BY_CAMPAIGN)
  const waiting = sums.listValues([file])
  const ends = [running, waiting].map((call) => assert.rejects(call, { code: 'closed' }))
  await new Promise((resolve) => setTimeout(resolve, 100))
  await sums.close()
  await Promise.all(ends)
  await assert.rejects(sums.listValues([file]), { code: 'closed' })
  await sums.close()
  assert.deepEqual(await readdir(spill), [])
})

test('a step may be as short as a microsecond, and no shorter', async (t) => {
  const file = await fixture.metricsFile('step.parquet', [
    metricsRow('a', '10:00:00.000001', [1, 0, 0], '0'),
    metricsRow('a', '10:00:00.000002', [2, 0, 0], '0'),
  ])
  const sums = await open(t)
  const rows = await sums.sumMetrics([file], ANY_TIME, 1)
  assert.deepEqual([...rows.startsUs].sort(), [TEN_US + 1, TEN_US + 2])
  await assert.rejects(sums.sumMetrics([file], ANY_TIME, 0), /a step has a length/)
})

test('rows that are not wanted any more are not read to their end', async () => {
  const duck = await openDuck({ folders: [], temporaryPath: spill })
  const connection = await duck.connect()
  try {
    const result = await connection.stream(`SELECT (range % 7)::INTEGER, range::DOUBLE, 1::DOUBLE,
      0::DOUBLE, 0::DOUBLE, 0::DOUBLE, NULL::BLOB FROM range(100000)`)
    let asked = 0
    const reading = readSumRows(result, () => {
      asked += 1
      if (asked === 3) throw new Error('not wanted')
    })
    await assert.rejects(reading, /not wanted/)
    const rest = await readSumRows(result, () => {})
    assert.ok(rest.codes.length > 80_000 && rest.codes.length < 100_000, `${rest.codes.length}`)
  } finally {
    connection.closeSync()
    await duck.close()
  }
})

test('a file that is not in the store has expired; other failures of the store stay', async (t) => {
  const answers: readonly (readonly [number, string])[] = [
    [404, 'NoSuchKey'],
    [403, 'AccessDenied'],
  ]
  let requests = 0
  const server = createServer((_, response) => {
    const [status, code] = answers[requests++] ?? [500, 'InternalError']
    response.writeHead(status, { 'content-type': 'application/xml' })
    response.end(`<?xml version="1.0"?><Error><Code>${code}</Code></Error>`)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(() => server.close())
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = process.env
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' })
  t.after(() => Object.assign(process.env, { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY }))
  const sums = await openSums({
    ...options(),
    warehouse: {
      kind: 's3',
      location: 's3://bucket/lake',
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      region: 'us-east-1',
      pathStyle: true,
    },
  })
  t.after(() => sums.close())
  const asked = () => sums.listValues(['s3://bucket/lake/one.parquet'])
  await assert.rejects(asked(), { name: 'QueryError', code: 'files-expired' })
  await assert.rejects(asked(), { name: 'TableError', code: 's3-failed', message: /AccessDenied/ })
})
