/**
 * The page index, as hyparquet decodes it: held against the pages in the file and against the rows
 * that were put in.
 */
import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { zstdDecompressSync } from 'node:zlib'
import {
  type ColumnChunk,
  parquetMetadata,
  parquetReadObjects,
  parquetSchema,
  readColumnIndex,
  readOffsetIndex,
} from 'hyparquet'
import { parquetHeader } from 'hyparquet/src/column.js'
import type { EncodedColumn, EncodedPage } from '../../src/event.ts'
import { openParquet } from '../../src/table/parquet/read-file.ts'
import { encodeParquet } from '../../src/table/parquet/write-file.ts'
import type { Schema } from '../../src/table/schema.ts'
import { TableError } from '../../src/table.ts'
import { eventsFile, LAST, PAGE_ROWS, rows } from './paged-file.ts'

function metadataOf(file: Buffer) {
  return parquetMetadata(arrayBuffer(file))
}

function arrayBuffer(bytes: Buffer): ArrayBuffer {
  return Uint8Array.from(bytes).buffer
}

type Index = Readonly<{
  column: string
  chunk: ColumnChunk
  bounds: ReturnType<typeof readColumnIndex> | null
  locations: ReturnType<typeof readOffsetIndex>['page_locations'] | null
}>

function indexes(file: Buffer): Index[] {
  const metadata = metadataOf(file)
  const { children } = parquetSchema(metadata)
  return metadata.row_groups[0]!.columns.map((chunk, column) => {
    const view = (offset: bigint, length: number) => ({
      view: new DataView(arrayBuffer(file), Number(offset), length),
      offset: 0,
    })
    const { column_index_offset: bounds, offset_index_offset: offsets } = chunk
    return {
      column: chunk.meta_data!.path_in_schema[0]!,
      chunk,
      bounds:
        bounds === undefined
          ? null
          : readColumnIndex(view(bounds, chunk.column_index_length!), children[column]!.element),
      locations:
        offsets === undefined
          ? null
          : readOffsetIndex(view(offsets, chunk.offset_index_length!)).page_locations,
    }
  })
}

test('each page is where the offset index says, and all columns have the same pages', async () => {
  const file = await eventsFile(rows)
  const found = indexes(file)
  assert.equal(found.length, 9)
  for (const { column, locations, chunk } of found) {
    assert.deepEqual(
      locations?.map(({ first_row_index: first }) => Number(first)),
      [0, PAGE_ROWS, 2 * PAGE_ROWS],
      column,
    )
    let end = Number(chunk.meta_data!.data_page_offset)
    const pageRows = [PAGE_ROWS, PAGE_ROWS, rows.length - 2 * PAGE_ROWS]
    for (const [index, { offset, compressed_page_size: size }] of locations!.entries()) {
      assert.equal(Number(offset), end, column)
      const reader = { view: new DataView(arrayBuffer(file), end, size), offset: 0 }
      const header = parquetHeader(reader)
      assert.equal(header.type, 'DATA_PAGE')
      assert.equal(header.data_page_header?.num_values, pageRows[index])
      assert.equal(reader.offset + header.compressed_page_size, size, 'the header counts')
      end += size
    }
    const { dictionary_page_offset, data_page_offset, total_compressed_size } = chunk.meta_data!
    const start = dictionary_page_offset ?? data_page_offset
    assert.equal(end, Number(start + total_compressed_size), column)
  }
})

test('the column index has the bounds of each page, nulls, and their order', async () => {
  const file = await eventsFile(rows)
  const read = await parquetReadObjects({
    file: arrayBuffer(file),
    compressors: { ZSTD: (bytes) => zstdDecompressSync(bytes) },
  })
  for (const { column, bounds } of indexes(file)) {
    assert.ok(bounds !== null, column)
    const pages = [0, 1, 2].map((page) =>
      read.slice(page * PAGE_ROWS, (page + 1) * PAGE_ROWS).map((row) => row[column]),
    )
    const present = pages.map((values) => values.filter((value) => value !== null))
    assert.deepEqual(
      bounds.null_counts?.map(Number),
      pages.map((values, page) => values.length - present[page]!.length),
    )
    assert.deepEqual(
      bounds.null_pages,
      present.map((values) => values.length === 0),
    )
    for (const [page, values] of present.entries()) {
      if (values.length === 0) continue
      const { least, most } = extremes(values)
      assertBound(column, 'lower', bounds.min_values[page], least)
      assertBound(column, 'upper', bounds.max_values[page], most)
    }
  }
  const order = Object.fromEntries(indexes(file).map((each) => [each.column, each.bounds]))
  assert.equal(order.timestamp?.boundary_order, 'ASCENDING')
  assert.equal(order.campaign_id?.boundary_order, 'ASCENDING')
  assert.equal(order.revenue?.boundary_order, 'DESCENDING')
  // Pages of nulls only do not count: one page is in any order.
  assert.deepEqual(order.country?.null_pages, [true, false, true])
  assert.equal(order.country?.boundary_order, 'ASCENDING')
  // 'p65536' to 'p79999' lies within 'p0' to 'p9999'.
  assert.equal(order.platform?.boundary_order, 'UNORDERED')
})

