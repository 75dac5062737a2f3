/**
 * Avro object container files (Avro spec: "Object Container Files"), as Iceberg's manifests and
 * manifest lists use them.
 *
 *   magic 'Obj' 1 | metadata map<bytes>: avro.schema, avro.codec, … | 16 sync bytes
 *   then blocks:  row count (long) | byte length (long) | rows, deflated | 16 sync bytes
 *
 * avsc encodes the rows. The container is written here, because avsc would write its own form of
 * the schema, without the `field-id`s by which Iceberg readers find the columns.
 */
import { promisify } from 'node:util'
import { crc32, deflateRaw, inflateRaw } from 'node:zlib'
import avro from 'avsc'
import { AVRO_CHECKSUM_KEY } from './keys.ts'

const deflate = promisify(deflateRaw)
const inflate = promisify(inflateRaw)

export type AvroSchema = Readonly<Record<string, unknown>>

/** A field of a record in an Iceberg schema: readers find it by its id. */
export function required(name: string, id: number, type: unknown): AvroSchema {
  return { name, type, 'field-id': id }
}

export function optional(name: string, id: number, type: unknown): AvroSchema {
  return { name, type: ['null', type], default: null, 'field-id': id }
}

export type AvroFormat<Row> = Readonly<{
  schemaText: string
  encode(row: Row): Buffer
  decode(bytes: Buffer, count: number): Row[]
}>

/** Longs are bigints on this side: snapshot ids use 63 bits. */
const LONG = avro.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const bytes = Buffer.allocUnsafe(8)
    bytes.writeBigInt64LE(value)
    return bytes
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1),
})

const HEADER = avro.Type.forSchema({
  type: 'record',
  name: 'Header',
  fields: [
    { name: 'magic', type: { type: 'fixed', name: 'Magic', size: 4 } },
    { name: 'metadata', type: { type: 'map', values: 'bytes' } },
    { name: 'sync', type: { type: 'fixed', name: 'Sync', size: 16 } },
  ],
})
const MAGIC = Buffer.from('Obj\x01', 'latin1')
const COUNT = avro.Type.forSchema('long')
const SYNC_BYTES = 16

export function avroFormat<Row>(schema: AvroSchema): AvroFormat<Row> {
  const schemaText = JSON.stringify(schema)
  const type = typeFor(schemaText)
  return {
    schemaText,
    encode: (row) => type.toBuffer(row),
    decode: (bytes, count) => decodeRows(type, bytes, count),
  }
}

/** The same rows give the same bytes: `sync` is the caller's, any 16 bytes. */
export async function encodeContainer<Row>(
  format: AvroFormat<Row>,
  metadata: Readonly<Record<string, string>>,
  rows: readonly Row[],
  sync: Uint8Array,
): Promise<Buffer> {
  const block = rows.length === 0 ? null : await deflate(Buffer.concat(rows.map(format.encode)))
  const entries = {
    ...metadata,
    [AVRO_CHECKSUM_KEY]: checksumOf(format.schemaText, rows.length, block),
    'avro.schema': format.schemaText,
    'avro.codec': 'deflate',
  }
  const header = HEADER.toBuffer({
    magic: MAGIC,
    metadata: Object.fromEntries(Object.entries(entries).map(([k, v]) => [k, Buffer.from(v)])),
    sync: Buffer.from(sync),
  })
  if (block === null) return header
  return Buffer.concat([
    header,
    COUNT.toBuffer(rows.length),
    COUNT.toBuffer(block.length),
    block,
    sync,
  ])
}

/** Avro itself has none for deflated blocks: a changed byte would give other rows. */
function checksumOf(schemaText: string, rows: number, block: Uint8Array | null): string {
  return String(crc32(block ?? '', crc32(`${rows} ${schemaText}`)))
}

/** 16 bytes, for the sync marker. */
export function uuidBytes(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex')
}

export type Container<Row> = Readonly<{ metadata: ReadonlyMap<string, string>; rows: Row[] }>

/**
 * Reads a container of any writer: its own schema decodes it, so columns that we do not know are
 * simply there. Throws plain errors; the caller knows the path.
 */
