/**
 * Reads Parquet files with hyparquet's decoders, page by page. Strings stay bytes and timestamps
 * stay microseconds, so nothing is lost or converted needlessly, and a column of a large file is
 * never in memory as a whole.
 */
import { strict as assert } from 'node:assert'
import { brotliDecompressSync, crc32, gunzipSync, zstdDecompressSync } from 'node:zlib'
import {
  type ColumnChunk,
  type ColumnMetaData,
  type DecodedArray,
  type FileMetaData,
  type PageHeader,
  parquetMetadata,
} from 'hyparquet'
import { parquetHeader, readPage } from 'hyparquet/src/column.js'
import { convert, convertWithDictionary, DEFAULT_PARSERS } from 'hyparquet/src/convert.js'
import { decompressPage, readDataPage } from 'hyparquet/src/datapage.js'
import { getSchemaPath } from 'hyparquet/src/schema.js'
import type { ColumnDecoder } from 'hyparquet/src/types.js'
import { reasonOf } from '../../runtime.ts'
import { TableError } from '../error.ts'
import type { Storage } from '../storage.ts'
import { CHECKSUMS_BYTES_MAX, readChecksums } from './checksums.ts'

const asIs = <T>(value: T): T => value

/** Statistics and values as they are in the file. */
const PARSERS = {
  ...DEFAULT_PARSERS,
  stringFromBytes: asIs<Uint8Array>,
  timestampFromMicroseconds: asIs<bigint>,
}

/** Ours are ZSTD; files of other programs may have others. hyparquet brings SNAPPY. */
const COMPRESSORS = {
  ZSTD: (bytes: Uint8Array): Uint8Array => zstdDecompressSync(bytes),
  GZIP: (bytes: Uint8Array): Uint8Array => gunzipSync(bytes),
  BROTLI: (bytes: Uint8Array): Uint8Array => brotliDecompressSync(bytes),
}

const METADATA_OPTIONS = { parsers: PARSERS, geoparquet: false }
const MAGIC = Buffer.from('PAR1', 'latin1')
/** The footer's length and the magic behind it. */
const END_BYTES = 4 + MAGIC.length

/** Large enough for most footers, small enough not to read a whole file of a second's events. */
const FOOTER_READ_BYTES = 64 * 1024

export type ParquetReader = Readonly<{
  metadata: FileMetaData
  bytes: number
  /**
   * All values of a column: strings as bytes, timestamps and longs as bigint, null where there is
   * none.
   */
  column(name: string): Promise<unknown[]>
  /** The same, a page at a time. */
  pages(name: string): AsyncIterable<DecodedArray>
  /** Reads every column, and throws when a byte is not what was written. */
  check(): Promise<void>
}>

export type RangeReader = Pick<Storage, 'readRange'>

/** What a manifest says about a file. */
export type Expected = Readonly<{ bytes: number; rows?: number }>

/**
 * Opens a file for reading. Whatever is wrong with its bytes, now or when a column is read, is
 * thrown as TableError `file-damaged` with its path; a file that is not there as `file-lost`.
 */
export async function openParquet(
  storage: RangeReader,
  path: string,
  { bytes, rows }: Expected,
): Promise<ParquetReader> {
  const { metadata, sums } = await readable(path, async () => {
    const { footer, before } = await readFooter(storage, path, bytes)
    const sums = readChecksums(before, footer.subarray(0, -END_BYTES))
    if (sums?.isFooterWhole === false) throw new Error('the checksum of its footer is wrong')
    const found = parquetMetadata(arrayBufferOf(footer), METADATA_OPTIONS)
    if (rows !== undefined && Number(found.num_rows) !== rows)
      throw new Error(`it says that it has ${found.num_rows} rows, its manifest says ${rows}`)
    return { metadata: found, sums }
  })

  async function readChunk(chunk: ColumnMetaData, index: number, count: number): Promise<Buffer> {
    const { start, end } = chunkRange(chunk)
    const isInside = start >= MAGIC.length && start <= end && end <= bytes
    if (!isInside) throw new Error(`a column lies from byte ${start} to ${end} of ${bytes}`)
    const stored = await storage.readRange(path, start, end)
    // A file of ours has one row group.
    if (sums?.isChunkWhole(index, count, stored) === false)
      throw new Error(`the checksum of the column from byte ${start} on is wrong`)
    return stored
  }

  /** Nothing here reads it, but other readers do, and skip rows by it. */
  async function checkPageIndex(columns: readonly ColumnChunk[]): Promise<void> {
    const range = pageIndexRange(columns)
    if (sums === null || range === null) return
    const stored = await storage.readRange(path, range.start, range.end)
    if (!sums.isPageIndexWhole(columns.length, stored))
      throw new Error('the checksum of its page index is wrong')
  }

  async function* pagesOf(name: string): AsyncIterable<DecodedArray> {
    for (const group of metadata.row_groups) {
      const index = group.columns.findIndex((each) => each.meta_data?.path_in_schema[0] === name)
      const chunk = group.columns[index]?.meta_data
      if (chunk === undefined) {
        // Files of other programs may leave columns out, which are null then.
        yield new Array(Number(group.num_rows)).fill(null)
        continue
      }
      const stored = await readChunk(chunk, index, group.columns.length)
      let values = 0n
      for (const page of chunkPages(metadata, chunk, stored)) {
        values += BigInt(page.length)
        yield page
      }
      if (values !== group.num_rows)
        throw new Error(`column ${name} has ${values} values instead of ${group.num_rows}`)
    }
  }

  const pages = (name: string): AsyncIterable<DecodedArray> => named(path, pagesOf(name))

  return {
    metadata,
    bytes,
    pages,
    async column(name) {
      const values: unknown[] = []
      for await (const page of pages(name)) for (const value of page) values.push(value)
      return values
    },
    check: () =>
      readable(path, async () => {
        for (const { columns } of metadata.row_groups) {
          for (const [index, { meta_data: chunk }] of columns.entries()) {
            if (chunk !== undefined) await readChunk(chunk, index, columns.length)
          }
          await checkPageIndex(columns)
        }
      }),
  }
}

