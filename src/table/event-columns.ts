/**
 * Whether a Parquet file of campaign_events has the columns that our own files have, and no others:
 * only then may it be merged with them.
 */
import type { SchemaElement } from 'hyparquet'
import { TABLES } from './definition.ts'
import type { ParquetReader } from './parquet/read-file.ts'
import type { Field, FieldType } from './schema.ts'

const PHYSICAL: Readonly<Record<FieldType, string>> = {
  string: 'BYTE_ARRAY',
  long: 'INT64',
  timestamp: 'INT64',
  double: 'DOUBLE',
}

/** What is different, or null. */
export function columnFault({ metadata }: ParquetReader): string | null {
  const [, ...elements] = metadata.schema
  const { schema } = TABLES.events
  if (elements.length !== schema.length) return `it has ${elements.length} columns`
  for (const [index, field] of schema.entries()) {
    const element = elements[index]!
    const wrong = difference(element, field)
    if (wrong !== null) return `its column ${index + 1}, ${element.name}, ${wrong}`
  }
  return null
}

function difference(element: SchemaElement, field: Field): string | null {
  if (element.name !== field.name) return `should be ${field.name}`
  if (element.field_id !== field.id) return `has the field id ${element.field_id}, not ${field.id}`
  if (element.type !== PHYSICAL[field.type])
    return `is ${element.type}, not ${PHYSICAL[field.type]}`
  if (element.repetition_type !== 'OPTIONAL') return `is ${element.repetition_type}, not OPTIONAL`
  if (field.type !== 'timestamp') return null
  const logical = element.logical_type
  const fits =
    logical?.type === 'TIMESTAMP' && logical.unit === 'MICROS' && !logical.isAdjustedToUTC
  return fits ? null : 'is not a timestamp of microseconds without a zone'
}
