/**
 * What other programs find in our Parquet files, as hyparquet reads it: the footer field by field,
 * and every value, null or not.
 */
import assert from 'node:assert/strict'
import { readFile, stat } from 'node:fs/promises'
import { test } from 'node:test'
import { crc32, zstdDecompressSync } from 'node:zlib'
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { parquetHeader } from 'hyparquet/src/column.js'
import { openParquet } from '../../src/table/parquet/read-file.ts'
import { openDiskStorage } from '../../src/table/storage.ts'
import type { DataFile } from '../../src/table.ts'
import { DAY_US, dayRows, eventRow, metricsRow, NOON_US, openPlace } from './fixture.ts'

const DAY = 20_779

/** Two campaigns in turn; without an impression there is no CTR, without a click no CVR. */
const rows = Array.from({ length: 600 }, (_, index) =>
  metricsRow({
    campaignId: index % 2 === 0 ? 'a' : 'ü',
    windowStartUs: DAY * DAY_US + index,
    impressions: index % 3,
    clicks: index % 5,
  }),
)

/** Without conversions of statistics: those of strings and timestamps stay what they are. */
async function footerOf(file: DataFile) {
  return await parquetMetadataAsync(await asyncBufferFromFile(file.path))
}

async function readWithHyparquet({ path }: DataFile): Promise<Record<string, unknown>[]> {
  return await parquetReadObjects({
    file: await asyncBufferFromFile(path),
    compressors: { ZSTD: (bytes) => zstdDecompressSync(bytes) },
  })
}

const int64 = { type: 'INT64', repetition_type: 'OPTIONAL' }
const double = { type: 'DOUBLE', repetition_type: 'OPTIONAL' }
const timestamp = {
  ...int64,
  logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: false, unit: 'MICROS' },
}
const string = {
  type: 'BYTE_ARRAY',
  repetition_type: 'OPTIONAL',
  converted_type: 'UTF8',
  logical_type: { type: 'STRING' },
}

// Names, types and ids by hand from the definition of campaign_metrics and parquet.thrift.
test('the footer declares the columns with their Iceberg ids and types', async (t) => {
  const lake = await (await openPlace(t)).open()
  const { schema, version, num_rows } = await footerOf(await lake.writeMetricsFile(DAY, rows))
  const columns = schema.map((element) =>
    Object.fromEntries(Object.entries(element).filter(([, value]) => value !== undefined)),
  )
  assert.deepEqual(columns, [
    { name: 'table', num_children: 10 },
    { name: 'campaign_id', field_id: 1, ...string },
    { name: 'window_start', field_id: 2, ...timestamp },
    { name: 'window_end', field_id: 3, ...timestamp },
    { name: 'impressions', field_id: 4, ...int64 },
    { name: 'clicks', field_id: 5, ...int64 },
    { name: 'conversions', field_id: 6, ...int64 },
    { name: 'revenue', field_id: 7, ...double },
    { name: 'ctr_percent', field_id: 8, ...double },
    { name: 'cvr_percent', field_id: 9, ...double },
    { name: 'processed_at', field_id: 10, ...timestamp },
  ])
  assert.deepEqual([version, num_rows], [1, 600n])
})

test('the footer tells where each column is, and its chunks fill the file', async (t) => {
  const lake = await (await openPlace(t)).open()
  const file = await lake.writeMetricsFile(DAY, rows)
  const { row_groups, metadata_length } = await footerOf(file)
  const [group, ...others] = row_groups
  assert.ok(group !== undefined && others.length === 0)
  const chunks = group.columns.map(({ meta_data }) => meta_data!)
  let at = 4
  for (const chunk of chunks) {
    const first = chunk.dictionary_page_offset ?? chunk.data_page_offset
    assert.equal(Number(first), at, chunk.path_in_schema.join('.'))
    at += Number(chunk.total_compressed_size)
    assert.equal(chunk.num_values, 600n)
  }
  // One of each column and one of the footer, four bytes each, and eight that name them.
  const checksumBytes = 4 * (chunks.length + 1) + 8
  assert.equal(at + checksumBytes + metadata_length + 8, (await stat(file.path)).size)
  const sum = (pick: 'total_compressed_size' | 'total_uncompressed_size') =>
    chunks.reduce((all, chunk) => all + chunk[pick], 0n)
  assert.equal(group.num_rows, 600n)
  assert.equal(group.file_offset, 4n)
  assert.equal(group.total_compressed_size, sum('total_compressed_size'))
  assert.equal(group.total_byte_size, sum('total_uncompressed_size'))
  assert.deepEqual(file.splitOffsets, [4])
  const sizes = chunks.map((chunk, index) => [index + 1, Number(chunk.total_compressed_size)])
  assert.deepEqual([...file.columnSizes], sizes)
})

