/** Windows that have events and no row yet: those that the writer has not closed. */
import type { Dialect, SqlPort } from './dialect.ts'
import { whereSql } from './window-sums.ts'

/** A window is one campaign's. */
export type OpenWindows = Readonly<{ windows: number; events: number }>

export type OpenWindowsOptions = Readonly<{
  /** All windows that end until then are closed; null where none is. */
  closedUntilUs: number | null
  windowUs: number
}>

/** Throws QueryError. */
export async function countOpenWindows<Source>(
  port: SqlPort,
  dialect: Dialect<Source>,
  events: Source,
  { closedUntilUs, windowUs }: OpenWindowsOptions,
): Promise<OpenWindows> {
  const isOpen = closedUntilUs === null ? '' : `"timestamp" >= ${dialect.timestamp(closedUntilUs)}`
  const [row = []] = await port.rows(
    `SELECT count(*), coalesce(sum(events), 0) FROM (
      SELECT campaign_id, ${dialect.windowStart('"timestamp"', windowUs)} AS start_us,
        count(*) AS events
      FROM ${dialect.table('campaign_events', events)}${whereSql(isOpen)}
      GROUP BY 1, 2
    )`,
  )
  const [windows = 0, counted = 0] = row.map(Number)
  return { windows, events: counted }
}
