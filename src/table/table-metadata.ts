/**
 * Table metadata (spec: "Table Metadata Fields"), format version 2: what a `*.metadata.json` file
 * holds. Reading refuses what this writer could not continue faithfully (table-layout.ts), and keeps
 * every field that it does not use: other programs write these files too.
 */
import path from 'node:path'
import { parseExact, stringifyExact } from '../runtime.ts'
import { PARTITION_FIELD_ID, SPEC_ID, specFieldsJson, type TableDefinition } from './definition.ts'
import { locationOf, pathOf } from './location.ts'
import { SCHEMA_ID, schemaJson } from './schema.ts'
import type { Operation, Snapshot, Summary } from './snapshot.ts'
import { checkLayout, type LayoutJson } from './table-layout.ts'

export type TableMetadata = Readonly<{
  uuid: string
  /** The table's folder; files lie in `data/` and `metadata/` below it. */
  folder: string
  lastSequenceNumber: number
  lastUpdatedMs: number
  properties: Readonly<Record<string, string>>
  current: Snapshot | null
  /** Oldest first; the current one is among them. */
  snapshots: readonly Snapshot[]
  snapshotLog: readonly SnapshotLogEntry[]
  metadataLog: readonly MetadataLogEntry[]
  /** Tags and branches that a user made; their snapshots are never expired here. */
  otherRefs: Readonly<Record<string, Ref>>
  /** The options of the branch `main`. */
  mainRef: Fields
  /**
   * Every other field of the file: schemas, partition specs, statistics, and what later versions
   * add.
   */
  others: Fields
}>

/** A table's pointer and the text of the metadata file it points to. */
export type TableMetadataText = Readonly<{ metadataLocation: string; metadata: string }>

type Fields = Readonly<Record<string, unknown>>

export type SnapshotLogEntry = Readonly<{ timestampMs: number; snapshotId: bigint }>
export type MetadataLogEntry = Readonly<{ timestampMs: number; path: string }>
export type Ref = Readonly<{ 'snapshot-id': bigint; type: string; [option: string]: unknown }>

type SnapshotJson = Readonly<{
  'snapshot-id': bigint
  'parent-snapshot-id'?: bigint
  'sequence-number': number
  'timestamp-ms': number
  summary?: Readonly<{ operation: Operation; [key: string]: string }>
  'manifest-list': string
  [other: string]: unknown
}>
type MetadataJson = LayoutJson &
  Readonly<{
    'table-uuid': string
    location: string
    'last-sequence-number': number
    'last-updated-ms': number
    properties?: Readonly<Record<string, string>>
    'current-snapshot-id'?: bigint | null
    refs?: Readonly<Record<string, Ref>>
    snapshots?: readonly SnapshotJson[]
    'snapshot-log'?: readonly Readonly<{ 'timestamp-ms': number; 'snapshot-id': bigint }>[]
    [other: string]: unknown
  }>

/**
 * The property `write.metadata.previous-versions-max`: how many earlier metadata files a metadata
 * file lists. Others stay for readers as well, but unlisted (reader-grace.ts).
 */
export const PREVIOUS_METADATA_MAX = 5

/** `00041-<uuid>.metadata.json` is followed by `00042-…`. */
export function nextMetadataName(metadataPath: string, uuid: string): string {
  const next = metadataVersion(metadataPath) + 1
  return `${String(next).padStart(5, '0')}-${uuid}.metadata.json`
}

/** -1 for a name without a version. */
export function metadataVersion(metadataPath: string): number {
  const version = Number.parseInt(path.basename(metadataPath), 10)
  return Number.isSafeInteger(version) ? version : -1
}

export function newTableMetadata(
  table: TableDefinition,
  uuid: string,
  folder: string,
  properties: Readonly<Record<string, string>>,
  nowMs: number,
): TableMetadata {
  return {
    uuid,
    folder,
    lastSequenceNumber: 0,
    lastUpdatedMs: nowMs,
    properties,
    current: null,
    snapshots: [],
    snapshotLog: [],
    metadataLog: [],
    otherRefs: {},
    mainRef: {},
    others: {
      'format-version': 2,
      'last-column-id': table.schema.length,
      'current-schema-id': SCHEMA_ID,
      schemas: [schemaJson(table.schema)],
      'default-spec-id': SPEC_ID,
      'partition-specs': [{ 'spec-id': SPEC_ID, fields: specFieldsJson(table.spec) }],
      'last-partition-id': PARTITION_FIELD_ID,
      'default-sort-order-id': 0,
      'sort-orders': [{ 'order-id': 0, fields: [] }],
      statistics: [],
      'partition-statistics': [],
    },
  }
}

