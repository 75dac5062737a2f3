/**
 * A histogram of plain numbers. prom-client's own costs a label hash and several look-ups an
 * observation; this one is a short scan and three additions, and is turned into Prometheus'
 * cumulative buckets only when it is scraped.
 */
import type { Metric, Registry } from 'prom-client'

export type Histogram = { observe(value: number): void }

type HistogramText = Readonly<{
  name: string
  help: string
  /** Upper bounds, rising, without the last one (+Inf). */
  bounds: readonly number[]
}>

type Sample = Readonly<{
  metricName: string
  labels: Readonly<Record<string, number | string>>
  value: number
}>

/** Creates a histogram and registers it for the scrape. */
export function openHistogram(
  registry: Registry,
  { name, help, bounds }: HistogramText,
): Histogram {
  const counts = new Float64Array(bounds.length + 1)
  let count = 0
  let sum = 0

  function samples(): Sample[] {
    const list: Sample[] = []
    let below = 0
    for (const [at, bound] of [...bounds, Number.POSITIVE_INFINITY].entries()) {
      below += counts[at] ?? 0
      const le = bound === Number.POSITIVE_INFINITY ? '+Inf' : bound
      list.push({ metricName: `${name}_bucket`, labels: { le }, value: below })
    }
    list.push({ metricName: `${name}_sum`, labels: {}, value: sum })
    list.push({ metricName: `${name}_count`, labels: {}, value: count })
    return list
  }

  const metric = {
    name,
    help,
    type: 'histogram',
    get: async () => ({ ...metric, values: samples() }),
  }
  // The registry reads `name` and calls `get()`; its type asks for one of its own classes.
  registry.registerMetric(metric as unknown as Metric)

  return {
    observe(value) {
      let at = 0
      while (at < bounds.length && value > (bounds[at] ?? 0)) at++
      counts[at] = (counts[at] ?? 0) + 1
      count += 1
      sum += value
    },
  }
}
