/**
 * The job on a real Flink, from a real topic into tables on S3: what the reference parser accepts
 * is stored once, with the same values; each closed window is the sum of its events; what is
 * rejected is kept once.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseEvent, revenueMillionths } from '../../src/event.ts'
import type { FlinkJob } from '../../src/flink.ts'
import { openRandom } from '../support/random.ts'
import { type FlinkPlace, type FlinkStack, openFlinkStack } from './support/flink-stack.ts'

let flink: FlinkStack
before(async () => {
  flink = await openFlinkStack()
})
after(() => flink.close())

const WINDOW_US = 300_000_000
let nextId = 0
const DAY = '2026-11-20'
/** Moves the watermark past all windows of the day. */
const FLUSH = eventLine({
  event_id: 'flush',
  campaign_id: 'flush',
  timestamp: '2026-11-21T12:00:00Z',
})

function eventLine(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({
    event_id: `e${nextId++}`,
    user_id: 'u',
    campaign_id: 'c',
    event_type: 'impression',
    timestamp: `${DAY}T10:00:00Z`,
    ...fields,
  })
}

test('timestamps of every form are stored as the reference parser reads them', async () => {
  const place = await flink.place()
  const lines = TIMESTAMPS.map((timestamp) => eventLine({ timestamp }))
  await place.send([...lines, FLUSH], 0)
  const job = place.openJob()
  await job.ensureRunning()
  const events = accepted(lines)
  assert.ok(events.length > 5 && events.length < lines.length - 10, `${events.length} accepted`)
  await place.awaitStored(events.length + 1)
  const rows = await place.query(
    'SELECT event_id, epoch_us(timestamp) FROM campaign_events WHERE campaign_id = ' +
      "'c' ORDER BY ALL",
  )
  const stored = rows.map(([id, us]) => [String(id), Number(us)])
  const expected = events.map(({ eventId, timestampUs }) => [eventId, timestampUs])
  assert.deepEqual(stored.sort(), expected.sort())
  await stop(job)
})

test('windows equal the sums of their events bit for bit, hard and late ones too', async () => {
  // One partition: of several, one that a slow machine takes for idle would be late.
  const place = await flink.place()
  // In the order of time: whatever is late has no window.
  const lines = byTime([...hardRevenues(), ...randomRevenues(), ...ratios()])
  const repeats = lines.slice(0, 200)
  // A repeat of an id counts for nothing, whatever else it says; the watermark follows what comes
  // last.
  const others = lines.slice(200, 300).map((line) => line.replace('"user_id":"u"', '"user_id":"z"'))
  await place.send([...lines, ...repeats, ...others])
  const job = place.openJob()
  await job.ensureRunning()
  await place.awaitStored(lines.length)
  await place.send([FLUSH], 0)
  await place.awaitStored(lines.length + 1)
  // Too late for its window: in the raw table only.
  await place.send([eventLine({ event_id: 'late', campaign_id: 'late' })], 0)
  await place.awaitStored(lines.length + 2)
  const expected = expectedWindows(lines)
  const found = await awaitWindows(place, expected.length)
  assert.equal(found.length, expected.length)
  for (const [index, row] of found.entries()) assert.deepEqual(row, expected[index])
  const [other] = await place.query("SELECT count(*) FROM campaign_events WHERE user_id = 'z'")
  assert.equal(Number(other?.[0]), 0)
  await stop(job)
})

