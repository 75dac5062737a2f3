/**
 * The two tables: names, columns and partitions, as every writer and reader of them knows them.
 *
 * Both are partitioned by `day` of one timestamp column (spec: "Partitioning"). A partition value
 * is the number of days since 1970-01-01, which readers take for a date.
 */
import { EVENTS_SCHEMA, fieldNamed, METRICS_SCHEMA, type Schema } from './schema.ts'

export const CATALOG_NAME = 'lake'
export const NAMESPACE = 'campaigns'

export type TableKey = 'events' | 'metrics'

export type TableDefinition = Readonly<{
  key: TableKey
  name: string
  schema: Schema
  spec: PartitionSpec
}>

export type PartitionSpec = Readonly<{ sourceId: number; name: string }>

export const SPEC_ID = 0
/** Partition fields are numbered from 1000 (spec: "Partition Specs"). */
export const PARTITION_FIELD_ID = 1000

export const TABLES: Readonly<Record<TableKey, TableDefinition>> = {
  events: {
    key: 'events',
    name: 'campaign_events',
    schema: EVENTS_SCHEMA,
    spec: byDayOf(EVENTS_SCHEMA, 'timestamp'),
  },
  metrics: {
    key: 'metrics',
    name: 'campaign_metrics',
    schema: METRICS_SCHEMA,
    spec: byDayOf(METRICS_SCHEMA, 'window_start'),
  },
}

export const TABLE_KEYS: readonly TableKey[] = ['events', 'metrics']

/** The same for both tables, made from each one's key. */
export function forBothTables<T>(make: (key: TableKey) => T): Readonly<Record<TableKey, T>> {
  return { events: make('events'), metrics: make('metrics') }
}

/** The partition field has the name that Java and PyIceberg would give it. */
function byDayOf(schema: Schema, column: string): PartitionSpec {
  return { sourceId: fieldNamed(schema, column).id, name: `${column}_day` }
}

export type PartitionFieldJson = Readonly<{
  'source-id': number
  'field-id': number
  transform: 'day'
  name: string
}>

export function specFieldsJson(spec: PartitionSpec): readonly PartitionFieldJson[] {
  const { sourceId, name } = spec
  return [{ 'source-id': sourceId, 'field-id': PARTITION_FIELD_ID, transform: 'day', name }]
}

export const DAY_US = 86_400_000_000

/** Days since 1970-01-01 of a moment; moments before it have negative days. */
export function dayOfUs(timeUs: number): number {
  return Math.floor(timeUs / DAY_US)
}

/** `2026-11-22`, as in the folder names of data files. */
export function dayText(day: number): string {
  return new Date(day * 86_400_000).toISOString().slice(0, 10)
}
