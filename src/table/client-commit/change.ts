/**
 * What a client of the REST catalog asks to change of a table (spec: `CommitTableRequest`), in the
 * spelling of the wire: requirements, which must hold, and updates, which are applied in order.
 */
import { parseExact, stringifyExact } from '../../runtime.ts'
import type { TableKey } from '../definition.ts'
import { serializeMetadata, type TableMetadata } from '../table-metadata.ts'

export type Fields = Readonly<Record<string, unknown>>
export type Requirement = Readonly<{ type: string }> & Fields
export type Update = Readonly<{ action: string }> & Fields

export type ClientChange = Readonly<{
  key: TableKey
  requirements: readonly Requirement[]
  updates: readonly Update[]
}>

/**
 * `conflict`: a requirement does not hold; the client loads the table again and repeats its change.
 * `refused`: the change is not valid, or is none that these tables take.
 */
export type ClientRefusal = Readonly<{ kind: 'conflict' | 'refused'; message: string }>

/** Table metadata as its file has it, as far as requirements and updates look into it. */
export type MetadataFields = {
  'format-version': number
  'table-uuid': string
  location: string
  'last-sequence-number': number
  'last-updated-ms': number
  'last-column-id': number
  'last-partition-id': number
  'current-schema-id': number
  'default-spec-id': number
  'default-sort-order-id': number
  schemas: SchemaFields[]
  properties: Record<string, string>
  'current-snapshot-id': bigint
  refs: Record<string, RefFields>
  snapshots: SnapshotFields[]
  'snapshot-log': { 'timestamp-ms': number; 'snapshot-id': bigint }[]
  statistics?: SnapshotFile[]
  'partition-statistics'?: SnapshotFile[]
}
export type SchemaFields = { 'schema-id': number; fields: unknown } & Record<string, unknown>
export type RefFields = { 'snapshot-id': bigint; type: string } & Record<string, unknown>
export type SnapshotFields = {
  'snapshot-id': bigint
  'parent-snapshot-id'?: bigint | null
  'sequence-number': number
  'timestamp-ms': number
  'manifest-list': string
} & Record<string, unknown>
/** Statistics of a snapshot. */
export type SnapshotFile = { 'snapshot-id': bigint } & Record<string, unknown>

/** A copy that may be changed. */
export function fieldsOf(metadata: TableMetadata): MetadataFields {
  return parseFields(serializeMetadata(metadata)) as MetadataFields
}

export function textOf(fields: MetadataFields): string {
  return stringifyExact(fields)
}

/** JSON of the wire or of a metadata file: ids of snapshots become bigints. */
export function parseFields(text: string): unknown {
  return parseExact(text, ['snapshot-id', 'parent-snapshot-id', 'current-snapshot-id'])
}
