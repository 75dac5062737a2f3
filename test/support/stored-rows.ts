/**
 * Rows of the two tables as a test writes them down, and a few of each that belong together: what
 * DuckDB and Trino are asked about alike.
 */
import type { Verification } from '../../src/query.ts'

export type StoredEvent = Readonly<{
  id: string
  campaign?: string
  type?: 'impression' | 'click' | 'conversion'
  /** `2026-11-22 10:00:00[.ffffff]` */
  at: string
  /** As DOUBLE reads it; default 0. */
  revenue?: string
  /** Default `web`. */
  platform?: string
  /** Default `DE`. */
  country?: string
  /** Default NULL. */
  device?: string | null
}>

export type StoredWindow = Readonly<{
  campaign?: string
  start: string
  end: string
  counts: readonly [impressions: number, clicks: number, conversions: number]
  /** As DOUBLE reads it; default 0. */
  revenue?: string
  /** `NULL` or a DOUBLE. */
  ctr: string
  cvr: string
}>

export type CampaignWindow = StoredWindow & Readonly<{ campaign: string }>

/**
 * Two impressions, a click and a conversion of 1.5 in the window at 10:00; one impression at 10:05.
 */
export const EVENTS: readonly StoredEvent[] = [
  { id: 'a', at: '2026-11-22 10:00:00' },
  { id: 'b', at: '2026-11-22 10:04:59.999999' },
  { id: 'c', type: 'click', at: '2026-11-22 10:01:00' },
  { id: 'd', type: 'conversion', at: '2026-11-22 10:02:00', revenue: '1.5' },
  { id: 'e', at: '2026-11-22 10:05:00' },
]
export const FIRST: CampaignWindow = {
  campaign: 'spring',
  start: '2026-11-22 10:00:00',
  end: '2026-11-22 10:05:00',
  counts: [2, 1, 1],
  revenue: '1.5',
  ctr: '50',
  cvr: '100',
}
export const SECOND: CampaignWindow = {
  campaign: 'spring',
  start: '2026-11-22 10:05:00',
  end: '2026-11-22 10:10:00',
  counts: [1, 0, 0],
  ctr: '0',
  cvr: 'NULL',
}
/** What `verify` says of these events and both windows. */
export const EQUAL: Verification = {
  isEqual: true,
  windows: 2,
  events: 5,
  differing: 0,
  differences: [],
  repeatedIds: { withinHorizon: 0, unplaced: 0, examples: [] },
  unfitEvents: 0,
  withoutEvents: null,
  openWindows: null,
}
