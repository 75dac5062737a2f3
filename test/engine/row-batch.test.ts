/** Rows in, pages and window sums out: judged by hyparquet and by a plain model of the same rows. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parquetReadObjects } from 'hyparquet'
import type { DayRows, EncodedColumn, WindowDelta } from '../../src/engine.ts'
import { NO_RECENT_IDS, openBlockBatch, type Row } from './block.ts'
import { parquetFile } from './parquet-file.ts'

const MINUTE_US = 60_000_000
const WINDOW_US = 5 * MINUTE_US
const DAY_US = 86_400_000_000n
const NOON = 1_795_348_800_000_000n
const TYPES = ['impression', 'click', 'conversion']

/** Text of any script and length, with many repeats. */
const anyText = (maxBytes: number): fc.Arbitrary<string> =>
  fc
    .oneof(
      {
        weight: 6,
        arbitrary: fc.constantFrom('a', 'ab', 'DE', 'US', 'web', 'user-12345', 'campaign-7'),
      },
      { weight: 2, arbitrary: fc.string({ minLength: 1, maxLength: 40 }) },
      { weight: 2, arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }) },
      { weight: 1, arbitrary: fc.string({ unit: 'binary-ascii', minLength: 15, maxLength: 66 }) },
      {
        weight: 1,
        arbitrary: fc.constantFrom('x'.repeat(64), `${'x'.repeat(63)}y`, 'Ω'.repeat(32)),
      },
    )
    .filter((text) => text.isWellFormed() && Buffer.byteLength(text) <= maxBytes && text !== '')

const optionalText = fc.option(fc.oneof(anyText(64), fc.constant('')), { freq: 4 })

const timestamp = fc.oneof(
  { weight: 8, arbitrary: fc.bigInt({ min: NOON, max: NOON + 600_000_000n }) },
  { weight: 2, arbitrary: fc.bigInt({ min: NOON - 3n * DAY_US, max: NOON + DAY_US }) },
  { weight: 1, arbitrary: fc.bigInt({ min: -400n * DAY_US, max: 400n * DAY_US }) },
  { weight: 1, arbitrary: fc.constantFrom(0n, -1n, DAY_US, DAY_US - 1n, NOON, NOON - 1n) },
)

const revenue = fc.oneof(
  { weight: 6, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.integer({ min: -5_000, max: 5_000 }).map((cents) => cents / 100 + 0) },
  { weight: 1, arbitrary: fc.constantFrom(1e9, -1e9, 5e-7, 1.0000005, 0.1 + 0.2) },
)

const anyRow: fc.Arbitrary<Row> = fc
  .record({
    verdict: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 3),
    type: fc.integer({ min: 0, max: 2 }),
    timestampUs: timestamp,
    revenue,
    strings: fc.tuple(
      anyText(128),
      anyText(256),
      anyText(256),
      optionalText,
      optionalText,
      optionalText,
    ),
  })
  .map((row) => ({ ...row, millionths: BigInt(Math.round(row.revenue * 1e6)) }))

type ReadRow = Readonly<Record<string, unknown>>

async function readRows(day: DayRows): Promise<ReadRow[]> {
  const file = parquetFile(day.columns)
  const slice = file.buffer.slice(file.byteOffset, file.byteOffset + file.length) as ArrayBuffer
  const rows = await parquetReadObjects({ file: slice })
  return rows.map((row) => ({ ...row }))
}

function expectedRow(row: Row): ReadRow {
  const [event_id, user_id, campaign_id, platform, country, device_type] = row.strings
  return {
    ...{ event_id, user_id, campaign_id, event_type: TYPES[row.type], timestamp: row.timestampUs },
    ...{ revenue: row.revenue, platform, country, device_type },
  }
}

function floorDiv(value: bigint, by: bigint): bigint {
  return value / by - (value % by < 0n ? 1n : 0n)
}

function expectedDays(rows: readonly Row[]): Map<number, ReadRow[]> {
  const days = new Map<number, ReadRow[]>()
  for (const row of rows) {
    const day = Number(floorDiv(row.timestampUs, DAY_US))
    const known = days.get(day) ?? []
    days.set(day, known)
    known.push(expectedRow(row))
  }
  return days
}

