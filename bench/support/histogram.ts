/**
 * Latencies of one run: every value is kept and sorted at the end. A run has at most some hundred
 * thousand requests, so nothing is gained by buckets, and the percentiles are exact.
 */
export type Percentiles = Readonly<{
  count: number
  p50: number
  p95: number
  p99: number
  p999: number
  max: number
}>

const VALUES_MAX = 5_000_000

export function percentiles(values: readonly number[]): Percentiles {
  if (values.length > VALUES_MAX) throw new RangeError(`${values.length} values are too many`)
  const sorted = Float64Array.from(values).sort()
  /** Nearest rank: the smallest value that this share of all values does not exceed. */
  const at = (share: number): number =>
    sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
  return {
    count: sorted.length,
    p50: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
    p999: at(0.999),
    max: at(1),
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}
