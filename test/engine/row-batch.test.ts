/**
 * Rows in, pages and window sums out: judged by hyparquet and by a plain model of the same rows.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { loadIdSets, openRowBatch } from '../../src/engine.ts'
import type { DayRows } from '../../src/event.ts'
import { KEEPS_ALL_US } from '../../src/event.ts'
import { NO_RECENT_IDS, openBlockBatch, type Row } from './block.ts'
import {
  anyRow,
  assertRows,
  assertStatistics,
  assertTaken,
  DAY_US,
  expectedRow,
  expectedWindows,
  manyRows,
  NOON,
  readRows,
  WINDOW_US,
} from './rows-model.ts'

const openIdSet = await loadIdSets()

test('rows come back from the pages as they went in, and the windows are their sums', async () => {
  const batch = await openBlockBatch({ windowUs: WINDOW_US })
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyRow, { minLength: 1, maxLength: 300, size: 'max' }),
      async (rows) => {
        const stored = rows.filter(({ verdict }) => verdict === 0)
        const added = batch.addRows(rows, 1_000)
        assert.equal(added.events, rows.length)
        assert.equal(added.stored, stored.length)
        assert.equal(added.duplicates, 0)
        assert.deepEqual(
          added.rejected.map(({ index }) => index),
          rows.flatMap(({ verdict }, index) => (verdict === 0 ? [] : [index])),
        )
        assert.equal(batch.rows, stored.length)
        assert.equal(batch.windows, expectedWindows(stored).size)
        await assertTaken(batch.take(), stored)
        assert.equal(batch.rows, 0)
        assert.deepEqual(batch.take(), { days: [], windows: [] })
      },
    ),
    { numRuns: 100 },
  )
})

test('pages split at 32,768 rows, with dictionaries of every width from 1 to 17 bits', async () => {
  const batch = await openBlockBatch({ windowUs: WINDOW_US })
  for (const [distinct, count] of [
    [1, 40_000],
    [2, 1_000],
    [3, 1_000],
    [17, 1_000],
    [33, 1_000],
    [100, 1_000],
    [130, 1_000],
    [300, 2_000],
    [1_000, 5_000],
    [1_030, 5_000],
    [3_000, 10_000],
    [5_000, 20_000],
    [10_000, 33_000],
    [20_000, 66_000],
    [33_000, 100_000],
    [70_000, 215_000],
  ] as const) {
    const rows = manyRows(count, (i) => ({
      timestampUs: NOON + BigInt((i * 7919) % distinct),
      revenue: ((i * 31) % distinct) / 100,
      strings: [`e${i}`, `u${(i * 7919) % distinct}`, 'c', i % 5 === 0 ? null : 'web', null, 'ios'],
    }))
    batch.addRows(rows, 1)
    const taken = batch.take()
    const users = taken.days[0]?.columns[1]
    assert.equal(users?.pages[0]?.kind, 'dictionary', `${distinct}`)
    assert.equal(users?.pages[0]?.values, distinct)
    assert.ok(users?.pages.every(({ values, kind }) => kind === 'dictionary' || values <= 32_768))
    assertRows(await readRows(taken.days[0] as DayRows), rows.map(expectedRow))
    const expected = rows.map(expectedRow)
    for (const column of taken.days[0]?.columns ?? []) assertStatistics(column, expected)
  }
})

test('each page has the bounds of its own rows: one or all null, ties of 8 bytes, order', async () => {
  const batch = await openBlockBatch({ windowUs: WINDOW_US })
  const count = 70_000
  const pageOf = (i: number): number => Math.floor(i / 32_768)
  // Of 1, 2,000 and 2,100 strings: walked by the string, or by the row. Of 60,000: not repeated.
  for (const distinct of [1, 2_000, 2_100, 60_000]) {
    const rows = manyRows(count, (i) => ({
      type: pageOf(i) % 3,
      timestampUs: NOON - BigInt(i),
      revenue: [-1, 0, 5][pageOf(i)]! * (i % 7) + 0,
      millionths: 0n,
      strings: [
        // Bytes from 0x00 to 0xf4 after a beginning that is alike.
        `same-beginning-${String.fromCodePoint((i * 7_919) % 0xd000)}-${i}`,
        `same-beginning-${(i * 7_919) % distinct}`,
        `campaign-${pageOf(i)}${String.fromCodePoint(0x10ffff - (i % 3))}`,
        pageOf(i) === 1 ? null : `web${i % 2}`,
        pageOf(i) === 1 && i % 32_768 === 17 ? '' : null,
        i % 3 === 0 ? null : `\0${'\0'.repeat(i % 20)}${i % distinct}`,
      ],
    }))
    batch.addRows(rows, 1)
    const [day] = batch.take().days
    const expected = rows.map(expectedRow)
    for (const column of day?.columns ?? []) assertStatistics(column, expected)
  }
})

test('pages of two days of one batch have bounds of their own', async () => {
  const batch = await openBlockBatch({ windowUs: WINDOW_US })
  const rows = manyRows(90_000, (i) => ({
    timestampUs: NOON - BigInt(i % 2) * DAY_US - BigInt((i * 7_919) % 1_000),
    revenue: (i * 31) % 1_013,
    strings: [`${(i * 7_919) % 90_000}`, `u${(i * 31) % 50_000}`, `c${i % 5}`, null, `${i}`, 'ios'],
  }))
  batch.addRows(rows, 1)
  const { days } = batch.take()
  for (const day of days) {
    const own = rows.filter((_, i) => (i % 2 === 0) === (day === days[1])).map(expectedRow)
    for (const column of day.columns) assertStatistics(column, own)
  }
})

test('user ids that hardly repeat are written plain, and still right', async () => {
  const batch = await openBlockBatch({ windowUs: WINDOW_US })
  const rows = manyRows(50_000, (i) => ({
    strings: [`e${i}`, `somebody-${i}`, 'c', null, 'DE', i % 3 === 0 ? null : `device-${i}`],
  }))
  batch.addRows(rows, 1)
  const taken = batch.take()
  for (const column of [1, 8]) {
    assert.equal(taken.days[0]?.columns[column]?.pages[0]?.encoding, 'PLAIN')
  }
  await assertTaken(taken, rows)
})

test('strings that share a hash are told apart: 200,000, some with equal 32 bits', async () => {
  const batch = await openBlockBatch({ windowUs: WINDOW_US })
  const count = 200_000
  const scattered = (i: number): string => {
    const number = BigInt.asUintN(64, BigInt(i) * 0x9e3779b97f4a7c15n)
    return `user-${number.toString(36).padStart(13, '0')}`
  }
  batch.addRows(
    manyRows(count, (i) => ({ strings: ['e', scattered(i), 'c', null, null, null] })),
    1,
  )
  const [day] = batch.take().days
  const users = day?.columns[1]
  const text = users?.pages.map(({ bytes }) => Buffer.from(bytes).toString('latin1')).join('')
  const seen = new Set(text?.match(/user-[0-9a-z]{13}/g))
  // A string that was taken for another one would be missing.
  assert.equal(seen.size, count)
})

test('one batch holds thousands of windows of hundreds of campaigns', async () => {
  const batch = await openBlockBatch({ windowUs: WINDOW_US })
  const rows = manyRows(20_000, (i) => ({
    type: i % 3,
    timestampUs: NOON + BigInt(((i * 7919) % 1_000) * WINDOW_US),
    millionths: BigInt(i),
    strings: [`e${i}`, 'u', `campaign-${i % 300}`, null, null, null],
  }))
  batch.addRows(rows, 1)
  assert.equal(batch.windows, 3_000)
  await assertTaken(batch.take(), rows)
})

test('a backfill over hundreds of days gives a set of rows a day, in arrival order', async () => {
  const batch = await openBlockBatch({ windowUs: WINDOW_US })
  const rows = manyRows(20_000, (i) => ({
    timestampUs: NOON - BigInt((i * 7919) % 400) * DAY_US,
    revenue: i % 9,
    millionths: BigInt(i % 9) * 1_000_000n,
  }))
  batch.addRows(rows, 1)
  await assertTaken(batch.take(), rows)
})

test('the arrival range of a day is that of its own rows', async () => {
  const batch = await openBlockBatch({ windowUs: WINDOW_US })
  const yesterday = { timestampUs: NOON - DAY_US }
  batch.addRows(
    manyRows(2, () => yesterday),
    5,
  )
  batch.addRows(
    manyRows(2, () => ({})),
    7,
  )
  batch.addRows(
    manyRows(2, (i) => (i === 0 ? {} : { ...yesterday, verdict: 1 })),
    9,
  )
  const ranges = batch.take().days.map((day) => [day.rows, day.arrivalMinUs, day.arrivalMaxUs])
  assert.deepEqual(ranges, [
    [2, 5, 5],
    [3, 7, 9],
  ])
})

test('window revenue is exact past 64 bits, in both directions', async () => {
  const batch = await openBlockBatch({ windowUs: WINDOW_US })
  const billion = { revenue: 1e9, millionths: 1_000_000_000_000_000n }
  const refund = { revenue: -1e9, millionths: -1_000_000_000_000_000n }
  const strings = (campaign: string): Row['strings'] => ['e', 'u', campaign, null, null, null]
  batch.addRows(
    manyRows(40_000, (i) => ({
      ...(i % 2 === 0 ? billion : refund),
      strings: strings(i % 2 === 0 ? 'up' : 'down'),
    })),
    1,
  )
  const sums = new Map(batch.take().windows.map((w) => [w.campaignId, w.revenueMillionths]))
  assert.deepEqual(
    sums,
    new Map([
      ['up', 20_000n * 10n ** 15n],
      ['down', -20_000n * 10n ** 15n],
    ]),
  )
})

test('what the recent ids mask is a duplicate: in no column and no window', async () => {
  const seen = new Set<string>()
  const batch = await openBlockBatch({
    windowUs: WINDOW_US,
    recentIds: {
      admit(hashes, rows, mask, arrivalUs) {
        assert.equal(arrivalUs, 42)
        for (let row = 0; row < rows; row++) {
          if (mask[row] === 1) continue
          const id = Buffer.from(hashes.subarray(row * 16, row * 16 + 16)).toString('hex')
          mask[row] = Number(seen.has(id))
          seen.add(id)
        }
      },
    },
  })
  const rows = manyRows(3_000, (i) => ({
    verdict: i % 10 === 9 ? 2 : 0,
    strings: [`event-${i % 1_000}`, 'u', 'c', null, null, null],
  }))
  const added = batch.addRows(rows, 42)
  assert.deepEqual(
    [added.events, added.stored, added.duplicates, added.rejected.length],
    [3_000, 900, 1_800, 300],
  )
  await assertTaken(
    batch.take(),
    rows.slice(0, 1_000).filter(({ verdict }) => verdict === 0),
  )
})

test('rows from the first stored day on are asked about, counted, not stored again', async () => {
  const ids = openIdSet({ bytesMax: 1 << 20 })
  const batch = await openRowBatch({
    windowUs: WINDOW_US,
    seed: 7n,
    recentIds: { admit: (hashes, rows, mask) => ids.insertNew(hashes, rows, mask) },
  })
  const event = (id: string, day: string): string =>
    JSON.stringify({
      ...{ event_id: id, user_id: 'u', campaign_id: 'c', event_type: 'click' },
      timestamp: `2026-11-${day}T00:00:00Z`,
    })
  const lines = [
    ...[event('old', '20'), event('edge', '21'), event('new', '22')],
    // Repeats: of one that is stored already, in either direction.
    ...[event('edge', '19'), event('old', '21'), '{'],
  ]
  const arrivalUs = Number(NOON)
  const storedFromUs = Date.UTC(2026, 10, 21) * 1000
  const times = { arrivalUs, keptFromUs: KEEPS_ALL_US, dedupeUs: arrivalUs, storedFromUs }
  const added = batch.add(Buffer.from(`${lines.join('\n')}\n`), times)
  assert.deepEqual(
    [added.events, added.stored, added.already, added.duplicates, added.rejected.length],
    [6, 1, 3, 1, 1],
  )
  const [day, ...others] = batch.take().days
  assert.deepEqual([day?.rows, others.length], [1, 0])
})

test('hashIds gives the hashes that add asks the recent ids about', async () => {
  const asked: Buffer[] = []
  const batch = await openBlockBatch({
    windowUs: WINDOW_US,
    recentIds: {
      ...NO_RECENT_IDS,
      admit: (hashes, rows) => asked.push(Buffer.from(hashes.slice(0, rows * 16))),
    },
  })
  const ids = Array.from({ length: 5_000 }, (_, i) => 'é'.repeat(i % 60) + 'x'.repeat(1 + (i % 9)))
  batch.addRows(
    manyRows(5_000, (i) => ({ strings: [ids[i] ?? '', 'u', 'c', null, null, null] })),
    1,
  )
  const { hashIds } = batch
  assert.deepEqual(Buffer.from(hashIds(ids.map((id) => Buffer.from(id)))), Buffer.concat(asked))
  assert.deepEqual(hashIds([]), new Uint8Array())
})

test('a full batch says so and refuses more until it is taken', async () => {
  const batch = await openBlockBatch({ windowUs: WINDOW_US, rowsMax: 5_000 })
  const rows = manyRows(3_000, () => ({}))
  batch.addRows(rows, 1)
  assert.equal(batch.full, false)
  batch.addRows(rows, 1)
  assert.equal(batch.full, true)
  assert.throws(() => batch.addRows(rows, 1), { code: 'batch-full', canRetry: true })
  assert.equal(batch.take().days[0]?.rows, 6_000)
  assert.equal(batch.full, false)
  assert.equal(batch.addRows(rows, 1).stored, rows.length)
})

test('lines go in as bytes: parsed, deduplicated across calls, rejected by index', async () => {
  const ids = openIdSet({ bytesMax: 1 << 20 })
  const batch = await openRowBatch({
    windowUs: WINDOW_US,
    seed: 7n,
    recentIds: { admit: (hashes, rows, mask) => ids.insertNew(hashes, rows, mask) },
  })
  const event = (id: string, more: object = {}): string =>
    JSON.stringify({
      ...{ event_id: id, user_id: 'ü\n', campaign_id: 'c', event_type: 'click' },
      ...{ timestamp: '2026-11-22T12:00:00Z', revenue: -0.5, country: 'DE', ...more },
    })
  const lines = [
    event('a'),
    event('a', { revenue: 9 }),
    '{',
    event('b'),
    event('c', { revenue: '1' }),
  ]
  const arrivalUs = Number(NOON)
  const times = { arrivalUs, keptFromUs: KEEPS_ALL_US, dedupeUs: arrivalUs }
  const added = batch.add(Buffer.from(`${lines.join('\n')}\n`), times)
  assert.deepEqual([added.events, added.stored, added.duplicates], [5, 2, 1])
  assert.deepEqual(
    added.rejected.map(({ index, reason }) => [index, reason]),
    [
      [2, 'syntax'],
      [4, 'revenue-not-number'],
    ],
  )
  const again = batch.add(Buffer.from(`${event('b')}\n${event('d')}\n`), times)
  assert.deepEqual([again.stored, again.duplicates], [1, 1])
  assert.equal(
    batch.rawBytes,
    Buffer.byteLength(`${[...lines, event('b'), event('d')].join('\n')}\n`),
  )
  const taken = batch.take()
  const rows = await readRows(taken.days[0] as DayRows)
  assert.deepEqual(
    rows.map((row) => [row.event_id, row.user_id, row.revenue, row.timestamp]),
    ['a', 'b', 'd'].map((id) => [id, 'ü\n', -0.5, NOON]),
  )
  assert.deepEqual(taken.windows, [
    {
      ...{ campaignId: 'c', windowStartUs: Number(NOON) },
      ...{ impressions: 0, clicks: 3, conversions: 0, revenueMillionths: -1_500_000n },
    },
  ])
  assert.equal(batch.rawBytes, 0)
})
