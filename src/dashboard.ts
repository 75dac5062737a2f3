/**
 * "Campaign Performance": the page, its API and its event stream, as routes of the collector.
 *
 *     job thread ──feed──► thread of the figures ──► /api/v1/…, event stream, page
 *                          sums in memory, DuckDB over the files
 *
 * It only reads. If it fails, events are still collected and stored.
 */
import { startFiguresThread } from './dashboard/figures/figures-thread.ts'
import { type Dashboard, type DashboardOptions, openDashboardOn } from './dashboard/open.ts'

export { namesProblem } from './dashboard/names/names-watch.ts'
export type { Dashboard, DashboardOptions } from './dashboard/open.ts'
export type { SupersetPlace } from './dashboard/superset/client.ts'
export type { SupersetDatabase } from './dashboard/superset/database.ts'
export type { SupersetErrorCode } from './dashboard/superset/error.ts'
export {
  type SupersetAsset,
  type SupersetSetup,
  type SupersetSetupOptions,
  setUpSuperset,
} from './dashboard/superset/setup.ts'

export function openDashboard(options: DashboardOptions): Promise<Dashboard> {
  return openDashboardOn(options, startFiguresThread)
}
