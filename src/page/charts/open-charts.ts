/** Loads the charts after the page stands: numbers are read before ECharts has arrived. */

export type Charts = typeof import('./chart-set.ts')

/** Rejects when the chunk cannot be reached, as after an update of the server. */
export function openCharts(): Promise<Charts> {
  return import('./chart-set.ts')
}
