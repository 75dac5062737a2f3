/**
 * Which layouts of a table this program goes on with. Another program may add optional columns:
 * they are kept, and are null in our files. Whatever changes our own columns, the partitions or the
 * format version is refused, with what undoes it.
 */
import { isDeepStrictEqual } from 'node:util'
import { SPEC_ID, specFieldsJson, type TableDefinition } from './definition.ts'
import { TableError } from './error.ts'
import { type FieldJson, type SchemaJson, schemaJson } from './schema.ts'

export type LayoutJson = Readonly<{
  'format-version': number
  'current-schema-id': number
  schemas: readonly SchemaJson[]
  'default-spec-id': number
  'partition-specs': readonly Readonly<{ 'spec-id': number; fields: unknown }>[]
  'metadata-log'?: readonly Readonly<{ 'timestamp-ms': number; 'metadata-file': string }>[]
}>

/**
 * `file`: where the metadata was read. Throws TableError `other-layout`, and plain errors where the
 * metadata lacks what the specification requires.
 */
export function checkLayout(table: TableDefinition, file: string, json: LayoutJson): void {
  const refuse = (reason: string, todo: string): never => {
    throw new TableError('other-layout', { table: table.name, file, reason, todo })
  }
  const { schemas = [], 'partition-specs': specs = [] } = json
  const schema = schemas.find((each) => each['schema-id'] === json['current-schema-id'])
  const spec = specs.find((each) => each['spec-id'] === json['default-spec-id'])
  if (json['format-version'] === undefined) throw new Error('it has no format version')
  if (json['format-version'] !== 2) {
    const before = json['metadata-log']?.at(-1)?.['metadata-file']
    refuse(
      `its format version is ${json['format-version']}, and this program writes version 2`,
      'A version is never lowered. Let the catalog point to the metadata file from before' +
        (before === undefined ? '' : ` (the last one was ${before})`),
    )
  }
  const own = schemaJson(table.schema).fields
  if (schema === undefined) throw new Error('its current schema is missing')
  if (spec === undefined) throw new Error('its default partition spec is missing')
  const fault = schemaFault(own, schema.fields)
  if (fault !== null) {
    const fitting = schemas.findLast(({ fields }) => schemaFault(own, fields) === null)
    const setBack =
      fitting === undefined
        ? ''
        : `, or make schema ${fitting['schema-id']} the current one again (PyIceberg: ` +
          `SetCurrentSchemaUpdate(schema_id=${fitting['schema-id']}))`
    refuse(fault.reason, `${fault.todo}${setBack}`)
  }
  // A manifest names its spec by the number, and ours name the first.
  const isFirst = json['default-spec-id'] === SPEC_ID
  if (!isFirst || !isDeepStrictEqual(spec.fields, specFieldsJson(table.spec))) {
    refuse(
      'its partitions were changed',
      `Make partition spec ${SPEC_ID} the default again (PyIceberg: ` +
        `SetDefaultSpecUpdate(spec_id=${SPEC_ID}))`,
    )
  }
}

type Fault = Readonly<{ reason: string; todo: string }>

/** Columns are known by their ids, as in every Iceberg reader. */
function schemaFault(own: readonly FieldJson[], found: readonly FieldJson[]): Fault | null {
  for (const { id, name, type } of own) {
    const field = found.find((each) => each.id === id)
    const fault = field === undefined ? null : fieldFault(field, { name, type: String(type) })
    if (fault !== null) return fault
    if (field === undefined) {
      return {
        reason: `its column ${name} (field id ${id}) was dropped`,
        todo: 'A column that is added anew has another field id, so it does not come back by that',
      }
    }
  }
  const ownIds = own.map(({ id }) => id)
  const order = found.map(({ id }) => id).filter((id) => ownIds.includes(id))
  if (!isDeepStrictEqual(order, ownIds)) {
    const names = own.map(({ name }) => name).join(', ')
    return {
      reason: 'its columns are in another order',
      todo: `Move them back into the order ${names}`,
    }
  }
  const required = found.find((field) => field.required && !ownIds.includes(field.id))
  if (required === undefined) return null
  return {
    reason: `its new column ${required.name} is required, and our rows do not have it`,
    todo: `Make ${required.name} optional`,
  }
}

function fieldFault(
  field: FieldJson,
  { name, type }: Readonly<{ name: string; type: string }>,
): Fault | null {
  if (field.name !== name) {
    return {
      reason: `its column ${name} was renamed to ${field.name}`,
      todo: `Rename ${field.name} to ${name}`,
    }
  }
  if (field.type !== type) {
    const found = typeof field.type === 'string' ? field.type : 'a nested type'
    return {
      reason: `its column ${name} is ${found}, and was ${type}`,
      todo: `Give ${name} the type ${type} again`,
    }
  }
  if (!field.required) return null
  return { reason: `its column ${name} was made required`, todo: `Make ${name} optional` }
}
