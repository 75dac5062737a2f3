/** Moments, snapshots and lists as they stand in Trino's SQL. */
import { strict as assert } from 'node:assert'
import { textSql } from '../sql-text.ts'

/** Both tables are read at one state: the ids of Iceberg snapshots. */
export type SnapshotIds = Readonly<{ eventsId: bigint; metricsId: bigint }>

/** `TIMESTAMP '2026-11-22 10:00:00.000000'`. */
export function momentSql(epochUs: number): string {
  assert(Number.isSafeInteger(epochUs), 'a moment in whole microseconds')
  const ms = Math.floor(epochUs / 1000)
  const iso = new Date(ms).toISOString()
  assert(iso.length === 24, 'a moment between the years 0 and 9999')
  const micros = String(epochUs - ms * 1000).padStart(3, '0')
  return `TIMESTAMP '${iso.slice(0, 10)} ${iso.slice(11, 23)}${micros}'`
}

/** A table of ours as it was at a snapshot. */
export function tableAtSql(
  name: 'campaign_events' | 'campaign_metrics',
  snapshotId: bigint,
): string {
  return `${name} FOR VERSION AS OF ${snapshotId}`
}

/** A span of which either end may be open: null. */
export type OpenSpan = Readonly<{ fromUs: number | null; toUs: number | null }>

/** A condition that a time lies in one of the spans; there must be one. */
export function spansSql(column: string, spans: readonly OpenSpan[]): string {
  assert(spans.length > 0, 'there is a span')
  return `(${spans.map((span) => spanSql(column, span)).join(' OR ')})`
}

function spanSql(column: string, { fromUs, toUs }: OpenSpan): string {
  const bounds = [
    ...(fromUs === null ? [] : [`${column} >= ${momentSql(fromUs)}`]),
    ...(toUs === null ? [] : [`${column} < ${momentSql(toUs)}`]),
  ]
  return bounds.length === 0 ? 'true' : `(${bounds.join(' AND ')})`
}

/**
 * A list of rows as one literal: Trino takes thousands of rows of VALUES apart one by one, and a text with NUL or a
 * quote stands safely in JSON. `types` are its columns, such as `campaign_id VARCHAR, start_us BIGINT`.
 */
export function rowsSql(rows: readonly (readonly (string | number)[])[], types: string): string {
  return `UNNEST(CAST(JSON ${textSql(JSON.stringify(rows))} AS ARRAY(ROW(${types}))))`
}
