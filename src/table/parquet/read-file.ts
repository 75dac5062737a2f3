/**
 * Reads Parquet files with hyparquet's decoders, page by page. Strings stay bytes and timestamps
 * stay microseconds, so nothing is lost or converted needlessly, and a column of a large file is
 * never in memory as a whole.
 */
import { strict as assert } from 'node:assert'
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import {
  type AsyncBuffer,
  type ColumnMetaData,
  type DecodedArray,
  type FileMetaData,
  type PageHeader,
  parquetMetadataAsync,
} from 'hyparquet'
import { parquetHeader, readPage } from 'hyparquet/src/column.js'
import { convert, convertWithDictionary, DEFAULT_PARSERS } from 'hyparquet/src/convert.js'
import { decompressPage, readDataPage } from 'hyparquet/src/datapage.js'
import { getSchemaPath } from 'hyparquet/src/schema.js'
import type { ColumnDecoder } from 'hyparquet/src/types.js'
import { reasonOf } from '../../runtime.ts'
import { TableError } from '../error.ts'
import type { Storage } from '../storage.ts'

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
}>

export type RangeReader = Pick<Storage, 'readRange'>

export async function openParquet(
  storage: RangeReader,
  path: string,
  bytes: number,
): Promise<ParquetReader> {
  const file: AsyncBuffer = {
    byteLength: bytes,
    slice: async (start, end = bytes) => arrayBufferOf(await storage.readRange(path, start, end)),
  }
  const options = { parsers: PARSERS, initialFetchSize: FOOTER_READ_BYTES, geoparquet: false }
  const metadata = await readable(path, () => parquetMetadataAsync(file, options))

  async function* pages(name: string): AsyncIterable<DecodedArray> {
    for (const group of metadata.row_groups) {
      const chunk = group.columns.find(
        (each) => each.meta_data?.path_in_schema[0] === name,
      )?.meta_data
      if (chunk === undefined) {
        // Files of other programs may leave columns out, which are null then.
        yield new Array(Number(group.num_rows)).fill(null)
        continue
      }
      const { start, end } = chunkRange(chunk)
      const stored = await storage.readRange(path, start, end)
      yield* named(path, chunkPages(metadata, chunk, stored))
    }
  }

  return {
    metadata,
    bytes,
    pages,
    async column(name) {
      const values: unknown[] = []
      for await (const page of pages(name)) for (const value of page) values.push(value)
      return values
    },
  }
}

function chunkRange(chunk: ColumnMetaData): Readonly<{ start: number; end: number }> {
  const start = Number(chunk.dictionary_page_offset || chunk.data_page_offset)
  return { start, end: start + Number(chunk.total_compressed_size) }
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
function* named<T>(path: string, pages: Generator<T>): Generator<T> {
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
