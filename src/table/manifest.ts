/**
 * Manifests (spec: "Manifests"): Avro files that list data files with their partition, counts and
 * bounds.
 *
 * The sequence number of an ADDED entry is written as null and inherited from the manifest list;
 * EXISTING and DELETED entries carry theirs. In memory every entry has its numbers.
 */
import {
  type AvroSchema,
  avroFormat,
  decodeContainer,
  encodeContainer,
  optional,
  required,
} from './avro.ts'
import type { DataFile } from './data-file.ts'
import { PARTITION_FIELD_ID, SPEC_ID, specFieldsJson, type TableDefinition } from './definition.ts'
import { TableError } from './error.ts'
import { locationOf, pathOf } from './location.ts'
import { SCHEMA_ID, schemaJson } from './schema.ts'

export const STATUS = { existing: 0, added: 1, deleted: 2 } as const
export type Status = (typeof STATUS)[keyof typeof STATUS]

export type ManifestEntry = Readonly<{
  status: Status
  /** The snapshot that added the file; for a deleted entry the one that removed it. */
  snapshotId: bigint
  /** Of the snapshot that added its rows; a rewrite may keep it. */
  sequenceNumber: number
  /** Of the snapshot that added the file. */
  fileSequenceNumber: number
  file: DataFile
}>

/** What a manifest's entries inherit from its line in the manifest list. */
export type Inherited = Readonly<{
  snapshotId: bigint
  sequenceNumber: number
  holdsDeletes: boolean
}>

type Pair<V> = Readonly<{ key: number; value: V }>
type EntryRow = Readonly<{
  status: number
  snapshot_id: bigint | null
  sequence_number: bigint | null
  file_sequence_number: bigint | null
  data_file: DataFileRow
}>
type DataFileRow = Readonly<{
  content: number
  file_path: string
  file_format: string
  partition: Readonly<Record<string, number | null>>
  record_count: bigint
  file_size_in_bytes: bigint
  column_sizes: readonly Pair<bigint>[] | null
  value_counts: readonly Pair<bigint>[] | null
  null_value_counts: readonly Pair<bigint>[] | null
  nan_value_counts: readonly Pair<bigint>[] | null
  lower_bounds: readonly Pair<Buffer>[] | null
  upper_bounds: readonly Pair<Buffer>[] | null
  key_metadata: null
  split_offsets: readonly bigint[] | null
  equality_ids: null
  sort_order_id: number | null
}>

export type ManifestFormat = Readonly<{
  encode(entries: readonly ManifestEntry[], sync: Uint8Array): Promise<Buffer>
  decode(bytes: Buffer, inherited: Inherited): Promise<ManifestEntry[]>
}>

/** The manifest format of a table; made once, since its Avro types are costly to make. */
export function manifestFormat(table: TableDefinition): ManifestFormat {
  const known = formats.get(table)
  if (known !== undefined) return known
  const format = newFormat(table)
  formats.set(table, format)
  return format
}

const formats = new WeakMap<TableDefinition, ManifestFormat>()

function newFormat(table: TableDefinition): ManifestFormat {
  const partition = table.spec.name
  const format = avroFormat<EntryRow>(entrySchema(partition))
  const metadata = {
    schema: JSON.stringify(schemaJson(table.schema)),
    'schema-id': String(SCHEMA_ID),
    'partition-spec': JSON.stringify(specFieldsJson(table.spec)),
    'partition-spec-id': String(SPEC_ID),
    'format-version': '2',
    content: 'data',
  }
  return {
    encode: (entries, sync) =>
      encodeContainer(
        format,
        metadata,
        entries.map((entry) => entryRow(entry, partition)),
        sync,
      ),
    async decode(bytes, inherited) {
      const { rows } = await decodeContainer<EntryRow>(bytes)
      return rows.map((row) => entryOf(row, partition, inherited))
    },
  }
}

function entryRow(entry: ManifestEntry, partition: string): EntryRow {
  const inherits = entry.status === STATUS.added
  return {
    status: entry.status,
    snapshot_id: entry.snapshotId,
    sequence_number: inherits ? null : BigInt(entry.sequenceNumber),
    file_sequence_number: inherits ? null : BigInt(entry.fileSequenceNumber),
    data_file: dataFileRow(entry.file, partition),
  }
}

function dataFileRow(file: DataFile, partition: string): DataFileRow {
  return {
    content: 0,
    file_path: locationOf(file.path),
    file_format: 'PARQUET',
    partition: { [partition]: file.day },
    record_count: BigInt(file.rows),
    file_size_in_bytes: BigInt(file.bytes),
    column_sizes: countPairs(file.columnSizes),
    value_counts: countPairs(file.valueCounts),
    null_value_counts: countPairs(file.nullCounts),
    nan_value_counts: countPairs(file.nanCounts),
    lower_bounds: boundPairs(file.lowerBounds),
    upper_bounds: boundPairs(file.upperBounds),
    key_metadata: null,
    split_offsets: file.splitOffsets.map(BigInt),
    equality_ids: null,
    sort_order_id: file.sortOrderId === undefined ? 0 : file.sortOrderId,
  }
}

