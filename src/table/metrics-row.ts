/**
 * A row of campaign_metrics. Only what cannot be derived is kept here: the end of the window, the revenue and the two
 * ratios follow from it when it is written.
 *
 * Revenue is a DOUBLE in the table and whole millionths in here. The nearest double of m / 1e6 gives m back as long as
 * doubles lie closer than a millionth, which ends at 2^33 (there they lie 1.9 millionths apart).
 */

/** A cell of campaign_metrics; window_end, revenue, ctr_percent and cvr_percent follow from it when it is written. */
export type MetricsRow = Readonly<{
  campaignId: string
  windowStartUs: number
  impressions: number
  clicks: number
  conversions: number
  revenueMillionths: bigint
  processedAtUs: number
}>

/** A row as read back. Where `exact` is false, `revenueMillionths` is only near the sum: recompute it from the events. */
export type StoredMetricsRow = MetricsRow & Readonly<{ exact: boolean }>

/** Below this, a revenue read from the table is exact to the millionth. */
export const EXACT_REVENUE_LIMIT: number = 2 ** 33

export function revenueOf(millionths: bigint): number {
  return Number(millionths) / 1e6
}

/**
 * The whole millionths that `revenueOf` made this revenue from; exact below EXACT_REVENUE_LIMIT. The product alone may be
 * one off from 2^52 millionths on, where it is rounded a second time: of its neighbours the one that gives the revenue
 * back is right.
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
export function percentOf(part: number, whole: number): number | null {
  return whole === 0 ? null : (part * 100) / whole
}
