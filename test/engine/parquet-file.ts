/**
 * A Parquet file around given pages, written by the book (parquet.thrift, Thrift's compact
 * protocol) and with nothing more than readers insist on: so that other people's readers judge the
 * pages.
 */
import type { EncodedColumn, EncodedPage } from '../../src/event.ts'

const PHYSICAL_TYPES: Readonly<Record<string, number>> = { timestamp: 2, revenue: 5 }
const BYTE_ARRAY = 6
const ENCODINGS = { PLAIN: 0, RLE: 3, RLE_DICTIONARY: 8 } as const

type Field = readonly [id: number, type: 'i32' | 'i64' | 'text' | 'struct' | 'list', value: unknown]

export function parquetFile(columns: readonly EncodedColumn[]): Uint8Array {
  const parts: Uint8Array[] = [Buffer.from('PAR1')]
  let offset = 4
  const push = (bytes: Uint8Array): void => {
    parts.push(bytes)
    offset += bytes.length
  }
  const chunks = columns.map((column) => {
    const start = offset
    let dataStart = -1
    for (const page of column.pages) {
      if (page.kind === 'data' && dataStart === -1) dataStart = offset
      push(pageHeader(page))
      push(page.bytes)
    }
    return columnChunk(column, start, dataStart, offset - start)
  })
  const footer = struct([
    [1, 'i32', 1],
    [2, 'list', { type: 'struct', items: schema(columns) }],
    [3, 'i64', columns[0]?.values ?? 0],
    [4, 'list', { type: 'struct', items: [rowGroup(columns, chunks, offset)] }],
  ])
  const length = Buffer.alloc(4)
  length.writeUInt32LE(footer.length)
  return Buffer.concat([...parts, footer, length, Buffer.from('PAR1')])
}

function pageHeader(page: EncodedPage): Uint8Array {
  const encoding = ENCODINGS[page.encoding]
  const counts: Field[] = [
    [1, 'i32', page.values],
    [2, 'i32', encoding],
  ]
  const levels: Field[] = [
    [3, 'i32', ENCODINGS.RLE],
    [4, 'i32', ENCODINGS.RLE],
  ]
  return struct([
    [1, 'i32', page.kind === 'dictionary' ? 2 : 0],
    [2, 'i32', page.bytes.length],
    [3, 'i32', page.bytes.length],
    page.kind === 'dictionary'
      ? [7, 'struct', struct(counts)]
      : [5, 'struct', struct([...counts, ...levels])],
  ])
}

function schema(columns: readonly EncodedColumn[]): Uint8Array[] {
  const root = struct([
    [4, 'text', 'root'],
    [5, 'i32', columns.length],
  ])
  const leaves = columns.map(({ name }) => {
    const type = PHYSICAL_TYPES[name] ?? BYTE_ARRAY
    const fields: Field[] = [
      [1, 'i32', type],
      [3, 'i32', 1],
      [4, 'text', name],
    ]
    return struct(type === BYTE_ARRAY ? [...fields, [6, 'i32', 0]] : fields)
  })
  return [root, ...leaves]
}

function columnChunk(column: EncodedColumn, start: number, dataStart: number, bytes: number) {
  const encodings = new Set(column.pages.map(({ encoding }) => ENCODINGS[encoding]))
  const fields: Field[] = [
    [1, 'i32', PHYSICAL_TYPES[column.name] ?? BYTE_ARRAY],
    [2, 'list', { type: 'i32', items: [...encodings, ENCODINGS.RLE].map(zigzag) }],
    [3, 'list', { type: 'text', items: [text(column.name)] }],
    [4, 'i32', 0],
    [5, 'i64', column.values],
    [6, 'i64', bytes],
    [7, 'i64', bytes],
    [9, 'i64', dataStart],
  ]
  if (dataStart !== start) fields.push([11, 'i64', start])
  return struct([
    [2, 'i64', start],
    [3, 'struct', struct(fields)],
  ])
}

function rowGroup(columns: readonly EncodedColumn[], chunks: Uint8Array[], bytes: number) {
  return struct([
    [1, 'list', { type: 'struct', items: chunks }],
    [2, 'i64', bytes],
    [3, 'i64', columns[0]?.values ?? 0],
  ])
}

const TYPE_CODES = { i32: 5, i64: 6, text: 8, list: 9, struct: 12 } as const

function struct(fields: readonly Field[]): Uint8Array {
  const parts: Uint8Array[] = []
  let last = 0
  for (const [id, type, value] of fields) {
    parts.push(Buffer.from([((id - last) << 4) | TYPE_CODES[type]]), encode(type, value))
    last = id
  }
  return Buffer.concat([...parts, Buffer.from([0])])
}

function encode(type: Field[1], value: unknown): Uint8Array {
  if (type === 'struct') return value as Uint8Array
  if (type === 'text') return text(value as string)
  if (type !== 'list') return zigzag(value as number)
  const list = value as { type: Field[1]; items: Uint8Array[] }
  const code = TYPE_CODES[list.type]
  const head =
    list.items.length < 15
      ? Buffer.from([(list.items.length << 4) | code])
      : Buffer.concat([Buffer.from([0xf0 | code]), varint(list.items.length)])
  return Buffer.concat([head, ...list.items])
}

function text(value: string): Uint8Array {
  return Buffer.concat([varint(Buffer.byteLength(value)), Buffer.from(value)])
}

function zigzag(value: number): Uint8Array {
  return varint(value * 2)
}

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  return Buffer.from([...bytes, rest])
}
