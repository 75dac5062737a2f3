/**
 * The updates of a commit (spec: `TableUpdate`), applied to a table's metadata. Refused is what
 * breaks the specification, and what these tables do not take: other partitions, sort orders,
 * locations and format versions, and properties on which writer and readers rely. What a commit may
 * do to columns and rows is checked afterwards (fit.ts).
 */
import { isDeepStrictEqual } from 'node:util'
import { CATALOG_NAME, NAMESPACE } from '../definition.ts'
import { OWN_KEY_PREFIX, PROPERTY_KEYS } from '../keys.ts'
import { pathOf } from '../location.ts'
import type {
  ClientRefusal,
  Fields,
  MetadataFields,
  RefFields,
  SchemaFields,
  SnapshotFields,
  SnapshotFile,
  Update,
} from './change.ts'

type Draft = {
  readonly table: MetadataFields
  readonly nowMs: number
  /** Ids of snapshots that this change adds. */
  readonly added: Set<bigint>
  /** To which schema -1 refers. */
  lastSchemaId: number | null
}
/** Returns why the update is refused, or with what it conflicts; else null. */
type Apply = (draft: Draft, update: Update) => string | ClientRefusal | null

const MAIN = 'main'
/** How far the clocks of two machines may be apart; Iceberg's readers tolerate as much. */
const CLOCK_SKEW_MS = 60_000
const OPERATIONS: readonly unknown[] = ['append', 'replace', 'overwrite', 'delete']

const LAYOUT =
  'the partitions, the sort order and the location of these tables are part of what their writer ' +
  'and every reader rely on'
const KEPT = 'this catalog keeps earlier schemas and partition specs'
const UPDATES: Readonly<Record<string, Apply>> = {
  'assign-uuid': ({ table }, { uuid }) =>
    String(uuid).toLowerCase() === table['table-uuid'].toLowerCase()
      ? null
      : 'the UUID of a table does not change',
  'upgrade-format-version': ({ table }, update) =>
    update['format-version'] === table['format-version']
      ? null
      : `the tables are of format version ${table['format-version']}, which their writer writes`,
  'add-schema': addSchema,
  'set-current-schema': setCurrentSchema,
  'add-snapshot': addSnapshot,
  'set-snapshot-ref': setRef,
  'remove-snapshot-ref': removeRef,
  'remove-snapshots': removeSnapshots,
  'set-properties': setProperties,
  'remove-properties': removeProperties,
  'set-statistics': (draft, update) => setStatistics(draft, update, 'statistics'),
  'remove-statistics': (draft, update) => removeStatistics(draft, update, 'statistics'),
  'set-partition-statistics': (draft, update) =>
    setStatistics(draft, update, 'partition-statistics'),
  'remove-partition-statistics': (draft, update) =>
    removeStatistics(draft, update, 'partition-statistics'),
  'add-spec': () => LAYOUT,
  'set-default-spec': () => LAYOUT,
  'add-sort-order': () => LAYOUT,
  'set-default-sort-order': () => LAYOUT,
  'set-location': () => LAYOUT,
  'remove-schemas': () => KEPT,
  'remove-partition-specs': () => KEPT,
}

/** Changes `table`. Returns why it may not be changed so, else null. */
export function applyUpdates(
  table: MetadataFields,
  updates: readonly Update[],
  nowMs: number,
): ClientRefusal | null {
  const draft: Draft = { table, nowMs, added: new Set(), lastSchemaId: null }
  for (const update of updates) {
    const { action } = update
    const apply = Object.hasOwn(UPDATES, action) ? UPDATES[action] : undefined
    const fault =
      apply === undefined ? `the catalog ${CATALOG_NAME} does not offer it` : apply(draft, update)
    if (fault === null) continue
    const { kind, message } = typeof fault === 'string' ? refused(fault) : fault
    return { kind, message: `${action}: ${message}` }
  }
  table['last-updated-ms'] = Math.max(table['last-updated-ms'], nowMs)
  const dangling = danglingFault(table)
  return dangling === null ? null : refused(dangling)
}

function refused(message: string): ClientRefusal {
  return { kind: 'refused', message }
}

/** Below the table's folder: what lies there is removed once nothing refers to it. */
export function isInFolder(location: string, file: string): boolean {
  const folder = `${pathOf(location).replace(/\/+$/, '')}/`
  const path = pathOf(file)
  return path.startsWith(folder) && !path.split('/').includes('..')
}

function addSchema(draft: Draft, { schema }: Update): string | null {
  const { table } = draft
  if (!isSchema(schema)) return 'it has no schema'
  const same = table.schemas.find(({ fields }) => isDeepStrictEqual(fields, schema.fields))
  const id = same?.['schema-id'] ?? Math.max(...table.schemas.map((one) => one['schema-id'])) + 1
  if (same === undefined) table.schemas.push({ ...schema, 'schema-id': id })
  table['last-column-id'] = Math.max(table['last-column-id'], ...fieldIds(schema.fields))
  draft.lastSchemaId = id
  return null
}

