/** Merges the small files of the raw table through Trino, day by day. */

import { strict as assert } from 'node:assert'
import type { TimeSpan } from '../../event.ts'
import type { TrinoClient } from './client.ts'
import { momentSql } from './sql-text.ts'

const DAY_US = 86_400_000_000
const MIB = 2 ** 20

export type OptimizeOptions = Readonly<{
  /** Whole days in UTC; others are not touched. */
  span: TimeSpan
  /** Files smaller than this are merged. Default 128 MiB. */
  fileSizeThresholdBytes?: number
  /** Ends it: nothing has changed then. */
  signal?: AbortSignal
}>

/**
 * Rewrites the small files of these days in one commit that keeps every row. Trino checks the base it was built on and
 * fails where another commit took one of the files; appends beside it do no harm. Throws QueryError.
 */
export async function optimizeEvents(client: TrinoClient, options: OptimizeOptions): Promise<void> {
  const { fromUs, toUs } = options.span
  assert(fromUs % DAY_US === 0 && toUs % DAY_US === 0 && fromUs < toUs, 'whole days')
  const threshold = Math.max(1, Math.ceil((options.fileSizeThresholdBytes ?? 128 * MIB) / MIB))
  await client.rows(
    `ALTER TABLE campaign_events EXECUTE optimize(file_size_threshold => '${threshold}MB')
      WHERE "timestamp" >= ${momentSql(fromUs)} AND "timestamp" < ${momentSql(toUs)}`,
    options.signal,
  )
}
