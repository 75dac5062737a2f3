/** The query room through Trino: what the distributed side opens in place of DuckDB. */

import type { TimeSpan, WindowKey, WindowSums } from '../../event.ts'
import { QueryError } from '../query-error.ts'
import type { QueryResult } from '../run-sql.ts'
import type { Verification } from '../verify.ts'
import { openTrinoClient, type TrinoClient, type TrinoPlace } from './client.ts'
import {
  type DifferingOptions,
  type DifferingWindow,
  differingWindows,
  type TouchedOptions,
  touchedSpans,
} from './differing-windows.ts'
import { type OptimizeOptions, optimizeEvents } from './optimize.ts'
import { recomputeWindows } from './recompute.ts'
import { runSql } from './run-sql.ts'
import type { SnapshotIds } from './sql-text.ts'
import { type TrinoVerifyOptions, verifyTables } from './verify.ts'

export type TrinoQueryOptions = TrinoPlace & Readonly<{ windowUs: number }>

/** All of it throws QueryError. */
export type TrinoQuery = Readonly<{
  /** Trino's version, once it answers queries. */
  version(): Promise<string>
  /** Streams the result of one reading statement; campaign_events and campaign_metrics need no further name. */
  runSql(sql: string): Promise<QueryResult>
  /** The current snapshots: the metrics' first, so that the raw rows are not older. Null where a table is empty. */
  currentSnapshots(): Promise<SnapshotIds | null>
  verify(options: Omit<TrinoVerifyOptions, 'windowUs'>): Promise<Verification>
  /** The exact sums of windows at a snapshot of the raw table, in the order of the keys. */
  recomputeWindows(snapshotId: bigint, keys: readonly WindowKey[]): Promise<readonly WindowSums[]>
  touchedSpans(options: Omit<TouchedOptions, 'windowUs'>): Promise<readonly TimeSpan[]>
  differingWindows(options: Omit<DifferingOptions, 'windowUs'>): Promise<readonly DifferingWindow[]>
  optimizeEvents(options: OptimizeOptions): Promise<void>
}>

/** Makes no request yet; there is nothing to close. */
export function openTrinoQuery(options: TrinoQueryOptions): TrinoQuery {
  const { windowUs } = options
  const client = openTrinoClient(options)
  return {
    version: async () => String((await client.rows('SELECT version()'))[0]?.[0]),
    runSql: (sql) => runSql(client, sql),
    currentSnapshots: () => currentSnapshots(client),
    verify: (asked) => verifyTables(client, { ...asked, windowUs }),
    recomputeWindows: (snapshotId, keys) => recomputeWindows(client, snapshotId, keys, windowUs),
    touchedSpans: (asked) => touchedSpans(client, { ...asked, windowUs }),
    differingWindows: (asked) => differingWindows(client, { ...asked, windowUs }),
    optimizeEvents: (asked) => optimizeEvents(client, asked),
  }
}

async function currentSnapshots(client: TrinoClient): Promise<SnapshotIds | null> {
  const metricsId = await currentSnapshot(client, 'campaign_metrics')
  const eventsId = await currentSnapshot(client, 'campaign_events')
  return metricsId === null || eventsId === null ? null : { eventsId, metricsId }
}

async function currentSnapshot(client: TrinoClient, table: string): Promise<bigint | null> {
  const [row] = await client.rows(`SELECT snapshot_id FROM "${table}$refs" WHERE name = 'main'`)
  if (row === undefined) return null
  const [id] = row
  if (typeof id !== 'number' && typeof id !== 'bigint') {
    throw new QueryError('trino-failed', { query: table, reason: `a snapshot id of ${String(id)}` })
  }
  return BigInt(id)
}
