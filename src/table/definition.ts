/** The two tables: names, columns and partitions, as every writer and reader of them knows them. */
import { dayOf, type PartitionSpec } from './partition-spec.ts'
import { EVENTS_SCHEMA, METRICS_SCHEMA, type Schema } from './schema.ts'

export const CATALOG_NAME = 'lake'
export const NAMESPACE = 'campaigns'

export type TableKey = 'events' | 'metrics'

export type TableDefinition = Readonly<{ name: string; schema: Schema; spec: PartitionSpec }>

export const TABLES: Readonly<Record<TableKey, TableDefinition>> = {
  events: {
    name: 'campaign_events',
    schema: EVENTS_SCHEMA,
    spec: dayOf(EVENTS_SCHEMA, 'timestamp'),
  },
  metrics: {
    name: 'campaign_metrics',
    schema: METRICS_SCHEMA,
    spec: dayOf(METRICS_SCHEMA, 'window_start'),
  },
}

export const TABLE_KEYS: readonly TableKey[] = ['events', 'metrics']

/** The same for both tables, made from each one's key. */
export function forBothTables<T>(make: (key: TableKey) => T): Readonly<Record<TableKey, T>> {
  return { events: make('events'), metrics: make('metrics') }
}