test('with a retention of 90 days older events are rejected once the setting holds', async () => {
  const place = await flink.place()
  const today = await awaitDayWithRoom()
  const ago = (days: number, time = '12:00:00Z'): string =>
    `${new Date(today - days * DAY_MS).toISOString().slice(0, 10)}T${time}`
  // Noon of today may be still to come.
  const young = [
    ago(0, '00:00:00Z'),
    ago(90),
    ago(91),
    ago(91, '00:00:00Z'),
    ago(91, '00:30:00.000+00:30'),
  ]
  // The last in a zone where the 91st day has begun.
  const old = [ago(92), ago(92, '23:59:59.999999Z'), ago(400), ago(91, '00:29:59.999+00:30')]
  const first = ago(500, '00:00:00Z')
  // The first in a zone where the first day has begun.
  const gone = [ago(500, '00:15:00+00:30'), ago(501, '23:59:59.999Z'), '2000-01-01T00:00:00Z']

  // Let in under another setting; but a day that had gone takes nothing.
  const before = [...old, first, ...gone]
  await place.send(before.map((timestamp) => eventLine({ timestamp })))
  await sleep(50)
  const sinceUs = Date.now() * 1000
  await sleep(50)
  await place.send([...young, ...old, ...gone].map((timestamp) => eventLine({ timestamp })))
  const keptFromUs = Date.parse(first) * 1000
  const job = place.openJob({ retention: { days: 90, sinceUs, keptFromUs } })
  await job.ensureRunning()

  const kept = [...old, first, ...young]
  await place.awaitStored(kept.length)
  const reasons = await place.awaitRejected(gone.length + old.length + gone.length)
  const rejected = [...reasons].sort(([a], [b]) => a - b)
  assert.deepEqual(
    rejected,
    [5, 6, 7, 13, 14, 15, 16, 17, 18, 19].map((offset) => [offset, 'timestamp-retention']),
  )
  const rows = await place.query('SELECT epoch_ms(timestamp) FROM campaign_events')
  const stored = rows.map(([ms]) => Number(ms))
  assert.deepEqual(stored.sort(), kept.map((text) => Date.parse(text)).sort())
  await stop(job)
})

const DAY_MS = 86_400_000
/** The test must not be cut in two by midnight. */
const ROOM_MS = 120_000

/** The start of the day, UTC, once enough is left of it. */
async function awaitDayWithRoom(): Promise<number> {
  const leftMs = DAY_MS - (Date.now() % DAY_MS)
  if (leftMs < ROOM_MS) await sleep(leftMs)
  return Date.now() - (Date.now() % DAY_MS)
}

const TIMESTAMPS = [
  ...[
    '',
    'Z',
    '.1Z',
    '.123456Z',
    '.123456789Z',
    '.9999999',
    '.5+01:30',
    '-23:59',
    '.000001-00:00',
  ].map((rest) => `${DAY}T10:00:00${rest}`),
  ...['2024-02-29T00:00:00Z', '2000-01-01T00:00:00Z', '2000-01-01T00:30:00+00:30'],
  ...[
    '2000-01-01T00:29:59.999999+00:30',
    '1999-12-31T23:30:00-00:30',
    '1999-12-31T23:59:59.999999Z',
  ],
  ...[
    '2026-02-30T10:00:00Z',
    '2023-02-29T10:00:00Z',
    '2026-04-31T10:00:00Z',
    '2026-13-01T10:00:00Z',
  ],
  ...['2026-00-10T10:00:00Z', '2026-11-00T10:00:00Z', `${DAY}T24:00:00Z`, `${DAY}T23:59:60Z`],
  ...[`${DAY}T10:60:00Z`, `${DAY} 10:00:00Z`, `${DAY}T10:00:00.Z`, `${DAY}T10:00:00.1234567890Z`],
  ...[`${DAY}T10:00:00+24:00`, `${DAY}T10:00:00+01:60`, `${DAY}T10:00:00z`, `${DAY}T10:00Z`, DAY],
  ...[
    `${DAY}T10:00:00Z\n`,
    '',
    'x',
    '0000-01-01T00:00:00Z',
    '0001-01-01T00:00:00Z',
    '12026-11-20T10:00:00Z',
  ],
  ...['2099-01-01T00:00:00Z', '２026-11-20T10:00:00Z', `${DAY}T10:00:00.123+0100`],
]

function hardRevenues(): string[] {
  const values = [
    0, 5e-7, 4.9e-7, 1.0000005, -2.5e-6, -5e-7, 0.1, 0.2, 0.3, 1e9, -1e9, 1e-300, 5e-324,
  ]
  const more = [
    0.30000000000000004, 123456789.1234565, 999999999.9999995, 100000000.0000005, 2.675, 1e-7,
  ]
  const texts = [
    '-0',
    '-0.0',
    '1E2',
    '1.5e+3',
    '0.1e1',
    '1e-400',
    '0.1000000000000000055511151231257827',
  ]
  const alone = [...values, ...more].map(String).concat(texts)
  // The sum of each of these no DOUBLE holds to the millionth.
  const sums = Array.from({ length: 60 }, (_, i) => [
    'sum',
    i % 2 === 0 ? '999999999.999999' : '1e9',
  ])
  const pair = [
    ['pair', '0.1'],
    ['pair', '0.2'],
    ['pair', '-0.3'],
  ]
  const all = [...alone.map((text, i) => [`hard-${i}`, text]), ...sums, ...pair]
  return all.map(([campaign, text]) =>
    eventLine({ campaign_id: campaign }).replace('"user_id"', `"revenue":${text},"user_id"`),
  )
}

