/**
 * The metadata of tables that the compatibility kit creates, which the product never does: from a
 * request (`CreateTableRequest`), or from the updates of a transaction that begins with
 * `assert-create`.
 */
import { randomUUID } from 'node:crypto'
import { applyUpdates } from '../../src/table/client-commit/updates.ts'
import type { Fields, MetadataFields, Update } from '../../src/table/client-commit.ts'

export type Created = MetadataFields &
  Record<string, unknown> &
  Readonly<{ 'metadata-log': unknown[] }>

type Schema = { fields: Field[]; 'identifier-field-ids'?: number[] } & Record<string, unknown>
type Field = { id: number; type: unknown } & Record<string, unknown>
type Sourced = { 'source-id': number } & Record<string, unknown>

const FIRST_PARTITION_ID = 1000

export function createMetadata(
  { schema, properties = {}, 'partition-spec': spec, 'write-order': order }: Fields,
  location: string,
): Created {
  const { 'format-version': version = '2', ...others } = properties as Record<string, string>
  const { fresh, idOf } = withFreshIds(schema as Schema)
  const sources = (fields: unknown): Sourced[] =>
    ((fields ?? []) as Sourced[]).map((each) => ({
      ...each,
      'source-id': idOf(each['source-id']),
    }))
  const partitions = sources((spec as Fields | null | undefined)?.fields).map((each, index) => ({
    ...each,
    'field-id': FIRST_PARTITION_ID + index,
  }))
  const sorted = sources((order as Fields | null | undefined)?.fields)
  const orderId = sorted.length > 0 ? 1 : 0
  return {
    ...emptyMetadata(Number(version), location),
    'last-column-id': highestId(fresh),
    'last-partition-id': FIRST_PARTITION_ID - 1 + partitions.length,
    'current-schema-id': 0,
    schemas: [{ ...fresh, 'schema-id': 0 }],
    'default-spec-id': 0,
    'partition-specs': [{ 'spec-id': 0, fields: partitions }],
    'default-sort-order-id': orderId,
    'sort-orders': [{ 'order-id': orderId, fields: sorted }],
    properties: others,
  }
}

/** Or why the updates are refused. What is not of creation alone is the product's to apply. */
export function createFromUpdates(
  updates: readonly Update[],
  location: string,
  nowMs: number,
): Created | string {
  const table = emptyMetadata(1, location)
  for (const update of updates) {
    const step = Object.hasOwn(STEPS, update.action) ? STEPS[update.action] : undefined
    const refusal = step === undefined ? applyUpdates(table, [update], nowMs) : step(table, update)
    if (refusal) return refusal.message
  }
  return table
}

type Spec = { 'spec-id': number; fields: { 'field-id': number }[] }
type Order = { 'order-id': number; fields: unknown[] }

const specsOf = (table: Created): Spec[] => table['partition-specs'] as Spec[]
const ordersOf = (table: Created): Order[] => table['sort-orders'] as Order[]
/** -1 stands for the last one that was added. */
const chosen = <T>(asked: unknown, id: (each: T) => number, all: readonly T[]): number =>
  asked === -1 ? id(all.at(-1) as T) : (asked as number)

const STEPS: Readonly<Record<string, (table: Created, update: Update) => void>> = {
  'assign-uuid'(table, { uuid }) {
    table['table-uuid'] = String(uuid)
  },
  'upgrade-format-version'(table, update) {
    const version = Number(update['format-version'])
    table['format-version'] = version
    if (version > 2) table['next-row-id'] ??= 0
  },
  'set-location'(table, { location }) {
    table.location = String(location)
  },
  'add-schema'(table, { schema }) {
    table.schemas.push({ ...(schema as Schema), 'schema-id': table.schemas.length })
    table['last-column-id'] = Math.max(table['last-column-id'], highestId(schema))
  },
  'set-current-schema'(table, update) {
    const id = chosen(update['schema-id'], (each) => each['schema-id'], table.schemas)
    table['current-schema-id'] = id
  },
  'add-spec'(table, { spec }) {
    const added = spec as Spec
    specsOf(table).push({ ...added, 'spec-id': specsOf(table).length })
    const ids = added.fields.map((each) => each['field-id'])
    table['last-partition-id'] = Math.max(table['last-partition-id'], ...ids)
  },
  'set-default-spec'(table, update) {
    const id = chosen(update['spec-id'], (each) => each['spec-id'], specsOf(table))
    table['default-spec-id'] = id
  },
  'add-sort-order'(table, update) {
    const added = update['sort-order'] as Order
    const highest = Math.max(0, ...ordersOf(table).map((each) => each['order-id']))
    ordersOf(table).push({ ...added, 'order-id': added.fields.length > 0 ? highest + 1 : 0 })
  },
  'set-default-sort-order'(table, update) {
    const id = chosen(update['sort-order-id'], (each) => each['order-id'], ordersOf(table))
    table['default-sort-order-id'] = id
  },
}

function emptyMetadata(version: number, location: string): Created {
  return {
    'format-version': version,
    'table-uuid': randomUUID(),
    location,
    'last-sequence-number': 0,
    'last-updated-ms': Date.now(),
    ...(version > 2 && { 'next-row-id': 0 }),
    'last-column-id': 0,
    'last-partition-id': FIRST_PARTITION_ID - 1,
    'current-schema-id': -1,
    schemas: [],
    'default-spec-id': -1,
    'partition-specs': [],
    'default-sort-order-id': -1,
    'sort-orders': [],
    properties: {},
    'current-snapshot-id': -1n,
    refs: {},
    snapshots: [],
    'snapshot-log': [],
    'metadata-log': [],
  }
}

/** As Iceberg numbers them: the columns from 1, then what is nested in them. */
function withFreshIds(schema: Schema): { fresh: Schema; idOf: (old: number) => number } {
  const ids = new Map<number, number>()
  const idOf = (old: number): number => ids.get(old) ?? 0
  const take = (old: unknown): number => {
    ids.set(old as number, ids.size + 1)
    return idOf(old as number)
  }
  const fieldsOf = (fields: readonly Field[]): Field[] =>
    fields
      .map((each) => ({ ...each, id: take(each.id) }))
      .map((each) => ({ ...each, type: typeOf(each.type) }))
  const typeOf = (type: unknown): unknown => {
    if (typeof type !== 'object' || type === null) return type
    const nested = { ...type } as Record<string, unknown>
    if (nested.type === 'struct') return { ...nested, fields: fieldsOf(nested.fields as Field[]) }
    const names = nested.type === 'list' ? ['element'] : ['key', 'value']
    for (const name of names) nested[`${name}-id`] = take(nested[`${name}-id`])
    for (const name of names) nested[name] = typeOf(nested[name])
    return nested
  }
  const fresh: Schema = { ...schema, fields: fieldsOf(schema.fields) }
  const identifying = schema['identifier-field-ids']
  if (identifying !== undefined) fresh['identifier-field-ids'] = identifying.map(idOf)
  return { fresh, idOf }
}

function highestId(schema: unknown): number {
  const found = JSON.stringify(schema).matchAll(/"(?:id|element-id|key-id|value-id)":(\d+)/g)
  return Math.max(0, ...[...found].map((match) => Number(match[1])))
}
