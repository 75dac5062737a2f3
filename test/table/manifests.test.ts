/**
 * Manifests and their lists as any Avro reader has them, and what is refused in those that another
 * program wrote.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type AvroSchema,
  avroFormat,
  decodeContainer,
  encodeContainer,
} from '../../src/table/avro.ts'
import { TABLES } from '../../src/table/definition.ts'
import { AVRO_CHECKSUM_KEY } from '../../src/table/keys.ts'
import { type ManifestEntry, manifestFormat, STATUS } from '../../src/table/manifest.ts'
import {
  decodeManifestList,
  encodeManifestList,
  manifestFileOf,
} from '../../src/table/manifest-list.ts'
import type { DataFile } from '../../src/table.ts'

const SYNC = Buffer.from('0123456789abcdef')
const OWNER = { snapshotId: 9_007_199_254_740_993n, parentSnapshotId: 7n, sequenceNumber: 12 }

function file(name: string, fields: Partial<DataFile> = {}): DataFile {
  return {
    path: `/lake/${name}.parquet`,
    day: 20_779,
    rows: 10,
    bytes: 1_000,
    columnSizes: new Map([[1, 40]]),
    valueCounts: new Map([[1, 10]]),
    nullCounts: new Map([[1, 3]]),
    nanCounts: new Map([[6, 0]]),
    lowerBounds: new Map([[1, Buffer.from('a')]]),
    upperBounds: new Map([[1, Buffer.from('z')]]),
    splitOffsets: [4],
    ...fields,
  }
}

const ENTRIES: readonly ManifestEntry[] = [
  {
    status: STATUS.added,
    snapshotId: OWNER.snapshotId,
    sequenceNumber: 12,
    fileSequenceNumber: 12,
    file: file('added', { day: 20_780, rows: 5 }),
  },
  {
    status: STATUS.existing,
    snapshotId: 3n,
    sequenceNumber: 2,
    fileSequenceNumber: 4,
    file: file('existing', { sortOrderId: 3 }),
  },
  {
    status: STATUS.deleted,
    snapshotId: OWNER.snapshotId,
    sequenceNumber: 1,
    fileSequenceNumber: 1,
    file: file('deleted', { day: -1, rows: 7, sortOrderId: null }),
  },
]
const INHERITED = { snapshotId: OWNER.snapshotId, sequenceNumber: 12, holdsDeletes: false }

test("a list's line counts the files and rows of each status, and spans all days", async () => {
  const manifest = manifestFileOf('/lake/m0.avro', 321, ENTRIES, OWNER)
  const bytes = await encodeManifestList([manifest], OWNER, SYNC)
  const { metadata, rows } = await decodeContainer(bytes)
  const own = [...metadata].filter(([key]) => !key.startsWith('avro.') && key !== AVRO_CHECKSUM_KEY)
  assert.deepEqual(Object.fromEntries(own), {
    'snapshot-id': '9007199254740993',
    'parent-snapshot-id': '7',
    'sequence-number': '12',
    'format-version': '2',
  })
  const day = (value: number): Buffer => {
    const encoded = Buffer.alloc(4)
    encoded.writeInt32LE(value)
    return encoded
  }
  const [row, ...others] = rows as Record<string, unknown>[]
  assert.equal(others.length, 0)
  assert.deepEqual(JSON.parse(JSON.stringify(row, (_, value) => plain(value))), {
    manifest_path: 'file:///lake/m0.avro',
    manifest_length: '321',
    partition_spec_id: 0,
    content: 0,
    sequence_number: '12',
    min_sequence_number: '2',
    added_snapshot_id: '9007199254740993',
    added_files_count: 1,
    existing_files_count: 1,
    deleted_files_count: 1,
    added_rows_count: '5',
    existing_rows_count: '10',
    deleted_rows_count: '7',
    partitions: [
      {
        contains_null: false,
        contains_nan: false,
        lower_bound: day(-1).toJSON(),
        upper_bound: day(20_780).toJSON(),
      },
    ],
    key_metadata: null,
  })
  assert.deepEqual(await decodeManifestList(bytes), [manifest])
})

const plain = (value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value)

test('a manifest gives back its entries; an added one has the number of its list', async () => {
  const format = manifestFormat(TABLES.events)
  const bytes = await format.encode(ENTRIES, SYNC)
  const read = await format.decode(bytes, INHERITED)
  assert.deepEqual(read, ENTRIES)
  const { rows } = await decodeContainer<{ sequence_number: bigint | null }>(bytes)
  assert.deepEqual(
    rows.map((row) => row.sequence_number),
    [null, 2n, 1n],
  )
  // A commit that was written again on a newer state: the list tells the newer number.
  const [added] = await format.decode(bytes, { ...INHERITED, sequenceNumber: 15 })
  assert.deepEqual([added?.sequenceNumber, added?.fileSequenceNumber], [15, 15])
})

/** A manifest of ours with its first row changed, as another program might write it. */
async function changedManifest(change: (row: ManifestRow) => unknown): Promise<Buffer> {
  const own = await manifestFormat(TABLES.events).encode(ENTRIES, SYNC)
  const { metadata, rows } = await decodeContainer<ManifestRow>(own)
  const schema = JSON.parse(metadata.get('avro.schema') ?? '') as AvroSchema
  const [first, ...others] = rows
  assert.ok(first !== undefined)
  return await encodeContainer(avroFormat(schema), {}, [change(first), ...others], SYNC)
}
type ManifestRow = Readonly<{ data_file: Readonly<Record<string, unknown>> }>

