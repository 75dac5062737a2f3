/**
 * Iceberg partitioning (spec: "Partitioning"): both tables by `day` of one timestamp column. A partition value is the
 * number of days since 1970-01-01, which readers take for a date.
 */
import { fieldNamed, type Schema } from './schema.ts'

export const SPEC_ID = 0
/** Partition fields are numbered from 1000 (spec: "Partition Specs"). */
export const PARTITION_FIELD_ID = 1000

const DAY_US = 86_400_000_000

export type PartitionSpec = Readonly<{ sourceId: number; name: string }>

export type PartitionFieldJson = Readonly<{
  'source-id': number
  'field-id': number
  transform: 'day'
  name: string
}>

/** The spec that cuts a table by the day of `column`; the field is named as Java and PyIceberg would name it. */
export function dayOf(schema: Schema, column: string): PartitionSpec {
  return { sourceId: fieldNamed(schema, column).id, name: `${column}_day` }
}

export function specFieldsJson(spec: PartitionSpec): readonly PartitionFieldJson[] {
  const { sourceId, name } = spec
  return [{ 'source-id': sourceId, 'field-id': PARTITION_FIELD_ID, transform: 'day', name }]
}

/** Days since 1970-01-01 of a moment; moments before it have negative days. */
export function dayOfUs(timeUs: number): number {
  return Math.floor(timeUs / DAY_US)
}

/** `2026-11-22`, as in the folder names of data files. */
export function dayText(day: number): string {
  return new Date(day * 86_400_000).toISOString().slice(0, 10)
}
