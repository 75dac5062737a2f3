/**
 * "Campaign Performance": the page, what it asks, and what moves, as routes of the collector.
 *
 *     job thread ──feed──► facts thread: sums in memory, DuckDB over the files ──► /api/v1/…, event stream, page
 *
 * It only reads. When it fails, events are taken in and stored all the same.
 */
import { startFacts } from './dashboard/facts/facts.ts'
import { type Dashboard, type DashboardOptions, openDashboardOn } from './dashboard/open.ts'

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
  return openDashboardOn(options, startFacts)
}
