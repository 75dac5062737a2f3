/**
 * Compares the bundle with what Superset has, as far as its interface shows it. So a second `setup`
 * finds everything unchanged, and one after a user's change reports what it restores.
 *
 * Superset adds fields of its own and replaces the bundle's numbers of charts and datasets. So an
 * asset is unchanged if Superset has every value of the bundle, with numbers translated.
 */
import type { Asset, Bundle } from './bundle.ts'
import { CHART_IDS, chartUuid } from './charts.ts'
import type { Json, SupersetClient } from './client.ts'
import { numberInBundle } from './layout.ts'

export type AssetState = 'missing' | 'same' | 'different'

/** Fields that only serve the import, or that the interface does not show. */
const UNCOMPARED: Readonly<Record<Asset['kind'], readonly string[]>> = {
  database: ['version', 'uuid', 'allow_csv_upload'],
  dataset: ['version', 'uuid', 'database_uuid', 'columns', 'metrics'],
  chart: ['version', 'uuid', 'dataset_uuid', 'params'],
  dashboard: ['version', 'uuid', 'position', 'metadata', 'description'],
}

export async function installedStates(
  client: SupersetClient,
  bundle: Bundle,
): Promise<ReadonlyMap<Asset, AssetState>> {
  const states = new Map<Asset, AssetState>()
  const datasetIds = new Map<unknown, unknown>()
  const chartNumbers = new Map<unknown, unknown>()
  let databaseId: unknown = null
  for (const asset of bundle) {
    const found = await readAsset(client, asset)
    if (found === null) {
      states.set(asset, 'missing')
      continue
    }
    if (asset.kind === 'database') databaseId = found.id
    if (asset.kind === 'dataset') datasetIds.set(asset.uuid, found.id)
    if (asset.kind === 'chart') {
      const id = CHART_IDS.find((chart) => chartUuid(chart) === asset.uuid)
      if (id !== undefined) chartNumbers.set(numberInBundle(id), found.id)
    }
    const isSame =
      includes(without(asset), found) &&
      (await detailsMatch(asset, found, { databaseId, datasetIds, chartNumbers }))
    states.set(asset, isSame ? 'same' : 'different')
  }
  return states
}

async function readAsset(client: SupersetClient, asset: Asset): Promise<Json | null> {
  if (asset.kind !== 'database') return await client.read(`/api/v1/${asset.kind}/${asset.uuid}`)
  const [found] = await client.list('database', 'uuid', asset.uuid)
  if (found === undefined) return null
  // The list has the id; this has the address, with its password masked.
  const connection = await client.read(`/api/v1/database/${found.id}/connection`)
  return connection === null ? null : { ...connection, extra: parsed(connection.extra) }
}

type Numbers = Readonly<{
  databaseId: unknown
  datasetIds: ReadonlyMap<unknown, unknown>
  chartNumbers: ReadonlyMap<unknown, unknown>
}>

async function detailsMatch(asset: Asset, found: Json, numbers: Numbers): Promise<boolean> {
  const { content } = asset
  switch (asset.kind) {
    case 'database':
      return true
    case 'dataset': {
      const isOfDatabase = (found.database as Json | undefined)?.id === numbers.databaseId
      return (
        isOfDatabase &&
        namedMatch(content.columns, found.columns, 'column_name') &&
        namedMatch(content.metrics, found.metrics, 'metric_name')
      )
    }
    case 'chart': {
      const isOfDataset = found.datasource_uuid === content.dataset_uuid
      return isOfDataset && includes(content.params, parsed(found.params))
    }
    case 'dashboard': {
      const { chartNumbers, datasetIds } = numbers
      const position = translated(content.position, chartNumbers, datasetIds)
      const metadata = translated(content.metadata, chartNumbers, datasetIds)
      return (
        includes(position, parsed(found.position_json)) &&
        includes(metadata, parsed(found.json_metadata))
      )
    }
  }
}

function without({ kind, content }: Asset): Json {
  const entries = Object.entries(content).filter(([name]) => !UNCOMPARED[kind].includes(name))
  return Object.fromEntries(entries)
}

/** Translates numbers of charts and UUIDs of datasets as the import does. */
function translated(
  value: unknown,
  charts: ReadonlyMap<unknown, unknown>,
  datasets: ReadonlyMap<unknown, unknown>,
): unknown {
  if (Array.isArray(value)) return value.map((item) => translated(item, charts, datasets))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([name, inner]) => {
    if (name === 'chartId') return [name, charts.get(inner) ?? null]
    if (name === 'datasetUuid') return ['datasetId', datasets.get(inner) ?? null]
    if (name === 'excluded') return [name, (inner as unknown[]).map((each) => charts.get(each))]
    return [name, translated(inner, charts, datasets)]
  })
  return Object.fromEntries(entries)
}

/** `includes` for lists of named items: the names must be equal, and each item must match. */
function namedMatch(expected: unknown, found: unknown, key: string): boolean {
  const [wanted, there] = [expected, found].map(
    (list) => new Map(((list ?? []) as Json[]).map((item) => [item[key], item])),
  )
  if (wanted === undefined || there === undefined || wanted.size !== there.size) return false
  return [...wanted].every(([name, item]) => includes(item, there.get(name)))
}

/** Whether `found` has all of `expected`; to Superset null, undefined and '' are the same. */
function includes(expected: unknown, found: unknown): boolean {
  if (isNothing(expected)) return isNothing(found)
  if (Array.isArray(expected)) {
    if (!Array.isArray(found) || found.length !== expected.length) return false
    return expected.every((item, index) => includes(item, found[index]))
  }
  if (typeof expected === 'object') {
    if (typeof found !== 'object' || found === null) return Object.keys(expected ?? {}).length === 0
    return Object.entries(expected as Json).every(([name, item]) =>
      includes(item, (found as Json)[name]),
    )
  }
  // A chart's cache_timeout comes back as text.
  return String(expected) === String(found)
}

function isNothing(value: unknown): boolean {
  return value === null || value === undefined || value === ''
}

function parsed(text: unknown): unknown {
  if (typeof text !== 'string') return text
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