function entryOf(row: EntryRow, partition: string, inherited: Inherited): ManifestEntry {
  const own = row.sequence_number ?? inherited.sequenceNumber
  return {
    status: row.status as Status,
    snapshotId: row.snapshot_id ?? inherited.snapshotId,
    sequenceNumber: Number(own),
    fileSequenceNumber: Number(row.file_sequence_number ?? inherited.sequenceNumber),
    file: dataFileOf(row.data_file, partition, inherited),
  }
}

/** Throws TableError `unfit-change` for a file that only another program can have added. */
function dataFileOf(
  row: DataFileRow,
  partition: string,
  { holdsDeletes, snapshotId }: Inherited,
): DataFile {
  const refuse = (reason: string, todo: string): never => {
    const what = `snapshot ${snapshotId} of another program has the file ${row.file_path}`
    throw new TableError('unfit-change', { change: `${what}, which ${reason}`, todo })
  }
  if (!holdsDeletes && row.file_format.toUpperCase() !== 'PARQUET') {
    refuse(`is ${row.file_format}, not Parquet`, 'Write its rows as Parquet instead')
  }
  const day = row.partition[partition] ?? (holdsDeletes ? 0 : undefined)
  if (day === undefined) {
    const column = partition.replace(/_day$/, '')
    return refuse(`holds rows without a ${column}`, `Delete the rows whose ${column} is null`)
  }
  return {
    path: pathOf(row.file_path),
    day,
    rows: Number(row.record_count),
    bytes: Number(row.file_size_in_bytes),
    columnSizes: countMap(row.column_sizes),
    valueCounts: countMap(row.value_counts),
    nullCounts: countMap(row.null_value_counts),
    nanCounts: countMap(row.nan_value_counts),
    lowerBounds: boundMap(row.lower_bounds),
    upperBounds: boundMap(row.upper_bounds),
    splitOffsets: (row.split_offsets ?? []).map(Number),
    ...(row.sort_order_id !== 0 && { sortOrderId: row.sort_order_id ?? null }),
  }
}

function countPairs(counts: ReadonlyMap<number, number>): Pair<bigint>[] {
  return Array.from(counts, ([key, value]) => ({ key, value: BigInt(value) }))
}

function boundPairs(bounds: ReadonlyMap<number, Uint8Array>): Pair<Buffer>[] {
  return Array.from(bounds, ([key, value]) => ({ key, value: Buffer.from(value) }))
}

function countMap(pairs: readonly Pair<bigint>[] | null): Map<number, number> {
  return new Map((pairs ?? []).map(({ key, value }) => [key, Number(value)]))
}

function boundMap(pairs: readonly Pair<Buffer>[] | null): Map<number, Uint8Array> {
  return new Map((pairs ?? []).map(({ key, value }) => [key, value]))
}

/**
 * Spec: "Manifest Entry Fields", "Data File Fields". Names of records and maps are those of the
 * Java library.
 */
function entrySchema(partition: string): AvroSchema {
  const day = { type: 'int', logicalType: 'date' }
  const partitionType = {
    type: 'record',
    name: 'r102',
    fields: [optional(partition, PARTITION_FIELD_ID, day)],
  }
  const dataFile = {
    type: 'record',
    name: 'r2',
    fields: [
      required('content', 134, 'int'),
      required('file_path', 100, 'string'),
      required('file_format', 101, 'string'),
      required('partition', 102, partitionType),
      required('record_count', 103, 'long'),
      required('file_size_in_bytes', 104, 'long'),
      optional('column_sizes', 108, mapOf(117, 118, 'long')),
      optional('value_counts', 109, mapOf(119, 120, 'long')),
      optional('null_value_counts', 110, mapOf(121, 122, 'long')),
      optional('nan_value_counts', 137, mapOf(138, 139, 'long')),
      optional('lower_bounds', 125, mapOf(126, 127, 'bytes')),
      optional('upper_bounds', 128, mapOf(129, 130, 'bytes')),
      optional('key_metadata', 131, 'bytes'),
      optional('split_offsets', 132, { type: 'array', items: 'long', 'element-id': 133 }),
      optional('equality_ids', 135, { type: 'array', items: 'int', 'element-id': 136 }),
      optional('sort_order_id', 140, 'int'),
    ],
  }
  return {
    type: 'record',
    name: 'manifest_entry',
    fields: [
      required('status', 0, 'int'),
      optional('snapshot_id', 1, 'long'),
      optional('sequence_number', 3, 'long'),
      optional('file_sequence_number', 4, 'long'),
      required('data_file', 2, dataFile),
    ],
  }
}

/**
 * Avro maps have string keys only, so Iceberg writes maps with int keys as arrays of pairs (spec:
 * "Avro").
 */
function mapOf(keyId: number, valueId: number, value: string) {
  const fields = [required('key', keyId, 'int'), required('value', valueId, value)]
  const items = { type: 'record', name: `k${keyId}_v${valueId}`, fields }
  return { type: 'array', items, logicalType: 'map' }
}
