/**
 * Joins encoded columns to a Parquet file. Pages are compressed with zstd, unless a column is too
 * small to gain from it (a file of few rows has 20 such pages), and get a checksum.
 */
import { strict as assert } from 'node:assert'
import { promisify } from 'node:util'
import { crc32, constants as zlib, zstdCompress } from 'node:zlib'
import type { EncodedColumn } from '../../event.ts'
import { boundsOf } from '../bounds.ts'
import type { DataFile } from '../data-file.ts'
import type { Field, Schema } from '../schema.ts'
import { checksums } from './checksums.ts'
import {
  type Codec,
  type ColumnChunk,
  type CompressedPage,
  fileMetaData,
  type KeyValues,
  pageHeader,
} from './footer.ts'
import { type PageLocation, pageIndex } from './page-index.ts'

const compress = promisify(zstdCompress)

const MIN_CHUNK_BYTES = 256
/** A column of fewer bytes is not compressed. */
const COMPRESSED_BYTES_MIN = 256

const MAGIC = Buffer.from('PAR1', 'latin1')

export type ParquetFile = Readonly<{
  chunks: readonly Uint8Array[]
  stats: Omit<DataFile, 'path' | 'day'>
}>

/** `columns` are the schema's, in its order, each with `rows` values. */
export async function encodeParquet(
  schema: Schema,
  rows: number,
  columns: readonly EncodedColumn[],
  keyValues: KeyValues,
  zstdLevel: number,
): Promise<ParquetFile> {
  assert.deepEqual(
    columns.map((column) => column.name),
    schema.map((field) => field.name),
  )
  const compressed = await Promise.all(columns.map((column) => compressColumn(column, zstdLevel)))
  const parts: Uint8Array[] = [MAGIC]
  let offset = MAGIC.length
  const chunks = schema.map((field, index) => {
    const column = columns[index]!
    assert.equal(column.values, rows)
    const laid = layColumn(field, column, compressed[index]!, offset)
    parts.push(...laid.parts)
    offset += laid.chunk.compressedBytes
    return laid.chunk
  })
  const index = pageIndex(chunks, offset)
  parts.push(...(index?.parts ?? []))
  offset += index?.bytes ?? 0
  const footer = fileMetaData(schema, rows, chunks, index?.places ?? [], keyValues)
  const sums = checksums(
    chunks.map(({ crc }) => crc),
    index?.parts ?? [],
    footer,
  )
  const length = Buffer.alloc(4)
  length.writeUInt32LE(footer.byteLength)
  parts.push(sums, footer, length, MAGIC)
  const bytes = offset + sums.byteLength + footer.byteLength + length.length + MAGIC.length
  return { chunks: parts, stats: statsOf(rows, bytes, chunks) }
}

type CompressedColumn = Readonly<{ codec: Codec; pages: readonly CompressedPage[] }>

async function compressColumn(column: EncodedColumn, level: number): Promise<CompressedColumn> {
  const bytes = column.pages.reduce((sum, page) => sum + page.bytes.byteLength, 0)
  if (bytes < COMPRESSED_BYTES_MIN) {
    const pages = column.pages.map((page) => ({ page, body: page.bytes, crc: crc32(page.bytes) }))
    return { codec: 'none', pages }
  }
  const params = { [zlib.ZSTD_c_compressionLevel]: level }
  const pages = column.pages.map(async (page) => {
    const size = page.bytes.byteLength
    // One buffer for the whole result: in steps of 16 KB, the default, the steps cost more than
    // the compression.
    const chunkSize = Math.max(MIN_CHUNK_BYTES, size)
    const body = await compress(page.bytes, { params, chunkSize, pledgedSrcSize: size })
    return { page, body, crc: crc32(body) }
  })
  return { codec: 'zstd', pages: await Promise.all(pages) }
}

type LaidColumn = Readonly<{ chunk: ColumnChunk; parts: readonly Uint8Array[] }>

function layColumn(
  field: Field,
  column: EncodedColumn,
  { codec, pages }: CompressedColumn,
  start: number,
): LaidColumn {
  const parts: Uint8Array[] = []
  const located: PageLocation[] = []
  let offset = start
  let uncompressedBytes = 0
  let firstDataPageAt: number | null = null
  let crc = 0
  for (const each of pages) {
    if (each.page.kind === 'data') firstDataPageAt ??= offset
    const header = pageHeader(each)
    const bytes = header.byteLength + each.body.byteLength
    located.push({ page: each.page, offset, bytes })
    parts.push(header, each.body)
    crc = crc32(each.body, crc32(header, crc))
    offset += bytes
    uncompressedBytes += header.byteLength + each.page.bytes.byteLength
  }
  const chunk = {
    codec,
    field,
    column,
    pages: located,
    firstPageAt: start,
    firstDataPageAt: firstDataPageAt ?? start,
    uncompressedBytes,
    compressedBytes: offset - start,
    crc,
  }
  return { chunk, parts }
}

function statsOf(
  rows: number,
  bytes: number,
  chunks: readonly ColumnChunk[],
): ParquetFile['stats'] {
  const lowerBounds = new Map<number, Uint8Array>()
  const upperBounds = new Map<number, Uint8Array>()
  const nanCounts = new Map<number, number>()
  for (const { field, column } of chunks) {
    const { lower, upper } = boundsOf(field, column.min, column.max)
    if (lower !== null) lowerBounds.set(field.id, lower)
    if (upper !== null) upperBounds.set(field.id, upper)
    // Revenue is finite and a ratio never 0/0, so there is no NaN in these tables.
    if (field.type === 'double') nanCounts.set(field.id, 0)
  }
  return {
    rows,
    bytes,
    columnSizes: new Map(chunks.map((chunk) => [chunk.field.id, chunk.compressedBytes])),
    valueCounts: new Map(chunks.map((chunk) => [chunk.field.id, chunk.column.values])),
    nullCounts: new Map(chunks.map((chunk) => [chunk.field.id, chunk.column.nullCount])),
    nanCounts,
    lowerBounds,
    upperBounds,
    splitOffsets: [chunks[0]?.firstPageAt ?? 4],
  }
}
