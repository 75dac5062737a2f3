/**
 * Manifest lists (spec: "Manifest Lists"): one Avro file per snapshot, one row per manifest, with
 * counts and the range of its partitions, so that readers skip manifests they need not open.
 */
import {
  type AvroSchema,
  avroFormat,
  decodeContainer,
  encodeContainer,
  optional,
  required,
} from './avro.ts'
import { dayBytes } from './bounds.ts'
import { SPEC_ID } from './definition.ts'
import { locationOf, pathOf } from './location.ts'
import { type ManifestEntry, STATUS } from './manifest.ts'

export type ManifestFile = Readonly<{
  path: string
  bytes: number
  sequenceNumber: number
  /** The smallest sequence number of its live entries. */
  minSequenceNumber: number
  addedSnapshotId: bigint
  /** Of delete files, which only another program writes. */
  holdsDeletes: boolean
  added: Tally
  existing: Tally
  deleted: Tally
  days: Readonly<{ min: number; max: number }> | null
}>

/** A manifest with its live entries in memory. */
export type LoadedManifest = Readonly<{ file: ManifestFile; live: readonly ManifestEntry[] }>

export type Tally = Readonly<{ files: number; rows: number }>

/** The snapshot a list belongs to; readers may compare it with the metadata. */
export type ListOwner = Readonly<{
  snapshotId: bigint
  parentSnapshotId: bigint | null
  sequenceNumber: number
}>

type ManifestRow = Readonly<{
  manifest_path: string
  manifest_length: bigint
  partition_spec_id: number
  content: number
  sequence_number: bigint
  min_sequence_number: bigint
  added_snapshot_id: bigint
  added_files_count: number
  existing_files_count: number
  deleted_files_count: number
  added_rows_count: bigint
  existing_rows_count: bigint
  deleted_rows_count: bigint
  partitions: readonly SummaryRow[] | null
  key_metadata: null
}>
type SummaryRow = Readonly<{
  contains_null: boolean
  contains_nan: boolean | null
  lower_bound: Buffer | null
  upper_bound: Buffer | null
}>

/** The line of a manifest written by the snapshot `owner`. */
export function manifestFileOf(
  path: string,
  bytes: number,
  entries: readonly ManifestEntry[],
  owner: ListOwner,
): ManifestFile {
  const live = entries.filter((entry) => entry.status !== STATUS.deleted)
  const days = entries.map((entry) => entry.file.day)
  return {
    path,
    bytes,
    sequenceNumber: owner.sequenceNumber,
    minSequenceNumber: live.reduce(
      (least, entry) => Math.min(least, entry.sequenceNumber),
      owner.sequenceNumber,
    ),
    addedSnapshotId: owner.snapshotId,
    holdsDeletes: false,
    added: tally(entries, STATUS.added),
    existing: tally(entries, STATUS.existing),
    deleted: tally(entries, STATUS.deleted),
    days: days.length === 0 ? null : rangeOf(days),
  }
}

export function encodeManifestList(
  manifests: readonly ManifestFile[],
  owner: ListOwner,
  sync: Uint8Array,
): Promise<Buffer> {
  const metadata = {
    'snapshot-id': String(owner.snapshotId),
    'parent-snapshot-id': String(owner.parentSnapshotId),
    'sequence-number': String(owner.sequenceNumber),
    'format-version': '2',
  }
  return encodeContainer(FORMAT, metadata, manifests.map(rowOf), sync)
}

export async function decodeManifestList(bytes: Buffer): Promise<ManifestFile[]> {
  const { rows } = await decodeContainer<ManifestRow>(bytes)
  return rows.map(manifestOf)
}

function tally(entries: readonly ManifestEntry[], status: number): Tally {
  const counted = entries.filter((entry) => entry.status === status)
  return { files: counted.length, rows: counted.reduce((sum, entry) => sum + entry.file.rows, 0) }
}