function isSchema(value: unknown): value is SchemaFields {
  return isFields(value) && Array.isArray(value.fields)
}

/** Of columns and of everything nested in them. */
function fieldIds(value: unknown): number[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, each]) =>
    ID_FIELDS.includes(name) && typeof each === 'number' ? [each] : fieldIds(each),
  )
}

const ID_FIELDS: readonly string[] = ['id', 'element-id', 'key-id', 'value-id']

function setCurrentSchema({ table, lastSchemaId }: Draft, update: Update): string | null {
  const asked = update['schema-id'] === LAST_ADDED ? lastSchemaId : update['schema-id']
  const schema = table.schemas.find((each) => each['schema-id'] === asked)
  if (schema === undefined) return `there is no schema ${update['schema-id']}`
  table['current-schema-id'] = schema['schema-id']
  return null
}

const LAST_ADDED = -1

function addSnapshot(draft: Draft, { snapshot }: Update): string | ClientRefusal | null {
  const { table, added, nowMs } = draft
  if (!isSnapshot(snapshot)) return 'it has no snapshot with the fields of format version 2'
  const id = snapshot['snapshot-id']
  const fault = snapshotFault(table, snapshot, nowMs)
  if (fault !== null) return `snapshot ${id}: ${fault}`
  // Commits to other branches are numbered as well, and no requirement is about the number.
  const last = table['last-sequence-number']
  if (snapshot['sequence-number'] <= last) {
    return {
      kind: 'conflict',
      message: `snapshot ${id}: its sequence number must be above ${last}`,
    }
  }
  table.snapshots.push(snapshot)
  table['last-sequence-number'] = snapshot['sequence-number']
  table['last-updated-ms'] = Math.max(table['last-updated-ms'], snapshot['timestamp-ms'])
  added.add(id)
  return null
}

function isSnapshot(value: unknown): value is SnapshotFields & Readonly<{ summary: Fields }> {
  return (
    isFields(value) &&
    typeof value['snapshot-id'] === 'bigint' &&
    Number.isSafeInteger(value['sequence-number']) &&
    Number.isSafeInteger(value['timestamp-ms']) &&
    typeof value['manifest-list'] === 'string' &&
    isFields(value.summary)
  )
}

function snapshotFault(
  table: MetadataFields,
  snapshot: SnapshotFields & Readonly<{ summary: Fields }>,
  nowMs: number,
): string | null {
  const { summary } = snapshot
  if (table.snapshots.some((each) => each['snapshot-id'] === snapshot['snapshot-id'])) {
    return 'there is one with this id'
  }
  const aheadMs = snapshot['timestamp-ms'] - nowMs
  const behindMs = table['last-updated-ms'] - snapshot['timestamp-ms']
  if (Math.max(aheadMs, behindMs) > CLOCK_SKEW_MS) {
    return 'its time is more than a minute from that of the tables: set the clock of its program'
  }
  if (!OPERATIONS.includes(summary.operation)) return `there is no operation ${summary.operation}`
  const own = Object.keys(summary).find((key) => key.startsWith(OWN_KEY_PREFIX))
  if (own !== undefined) return `its summary has ${own}, by which this program knows its own`
  if (isInFolder(table.location, snapshot['manifest-list'])) return null
  return `its manifest list must lie in the folder of the table, ${table.location}`
}

/**
 * Branches and tags. `main` moves forward only: its new snapshot descends from the current one
 * through snapshots that are all there.
 */
function setRef({ table }: Draft, update: Update): string | null {
  const { action, 'ref-name': name, ...ref } = update
  const id = update['snapshot-id']
  if (typeof name !== 'string' || typeof id !== 'bigint') return 'it names no ref or no snapshot'
  if (ref.type !== 'branch' && ref.type !== 'tag') return 'a ref is a branch or a tag'
  const snapshot = table.snapshots.find((each) => each['snapshot-id'] === id)
  if (snapshot === undefined) return `there is no snapshot ${id}`
  if (name === MAIN) {
    if (ref.type !== 'branch') return 'main is a branch'
    const current = table.refs[MAIN]?.['snapshot-id'] ?? null
    if (id !== current && !descends(table, snapshot, current)) {
      return (
        `main is at ${current} and moves forward only: how far the events have been read is in ` +
        `its snapshots, and ${id} does not descend from there. To take rows out, delete them; to ` +
        'set the table back, stop campaign-metrics, set it through the SQL catalog, and run ' +
        'campaign-metrics adopt'
      )
    }
    if (id !== current) {
      table['current-snapshot-id'] = id
      const entry = { 'timestamp-ms': snapshot['timestamp-ms'], 'snapshot-id': id }
      table['snapshot-log'].push(entry)
    }
  }
  table.refs[name] = ref as RefFields
  return null
}

