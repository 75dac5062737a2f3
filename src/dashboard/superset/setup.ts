/** Installs "Campaign Performance" in Superset; can be run again at any time. */
import { zipSync } from 'fflate'
import { type Asset, type Bundle, bundleFiles, DASHBOARD_SLUG, supersetBundle } from './bundle.ts'
import { type Json, openSuperset, type SupersetClient, type SupersetPlace } from './client.ts'
import { DATABASE_FILE, DATABASE_NAME, DATABASE_UUID, type SupersetDatabase } from './database.ts'
import { SupersetError } from './error.ts'
import { installedStates } from './installed.ts'
import { isOurUuid } from './uuid.ts'

export type SupersetSetup = Readonly<{
  /** Each asset and what was done about it; with `isDryRun`, what would be done. */
  assets: readonly SupersetAsset[]
  /** The dashboard's address for a browser. */
  url: string
  version: string
  /** What the user should know, a sentence each. */
  remarks: readonly string[]
}>

export type SupersetAsset = Readonly<{
  kind: Asset['kind']
  name: string
  outcome: 'found' | 'made' | 'changed' | 'removed'
}>

export type SupersetSetupOptions = Readonly<{
  superset: SupersetPlace
  /** Trino, at its address for Superset. */
  database: SupersetDatabase
  windowUs: number
  /** The currency of `revenue`; null for plain numbers. */
  currency: string | null
  /** Only reports what would be done. */
  isDryRun: boolean
}>

const OUTCOMES = { missing: 'made', different: 'changed', same: 'found' } as const

const WITHOUT_TEMPLATES =
  "Superset's feature flag ENABLE_TEMPLATE_PROCESSING is off: the dashboard has no filters for " +
  'platform, country and device, does not compare with the period before, and draws no silence; ' +
  'set it and run setup again'

/** Throws SupersetError. */
export async function setUpSuperset(options: SupersetSetupOptions): Promise<SupersetSetup> {
  const client = await openSuperset(options.superset)
  const { hasTemplates } = client
  const bundle = supersetBundle({ ...options, hasTemplates })
  await checkName(client, options.superset.url)
  const states = await installedStates(client, bundle)
  const stale = await staleCharts(client, bundle)
  const isNeeded = [...states.values()].some((state) => state !== 'same')
  if (!options.isDryRun) {
    if (isNeeded) await importBundle(client, bundle, options.database)
    for (const { id } of stale) await client.removeChart(Number(id))
    if (isNeeded) await checkImport(client, bundle, options.superset.url)
  }
  const removed = stale.map(
    (chart) => ({ kind: 'chart', name: String(chart.slice_name), outcome: 'removed' }) as const,
  )
  return {
    assets: [
      ...[...states].map(([{ kind, name }, state]) => ({ kind, name, outcome: OUTCOMES[state] })),
      ...removed,
    ],
    url: `${options.superset.url.replace(/\/+$/, '')}/superset/dashboard/${DASHBOARD_SLUG}/`,
    version: client.version,
    remarks: hasTemplates ? [] : [WITHOUT_TEMPLATES],
  }
}

export function bundleArchive(bundle: Bundle): Uint8Array {
  const files = Object.entries(bundleFiles(bundle)).map(
    ([path, text]) => [`campaign_metrics/${path}`, Buffer.from(text)] as const,
  )
  // The same bundle gives the same bytes.
  return zipSync(Object.fromEntries(files), { mtime: '2026-01-01T00:00:00' })
}

async function importBundle(
  client: SupersetClient,
  bundle: Bundle,
  { password }: SupersetDatabase,
): Promise<void> {
  const passwords: Record<string, string> = {}
  if (password !== null) passwords[DATABASE_FILE] = password
  await client.importAssets(bundleArchive(bundle), passwords)
}

/** If a database of this name has another UUID, Superset's import fails without a message. */
async function checkName(client: SupersetClient, url: string): Promise<void> {
  const named = await client.list('database', 'database_name', DATABASE_NAME)
  if (named.every(({ uuid }) => uuid === DATABASE_UUID)) return
  throw new SupersetError('name-taken', { url, kind: 'database', name: DATABASE_NAME })
}

/** Finds imports that Superset accepted but ignored: `setup` would repeat them forever. */
async function checkImport(client: SupersetClient, bundle: Bundle, url: string): Promise<void> {
  const states = await installedStates(client, bundle)
  const faults = [...states].filter(([, state]) => state !== 'same')
  if (faults.length === 0) return
  const reason = `after the import these are not as they should be: ${faults
    .map(([{ kind, name }, state]) => `${kind} "${name}" (${state})`)
    .join(', ')}`
  throw new SupersetError('refused', { url, what: 'keep what was imported', reason })
}

/** Charts that an earlier version made; those of users have other UUIDs. */
async function staleCharts(client: SupersetClient, bundle: Bundle): Promise<readonly Json[]> {
  const current = new Set(bundle.map(({ uuid }) => uuid))
  const datasets = bundle.filter(({ kind }) => kind === 'dataset')
  const stale: Json[] = []
  for (const { uuid } of datasets) {
    const dataset = await client.read(`/api/v1/dataset/${uuid}`)
    if (dataset === null) continue
    for (const chart of await client.list('chart', 'datasource_id', Number(dataset.id))) {
      const id = String(chart.uuid)
      if (isOurUuid(id) && !current.has(id)) stale.push(chart)
    }
  }
  return stale
}