export async function decodeContainer<Row>(bytes: Buffer): Promise<Container<Row>> {
  const { metadata, sync, offset } = readHeader(bytes)
  const codec = metadata.get('avro.codec') ?? 'null'
  if (codec !== 'deflate' && codec !== 'null')
    throw new Error(`Avro codec ${codec} is not supported`)
  const schemaText = metadata.get('avro.schema') ?? ''
  const type = typeFor(schemaText)
  /** A file of ours has one block, or none. */
  const check = (count: number, block: Uint8Array | null): void => {
    const written = metadata.get(AVRO_CHECKSUM_KEY)
    if (written !== undefined && written !== checksumOf(schemaText, count, block))
      throw new Error('the checksum of its rows is wrong')
  }
  if (offset === bytes.length) check(0, null)
  const rows: Row[] = []
  for (let at = offset; at < bytes.length; ) {
    const count = COUNT.decode(bytes, at) as Decoded<number>
    const size = COUNT.decode(bytes, count.offset) as Decoded<number>
    const end = size.offset + (size.value ?? Number.NaN)
    if (!(count.value! >= 0 && size.value! >= 0 && end + SYNC_BYTES <= bytes.length))
      throw new Error('an Avro block is cut short')
    // Checked before the block is decoded: a garbage count would be counted to.
    if (!sync.equals(bytes.subarray(end, end + SYNC_BYTES)))
      throw new Error('an Avro sync marker is wrong')
    const block = bytes.subarray(size.offset, end)
    check(count.value!, block)
    const body = codec === 'deflate' ? await inflate(block) : block
    for (const row of decodeRows<Row>(type, body, count.value!)) rows.push(row)
    at = end + SYNC_BYTES
  }
  return { metadata, rows }
}

type Header = Readonly<{ metadata: ReadonlyMap<string, string>; sync: Buffer; offset: number }>

/** Without avsc, which would loop over whatever count garbage gives. */
function readHeader(bytes: Buffer): Header {
  if (!MAGIC.equals(bytes.subarray(0, MAGIC.length))) throw new Error('no Avro header')
  const metadata = new Map<string, string>()
  let at = MAGIC.length
  const readLong = (): number => {
    const { value, offset } = COUNT.decode(bytes, at) as Decoded<number>
    if (value === undefined) throw new Error('an Avro header is cut short')
    at = offset
    return value
  }
  const readText = (): string => {
    const length = readLong()
    const end = at + length
    if (!(length >= 0 && end <= bytes.length)) throw new Error('an Avro header is cut short')
    const text = bytes.toString('utf8', at, end)
    at = end
    return text
  }
  for (let entries = readLong(); entries !== 0; entries = readLong()) {
    // A negative count is followed by the size of its block.
    if (entries < 0) readLong()
    for (let left = Math.abs(entries); left > 0; left--) metadata.set(readText(), readText())
  }
  const sync = bytes.subarray(at, at + SYNC_BYTES)
  if (sync.length < SYNC_BYTES) throw new Error('an Avro header is cut short')
  return { metadata, sync, offset: at + SYNC_BYTES }
}

type Decoded<T> = Readonly<{ value: T | undefined; offset: number }>

/**
 * Types by schema text: making one takes longer than reading a manifest. A catalog has few writers,
 * so few schemas.
 */
const types = new Map<string, avro.Type>()
const TYPES_MAX = 32

function typeFor(schemaText: string): avro.Type {
  const known = types.get(schemaText)
  if (known !== undefined) return known
  const schema = JSON.parse(schemaText, namedLong) as avro.Schema
  const type = avro.Type.forSchema(schema, { registry: { long: LONG }, wrapUnions: false })
  if (types.size >= TYPES_MAX) types.clear()
  types.set(schemaText, type)
  return type
}

/** DuckDB writes `{"type":"long"}` for `"long"`, which avsc would not look up in the registry. */
function namedLong(_: string, value: unknown): unknown {
  const { type, name, logicalType } = Object(value)
  return type === 'long' && name === undefined && logicalType === undefined ? 'long' : value
}

function decodeRows<Row>(type: avro.Type, bytes: Buffer, count: number): Row[] {
  const rows: Row[] = []
  if (count > bytes.length) throw new Error('an Avro block has fewer bytes than rows')
  let at = 0
  for (let index = 0; index < count; index++) {
    const { value, offset } = type.decode(bytes, at) as Decoded<Row>
    if (value === undefined) throw new Error('an Avro row is cut short')
    rows.push(value)
    at = offset
  }
  return rows
}