function expectedWindows(rows: readonly Row[]): Map<string, WindowDelta> {
  const windows = new Map<string, WindowDelta>()
  for (const { timestampUs, strings, type, millionths } of rows) {
    const campaignId = strings[2] as string
    const windowStartUs = Number(floorDiv(timestampUs, BigInt(WINDOW_US))) * WINDOW_US
    const key = `${windowStartUs} ${campaignId}`
    const before = windows.get(key)
    windows.set(key, {
      campaignId,
      windowStartUs,
      impressions: (before?.impressions ?? 0) + Number(type === 0),
      clicks: (before?.clicks ?? 0) + Number(type === 1),
      conversions: (before?.conversions ?? 0) + Number(type === 2),
      revenueMillionths: (before?.revenueMillionths ?? 0n) + millionths,
    })
  }
  return windows
}

/** Smallest and largest by unsigned bytes or by number, from what was put in. */
function assertStatistics(column: EncodedColumn, rows: readonly ReadRow[]): void {
  const values = rows.map((row) => row[column.name]).filter((value) => value !== null)
  assert.equal(column.values, rows.length, column.name)
  assert.equal(column.nullCount, rows.length - values.length, column.name)
  if (values.length === 0) {
    assert.deepEqual([column.min, column.max], [null, null])
    return
  }
  const encode = (value: unknown): Buffer => {
    const bytes = Buffer.alloc(8)
    if (typeof value === 'bigint') bytes.writeBigInt64LE(value)
    else if (typeof value === 'number') bytes.writeDoubleLE(value)
    else return Buffer.from(value as string)
    return bytes
  }
  const order = (a: unknown, b: unknown): number => {
    if (typeof a === 'string') return Buffer.compare(encode(a), encode(b))
    return (a as number) < (b as number) ? -1 : Number((a as number) > (b as number))
  }
  const sorted = values.toSorted(order)
  assert.deepEqual(Buffer.from(column.min ?? []), encode(sorted[0]), `min ${column.name}`)
  assert.deepEqual(Buffer.from(column.max ?? []), encode(sorted.at(-1)), `max ${column.name}`)
}

async function assertTaken(
  taken: { days: readonly DayRows[]; windows: readonly WindowDelta[] },
  rows: readonly Row[],
): Promise<void> {
  const days = expectedDays(rows)
  assert.deepEqual(
    taken.days.map(({ day }) => day),
    [...days.keys()].sort((a, b) => a - b),
  )
  for (const day of taken.days) {
    const expected = days.get(day.day) ?? []
    assert.equal(day.rows, expected.length)
    assert.deepEqual(await readRows(day), expected)
    for (const column of day.columns) assertStatistics(column, expected)
  }
  const windows = expectedWindows(rows)
  assert.equal(taken.windows.length, windows.size)
  for (const window of taken.windows) {
    assert.deepEqual(window, windows.get(`${window.windowStartUs} ${window.campaignId}`))
  }
}

/** Rows made by number, for cases that need many. */
function manyRows(count: number, make: (i: number) => Partial<Row>): Row[] {
  const usual = { verdict: 0, type: 0, timestampUs: NOON, revenue: 0, millionths: 0n }
  return Array.from({ length: count }, (_, i) => ({
    ...usual,
    strings: [`event-${i}`, `user-${i % 977}`, `campaign-${i % 50}`, 'web', null, 'ios'],
    ...make(i),
  }))
}

describe('row batch', () => {
  test('any rows come back from the pages as they went in, and the windows are their sums', async () => {
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
      { numRuns: 150 },
    )
  })

  test('pages split at 32,768 rows, dictionaries of every width from 1 to 17 bits', async () => {
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
        strings: [
          `e${i}`,
          `u${(i * 7919) % distinct}`,
          'c',
          i % 5 === 0 ? null : 'web',
          null,
          'ios',
        ],
      }))
      batch.addRows(rows, 1)
      const taken = batch.take()
      const users = taken.days[0]?.columns[1]
      assert.equal(users?.pages[0]?.kind, 'dictionary', `${distinct}`)
      assert.equal(users?.pages[0]?.values, distinct)
      assert.ok(users?.pages.every(({ values, kind }) => kind === 'dictionary' || values <= 32_768))
      assert.deepEqual(await readRows(taken.days[0] as DayRows), rows.map(expectedRow))
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

  test('a backfill over hundreds of days gives one set of rows a day, in order of arrival', async () => {
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

  test('hashIds gives the hashes that add asks the recent ids about', async () => {
    const asked: Buffer[] = []
    const batch = await openBlockBatch({
      windowUs: WINDOW_US,
      recentIds: {
        ...NO_RECENT_IDS,
        admit: (hashes, rows) => asked.push(Buffer.from(hashes.slice(0, rows * 16))),
      },
    })
    const ids = Array.from(
      { length: 5_000 },
      (_, i) => 'é'.repeat(i % 60) + 'x'.repeat(1 + (i % 9)),
    )
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
})
