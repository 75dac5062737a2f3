/**
 * Table metadata (spec: "Table Metadata Fields"), format version 2: what a `*.metadata.json` file holds. Reading
 * refuses what this writer could not continue faithfully (another version, other columns, other partitions).
 */
import { isDeepStrictEqual } from 'node:util'
import type { TableDefinition } from './definition.ts'
import { parseExact, rawInteger } from './exact-json.ts'
import { locationOf, pathOf } from './location.ts'
import { PARTITION_FIELD_ID, SPEC_ID, specFieldsJson } from './partition-spec.ts'
import { SCHEMA_ID, type SchemaJson, schemaJson } from './schema.ts'
import type { Operation, Snapshot, Summary } from './snapshot.ts'

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
}>

export type SnapshotLogEntry = Readonly<{ timestampMs: number; snapshotId: bigint }>
export type MetadataLogEntry = Readonly<{ timestampMs: number; path: string }>
export type Ref = Readonly<{ 'snapshot-id': bigint; type: string; [option: string]: unknown }>

type SnapshotJson = Readonly<{
  'snapshot-id': bigint
  'parent-snapshot-id'?: bigint
  'sequence-number': number
  'timestamp-ms': number
  summary: Readonly<{ operation: Operation; [key: string]: string }>
  'manifest-list': string
}>
type MetadataJson = Readonly<{
  'format-version': number
  'table-uuid': string
  location: string
  'last-sequence-number': number
  'last-updated-ms': number
  'current-schema-id': number
  schemas: readonly SchemaJson[]
  'default-spec-id': number
  'partition-specs': readonly Readonly<{ 'spec-id': number; fields: unknown }>[]
  properties?: Readonly<Record<string, string>>
  'current-snapshot-id'?: bigint | null
  refs?: Readonly<Record<string, Ref>>
  snapshots?: readonly SnapshotJson[]
  'snapshot-log'?: readonly Readonly<{ 'timestamp-ms': number; 'snapshot-id': bigint }>[]
  'metadata-log'?: readonly Readonly<{ 'timestamp-ms': number; 'metadata-file': string }>[]
}>

export function newTableMetadata(
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
  }
}

export function serializeMetadata(table: TableDefinition, metadata: TableMetadata): string {
  const { current } = metadata
  const main = current && { 'snapshot-id': rawInteger(current.id), type: 'branch' }
  return JSON.stringify({
    'format-version': 2,
    'table-uuid': metadata.uuid,
    location: locationOf(metadata.folder),
    'last-sequence-number': metadata.lastSequenceNumber,
    'last-updated-ms': metadata.lastUpdatedMs,
    'last-column-id': table.schema.length,
    'current-schema-id': SCHEMA_ID,
    schemas: [schemaJson(table.schema)],
    'default-spec-id': SPEC_ID,
    'partition-specs': [{ 'spec-id': SPEC_ID, fields: specFieldsJson(table.spec) }],
    'last-partition-id': PARTITION_FIELD_ID,
    'default-sort-order-id': 0,
    'sort-orders': [{ 'order-id': 0, fields: [] }],
    properties: metadata.properties,
    // Java writes -1 where there is none, and older readers want the field.
    'current-snapshot-id': rawInteger(current?.id ?? -1n),
    refs: { ...(main && { main }), ...rawRefs(metadata.otherRefs) },
    snapshots: metadata.snapshots.map(snapshotToJson),
    statistics: [],
    'partition-statistics': [],
    'snapshot-log': metadata.snapshotLog.map(({ timestampMs, snapshotId }) => ({
      'timestamp-ms': timestampMs,
      'snapshot-id': rawInteger(snapshotId),
    })),
    'metadata-log': metadata.metadataLog.map(({ timestampMs, path }) => ({
      'timestamp-ms': timestampMs,
      'metadata-file': locationOf(path),
    })),
  })
}

/** Throws plain errors; the caller knows the path. */
export function parseMetadata(table: TableDefinition, text: string): TableMetadata {
  const json = parseExact(text, [
    'snapshot-id',
    'parent-snapshot-id',
    'current-snapshot-id',
  ]) as MetadataJson
  checkLayout(table, json)
  const snapshots = (json.snapshots ?? []).map(snapshotOf)
  const currentId = json['current-snapshot-id'] ?? -1n
  const current = snapshots.find((snapshot) => snapshot.id === currentId) ?? null
  if (current === null && currentId !== -1n) throw new Error('its current snapshot is missing')
  const { main: _, ...otherRefs } = json.refs ?? {}
  return {
    uuid: json['table-uuid'],
    folder: pathOf(json.location),
    lastSequenceNumber: json['last-sequence-number'],
    lastUpdatedMs: json['last-updated-ms'],
    properties: json.properties ?? {},
    current,
    snapshots: snapshots.toSorted((a, b) => a.sequenceNumber - b.sequenceNumber),
    snapshotLog: (json['snapshot-log'] ?? []).map((entry) => ({
      timestampMs: entry['timestamp-ms'],
      snapshotId: entry['snapshot-id'],
    })),
    metadataLog: (json['metadata-log'] ?? []).map((entry) => ({
      timestampMs: entry['timestamp-ms'],
      path: pathOf(entry['metadata-file']),
    })),
    otherRefs,
  }
}

function checkLayout(table: TableDefinition, json: MetadataJson): void {
  if (json['format-version'] !== 2) throw new Error(`format version ${json['format-version']}`)
  const schema = json.schemas.find((each) => each['schema-id'] === json['current-schema-id'])
  // Other writers add what is their default, such as PyIceberg's empty `identifier-field-ids`.
  const fields = schema?.fields.map(({ id, name, required, type }) => ({
    id,
    name,
    required,
    type,
  }))
  if (!isDeepStrictEqual(fields, schemaJson(table.schema).fields)) {
    throw new Error(`its columns are not those of ${table.name}`)
  }
  const spec = json['partition-specs'].find((each) => each['spec-id'] === json['default-spec-id'])
  if (!isDeepStrictEqual(spec?.fields, specFieldsJson(table.spec))) {
    throw new Error(`its partitions are not those of ${table.name}`)
  }
}

function snapshotToJson(snapshot: Snapshot) {
  return {
    'snapshot-id': rawInteger(snapshot.id),
    ...(snapshot.parentId !== null && { 'parent-snapshot-id': rawInteger(snapshot.parentId) }),
    'sequence-number': snapshot.sequenceNumber,
    'timestamp-ms': snapshot.timestampMs,
    summary: { operation: snapshot.operation, ...snapshot.summary },
    'manifest-list': locationOf(snapshot.manifestListPath),
    'schema-id': SCHEMA_ID,
  }
}

function snapshotOf(json: SnapshotJson): Snapshot {
  const { operation, ...summary } = json.summary
  return {
    id: json['snapshot-id'],
    parentId: json['parent-snapshot-id'] ?? null,
    sequenceNumber: json['sequence-number'],
    timestampMs: json['timestamp-ms'],
    manifestListPath: pathOf(json['manifest-list']),
    operation,
    summary: summary as Summary,
  }
}

function rawRefs(refs: Readonly<Record<string, Ref>>): Record<string, object> {
  const raw = Object.entries(refs).map(([name, ref]) => [
    name,
    { ...ref, 'snapshot-id': rawInteger(ref['snapshot-id']) },
  ])
  return Object.fromEntries(raw)
}
