/** The bundle for Superset against the definition, and against what must never change. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unzipSync } from 'fflate'
import { parse } from 'yaml'
import { bundleFiles, supersetBundle } from '../../src/dashboard/superset/bundle.ts'
import { CHART_IDS, TREND_RATES } from '../../src/dashboard/superset/charts.ts'
import type { SupersetDatabase } from '../../src/dashboard/superset/database.ts'
import { lastText } from '../../src/dashboard/superset/filters.ts'
import { bundleArchive } from '../../src/dashboard/superset/setup.ts'
import { assetUuid, isOurUuid } from '../../src/dashboard/superset/uuid.ts'
import {
  CHARTS,
  columnOf,
  MEASURE_IDS,
  MEASURES,
} from '../../src/dashboard-definition/definition.ts'

const TRINO: SupersetDatabase = {
  trinoUrl: 'http://trino:8080',
  user: 'superset',
  password: null,
  catalog: null,
}
const OPTIONS = { database: TRINO, windowUs: 300_000_000, currency: 'EUR', hasTemplates: true }
const bundle = supersetBundle(OPTIONS)

type Content = Readonly<Record<string, unknown>>
const contentOf = (path: string): Content => {
  const text = bundleFiles(bundle)[path]
  assert.ok(text !== undefined, path)
  return parse(text) as Content
}

test('the UUIDs are those of the first import, for ever', () => {
  assert.deepEqual(Object.fromEntries(bundle.map(({ path, uuid }) => [path, uuid])), UUIDS)
})

/** Written down once: another UUID makes a second dashboard beside the first. */
const UUIDS = {
  'databases/campaign_metrics.yaml': 'b6bbe7bf-1bd1-8a26-943a-8917263e713a',
  'datasets/campaign_metrics/campaign_metrics.yaml': 'b6bbe7bf-1bd1-8ec1-9419-10b739d7e322',
  'datasets/campaign_metrics/campaign_events.yaml': 'b6bbe7bf-1bd1-8abc-ab62-2fd475235bef',
  'datasets/campaign_metrics/campaign_timeline.yaml': 'b6bbe7bf-1bd1-8c90-93ab-841ffbf1c63f',
  'datasets/campaign_metrics/campaign_seconds.yaml': 'b6bbe7bf-1bd1-8ab3-af4a-2364cf1386a0',
  'charts/totals.yaml': 'b6bbe7bf-1bd1-8399-adda-cc1656b2e7fa',
  'charts/trend.yaml': 'b6bbe7bf-1bd1-8954-a471-65496b847370',
  'charts/revenue.yaml': 'b6bbe7bf-1bd1-8752-bed4-77687c5aef03',
  'charts/realtime.yaml': 'b6bbe7bf-1bd1-8485-b413-1733be659134',
  'charts/windows.yaml': 'b6bbe7bf-1bd1-871e-9236-c88546588ccf',
  'dashboards/campaign_performance.yaml': 'b6bbe7bf-1bd1-8fac-96a5-73f7158a8c5c',
}

test('a UUID is of version 8 and says that it is ours', () => {
  for (const { uuid } of bundle) {
    assert.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.ok(isOurUuid(uuid) && isOurUuid(uuid.toUpperCase()))
  }
  assert.ok(!isOurUuid('6ba7b810-9dad-11d1-80b4-00c04fd430c8'))
  assert.notEqual(assetUuid('chart', 'totals'), assetUuid('dataset', 'totals'))
})

test('every measure is a metric, and a ratio is a ratio of sums, in doubles', () => {
  const metrics = contentOf('datasets/campaign_metrics/campaign_metrics.yaml').metrics as Content[]
  assert.deepEqual(
    Object.fromEntries(metrics.map((metric) => [metric.metric_name, metric.expression])),
    {
      impressions: 'SUM(impressions)',
      clicks: 'SUM(clicks)',
      ctr_percent: 'SUM(clicks) * 100e0 / NULLIF(SUM(impressions), 0)',
      conversions: 'SUM(conversions)',
      cvr_percent: 'SUM(conversions) * 100e0 / NULLIF(SUM(clicks), 0)',
      revenue: 'SUM(revenue)',
      revenue_per_click: 'SUM(revenue) * 1e0 / NULLIF(SUM(clicks), 0)',
    },
  )
  assert.deepEqual(
    metrics.map(({ metric_name }) => metric_name),
    MEASURE_IDS.map(columnOf),
  )
  assert.deepEqual(
    metrics.map(({ d3format }) => d3format),
    [',d', ',d', ',.2f', ',d', ',.2f', ',.2f', ',.3f'],
  )
  assert.deepEqual(
    metrics.map(({ description }) => description),
    MEASURE_IDS.map((id) => MEASURES[id].description),
  )
})

