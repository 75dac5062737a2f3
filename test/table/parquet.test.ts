import { strict as assert } from 'node:assert'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { mergeEventFiles } from '../../src/query.ts'
import { millionthsOf, revenueOf } from '../../src/table/metrics-row.ts'
import { encodeDoubles, encodeLongs, encodeStrings } from '../../src/table/parquet/encode-column.ts'
import { encodeThrift, i32, i64, list, struct, text } from '../../src/table/parquet/thrift.ts'
import { footerOf, type MetricsRow, readLake } from '../../src/table.ts'
import {
  commitRows,
  DAY_US,
  dayRows,
  eventRow,
  metricsRow,
  NOON_US,
  openPlace,
  WINDOW_US,
} from './fixture.ts'

const DAY = 20_779

test('thrift bytes are those of the compact protocol', () => {
  // Worked out by hand from the protocol: zigzag(1) = 2, zigzag(-3) = 5, zigzag(300) = 600 = d8 04.
  const value = struct(
    [1, i32(1)],
    [3, i64(-3)],
    [4, text('ab')],
    [20, list([i32(300)])],
    [21, undefined],
  )
  assert.throws(() => encodeThrift(value), /field 20 after 4/)
  const bytes = encodeThrift(
    struct([1, i32(1)], [3, i64(-3)], [4, text('ab')], [5, list([i32(300)])]),
  )
  assert.equal(Buffer.from(bytes).toString('hex'), '15022605180261621915d80400')
  const long = encodeThrift(struct([1, list(Array.from({ length: 15 }, () => i32(0)))]))
  assert.equal(Buffer.from(long).toString('hex'), `19f50f${'00'.repeat(15)}00`)
  assert.equal(
    Buffer.from(encodeThrift(struct([1, i32(-(2 ** 31))]))).toString('hex'),
    '15ffffffff0f00',
  )
})

test('the bounds of a column are its smallest and largest value, nulls left out', () => {
  const doubles = encodeDoubles('x', [null, 2, -1, null])
  assert.equal(doubles.nullCount, 2)
  assert.equal(Buffer.from(doubles.min!).readDoubleLE(), -1)
  assert.equal(Buffer.from(doubles.max!).readDoubleLE(), 2)
  const none = encodeDoubles('x', [null])
  assert.deepEqual([none.min, none.max, none.nullCount], [null, null, 1])
  const strings = encodeStrings('x', ['\u{10000}', '\uffff', 'z'])
  assert.equal(Buffer.from(strings.min!).toString(), 'z')
  assert.equal(Buffer.from(strings.max!).toString(), '\u{10000}', 'by UTF-8, not by UTF-16')
  const longs = encodeLongs('x', [-1, 2 ** 52, -(2 ** 33)])
  assert.equal(Buffer.from(longs.min!).readBigInt64LE(), -(2n ** 33n))
  const body = Buffer.from(longs.pages[0]!.bytes).subarray(-24)
  assert.deepEqual(
    [0, 8, 16].map((at) => body.readBigInt64LE(at)),
    [-1n, 2n ** 52n, -(2n ** 33n)],
  )
})

test('metrics rows are read back as they were written, whatever they hold', async (t) => {
  const lake = await (await openPlace(t)).open()
  const count = fc.nat({ max: 2 ** 40 })
  const row = fc.record({
    campaignId: fc
      .string({ unit: 'binary', minLength: 1, maxLength: 60 })
      .filter((s) => s.isWellFormed()),
    windowStartUs: fc.integer({ min: 0, max: 287 }).map((n) => DAY * DAY_US + n * WINDOW_US),
    impressions: count,
    clicks: count,
    conversions: count,
    revenueMillionths: fc.bigInt({
      min: -(2n ** 33n) * 1_000_000n + 1n,
      max: 2n ** 33n * 1_000_000n - 1n,
    }),
    processedAtUs: fc.constant(NOON_US),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 40 }), async (rows: MetricsRow[]) => {
      const file = await lake.writeMetricsFile(DAY, rows)
      const read = await lake.readMetricsFile(file)
      assert.deepEqual(
        read,
        rows.map((each) => ({ ...each, exact: true })),
      )
    }),
    { numRuns: 40 },
  )
})