/** One by one: a call takes only so many arguments. */
function rangeOf(days: readonly number[]): Readonly<{ min: number; max: number }> {
  const min = days.reduce((a, b) => Math.min(a, b))
  return { min, max: days.reduce((a, b) => Math.max(a, b)) }
}

function rowOf(manifest: ManifestFile): ManifestRow {
  const { days } = manifest
  return {
    manifest_path: locationOf(manifest.path),
    manifest_length: BigInt(manifest.bytes),
    partition_spec_id: SPEC_ID,
    content: manifest.holdsDeletes ? 1 : 0,
    sequence_number: BigInt(manifest.sequenceNumber),
    min_sequence_number: BigInt(manifest.minSequenceNumber),
    added_snapshot_id: manifest.addedSnapshotId,
    added_files_count: manifest.added.files,
    existing_files_count: manifest.existing.files,
    deleted_files_count: manifest.deleted.files,
    added_rows_count: BigInt(manifest.added.rows),
    existing_rows_count: BigInt(manifest.existing.rows),
    deleted_rows_count: BigInt(manifest.deleted.rows),
    partitions: days === null ? null : [daySummary(days.min, days.max)],
    key_metadata: null,
  }
}

function daySummary(min: number, max: number): SummaryRow {
  return {
    contains_null: false,
    contains_nan: false,
    lower_bound: Buffer.from(dayBytes(min)),
    upper_bound: Buffer.from(dayBytes(max)),
  }
}

function manifestOf(row: ManifestRow): ManifestFile {
  const days = row.partitions?.[0]
  return {
    path: pathOf(row.manifest_path),
    bytes: Number(row.manifest_length),
    sequenceNumber: Number(row.sequence_number),
    minSequenceNumber: Number(row.min_sequence_number),
    addedSnapshotId: row.added_snapshot_id,
    holdsDeletes: row.content !== 0,
    added: tallyOf(row, 'added'),
    existing: tallyOf(row, 'existing'),
    deleted: tallyOf(row, 'deleted'),
    days:
      days?.lower_bound && days.upper_bound
        ? { min: days.lower_bound.readInt32LE(), max: days.upper_bound.readInt32LE() }
        : null,
  }
}

/** Older writers use other names for the counts, with the same field ids. */
function tallyOf(row: ManifestRow, what: 'added' | 'existing' | 'deleted'): Tally {
  const named = row as unknown as Readonly<Record<string, number | bigint | undefined>>
  const files = named[`${what}_files_count`] ?? named[`${what}_data_files_count`] ?? 0
  return { files: Number(files), rows: Number(row[`${what}_rows_count`]) }
}

const SUMMARY_SCHEMA = {
  type: 'record',
  name: 'r508',
  fields: [
    required('contains_null', 509, 'boolean'),
    optional('contains_nan', 518, 'boolean'),
    optional('lower_bound', 510, 'bytes'),
    optional('upper_bound', 511, 'bytes'),
  ],
}

const LIST_SCHEMA: AvroSchema = {
  type: 'record',
  name: 'manifest_file',
  fields: [
    required('manifest_path', 500, 'string'),
    required('manifest_length', 501, 'long'),
    required('partition_spec_id', 502, 'int'),
    required('content', 517, 'int'),
    required('sequence_number', 515, 'long'),
    required('min_sequence_number', 516, 'long'),
    required('added_snapshot_id', 503, 'long'),
    required('added_files_count', 504, 'int'),
    required('existing_files_count', 505, 'int'),
    required('deleted_files_count', 506, 'int'),
    required('added_rows_count', 512, 'long'),
    required('existing_rows_count', 513, 'long'),
    required('deleted_rows_count', 514, 'long'),
    optional('partitions', 507, { type: 'array', items: SUMMARY_SCHEMA, 'element-id': 508 }),
    optional('key_metadata', 519, 'bytes'),
  ],
}

const FORMAT = avroFormat<ManifestRow>(LIST_SCHEMA)