test('each total stands before its change, and the moment of completeness after all', () => {
  const { metrics } = contentOf('charts/totals.yaml').params as { metrics: string[] }
  const pairs = MEASURE_IDS.flatMap((id) => [columnOf(id), `${columnOf(id)}_change`])
  assert.deepEqual(metrics, [...pairs, 'complete_until'])
})

test('a change compares sums of both periods, relative to the earlier', () => {
  const { metrics } = contentOf('datasets/campaign_metrics/campaign_timeline.yaml') as {
    metrics: Content[]
  }
  const changeOf = (name: string): unknown =>
    metrics.find(({ metric_name }) => metric_name === `${name}_change`)?.expression
  assert.equal(
    changeOf('clicks'),
    '(SUM(compared_clicks) - SUM(before_clicks)) * 100e0 / ABS(NULLIF(SUM(before_clicks), 0))',
  )
  const [now, before] = ['compared', 'before'].map(
    (period) => `SUM(${period}_clicks) * 100e0 / NULLIF(SUM(${period}_impressions), 0)`,
  )
  assert.equal(changeOf('ctr_percent'), `(${now} - ${before}) * 100e0 / ABS(NULLIF(${before}, 0))`)
})

test('money is in the configured currency, or in none', () => {
  const currencies = (currency: string | null): unknown[] =>
    supersetBundle({ ...OPTIONS, currency })
      .filter(({ kind }) => kind === 'dataset')
      .flatMap(({ content }) => content.metrics as Content[])
      .filter((metric) => metric.currency !== null)
      .map((metric) => [metric.metric_name, metric.currency])
  const euro = { symbol: 'EUR', symbolPosition: 'prefix' }
  const money = [
    ['revenue', euro],
    ['revenue_per_click', euro],
  ]
  assert.deepEqual(currencies('EUR'), [...money, ...money])
  assert.deepEqual(currencies(null), [])
  const { column_config: formats } = contentOf('charts/windows.yaml').params as Record<
    'column_config',
    Record<string, Content>
  >
  const withCurrency = Object.entries(formats).filter(([, format]) => 'currencyFormat' in format)
  assert.deepEqual(
    withCurrency.map(([name]) => name),
    ['revenue', 'revenue_per_click'],
  )
})

test('names of campaigns have a line each', () => {
  const { params } = contentOf('charts/revenue.yaml') as { params: Content }
  assert.equal(params.orientation, 'horizontal')
})

