/** The query room through Trino: what the distributed side opens in place of DuckDB. */

import { strict as assert } from 'node:assert'
import type { TimeSpan, WindowKey, WindowSums } from '../../event.ts'
import { DAY_US } from '../../table.ts'
import type { QueryResult } from '../cell.ts'
import type { Tables } from '../comparison.ts'
import {
  type DifferingOptions,
  type DifferingWindow,
  differingWindows,
} from '../differing-windows.ts'
import { QueryError } from '../error.ts'
import { countOpenWindows, type OpenWindows } from '../open-windows.ts'
import {
  type SnapshotIds,
  type SnapshotVerifyOptions,
  type Verification,
  verifyTables,
} from '../verify.ts'
import { recomputeWindows } from '../window-sums.ts'
import { openTrinoClient, type TrinoClient, type TrinoPlace } from './client.ts'
import { TRINO } from './dialect.ts'
import { runSql } from './run-sql.ts'
import { checkSameTables, type OwnTables } from './same-tables.ts'
import { type TouchedOptions, touchedSpans } from './touched-spans.ts'

export type OptimizeOptions = Readonly<{
  /** Whole days in UTC; others are not touched. */
  span: TimeSpan
  /** Files smaller than this are merged. Default 128 MiB. */
  fileSizeThresholdBytes?: number
  /** Ends it: nothing has changed then. */
  signal?: AbortSignal
}>

export type TrinoQueryOptions = TrinoPlace & Readonly<{ windowUs: number }>

/** All of it throws QueryError. */
export type TrinoQuery = Readonly<{
  /** Trino's version, once it answers queries. */
  version(): Promise<string>
  /** Throws QueryError `trino-other-tables` where Trino's catalog has other tables than ours. */
  checkTables(readOwn: () => Promise<OwnTables>): Promise<void>
  /**
   * Streams the result of one reading statement; campaign_events and campaign_metrics need no
   * further name.
   */
  runSql(sql: string): Promise<QueryResult>
  /**
   * The current snapshots: the metrics' first, so that the raw rows are not older. Null where a
   * table is empty.
   */
  currentSnapshots(): Promise<SnapshotIds | null>
  verify(options: SnapshotVerifyOptions): Promise<Verification>
  /** The exact sums of windows at a snapshot of the raw table, in the order of the keys. */
  recomputeWindows(snapshotId: bigint, keys: readonly WindowKey[]): Promise<readonly WindowSums[]>
  touchedSpans(options: Omit<TouchedOptions, 'windowUs'>): Promise<readonly TimeSpan[]>
  differingWindows(
    options: Omit<DifferingOptions, 'windowUs'> & Readonly<{ snapshots: SnapshotIds }>,
  ): Promise<readonly DifferingWindow[]>
  /** At a snapshot of the raw table. */
  countOpenWindows(snapshotId: bigint, closedUntilUs: number | null): Promise<OpenWindows>
  /**
   * Rewrites the small files of these days in one commit that keeps every row. Trino checks the
   * base it was built on and fails where another commit took one of the files; appends beside it do
   * no harm.
   */
  optimizeEvents(options: OptimizeOptions): Promise<void>
}>

/** Makes no request yet; there is nothing to close. */
export function openTrinoQuery(options: TrinoQueryOptions): TrinoQuery {
  const { windowUs } = options
  const client = openTrinoClient(options)
  return {
    version: async () => String((await client.rows('SELECT version()'))[0]?.[0]),
    checkTables: (readOwn) => checkSameTables(client, options, readOwn),
    runSql: (sql) => runSql(client, sql),
    currentSnapshots: () => currentSnapshots(client),
    verify: ({ snapshots, arrivalOf = () => null, ...asked }) =>
      verifyTables(client, TRINO, tablesAt(snapshots), { ...asked, arrivalOf, windowUs }),
    recomputeWindows: (snapshotId, keys) =>
      recomputeWindows(client, TRINO, snapshotId, keys, windowUs),
    touchedSpans: (asked) => touchedSpans(client, { ...asked, windowUs }),
    differingWindows: ({ snapshots, ...asked }) =>
      differingWindows(client, TRINO, tablesAt(snapshots), { ...asked, windowUs }),
    countOpenWindows: (snapshotId, closedUntilUs) =>
      countOpenWindows(client, TRINO, snapshotId, { closedUntilUs, windowUs }),
    optimizeEvents: (asked) => optimizeEvents(client, asked),
  }
}

function tablesAt({ eventsId, metricsId }: SnapshotIds): Tables<bigint> {
  return { events: eventsId, metrics: metricsId }
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

const MIB = 2 ** 20

async function optimizeEvents(client: TrinoClient, options: OptimizeOptions): Promise<void> {
  const { fromUs, toUs } = options.span
  assert(fromUs % DAY_US === 0 && toUs % DAY_US === 0 && fromUs < toUs, 'whole days')
  const threshold = Math.max(1, Math.ceil((options.fileSizeThresholdBytes ?? 128 * MIB) / MIB))
  await client.rows(
    `ALTER TABLE campaign_events EXECUTE optimize(file_size_threshold => '${threshold}MB')
      WHERE "timestamp" >= ${TRINO.timestamp(fromUs)} AND "timestamp" < ${TRINO.timestamp(toUs)}`,
    options.signal,
  )
}
