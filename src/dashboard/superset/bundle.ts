/**
 * "Campaign Performance" for Superset, generated from the definition: the files of its import
 * format, version 1.0.0. They are JSON, which is also YAML.
 */
import { DASHBOARD } from '../../dashboard-definition.ts'
import { CHART_IDS, chartAsset } from './charts.ts'
import { DATABASE_FILE, databaseAsset } from './database.ts'
import { datasetAssets } from './datasets.ts'
import { filterConfiguration } from './filters.ts'
import { layoutOf } from './layout.ts'
import type { BundleOptions } from './options.ts'
import { type AssetKind, assetUuid } from './uuid.ts'

export type Asset = Readonly<{
  kind: AssetKind
  uuid: string
  /** The name that users see. */
  name: string
  /** Its file in the bundle. */
  path: string
  content: Readonly<Record<string, unknown>>
}>

export type Bundle = readonly Asset[]

export const DASHBOARD_SLUG = 'campaign-performance'
const DASHBOARD_UUID: string = assetUuid('dashboard', DASHBOARD_SLUG)
const REFRESH_SECONDS = 10

/** Each after its dependencies: the database first, the dashboard last. */
export function supersetBundle(options: BundleOptions): Bundle {
  const datasets = datasetAssets(options)
  return [
    asset('database', DATABASE_FILE, 'database_name', databaseAsset(options.database)),
    ...Object.entries(datasets).map(([name, content]) =>
      asset('dataset', `datasets/campaign_metrics/${name}.yaml`, 'table_name', content),
    ),
    ...CHART_IDS.map((id) =>
      asset('chart', `charts/${id}.yaml`, 'slice_name', chartAsset(id, options.currency)),
    ),
    asset(
      'dashboard',
      'dashboards/campaign_performance.yaml',
      'dashboard_title',
      dashboardAsset(options),
    ),
  ]
}

/** The files of an import: path → text. */
export function bundleFiles(bundle: Bundle): Readonly<Record<string, string>> {
  const metadata = { version: '1.0.0', type: 'assets', timestamp: '2026-01-01T00:00:00+00:00' }
  const files = bundle.map(({ path, content }) => [path, textOf(content)] as const)
  return Object.fromEntries([['metadata.yaml', textOf(metadata)], ...files])
}

function asset(
  kind: AssetKind,
  path: string,
  nameKey: string,
  content: Readonly<Record<string, unknown>>,
): Asset {
  return { kind, uuid: String(content.uuid), name: String(content[nameKey]), path, content }
}

function dashboardAsset({ hasTemplates }: BundleOptions): Readonly<Record<string, unknown>> {
  return {
    dashboard_title: DASHBOARD.title,
    description: 'Made by campaign-metrics; `campaign-metrics setup` puts changes to it right.',
    css: CSS,
    slug: DASHBOARD_SLUG,
    published: true,
    uuid: DASHBOARD_UUID,
    version: '1.0.0',
    position: layoutOf(),
    metadata: {
      refresh_frequency: REFRESH_SECONDS,
      // All at once: staggering would spread a refresh over a fifth of its interval.
      stagger_refresh: false,
      timed_refresh_immune_slices: [],
      native_filter_configuration: filterConfiguration(hasTemplates),
      cross_filters_enabled: true,
      chart_configuration: {},
      global_chart_configuration: { scope: { rootPath: ['ROOT_ID'], excluded: [] } },
      expanded_slices: {},
      color_scheme: '',
      label_colors: {},
      shared_label_colors: [],
    },
  }
}

/**
 * Shows the totals, one row of a table, as tiles: two grids of eight columns, for the names and for
 * the figures, in which each change stands below its measure.
 */
const TOTALS = '[data-test-chart-name="Totals"]'
/** Superset warns that a table has as many rows as it may have; this one is meant to. */
const WINDOWS = '[data-test-chart-name="Latest windows"]'
const CSS = `${TOTALS} :is(table, thead, tbody) { display: block; width: 100% !important; }
${TOTALS} colgroup { display: none; }
${TOTALS} tr { background: none !important; display: grid; align-items: end;
  grid-template-columns: 11fr 9fr 7fr 9fr 7fr 14fr 11fr 12fr; }
${TOTALS} tbody tr { grid-auto-flow: column; grid-template-rows: auto auto; }
${TOTALS} :is(th, td) { border: 0 !important; background: none !important; min-width: 0;
  padding: 2px 10px; text-align: left !important; white-space: nowrap; width: auto !important; }
${TOTALS} th { font-size: 13px; }
${TOTALS} th svg { display: none; }
${TOTALS} th:nth-child(even) { display: none; }
${TOTALS} td { font-size: 20px; }
${TOTALS} td:nth-child(even) { font-size: 14px; }
${TOTALS} td:nth-child(even):not(.dt-is-null)::after { content: " %"; }
${WINDOWS} [data-test="slice-header"] .anticon-warning { display: none; }
`

function textOf(content: unknown): string {
  return `${JSON.stringify(content, null, 2)}\n`
}