/**
 * `footer`: its bytes, then their number and 'PAR1', as hyparquet takes them. `before`: what lies
 * before it.
 */
async function readFooter(
  storage: RangeReader,
  path: string,
  bytes: number,
): Promise<Readonly<{ footer: Buffer; before: Buffer }>> {
  const tail = await storage.readRange(path, Math.max(0, bytes - FOOTER_READ_BYTES), bytes)
  if (tail.length < END_BYTES || !tail.subarray(-MAGIC.length).equals(MAGIC))
    throw new Error('it does not end as a Parquet file')
  const needBytes = tail.readUInt32LE(tail.length - END_BYTES) + END_BYTES
  if (needBytes > bytes) throw new Error('its footer is longer than the file')
  const from = Math.max(0, bytes - needBytes - CHECKSUMS_BYTES_MAX)
  const isInTail = bytes - from <= tail.length
  const end = isInTail ? tail.subarray(from - bytes) : await storage.readRange(path, from, bytes)
  return { footer: end.subarray(-needBytes), before: end.subarray(0, -needBytes) }
}

function chunkRange(chunk: ColumnMetaData): Readonly<{ start: number; end: number }> {
  const start = Number(chunk.dictionary_page_offset || chunk.data_page_offset)
  return { start, end: start + Number(chunk.total_compressed_size) }
}

/** Null where there is none. */
function pageIndexRange(
  columns: readonly ColumnChunk[],
): Readonly<{ start: number; end: number }> | null {
  const places = columns.flatMap((chunk) => [
    { start: chunk.column_index_offset, bytes: chunk.column_index_length },
    { start: chunk.offset_index_offset, bytes: chunk.offset_index_length },
  ])
  const ranges = places.flatMap(({ start, bytes }) =>
    start === undefined || bytes === undefined ? [] : [{ start: Number(start), bytes }],
  )
  if (ranges.length === 0) return null
  return {
    start: Math.min(...ranges.map(({ start }) => start)),
    end: Math.max(...ranges.map(({ start, bytes }) => start + bytes)),
  }
}

function* chunkPages(
  metadata: FileMetaData,
  chunk: ColumnMetaData,
  stored: Buffer,
): Generator<DecodedArray> {
  const schemaPath = getSchemaPath(metadata.schema, chunk.path_in_schema)
  assert.equal(schemaPath.length, 2, 'the tables have no nested columns')
  const decoder = {
    ...chunk,
    pathInSchema: chunk.path_in_schema,
    element: schemaPath.at(-1)!.element,
    schemaPath,
    parsers: PARSERS,
    compressors: COMPRESSORS,
    utf8: false,
  }
  const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength)
  const reader = { view, offset: 0 }
  let dictionary: DecodedArray | undefined
  while (reader.offset < stored.byteLength) {
    const header = parquetHeader(reader)
    checkPage(header, stored.subarray(reader.offset, reader.offset + header.compressed_page_size))
    if (header.type === 'DATA_PAGE') {
      const start = reader.offset
      reader.offset += header.compressed_page_size
      yield dataPage(header, stored.subarray(start, reader.offset), dictionary, decoder)
      continue
    }
    const { data } = readPage(reader, header, decoder, dictionary, undefined, 0)
    if (data === undefined) continue
    if (header.type === 'DICTIONARY_PAGE') dictionary = convert(data, decoder)
    else yield data
  }
}

/** A page of another writer may have no checksum. */
function checkPage({ compressed_page_size: size, crc }: PageHeader, body: Uint8Array): void {
  if (size < 0 || body.length < size) throw new Error('a page is cut short')
  if (crc !== undefined && crc32(body) !== crc >>> 0)
    throw new Error('the checksum of a page is wrong')
}

/**
 * Like hyparquet's `readPage`, but without nested columns, which take most of its time for a
 * million ids.
 */
function dataPage(
  header: PageHeader,
  stored: Uint8Array,
  dictionary: DecodedArray | undefined,
  decoder: ColumnDecoder,
): DecodedArray {
  const page = header.data_page_header
  assert(page !== undefined)
  const size = header.uncompressed_page_size
  const body = decompressPage(stored, size, decoder.codec, decoder.compressors)
  const { definitionLevels, dataPage: decoded } = readDataPage(body, page, decoder)
  const values = convertWithDictionary(decoded, dictionary, page.encoding, decoder)
  if (definitionLevels === undefined || definitionLevels.length === 0) return values
  let next = 0
  return definitionLevels.map((level) => (level === 0 ? null : values[next++]))
}

function arrayBufferOf(bytes: Buffer): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.byteLength)
  new Uint8Array(copy).set(bytes)
  return copy
}

/** Runs a decoder; its errors name the file. */
async function readable<T>(path: string, decode: () => Promise<T>): Promise<T> {
  try {
    return await decode()
  } catch (error) {
    throw damagedFile(path, error)
  }
}

/** The same for a decoder that yields pages. */
async function* named<T>(path: string, pages: AsyncIterable<T>): AsyncIterable<T> {
  try {
    yield* pages
  } catch (error) {
    throw damagedFile(path, error)
  }
}

function damagedFile(path: string, error: unknown): TableError {
  if (error instanceof TableError) return error
  const facts = { path, expected: 'a Parquet file', reason: reasonOf(error) }
  return new TableError('file-damaged', facts, error)
}
