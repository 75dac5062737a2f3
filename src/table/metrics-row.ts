/**
 * A row of campaign_metrics, and how rows become the columns of a file and come back. A row keeps
 * only what cannot be derived: the end of the window, the revenue and the two ratios follow from it
 * when it is written.
 *
 * Revenue is a DOUBLE in the table and whole millionths in here. The nearest double of m / 1e6
 * gives m back as long as doubles lie closer than a millionth, which ends at 2^33 (there they lie
 * 1.9 millionths apart).
 */
import type { EncodedColumn, WindowKey } from '../event.ts'
import { TableError } from './error.ts'
import { encodeDoubles, encodeLongs, encodeStrings } from './parquet/encode-column.ts'
import type { ParquetReader } from './parquet/read-file.ts'

/** No metrics file has more rows than this. */
export const METRICS_FILE_ROWS_MAX = 65_536

export type MetricsRow = Readonly<{
  campaignId: string
  windowStartUs: number
  impressions: number
  clicks: number
  conversions: number
  revenueMillionths: bigint
  processedAtUs: number
}>

/**
 * A row as read back. Where `exact` is false, `revenueMillionths` only approximates the sum:
 * recompute it.
 */
export type StoredMetricsRow = MetricsRow & Readonly<{ exact: boolean }>

/** Below this, a revenue read from the table is exact to the millionth. */
export const EXACT_REVENUE_LIMIT: number = 2 ** 33

export function revenueOf(millionths: bigint): number {
  return Number(millionths) / 1e6
}

/**
 * The whole millionths that `revenueOf` made this revenue from; exact below EXACT_REVENUE_LIMIT.
 * From 2^52 millionths on the product is rounded a second time and may be one off: the neighbour
 * that gives the revenue back is right.
 */
export function millionthsOf(revenue: number): bigint {
  const near = Math.round(revenue * 1e6)
  const made = [near, near - 1, near + 1].find((sum) => sum / 1e6 === revenue)
  return BigInt(made ?? near)
}

export function isExactRevenue(revenue: number): boolean {
  return Math.abs(revenue) < EXACT_REVENUE_LIMIT
}

/** `part * 100.0 / whole`, or null where the divisor is 0. */
function percentOf(part: number, whole: number): number | null {
  return whole === 0 ? null : (part * 100) / whole
}

function rowOfOthers(): TableError {
  return new TableError('unfit-change', {
    change: 'another program wrote a row without campaign or window into campaign_metrics',
    todo: 'Delete the rows whose campaign_id or window_start is null',
  })
}

/** By window, then campaign: any order would be right, this one compresses and prunes well. */
export function compareRows(a: WindowKey, b: WindowKey): number {
  const byCampaign = a.campaignId < b.campaignId ? -1 : a.campaignId > b.campaignId ? 1 : 0
  return a.windowStartUs - b.windowStartUs || byCampaign
}

/** The columns of the schema, in its order. */
export function metricsColumns(rows: readonly MetricsRow[], windowUs: number): EncodedColumn[] {
  const longs = (name: string, cell: (row: MetricsRow) => number): EncodedColumn =>
    encodeLongs(name, rows.map(cell))
  const doubles = (name: string, cell: (row: MetricsRow) => number | null): EncodedColumn =>
    encodeDoubles(name, rows.map(cell))
  const campaigns = rows.map((row) => row.campaignId)
  return [
    encodeStrings('campaign_id', campaigns),
    longs('window_start', (row) => row.windowStartUs),
    longs('window_end', (row) => row.windowStartUs + windowUs),
    longs('impressions', (row) => row.impressions),
    longs('clicks', (row) => row.clicks),
    longs('conversions', (row) => row.conversions),
    doubles('revenue', (row) => revenueOf(row.revenueMillionths)),
    doubles('ctr_percent', (row) => percentOf(row.clicks, row.impressions)),
    doubles('cvr_percent', (row) => percentOf(row.conversions, row.clicks)),
    longs('processed_at', (row) => row.processedAtUs),
  ]
}

export async function readMetricsRows(file: ParquetReader): Promise<StoredMetricsRow[]> {
  const [campaigns, starts, impressions, clicks, conversions, revenues, processed] =
    await Promise.all([
      file.column('campaign_id'),
      file.column('window_start'),
      file.column('impressions'),
      file.column('clicks'),
      file.column('conversions'),
      file.column('revenue'),
      file.column('processed_at'),
    ])
  // An id may begin with U+FEFF, which is a character of it like any other.
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  return Array.from(campaigns, (campaign, index) => {
    const found = revenues[index]
    // No row of ours has another: only `adopt` can say what it must be.
    const revenue = typeof found === 'number' && Number.isFinite(found) ? found : 0
    if (campaign === null || starts[index] === null) throw rowOfOthers()
    return {
      campaignId: decoder.decode(campaign as Uint8Array),
      windowStartUs: Number(starts[index]),
      impressions: Number(impressions[index]),
      clicks: Number(clicks[index]),
      conversions: Number(conversions[index]),
      revenueMillionths: millionthsOf(revenue),
      processedAtUs: Number(processed[index]),
      exact: isExactRevenue(revenue),
    }
  })
}