test('pages are told by kind and encoding: a dictionary where values repeat', async (t) => {
  const lake = await (await openPlace(t)).open()
  const { row_groups } = await footerOf(await lake.writeMetricsFile(DAY, rows))
  const [campaign, windowStart] = row_groups[0]!.columns.map(({ meta_data }) => meta_data!)
  assert.deepEqual(campaign?.encodings, ['RLE', 'PLAIN', 'RLE_DICTIONARY'])
  assert.deepEqual(campaign?.encoding_stats, [
    { page_type: 'DICTIONARY_PAGE', encoding: 'PLAIN', count: 1 },
    { page_type: 'DATA_PAGE', encoding: 'RLE_DICTIONARY', count: 1 },
  ])
  assert.ok((campaign?.dictionary_page_offset ?? 0n) < campaign!.data_page_offset)
  assert.deepEqual(windowStart?.encodings, ['RLE', 'PLAIN'])
  assert.deepEqual(windowStart?.encoding_stats, [
    { page_type: 'DATA_PAGE', encoding: 'PLAIN', count: 1 },
  ])
  assert.equal(windowStart?.dictionary_page_offset, undefined)
})

test('a small column is not compressed, a larger one is', async (t) => {
  const lake = await (await openPlace(t)).open()
  const codecs = async (count: number): Promise<unknown> => {
    const { row_groups } = await footerOf(await lake.writeMetricsFile(DAY, rows.slice(0, count)))
    return row_groups[0]!.columns[1]?.meta_data?.codec
  }
  assert.equal(await codecs(4), 'UNCOMPRESSED')
  assert.equal(await codecs(600), 'ZSTD')
})

test('statistics are exact: smallest, largest, nulls', async (t) => {
  const lake = await (await openPlace(t)).open()
  const { row_groups } = await footerOf(await lake.writeMetricsFile(DAY, rows))
  const statistics = row_groups[0]!.columns.map(({ meta_data }) => meta_data!.statistics!)
  const told = statistics.map(({ min_value, max_value, null_count, ...more }) => {
    assert.ok(more.is_min_value_exact && more.is_max_value_exact)
    assert.equal(more.distinct_count, undefined)
    return [min_value, max_value, null_count]
  })
  const timeOf = (us: number): Date => new Date(us / 1000)
  const start = DAY * DAY_US
  assert.deepEqual(told, [
    ['a', 'ü', 0n],
    [timeOf(start), timeOf(start + 599), 0n],
    [timeOf(start + 300_000_000), timeOf(start + 300_000_599), 0n],
    [0n, 2n, 0n],
    [0n, 4n, 0n],
    [1n, 1n, 0n],
    [2.5, 2.5, 0n],
    // A third of the rows has no impression, a fifth no click.
    [0, 400, 200n],
    [25, 100, 120n],
    [timeOf(NOON_US + 1), timeOf(NOON_US + 1), 0n],
  ])
})

test('nulls stand where they were written, in runs of any length', async (t) => {
  const lake = await (await openPlace(t)).open()
  const file = await lake.writeMetricsFile(DAY, rows)
  const expected = rows.map(({ impressions, clicks }) =>
    impressions === 0 ? null : (clicks * 100) / impressions,
  )
  const own = await openParquet(openDiskStorage(), file.path, file)
  assert.deepEqual(await own.column('ctr_percent'), expected)
  const others = await readWithHyparquet(file)
  assert.deepEqual(
    others.map((row) => row.ctr_percent),
    expected,
  )
})

test('a file of any number of rows is read back, at the limits of varints too', async (t) => {
  const lake = await (await openPlace(t)).open()
  for (const count of [1, 2, 7, 8, 9, 63, 64, 65, 127, 128, 129, 8_191, 8_192, 8_193]) {
    const some = Array.from({ length: count }, (_, index) =>
      metricsRow({ campaignId: `c-${index % 3}`, windowStartUs: DAY * DAY_US + index }),
    )
    const file = await lake.writeMetricsFile(DAY, some)
    const read = await readWithHyparquet(file)
    assert.deepEqual(
      read.map((row) => row.campaign_id),
      some.map(({ campaignId }) => campaignId),
      `${count} rows`,
    )
    assert.equal((await lake.readMetricsFile(file)).length, count)
  }
})

test("a page's checksum is the CRC-32 of its stored bytes", async (t) => {
  const lake = await (await openPlace(t)).open()
  const file = await lake.writeEventsFile(dayRows([eventRow(), eventRow({ country: null })]))
  const bytes = await readFile(file.path)
  const { row_groups } = await footerOf(file)
  for (const { meta_data: chunk } of row_groups[0]!.columns) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const reader = { view, offset: Number(chunk!.data_page_offset) }
    const header = parquetHeader(reader)
    const body = bytes.subarray(reader.offset, reader.offset + header.compressed_page_size)
    assert.equal((header.crc ?? 0) >>> 0, crc32(body))
  }
})
