/**
 * A plain model of a row batch: rows of any kind, and what must come out for them. Pages are read
 * by hyparquet.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { parquetReadObjects } from 'hyparquet'
import type { DayRows, EncodedColumn, WindowDelta } from '../../src/event.ts'
import type { Row } from './block.ts'
import { parquetFile } from './parquet-file.ts'

const MINUTE_US = 60_000_000
export const WINDOW_US: number = 5 * MINUTE_US
export const DAY_US: bigint = 86_400_000_000n
export const NOON: bigint = 1_795_348_800_000_000n
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

export const anyRow: fc.Arbitrary<Row> = fc
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

export type ReadRow = Readonly<Record<string, unknown>>

export async function readRows(day: DayRows): Promise<ReadRow[]> {
  const file = parquetFile(day.columns)
  const slice = file.buffer.slice(file.byteOffset, file.byteOffset + file.length) as ArrayBuffer
  const rows = await parquetReadObjects({ file: slice })
  return rows.map((row) => ({ ...row }))
}

export function expectedRow(row: Row): ReadRow {
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

export function expectedWindows(rows: readonly Row[]): Map<string, WindowDelta> {
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

/** Of a column and of each of its pages. */
export function assertStatistics(column: EncodedColumn, rows: readonly ReadRow[]): void {
  assertBounds(column.name, column, rows)
  let row = 0
  for (const page of column.pages) {
    if (page.kind === 'dictionary') {
      assert.deepEqual([page.nullCount, page.min, page.max], [0, null, null])
      continue
    }
    assertBounds(
      `${column.name} from ${row}`,
      page,
      rows.slice(row, row + page.values),
      column.name,
    )
    row += page.values
  }
  assert.equal(row, rows.length)
}

type Bounded = Pick<EncodedColumn, 'values' | 'nullCount' | 'min' | 'max'>

/** Smallest and largest by unsigned bytes or by number, from what was put in. */
function assertBounds(what: string, bounded: Bounded, rows: readonly ReadRow[], name = what): void {
  const values = rows.map((row) => row[name]).filter((value) => value !== null)
  assert.equal(bounded.values, rows.length, what)
  assert.equal(bounded.nullCount, rows.length - values.length, what)
  if (values.length === 0) {
    assert.deepEqual([bounded.min, bounded.max], [null, null], what)
    return
  }
  let [least, most] = [values[0], values[0]]
  for (const value of values) {
    if (isBelow(value, least)) least = value
    if (isBelow(most, value)) most = value
  }
  assert.deepEqual(Buffer.from(bounded.min ?? []), plainBytes(least), `min ${what}`)
  assert.deepEqual(Buffer.from(bounded.max ?? []), plainBytes(most), `max ${what}`)
}

function isBelow(a: unknown, b: unknown): boolean {
  if (typeof a !== 'string') return (a as number) < (b as number)
  return a !== b && Buffer.compare(plainBytes(a), plainBytes(b)) < 0
}

function plainBytes(value: unknown): Buffer {
  const bytes = Buffer.alloc(8)
  if (typeof value === 'bigint') bytes.writeBigInt64LE(value)
  else if (typeof value === 'number') bytes.writeDoubleLE(value)
  else return Buffer.from(value as string)
  return bytes
}

/** Row by row, for the difference of two long arrays takes minutes to print. */
export function assertRows(rows: readonly ReadRow[], expected: readonly ReadRow[]): void {
  assert.equal(rows.length, expected.length)
  for (const [i, row] of rows.entries()) assert.deepEqual(row, expected[i], `row ${i}`)
}

export async function assertTaken(
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
    assertRows(await readRows(day), expected)
    for (const column of day.columns) assertStatistics(column, expected)
  }
  const windows = expectedWindows(rows)
  assert.equal(taken.windows.length, windows.size)
  for (const window of taken.windows) {
    assert.deepEqual(window, windows.get(`${window.windowStartUs} ${window.campaignId}`))
  }
}

/** Rows made by number, for cases that need many. */
export function manyRows(count: number, make: (i: number) => Partial<Row>): Row[] {
  const usual = { verdict: 0, type: 0, timestampUs: NOON, revenue: 0, millionths: 0n }
  return Array.from({ length: count }, (_, i) => ({
    ...usual,
    strings: [`event-${i}`, `user-${i % 977}`, `campaign-${i % 50}`, 'web', null, 'ios'],
    ...make(i),
  }))
}