/** 100,000 of all magnitudes, one in three exactly between two millionths. */
function randomRevenues(): string[] {
  const random = openRandom(11)
  return Array.from({ length: 100_000 }, (_, index) => {
    const magnitude = 10 ** (random.next() * 15 - 6)
    const whole = Math.floor(random.next() * magnitude) % 1e8
    const tie = Number(`${whole}.${String(Math.floor(random.next() * 1e6)).padStart(6, '0')}5`)
    const size = index % 3 === 0 ? tie : Math.min(random.next() * magnitude, 1e9)
    return eventLine({ campaign_id: `r${index % 2_000}`, revenue: index % 2 === 0 ? size : -size })
  })
}

/** Clicks and conversions whose ratios have no short binary form. */
function ratios(): string[] {
  return Array.from({ length: 3_000 }, (_, index) => {
    const event_type = ['impression', 'click', 'conversion', 'impression'][(index * 7) % 4]
    const minute = String(index % 60).padStart(2, '0')
    const timestamp = `${DAY}T${String(index % 24).padStart(2, '0')}:${minute}:59.999999Z`
    return eventLine({ campaign_id: `q${index % 97}`, event_type, timestamp })
  })
}

function byTime(lines: readonly string[]): readonly string[] {
  const time = (line: string): string => /"timestamp":"([^"]*)"/.exec(line)?.[1] ?? ''
  return [...lines].sort((a, b) => (time(a) < time(b) ? -1 : time(a) > time(b) ? 1 : 0))
}

function accepted(lines: readonly string[]) {
  return lines.flatMap((line) => {
    const event = parseEvent(Buffer.from(line), Date.now() * 1000)
    return 'reason' in event ? [] : [event]
  })
}

type WindowRow = readonly (string | number | null)[]

/** The naive GROUP BY. */
function expectedWindows(lines: readonly string[]): readonly WindowRow[] {
  type Sums = { counts: Record<string, number>; millionths: bigint }
  const windows = new Map<string, Sums>()
  for (const event of accepted(lines)) {
    const start = Math.floor(event.timestampUs / WINDOW_US) * WINDOW_US
    const key = `${event.campaignId} ${start}`
    const sums = windows.get(key) ?? { counts: {}, millionths: 0n }
    windows.set(key, sums)
    sums.counts[event.eventType] = (sums.counts[event.eventType] ?? 0) + 1
    sums.millionths += revenueMillionths(event.revenue)
  }
  const rows = [...windows].map(([key, { counts, millionths }]) => {
    const [campaign = '', start = ''] = key.split(' ')
    const { impression = 0, click = 0, conversion = 0 } = counts
    return [
      ...[campaign, Number(start), Number(start) + WINDOW_US, impression, click, conversion],
      Number(millionths) / 1e6,
      impression === 0 ? null : (click * 100.0) / impression,
      click === 0 ? null : (conversion * 100.0) / click,
    ]
  })
  return sorted(rows)
}

async function awaitWindows(place: FlinkPlace, count: number): Promise<readonly WindowRow[]> {
  const sql =
    'SELECT campaign_id, epoch_us(window_start), epoch_us(window_end), impressions, clicks, ' +
    'conversions, ' +
    "revenue, ctr_percent, cvr_percent FROM campaign_metrics WHERE campaign_id <> 'flush'"
  const until = performance.now() + 120_000
  for (;;) {
    const rows = await place.query(sql)
    if (rows.length < count && performance.now() < until) continue
    return sorted(
      rows.map((row) =>
        row.map((cell) => (typeof cell === 'bigint' ? Number(cell) : cell)),
      ) as never,
    )
  }
}

function sorted(rows: readonly WindowRow[]): readonly WindowRow[] {
  return [...rows].sort((a, b) => (`${a[0]} ${a[1]}` < `${b[0]} ${b[1]}` ? -1 : 1))
}

async function stop(job: FlinkJob): Promise<void> {
  const jobId = job.jobId()
  await job.close()
  if (jobId !== null) await flink.cancel(jobId)
}
