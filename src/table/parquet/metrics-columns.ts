/** Rows of campaign_metrics to columns, and back from a file. */
import type { EncodedColumn } from '../../event.ts'
import {
  isExactRevenue,
  type MetricsRow,
  millionthsOf,
  percentOf,
  revenueOf,
  type StoredMetricsRow,
} from '../metrics-row.ts'
import { encodeDoubles, encodeLongs, encodeStrings } from './encode-column.ts'
import type { ParquetReader } from './read-file.ts'

export function metricsColumns(rows: readonly MetricsRow[], windowUs: number): EncodedColumn[] {
  return [
    encodeStrings(
      'campaign_id',
      rows.map((row) => row.campaignId),
    ),
    encodeLongs(
      'window_start',
      rows.map((row) => row.windowStartUs),
    ),
    encodeLongs(
      'window_end',
      rows.map((row) => row.windowStartUs + windowUs),
    ),
    encodeLongs(
      'impressions',
      rows.map((row) => row.impressions),
    ),
    encodeLongs(
      'clicks',
      rows.map((row) => row.clicks),
    ),
    encodeLongs(
      'conversions',
      rows.map((row) => row.conversions),
    ),
    encodeDoubles(
      'revenue',
      rows.map((row) => revenueOf(row.revenueMillionths)),
    ),
    encodeDoubles(
      'ctr_percent',
      rows.map((row) => percentOf(row.clicks, row.impressions)),
    ),
    encodeDoubles(
      'cvr_percent',
      rows.map((row) => percentOf(row.conversions, row.clicks)),
    ),
    encodeLongs(
      'processed_at',
      rows.map((row) => row.processedAtUs),
    ),
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
    const revenue = revenues[index] as number
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
