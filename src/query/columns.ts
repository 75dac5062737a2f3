/**
 * The columns of the two tables in DuckDB's types, by Iceberg field id. Written out here, and held against the table
 * room's schema by a test, because a file is read by field id: a column that a file lacks is NULL.
 */

export type Column = Readonly<{
  id: number
  name: string
  type: 'VARCHAR' | 'TIMESTAMP' | 'DOUBLE' | 'BIGINT'
}>

export const EVENT_COLUMNS: readonly Column[] = [
  { id: 1, name: 'event_id', type: 'VARCHAR' },
  { id: 2, name: 'user_id', type: 'VARCHAR' },
  { id: 3, name: 'campaign_id', type: 'VARCHAR' },
  { id: 4, name: 'event_type', type: 'VARCHAR' },
  { id: 5, name: 'timestamp', type: 'TIMESTAMP' },
  { id: 6, name: 'revenue', type: 'DOUBLE' },
  { id: 7, name: 'platform', type: 'VARCHAR' },
  { id: 8, name: 'country', type: 'VARCHAR' },
  { id: 9, name: 'device_type', type: 'VARCHAR' },
]

export const METRICS_COLUMNS: readonly Column[] = [
  { id: 1, name: 'campaign_id', type: 'VARCHAR' },
  { id: 2, name: 'window_start', type: 'TIMESTAMP' },
  { id: 3, name: 'window_end', type: 'TIMESTAMP' },
  { id: 4, name: 'impressions', type: 'BIGINT' },
  { id: 5, name: 'clicks', type: 'BIGINT' },
  { id: 6, name: 'conversions', type: 'BIGINT' },
  { id: 7, name: 'revenue', type: 'DOUBLE' },
  { id: 8, name: 'ctr_percent', type: 'DOUBLE' },
  { id: 9, name: 'cvr_percent', type: 'DOUBLE' },
  { id: 10, name: 'processed_at', type: 'TIMESTAMP' },
]