for (const [name, fields, message] of [
  ['ORC files', { file_format: 'ORC' }, /is ORC, not Parquet/],
  [
    'a file without a day',
    { partition: { timestamp_day: null } },
    /holds rows without a timestamp/,
  ],
] as const) {
  test(`a manifest of ${name} is refused`, async () => {
    const bytes = await changedManifest((row) => ({
      ...row,
      data_file: { ...row.data_file, ...fields },
    }))
    await assert.rejects(manifestFormat(TABLES.events).decode(bytes, INHERITED), message)
  })
}

test('a file without statistics, or named in small letters, is read', async () => {
  const none = { lower_bounds: null, upper_bounds: null, split_offsets: null, column_sizes: null }
  const bytes = await changedManifest((row) => ({
    ...row,
    data_file: { ...row.data_file, ...none, file_format: 'parquet' },
  }))
  const [entry] = await manifestFormat(TABLES.events).decode(bytes, INHERITED)
  assert.equal(entry?.file.lowerBounds.size, 0)
  assert.deepEqual(entry?.file.splitOffsets, [])
})

test('a list tells which manifests hold deletes; the older names of counts are read', async () => {
  const list = await encodeManifestList(
    [manifestFileOf('/lake/m0.avro', 321, ENTRIES, OWNER)],
    OWNER,
    SYNC,
  )
  const { metadata, rows } = await decodeContainer<Record<string, unknown>>(list)
  const text = metadata.get('avro.schema') ?? ''
  const [row] = rows
  const deletes = avroFormat<unknown>(JSON.parse(text))
  const both = await encodeContainer(deletes, {}, [row, { ...row, content: 1 }], SYNC)
  assert.deepEqual(
    (await decodeManifestList(both)).map(({ holdsDeletes }) => holdsDeletes),
    [false, true],
  )

  const older = JSON.parse(text.replaceAll('_files_count', '_data_files_count'))
  const renamed = Object.entries(row ?? {}).map(([key, value]) => [
    key.replace('_files_count', '_data_files_count'),
    value,
  ])
  const format = avroFormat<unknown>(older)
  const bytes = await encodeContainer(format, {}, [Object.fromEntries(renamed)], SYNC)
  const [read] = await decodeManifestList(bytes)
  assert.deepEqual(
    [read?.added, read?.existing, read?.deleted],
    [
      { files: 1, rows: 5 },
      { files: 1, rows: 10 },
      { files: 1, rows: 7 },
    ],
  )
})

const NUMBERS = avroFormat<{ n: bigint }>({
  type: 'record',
  name: 'numbers',
  fields: [{ name: 'n', type: 'long' }],
})

async function numbersIn(bytes: Buffer): Promise<bigint[]> {
  return (await decodeContainer<{ n: bigint }>(bytes)).rows.map(({ n }) => n)
}

test('longs keep their 64 bits', async () => {
  const numbers = [0n, -1n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)]
  const rows = numbers.map((n) => ({ n }))
  const bytes = await encodeContainer(NUMBERS, {}, rows, SYNC)
  assert.deepEqual(await numbersIn(bytes), numbers)
})

test('a container without rows has no block: its sync marker stands once', async () => {
  const count = (bytes: Buffer): number =>
    bytes.toString('latin1').split(SYNC.toString()).length - 1
  const none = await encodeContainer(NUMBERS, { a: 'b' }, [], SYNC)
  assert.equal(count(none), 1)
  const read = await decodeContainer(none)
  assert.deepEqual([read.rows, read.metadata.get('a')], [[], 'b'])
  assert.equal(count(await encodeContainer(NUMBERS, {}, [{ n: 1n }], SYNC)), 2)
})

/** A container of another program, without compression or checksum, with this block. */
async function withBlock(...block: readonly (number | Buffer)[]): Promise<Buffer> {
  const header = await encodeContainer(NUMBERS, {}, [], SYNC)
  const plainHeader = header
    .toString('latin1')
    .replace('\x0edeflate', '\x08null')
    .replace(AVRO_CHECKSUM_KEY, 'x'.repeat(AVRO_CHECKSUM_KEY.length))
  const parts = block.map((part) => (typeof part === 'number' ? Buffer.of(part) : part))
  return Buffer.concat([Buffer.from(plainHeader, 'latin1'), ...parts])
}

test('a container without compression is read, in any number of blocks', async () => {
  // Zigzag: 2 rows in 2 bytes, then 1 row in 1 byte; the rows are 1, -1 and 2.
  const bytes = await withBlock(4, 4, 2, 1, SYNC, 2, 2, 4, SYNC)
  assert.deepEqual(await numbersIn(bytes), [1n, -1n, 2n])
})

for (const [name, message, ...block] of [
  ['of a negative number of rows', /cut short/, 1, 2, 2, SYNC],
  ['of a negative length', /cut short/, 2, 1, 2, SYNC],
  ['that ends before its rows', /cut short/, 2, 40, 2, SYNC],
  ['without its last sync marker', /cut short/, 2, 2, 2],
  ['with another sync marker', /sync marker is wrong/, 2, 2, 2, Buffer.alloc(16)],
  ['of more rows than bytes', /fewer bytes than rows/, 8, 2, 2, SYNC],
  ['whose last row is cut', /row is cut short/, 4, 4, 2, 0x81, SYNC],
] as const) {
  test(`an Avro block ${name} is refused`, async () => {
    await assert.rejects(withBlock(...block).then(decodeContainer), message)
  })
}

test('a codec that is not known is named', async () => {
  const bytes = await encodeContainer(NUMBERS, {}, [], SYNC)
  const other = bytes.toString('latin1').replace('\x0edeflate', '\x0csnappy')
  await assert.rejects(decodeContainer(Buffer.from(other, 'latin1')), /codec snappy/)
})