test('without templates there are no filters by event, and the datasets are plain SQL', () => {
  const plain = supersetBundle({ ...OPTIONS, hasTemplates: false })
  const dashboard = plain.at(-1)?.content as { metadata: Content }
  const filters = dashboard.metadata.native_filter_configuration as Content[]
  assert.deepEqual(
    filters.map(({ name }) => name),
    ['Time range', 'Campaign'],
  )
  const sqls = plain.filter(({ kind }) => kind === 'dataset').map(({ content }) => content.sql)
  const virtual = sqls.filter((sql) => sql !== null).map(String)
  assert.equal(virtual.length, 3)
  for (const sql of virtual) {
    // What Trino runs: comments do not nest, and each ends at the first end.
    const run = sql.replaceAll(/\/\*[\s\S]*?\*\//g, '').trim()
    assert.match(run, /^SELECT [^{}%]*$/)
  }
})

test('no chart averages anything', () => {
  assert.doesNotMatch(JSON.stringify(bundle), /\bAVG\b|"aggregate":/i)
})

test('five charts stand on the dashboard, each once, on a grid of twelve columns', () => {
  const dashboard = contentOf('dashboards/campaign_performance.yaml')
  assert.equal(dashboard.dashboard_title, 'Campaign Performance')
  const position = Object.values(dashboard.position as Content) as Content[]
  const charts = position.filter((node) => node?.type === 'CHART')
  const assets = bundle.filter(({ kind }) => kind === 'chart')
  const metas = charts.map(({ meta }) => meta as Content)
  assert.deepEqual(metas.map(({ uuid }) => uuid).sort(), assets.map(({ uuid }) => uuid).sort())
  assert.deepEqual(
    metas.map(({ sliceName }) => sliceName).sort(),
    assets.map(({ name }) => name).sort(),
  )
  assert.equal(new Set(metas.map(({ chartId }) => chartId)).size, 5)
  const ids = new Map(
    position.filter((node) => typeof node === 'object').map((node) => [node.id, node]),
  )
  for (const row of position.filter((node) => node?.type === 'ROW')) {
    const widths = (row.children as string[]).map((id) =>
      Number((ids.get(id) as { meta: Content }).meta.width),
    )
    assert.equal(
      widths.reduce((sum, width) => sum + width),
      12,
      String(row.id),
    )
  }
})

test('it refreshes every ten seconds, all charts at once', () => {
  const { metadata } = contentOf('dashboards/campaign_performance.yaml') as { metadata: Content }
  assert.equal(metadata.refresh_frequency, 10)
  assert.equal(metadata.stagger_refresh, false)
})

test('the time filter excludes only the last minutes, the other filters nothing', () => {
  const dashboard = contentOf('dashboards/campaign_performance.yaml') as {
    metadata: Content
    position: Content
  }
  const [time, ...others] = dashboard.metadata.native_filter_configuration as Content[]
  const realtime = (dashboard.position['CHART-realtime'] as Content).meta as Content
  assert.deepEqual(time?.scope, { rootPath: ['ROOT_ID'], excluded: [realtime.chartId] })
  assert.deepEqual(
    others.map(({ name }) => name),
    ['Campaign', 'Platform', 'Country', 'Device'],
  )
  for (const { scope } of others) assert.deepEqual(scope, { rootPath: ['ROOT_ID'], excluded: [] })
  assert.deepEqual((time as { defaultDataMask: Content }).defaultDataMask.extraFormData, {
    time_range: 'DATEADD(DATETIME("now"), -1, hour) : now',
  })
})

test('ranges are said in the largest whole unit', () => {
  assert.equal(lastText(900), 'DATEADD(DATETIME("now"), -15, minute) : now')
  assert.equal(lastText(21_600), 'DATEADD(DATETIME("now"), -6, hour) : now')
  assert.equal(lastText(2_592_000), 'DATEADD(DATETIME("now"), -30, day) : now')
})

test('charts ask for the measures of the definition', () => {
  for (const id of CHART_IDS) {
    const { params, slice_name: title } = contentOf(`charts/${id}.yaml`) as {
      params: Content
      slice_name: string
    }
    assert.equal(title, CHARTS[id].title)
    const asked = (
      id === 'windows' ? (params.all_columns as string[]).slice(2) : params.metrics
    ) as string[]
    const measures = asked.filter((name) => !/_change$|^complete_until$/.test(name))
    // One chart of Superset has one scale: its trend is of the rates.
    const wanted = id === 'trend' ? TREND_RATES : CHARTS[id].measures
    assert.deepEqual(measures, wanted.map(columnOf), id)
  }
})

test('every column and metric that is asked for is one of its dataset', () => {
  const datasets = new Map(
    bundle.filter(({ kind }) => kind === 'dataset').map(({ uuid, content }) => [uuid, content]),
  )
  for (const { content, name } of bundle.filter(({ kind }) => kind === 'chart')) {
    const dataset = datasets.get(String(content.dataset_uuid))
    const names = (key: string, of: string): string[] =>
      ((dataset?.[key] ?? []) as Content[]).map((item) => String(item[of]))
    const known = [...names('columns', 'column_name'), ...names('metrics', 'metric_name')]
    const params = content.params as Content
    const filters = params.adhoc_filters as Content[]
    const subjects = filters.flatMap(({ subject }) => subject ?? [])
    const asked = [params.x_axis ?? [], params.metrics, params.all_columns ?? [], subjects].flat()
    for (const each of asked) assert.ok(known.includes(String(each)), `${name}: ${each}`)
  }
})

test('Trino is named as Superset sees it, its password beside the bundle only', () => {
  const uriOf = (database: SupersetDatabase): unknown =>
    supersetBundle({ ...OPTIONS, database }).find(({ kind }) => kind === 'database')?.content
      .sqlalchemy_uri
  assert.equal(uriOf(TRINO), 'trino://superset@trino:8080/lake/campaigns')
  const secured = {
    trinoUrl: 'https://trino.example.org',
    user: 'a@b',
    password: 's3cret',
    catalog: 'prod',
  }
  assert.equal(uriOf(secured), 'trino://a%40b:XXXXXXXXXX@trino.example.org:443/prod/campaigns')
  assert.doesNotMatch(JSON.stringify(supersetBundle({ ...OPTIONS, database: secured })), /s3cret/)
})

test('the archive holds the files, and the same bundle is the same bytes', () => {
  const archive = bundleArchive(bundle)
  assert.deepEqual(Buffer.from(archive), Buffer.from(bundleArchive(supersetBundle(OPTIONS))))
  const files = Object.entries(unzipSync(archive)).map(([path, bytes]) => [
    path,
    Buffer.from(bytes).toString(),
  ])
  const expected = Object.entries(bundleFiles(bundle)).map(([path, text]) => [
    `campaign_metrics/${path}`,
    text,
  ])
  assert.deepEqual(files, expected)
  assert.equal((contentOf('metadata.yaml') as Content).type, 'assets')
})
