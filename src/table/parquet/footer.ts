/**
 * Parquet's page headers and footer (parquet-format's `parquet.thrift`; names and field numbers are
 * its own).
 *
 *   'PAR1' | column chunk … | page index | FileMetaData | length u32 | 'PAR1'
 *            └ page header, page body (compressed) …
 */
import type { EncodedColumn, EncodedPage } from '../../event.ts'
import type { Field, FieldType, Schema } from '../schema.ts'
import type { PageIndexPlace, PageLocation } from './page-index.ts'
import {
  binary,
  bool,
  encodeThrift,
  i32,
  i64,
  list,
  struct,
  type ThriftStruct,
  type ThriftValue,
  text,
} from './thrift.ts'

/**
 * `<application> version <version> (build <hash>)`: readers look here for known defects of a
 * writer.
 */
const CREATED_BY = 'campaign-metrics version 0.1.0 (build 0)'

const PHYSICAL_TYPE: Readonly<Record<FieldType, number>> = {
  long: 2,
  timestamp: 2,
  double: 5,
  string: 6,
}
const ENCODING = {
  PLAIN: 0,
  RLE: 3,
  DELTA_BINARY_PACKED: 5,
  DELTA_LENGTH_BYTE_ARRAY: 6,
  RLE_DICTIONARY: 8,
} as const
const PAGE_TYPE = { data: 0, dictionary: 2 } as const
const OPTIONAL = 1
const CODECS = { none: 0, zstd: 6 } as const
const UTF8 = 0

export type CompressedPage = Readonly<{ page: EncodedPage; body: Uint8Array; crc: number }>

export function pageHeader({ page, body, crc }: CompressedPage): Uint8Array {
  const encoding = i32(ENCODING[page.encoding])
  const header = struct(
    [1, i32(PAGE_TYPE[page.kind])],
    [2, i32(page.bytes.byteLength)],
    [3, i32(body.byteLength)],
    [4, i32(crc | 0)],
    [5, page.kind === 'data' ? dataPageHeader(page, encoding) : undefined],
    [7, page.kind === 'dictionary' ? struct([1, i32(page.values)], [2, encoding]) : undefined],
  )
  return encodeThrift(header)
}

function dataPageHeader(page: EncodedPage, encoding: ThriftValue): ThriftStruct {
  const levels = i32(ENCODING.RLE)
  return struct([1, i32(page.values)], [2, encoding], [3, levels], [4, levels])
}

/** A column as it is stored in the file. Sizes include the page headers. */
export type Codec = keyof typeof CODECS

export type ColumnChunk = Readonly<{
  codec: Codec
  field: Field
  column: EncodedColumn
  pages: readonly PageLocation[]
  firstPageAt: number
  firstDataPageAt: number
  uncompressedBytes: number
  compressedBytes: number
  /** Of all its bytes, page headers included. */
  crc: number
}>

export type KeyValues = Readonly<Record<string, string>>

/**
 * FileMetaData of a file with one row group. `index` says where the page index of each column is;
 * it is empty where there is none.
 */
export function fileMetaData(
  schema: Schema,
  rows: number,
  chunks: readonly ColumnChunk[],
  index: readonly PageIndexPlace[],
  keyValues: KeyValues,
): Uint8Array {
  const root = struct([4, text('table')], [5, i32(schema.length)])
  const footer = struct(
    [1, i32(1)],
    [2, list([root, ...schema.map(schemaElement)])],
    [3, i64(rows)],
    [4, list([rowGroup(rows, chunks, index)])],
    [5, list(Object.entries(keyValues).map(([k, v]) => struct([1, text(k)], [2, text(v)])))],
    [6, text(CREATED_BY)],
    // TypeDefinedOrder for each column: without it readers ignore the statistics of strings.
    [7, list(schema.map(() => struct([1, struct()])))],
  )
  return encodeThrift(footer)
}

function schemaElement({ id, name, type }: Field): ThriftStruct {
  return struct(
    [1, i32(PHYSICAL_TYPE[type])],
    [3, i32(OPTIONAL)],
    [4, text(name)],
    [6, type === 'string' ? i32(UTF8) : undefined],
    [9, i32(id)],
    [10, logicalType(type)],
  )
}

/** Timestamps are local (not adjusted to UTC); the older converted types have none for that. */
function logicalType(type: FieldType): ThriftStruct | undefined {
  if (type === 'string') return struct([1, struct()])
  if (type !== 'timestamp') return undefined
  const micros = struct([2, struct()])
  return struct([8, struct([1, bool(false)], [2, micros])])
}

function rowGroup(
  rows: number,
  chunks: readonly ColumnChunk[],
  index: readonly PageIndexPlace[],
): ThriftStruct {
  const sum = (pick: (chunk: ColumnChunk) => number) =>
    chunks.reduce((all, chunk) => all + pick(chunk), 0)
  return struct(
    [1, list(chunks.map((chunk, column) => columnChunk(chunk, index[column])))],
    [2, i64(sum((chunk) => chunk.uncompressedBytes))],
    [3, i64(rows)],
    [5, i64(chunks[0]?.firstPageAt ?? 4)],
    [6, i64(sum((chunk) => chunk.compressedBytes))],
  )
}

function columnChunk(chunk: ColumnChunk, index: PageIndexPlace | undefined): ThriftStruct {
  const { field, column } = chunk
  const hasDictionary = chunk.firstPageAt < chunk.firstDataPageAt
  const encodings = new Set(column.pages.map((page) => ENCODING[page.encoding]))
  const metadata = struct(
    [1, i32(PHYSICAL_TYPE[field.type])],
    [2, list([ENCODING.RLE, ...encodings].map(i32))],
    [3, list([text(field.name)])],
    [4, i32(CODECS[chunk.codec])],
    [5, i64(column.values)],
    [6, i64(chunk.uncompressedBytes)],
    [7, i64(chunk.compressedBytes)],
    [9, i64(chunk.firstDataPageAt)],
    [11, hasDictionary ? i64(chunk.firstPageAt) : undefined],
    [12, statistics(column)],
    [13, list(encodingStats(column.pages))],
  )
  return struct(
    [2, i64(0)],
    [3, metadata],
    [4, index && i64(index.offsets.offset)],
    [5, index && i32(index.offsets.bytes)],
    [6, index?.bounds ? i64(index.bounds.offset) : undefined],
    [7, index?.bounds ? i32(index.bounds.bytes) : undefined],
  )
}

function statistics({ nullCount, min, max }: EncodedColumn): ThriftStruct {
  const bounded = min !== null && max !== null
  return struct(
    [3, i64(nullCount)],
    [5, bounded ? binary(max) : undefined],
    [6, bounded ? binary(min) : undefined],
    [7, bounded ? bool(true) : undefined],
    [8, bounded ? bool(true) : undefined],
  )
}

/**
 * How many pages of each kind: only then can a reader rely on the dictionary holding every value.
 */
function encodingStats(pages: readonly EncodedPage[]): ThriftStruct[] {
  const kinds = Map.groupBy(pages, (page) => `${page.kind} ${page.encoding}`)
  return [...kinds.values()].map(([first, ...others]) =>
    struct(
      [1, i32(PAGE_TYPE[first!.kind])],
      [2, i32(ENCODING[first!.encoding])],
      [3, i32(1 + others.length)],
    ),
  )
}