const ID_CHARACTERS = 16

/** Of ids the first 16 characters are kept; all other bounds are values. */
function assertBound(
  column: string,
  side: 'lower' | 'upper',
  bound: unknown,
  value: unknown,
): void {
  if (typeof value !== 'string' || !['event_id', 'user_id'].includes(column)) {
    // A zero has the sign that covers both.
    assert.ok(isSame(bound, value) || (value === 0 && bound === 0), `${side} ${column}`)
    return
  }
  const text = String(bound)
  const steps = Buffer.compare(Buffer.from(text), Buffer.from(value))
  assert.ok(side === 'lower' ? steps <= 0 : steps >= 0, `${side} ${column}: ${text} ${value}`)
  if (value.startsWith(LAST.repeat(ID_CHARACTERS)) && side === 'upper') assert.equal(text, value)
  else assert.ok([...text].length <= ID_CHARACTERS, text)
}

function isSame(a: unknown, b: unknown): boolean {
  return a instanceof Date && b instanceof Date ? a.getTime() === b.getTime() : a === b
}

function extremes(values: readonly unknown[]): Readonly<{ least: unknown; most: unknown }> {
  const isBelow = (a: unknown, b: unknown): boolean =>
    typeof a === 'string' && typeof b === 'string'
      ? a !== b && Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0
      : (a as number) < (b as number)
  return {
    least: values.reduce((least, value) => (isBelow(value, least) ? value : least)),
    most: values.reduce((most, value) => (isBelow(most, value) ? value : most)),
  }
}

test('a file of one page in each column has no index', async () => {
  for (const count of [1, PAGE_ROWS]) {
    for (const { bounds, locations } of indexes(await eventsFile(rows.slice(0, count)))) {
      assert.deepEqual([bounds, locations], [null, null])
    }
  }
  assert.ok(indexes(await eventsFile(rows.slice(0, PAGE_ROWS + 1))).every((each) => each.locations))
})

test('a zero bound of doubles covers both signs, and a NaN leaves only the offsets', async () => {
  const [zero] = indexes(await doublesFile([[0, 1], [-1, 0], [null]]))
  assert.deepEqual(zero?.bounds?.min_values.slice(0, 2), [-0, -1])
  assert.deepEqual(zero?.bounds?.max_values.slice(0, 2), [1, 0])
  assert.deepEqual(zero?.bounds?.null_pages, [false, false, true])
  const [one] = indexes(await doublesFile([[1], [Number.NaN, 2]]))
  assert.equal(one?.bounds, null)
  assert.deepEqual(
    one?.locations?.map(({ first_row_index: first }) => Number(first)),
    [0, 1],
  )
})

const DOUBLES: Schema = [{ id: 1, name: 'x', type: 'double' }]

async function doublesFile(pages: readonly (readonly (number | null)[])[]): Promise<Buffer> {
  const column = statsOf(pages.flat())
  const encoded: EncodedColumn = {
    ...{ name: 'x', ...column },
    pages: pages.map((values): EncodedPage => {
      const levels = Buffer.concat(values.map((value) => Buffer.of(2, value === null ? 0 : 1)))
      const length = Buffer.alloc(4)
      length.writeUInt32LE(levels.length)
      const body = values.flatMap((value) => (value === null ? [] : [double(value)]))
      const bytes = Buffer.concat([length, levels, ...body])
      return { kind: 'data', encoding: 'PLAIN', ...statsOf(values), bytes }
    }),
  }
  const { chunks } = await encodeParquet(DOUBLES, pages.flat().length, [encoded], {}, 1)
  return Buffer.concat(chunks)
}

function statsOf(values: readonly (number | null)[]) {
  const present = values.filter((value) => value !== null)
  const bound = (value: number): Buffer | null => (present.length === 0 ? null : double(value))
  return {
    values: values.length,
    nullCount: values.length - present.length,
    min: bound(Math.min(...present)),
    max: bound(Math.max(...present)),
  }
}

function double(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return bytes
}

test('each changed byte of the index is named with the file', async () => {
  const file = await eventsFile(rows.slice(0, PAGE_ROWS + 1))
  const places = indexes(file).flatMap(({ chunk }) => [
    { start: Number(chunk.column_index_offset), bytes: chunk.column_index_length! },
    { start: Number(chunk.offset_index_offset), bytes: chunk.offset_index_length! },
  ])
  const start = Math.min(...places.map((place) => place.start))
  const end = Math.max(...places.map((place) => place.start + place.bytes))
  assert.equal(
    end - start,
    places.reduce((sum, { bytes }) => sum + bytes, 0),
    'nothing else lies between',
  )
  const check = async (bytes: Buffer): Promise<void> => {
    const storage = {
      readRange: async (_: string, from: number, to: number) => bytes.subarray(from, to),
    }
    await (await openParquet(storage, 'some.parquet', { bytes: bytes.length })).check()
  }
  await check(file)
  for (let at = start; at < end; at++) {
    const damaged = Buffer.from(file)
    damaged[at]! ^= 1 << (at % 8)
    await assert.rejects(
      check(damaged),
      (error) => error instanceof TableError && error.message.includes('some.parquet'),
      `byte ${at}`,
    )
  }
})
