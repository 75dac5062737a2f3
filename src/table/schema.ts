/**
 * Iceberg schemas of the two tables (spec: "Schemas and Data Types"). All columns are optional, and
 * field ids are the columns' positions from 1: Flink and Trino declare the same.
 */

export type FieldType = 'string' | 'long' | 'double' | 'timestamp'
export type Field = Readonly<{
  id: number
  name: string
  type: FieldType
  /** Bounds of this column keep at most this many characters; without it they are whole. */
  boundsLength?: number
}>
export type Schema = readonly Field[]

export const SCHEMA_ID = 0

/**
 * Random ids are spread over the whole range, so their bounds exclude no file, and whole bounds
 * would be half of a manifest. 16 characters are Iceberg's default.
 */
const ID_BOUNDS_LENGTH = 16
const ID_COLUMNS: readonly string[] = ['event_id', 'user_id']

export const EVENTS_SCHEMA: Schema = numbered({
  event_id: 'string',
  user_id: 'string',
  campaign_id: 'string',
  event_type: 'string',
  timestamp: 'timestamp',
  revenue: 'double',
  platform: 'string',
  country: 'string',
  device_type: 'string',
})

export const METRICS_SCHEMA: Schema = numbered({
  campaign_id: 'string',
  window_start: 'timestamp',
  window_end: 'timestamp',
  impressions: 'long',
  clicks: 'long',
  conversions: 'long',
  revenue: 'double',
  ctr_percent: 'double',
  cvr_percent: 'double',
  processed_at: 'timestamp',
})

export type FieldJson = Readonly<{
  id: number
  name: string
  required: boolean
  /** The columns of other programs may be nested: then this is an object. */
  type: unknown
}>
export type SchemaJson = Readonly<{
  type: 'struct'
  'schema-id': number
  fields: readonly FieldJson[]
}>

export function schemaJson(schema: Schema): SchemaJson {
  const fields = schema.map(({ id, name, type }) => ({ id, name, required: false, type }))
  return { type: 'struct', 'schema-id': SCHEMA_ID, fields }
}

export function fieldNamed(schema: Schema, name: string): Field {
  const field = schema.find((candidate) => candidate.name === name)
  if (field === undefined) throw new RangeError(`no column ${name}`)
  return field
}

function numbered(columns: Readonly<Record<string, FieldType>>): Schema {
  return Object.entries(columns).map(([name, type], index) => ({
    id: index + 1,
    name,
    type,
    ...(ID_COLUMNS.includes(name) && { boundsLength: ID_BOUNDS_LENGTH }),
  }))
}