function descends(table: MetadataFields, from: SnapshotFields, ancestor: bigint | null): boolean {
  const byId = new Map(table.snapshots.map((each) => [each['snapshot-id'], each]))
  let at: SnapshotFields | undefined = from
  while (at !== undefined) {
    const parent: bigint | null = at['parent-snapshot-id'] ?? null
    if (parent === ancestor) return true
    const next: SnapshotFields | undefined = parent === null ? undefined : byId.get(parent)
    // Numbers fall from a snapshot to its parent, so that this ends.
    at = next && next['sequence-number'] < at['sequence-number'] ? next : undefined
  }
  return false
}

function removeRef({ table }: Draft, update: Update): string | null {
  const name = String(update['ref-name'])
  if (name === MAIN) return 'main is the table itself'
  delete table.refs[name]
  return null
}

/** With their statistics. What refers to one of them is looked for at the end (`danglingFault`). */
function removeSnapshots({ table }: Draft, update: Update): string | null {
  const ids = update['snapshot-ids']
  if (!Array.isArray(ids) || !ids.every(isId)) return 'it names no snapshots'
  const gone = new Set(ids.map(BigInt))
  if (gone.has(table['current-snapshot-id'])) return 'the current snapshot does not expire'
  const stays = (each: Readonly<{ 'snapshot-id': bigint }>): boolean =>
    !gone.has(each['snapshot-id'])
  table.snapshots = table.snapshots.filter(stays)
  table['snapshot-log'] = table['snapshot-log'].filter(stays)
  for (const name of ['statistics', 'partition-statistics'] as const) {
    const files = table[name]
    if (files !== undefined) table[name] = files.filter(stays)
  }
  return null
}

function isId(value: unknown): value is bigint | number {
  return typeof value === 'bigint' || Number.isSafeInteger(value)
}

function danglingFault({ refs, snapshots }: MetadataFields): string | null {
  const ids = new Set(snapshots.map((each) => each['snapshot-id']))
  const [name, ref] = Object.entries(refs).find(([, each]) => !ids.has(each['snapshot-id'])) ?? []
  if (ref === undefined) return null
  return `remove-snapshots: snapshot ${ref['snapshot-id']} is that of the ${ref.type} ${name}`
}

/** What a property of these tables has to be, where that matters; null where it may not be set. */
const FIXED: Readonly<Record<string, string | null>> = {
  [PROPERTY_KEYS.fileFormat]: 'parquet',
  [PROPERTY_KEYS.deleteMetadata]: 'false',
  [PROPERTY_KEYS.previousMetadataMax]: null,
  'write.data.path': null,
  'write.metadata.path': null,
  'write.object-storage.enabled': 'false',
  'write.object-storage.path': null,
  'write.folder-storage.path': null,
}

function setProperties({ table }: Draft, { updates }: Update): string | null {
  if (!isFields(updates)) return 'it has no updates'
  for (const [name, value] of Object.entries(updates)) {
    const fault = String(value) === table.properties[name] ? null : propertyFault(name, value)
    if (fault !== null) return fault
  }
  const texts = Object.entries(updates).map(([name, value]) => [name, String(value)])
  table.properties = { ...table.properties, ...Object.fromEntries(texts) }
  return null
}

function removeProperties({ table }: Draft, { removals }: Update): string | null {
  if (!Array.isArray(removals)) return 'it has no removals'
  for (const name of removals.map(String)) {
    const fault = Object.hasOwn(table.properties, name) ? propertyFault(name, undefined) : null
    if (fault !== null) return fault
    delete table.properties[name]
  }
  return null
}

function propertyFault(name: string, value: unknown): string | null {
  if (name.startsWith(OWN_KEY_PREFIX)) return `${name} is set by campaign-metrics alone`
  if (!Object.hasOwn(FIXED, name) || value === FIXED[name]) return null
  return `${name} is left as it is: the files of ${NAMESPACE} and how long they stay depend on it`
}

function setStatistics(
  { table }: Draft,
  update: Update,
  name: 'statistics' | 'partition-statistics',
): string | null {
  const file = update[name]
  if (!isFields(file) || typeof file['snapshot-id'] !== 'bigint') return 'it has no statistics'
  const id = file['snapshot-id']
  if (!table.snapshots.some((each) => each['snapshot-id'] === id)) return `no snapshot ${id}`
  if (!isInFolder(table.location, String(file['statistics-path']))) {
    return `the file must lie in the folder of the table, ${table.location}`
  }
  const others = (table[name] ?? []).filter((each) => each['snapshot-id'] !== id)
  table[name] = [...others, file as SnapshotFile]
  return null
}

function removeStatistics(
  { table }: Draft,
  update: Update,
  name: 'statistics' | 'partition-statistics',
): string | null {
  const id = update['snapshot-id']
  table[name] = (table[name] ?? []).filter((each) => each['snapshot-id'] !== id)
  return null
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