test('a campaign id starting with U+FEFF is read back as such, not as its neighbour', async (t) => {
  const lake = await (await openPlace(t)).open()
  const ids = ['spring', '\ufeffspring', '\ufeff', '\ufeff\ufeffspring']
  const file = await lake.writeMetricsFile(
    DAY,
    ids.map((campaignId) => metricsRow({ campaignId })),
  )
  const read = await lake.readMetricsFile(file)
  assert.deepEqual(read.map((row) => row.campaignId).toSorted(), ids.toSorted())
})

test('a revenue past 2^33 is marked as not exact', async (t) => {
  const lake = await (await openPlace(t)).open()
  // The two sums are a millionth apart and have the same nearest double.
  const sums = [8_600_000_000_000_001n, 8_600_000_000_000_002n]
  assert.equal(Number(sums[0]) / 1e6, Number(sums[1]) / 1e6)
  const file = await lake.writeMetricsFile(
    DAY,
    [...sums, -8_000_000_000_000_001n].map((revenueMillionths) =>
      metricsRow({ revenueMillionths }),
    ),
  )
  const read = await lake.readMetricsFile(file)
  assert.deepEqual(
    read.map((row) => row.exact),
    [false, false, true],
  )
  assert.equal(read[2]!.revenueMillionths, -8_000_000_000_000_001n)
})

test('65,536 rows of many campaigns go through one file', async (t) => {
  const lake = await (await openPlace(t)).open()
  const rows = Array.from({ length: 65_536 }, (_, index) =>
    metricsRow({
      campaignId: `c-${index % 5000}`,
      windowStartUs: DAY * DAY_US,
      impressions: index,
    }),
  )
  const read = await lake.readMetricsFile(await lake.writeMetricsFile(DAY, rows))
  assert.equal(read.length, rows.length)
  assert(
    read.every(
      (row, index) => row.impressions === index && row.campaignId === rows[index]!.campaignId,
    ),
  )
})

test('a damaged file is named, with what to do', async (t) => {
  const lake = await (await openPlace(t)).open()
  const file = await lake.writeMetricsFile(DAY, [metricsRow()])
  writeFileSync(file.path, 'not Parquet at all')
  await assert.rejects(lake.readMetricsFile(file), (error: Error) => {
    assert.match(error.message, /not readable as a Parquet file .* restore it from a backup/)
    assert(error.message.includes(file.path))
    return true
  })
  await assert.rejects(lake.readMetricsFile({ ...file, path: `${file.path}x` }), {
    code: 'file-lost',
  })
})