export function serializeMetadata(metadata: TableMetadata): string {
  const { current, mainRef, otherRefs } = metadata
  const main = current && { ...mainRef, 'snapshot-id': current.id, type: 'branch' }
  const { 'format-version': version, ...others } = metadata.others
  return stringifyExact({
    'format-version': version,
    'table-uuid': metadata.uuid,
    location: locationOf(metadata.folder),
    'last-sequence-number': metadata.lastSequenceNumber,
    'last-updated-ms': metadata.lastUpdatedMs,
    ...others,
    properties: metadata.properties,
    // Java writes -1 where there is none, and older readers want the field.
    'current-snapshot-id': current?.id ?? -1n,
    refs: { ...(main && { main }), ...otherRefs },
    snapshots: metadata.snapshots.map(snapshotToJson),
    'snapshot-log': metadata.snapshotLog.map(({ timestampMs, snapshotId }) => ({
      'timestamp-ms': timestampMs,
      'snapshot-id': snapshotId,
    })),
    'metadata-log': metadata.metadataLog.map((entry) => ({
      'timestamp-ms': entry.timestampMs,
      'metadata-file': locationOf(entry.path),
    })),
  })
}

/** Throws TableError `other-layout`, and plain errors where the text is damaged. */
export function parseMetadata(table: TableDefinition, file: string, text: string): TableMetadata {
  const json = parseExact(text, [
    'snapshot-id',
    'parent-snapshot-id',
    'current-snapshot-id',
  ]) as MetadataJson
  checkLayout(table, file, json)
  const {
    'table-uuid': uuid,
    location,
    'last-sequence-number': lastSequenceNumber,
    'last-updated-ms': lastUpdatedMs,
    properties = {},
    'current-snapshot-id': currentId,
    refs = {},
    snapshots: listed = [],
    'snapshot-log': snapshotLog = [],
    'metadata-log': metadataLog = [],
    ...others
  } = json
  const snapshots = listed.map(snapshotOf)
  const current = snapshots.find((snapshot) => snapshot.id === currentId) ?? null
  if (current === null && (currentId ?? -1n) !== -1n)
    throw new Error('its current snapshot is missing')
  const { main, ...otherRefs } = refs
  return {
    uuid,
    folder: pathOf(location).replace(/\/+$/, ''),
    lastSequenceNumber,
    lastUpdatedMs,
    properties,
    current,
    snapshots: snapshots.toSorted((a, b) => a.sequenceNumber - b.sequenceNumber),
    snapshotLog: snapshotLog.map((entry) => ({
      timestampMs: entry['timestamp-ms'],
      snapshotId: entry['snapshot-id'],
    })),
    metadataLog: metadataLog.map((entry) => ({
      timestampMs: entry['timestamp-ms'],
      path: pathOf(entry['metadata-file']),
    })),
    otherRefs,
    mainRef: main ?? {},
    others,
  }
}

function snapshotToJson(snapshot: Snapshot) {
  return {
    'snapshot-id': snapshot.id,
    ...(snapshot.parentId !== null && { 'parent-snapshot-id': snapshot.parentId }),
    'sequence-number': snapshot.sequenceNumber,
    'timestamp-ms': snapshot.timestampMs,
    summary: { operation: snapshot.operation, ...snapshot.summary },
    'manifest-list': locationOf(snapshot.manifestListPath),
    ...snapshot.others,
  }
}

function snapshotOf(json: SnapshotJson): Snapshot {
  const {
    'snapshot-id': id,
    'parent-snapshot-id': parentId = null,
    'sequence-number': sequenceNumber,
    'timestamp-ms': timestampMs,
    summary: { operation, ...summary } = { operation: 'append' },
    'manifest-list': manifestList,
    ...others
  } = json
  return {
    id,
    parentId,
    sequenceNumber,
    timestampMs,
    manifestListPath: pathOf(manifestList),
    operation,
    summary: summary as Summary,
    others,
  }
}
