/** What the run knows of an engine, and what it compares: rows and sums of both tables. */
import type { Row, Site, State, Table } from '../interop/documented.ts'

export const BOTH: readonly State[] = ['Running', 'Stopped']

export type Reader = Readonly<{
  /** As docs/reading.md calls it. */
  name: string
  /** In which the page has lines for it. */
  states: readonly State[]
  /** Makes it ready to read a site; may take minutes the first time. */
  open: (site: Site) => Promise<OpenReader>
}>

export type OpenReader = Readonly<{
  version: string
  rows: (state: State, table: Table) => Promise<readonly Row[]>
  close?: () => Promise<void>
}>

const SUMMED: Readonly<Record<Table, readonly string[]>> = {
  campaign_metrics: ['impressions', 'clicks', 'conversions', 'revenue'],
  campaign_events: ['revenue'],
}
const COUNTED: Readonly<Record<Table, string>> = {
  campaign_metrics: 'window_start',
  campaign_events: 'event_id',
}

/**
 * In words: how many rows, how many different windows or ids, and the sums. Revenues of the input
 * are whole quarters, so that their sums do not depend on the order.
 */
export function summaryOf(table: Table, rows: readonly Row[]): string {
  const sums = SUMMED[table].map((column) => {
    const sum = rows.reduce((sum, row) => sum + Number(row[column]), 0)
    return `${column} ${sum}`
  })
  const counted = COUNTED[table]
  const distinct = new Set(rows.map((row) => String(row[counted]))).size
  return [`${rows.length} rows`, `${distinct} of ${counted}`, ...sums].join(', ')
}