test('a file merged by DuckDB is taken with the statistics ours would have', async (t) => {
  const place = await openPlace(t)
  const lake = await place.open()
  const rows = ['b', 'a', 'ü'].map((eventId, index) =>
    eventRow({ eventId, campaignId: eventId, timestampUs: NOON_US + index, revenue: index - 1 }),
  )
  const inputs = [await lake.writeEventsFile(dayRows(rows.slice(0, 2), 5))]
  inputs.push(await lake.writeEventsFile(dayRows(rows.slice(2), 9)))
  const output = lake.newEventsPath(DAY)
  await mergeEventFiles(
    inputs.map((file) => file.path),
    output,
    {
      footer: footerOf({ arrival: { minUs: 5, maxUs: 9 }, dedupe: { minUs: 6, maxUs: 8 } }),
      isSorted: true,
    },
  )
  const merged = await lake.importEventsFile(output)
  const whole = await lake.writeEventsFile(dayRows(rows))
  const sorted = (map: ReadonlyMap<number, unknown>) => [...map].toSorted(([a], [b]) => a - b)
  const bytes = (map: ReadonlyMap<number, Uint8Array>) =>
    sorted(map).map(([id, value]) => [id, Buffer.from(value as Uint8Array).toString('hex')])
  assert.equal(merged.rows, 3)
  assert.equal(merged.day, DAY)
  assert.deepEqual(sorted(merged.valueCounts), sorted(whole.valueCounts))
  assert.deepEqual(sorted(merged.nullCounts), sorted(whole.nullCounts))
  assert.deepEqual([...merged.nanCounts], [[6, 0]], 'revenue is column 6')
  assert.deepEqual(bytes(merged.lowerBounds), bytes(whole.lowerBounds))
  assert.deepEqual(bytes(merged.upperBounds), bytes(whole.upperBounds))
  assert.deepEqual(await lake.fileTimes(merged), {
    arrival: { minUs: 5, maxUs: 9 },
    dedupe: { minUs: 6, maxUs: 8 },
  })
  const ids: string[] = []
  for await (const page of lake.readEventIds(merged)) {
    for (const id of page) ids.push(Buffer.from(id).toString())
  }
  assert.deepEqual(ids.toSorted(), ['a', 'b', 'ü'])
})

test('a manifest counts values, nulls and NaNs of each column; no table has NaNs', async (t) => {
  const place = await openPlace(t)
  const lake = await place.open()
  const day = dayRows([eventRow(), eventRow({ country: null })])
  // Without an impression there is no CTR, without a click no CVR.
  const windows = [
    metricsRow({ impressions: 0, clicks: 0, conversions: 0 }),
    metricsRow({ campaignId: 'c-2', clicks: 0 }),
    metricsRow({ campaignId: 'c-3' }),
  ]
  await commitRows(lake, day, windows, 'a')
  const read = await readLake(place)
  const [event] = read.events.files
  assert.deepEqual([...(event?.nanCounts ?? [])], [[6, 0]])
  const eventNulls = [0, 0, 0, 0, 0, 0, 0, 1, 2]
  assert.deepEqual([...(event?.nullCounts.values() ?? [])], eventNulls)
  assert.deepEqual([...(event?.valueCounts.values() ?? [])], Array(9).fill(2))
  const [row] = read.metrics.files
  const noNaN = [7, 8, 9].map((id) => [id, 0])
  assert.deepEqual([...(row?.nanCounts ?? [])], noNaN, 'revenue, CTR and CVR')
  assert.deepEqual([...(row?.nullCounts.values() ?? [])], [0, 0, 0, 0, 0, 0, 0, 1, 2, 0])
  assert.deepEqual([...(row?.valueCounts.values() ?? [])], Array(10).fill(3))
})

test('a file of other columns, or of two days, is not taken in', async (t) => {
  const lake = await (await openPlace(t)).open()
  const metrics = await lake.writeMetricsFile(DAY, [metricsRow()])
  await assert.rejects(lake.importEventsFile(metrics.path), { code: 'file-unfit' })
  const rows = [eventRow(), eventRow({ timestampUs: NOON_US + DAY_US })]
  const events = await lake.writeEventsFile(dayRows(rows))
  await assert.rejects(lake.importEventsFile(events.path), { code: 'file-unfit' })
})

test('every sum near a power of two comes back from its double', () => {
  for (let power = 20; power <= 33; power++) {
    for (let step = -2000; step < 0; step++) {
      const sum = BigInt(Math.floor(2 ** power * 1e6)) + BigInt(step) * 997n
      assert.equal(millionthsOf(revenueOf(sum)), sum)
      assert.equal(millionthsOf(revenueOf(-sum)), -sum)
    }
  }
  for (let step = 0; step < 20_000; step++) {
    const sum = 4_400_000_000_000_000n + BigInt(step) * 5_000_011n
    assert.equal(millionthsOf(revenueOf(sum)), sum)
  }
})
