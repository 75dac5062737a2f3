/**
 * "Campaign Performance" in Superset: set up twice, opened in a real browser, every tile and chart
 * held against what `query` says of the same stretch of time, before and after a filter.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { supersetBundle } from '../../src/dashboard/superset/bundle.ts'
import type { SupersetChartId } from '../../src/dashboard/superset/charts.ts'
import {
  type Json,
  openSuperset,
  type SupersetClient,
} from '../../src/dashboard/superset/client.ts'
import { bundleArchive } from '../../src/dashboard/superset/setup.ts'
import { assetUuid } from '../../src/dashboard/superset/uuid.ts'
import { type SupersetSetup, setUpSuperset } from '../../src/dashboard.ts'
import {
  CHARTS,
  chartSql,
  columnOf,
  MEASURES,
  type MeasureId,
  type SqlRange,
} from '../../src/dashboard-definition/definition.ts'
import { type Cell, openTrinoQuery, type TrinoQuery } from '../../src/query.ts'
import { findChromium } from '../browser/support/chromium.ts'
import { adTraffic, HOSTILE_NAME, secondsAround, WINDOW_MS } from './support/ad-traffic.ts'
import { type LakeStack, openLakeStack } from './support/lake-stack.ts'
import { type ChartAnswer, openSupersetPage, type SupersetPage } from './support/superset-page.ts'

const { skip } = findChromium()
const ASSETS = 11
/** Superset computes, a browser draws, and both share the machine with everything else. */
const SHOWN_LIMIT_MS = 120_000

let lake: LakeStack
let query: TrinoQuery
let url: string
let client: SupersetClient
const account = { user: 'admin', password: 'admin' }

before(async () => {
  lake = await openLakeStack(['superset'])
  await lake.makeTables()
  const { events, windows } = adTraffic(Date.now())
  await lake.writeEvents(events)
  await lake.writeWindows(windows)
  const place = { url: lake.trinoUrl, user: 'test', password: null, catalog: null }
  query = openTrinoQuery({ ...place, windowUs: WINDOW_MS * 1000 })
  url = `http://${lake.stack.address('superset')}`
  client = await openSuperset({ url, ...account })
})
after(() => lake?.close())

/** Native services see each other as we do. */
function options() {
  const database = { trinoUrl: lake.trinoUrl, user: 'superset', password: null, catalog: null }
  return { database, windowUs: WINDOW_MS * 1000, currency: 'EUR' }
}

function setUp(isDryRun = false): Promise<SupersetSetup> {
  return setUpSuperset({ superset: { url, ...account }, ...options(), isDryRun })
}

const ourBundle = () => supersetBundle({ ...options(), hasTemplates: true })

const outcomes = ({ assets }: SupersetSetup): readonly string[] =>
  assets.map(({ outcome }) => outcome)
const KINDS = ['database', 'dataset', 'chart', 'dashboard'] as const

/** Everything that Superset has, by number and UUID. */
async function everything(): Promise<unknown> {
  const found = []
  for (const kind of KINDS) {
    const rows = (await client.read(
      `/api/v1/${kind}/?q=(page_size:100)`,
    )) as unknown as readonly Json[]
    found.push(rows.map(({ id, uuid }) => `${kind} ${id} ${uuid}`).sort())
  }
  return found
}

test('a dry run says what would be made, and makes nothing', async () => {
  const before = await everything()
  assert.deepEqual(outcomes(await setUp(true)), Array(ASSETS).fill('made'))
  assert.deepEqual(await everything(), before)
})

test('set up once makes it, twice changes nothing', async () => {
  assert.deepEqual(outcomes(await setUp()), Array(ASSETS).fill('made'))
  const made = await everything()
  const again = await setUp()
  assert.deepEqual(outcomes(again), Array(ASSETS).fill('found'))
  assert.equal(again.version, '6.1.0')
  assert.deepEqual(again.remarks, [])
  assert.equal(again.url, `${url}/superset/dashboard/campaign-performance/`)
  assert.deepEqual(await everything(), made)
})

test('importing it again changes what is there, and doubles nothing', async () => {
  const made = await everything()
  await client.importAssets(bundleArchive(ourBundle()), {})
  assert.deepEqual(await everything(), made)
  assert.deepEqual(outcomes(await setUp(true)), Array(ASSETS).fill('found'))
})

test('an old chart goes, a changed one is put right, a user’s own stays', async () => {
  const made = await everything()
  const bundle = ourBundle()
  const [chart] = bundle.filter(({ kind }) => kind === 'chart')
  assert.ok(chart !== undefined)
  const more = (uuid: string, name: string) => ({
    ...chart,
    uuid,
    path: `charts/${name}.yaml`,
    content: { ...chart.content, uuid, slice_name: name },
  })
  const own = '6ba7b810-9dad-41d1-80b4-00c04fd430c8'
  const changed = { ...chart, content: { ...chart.content, slice_name: 'My totals' } }
  const edited = bundle.map((asset) => (asset === chart ? changed : asset))
  const extra = [more(assetUuid('chart', 'retired'), 'Retired'), more(own, 'Own')]
  await client.importAssets(bundleArchive([...extra, ...edited]), {})

  const expected = (await setUp(true)).assets.filter(({ outcome }) => outcome !== 'found')
  assert.deepEqual(expected, [
    { kind: 'chart', name: 'Totals', outcome: 'changed' },
    { kind: 'chart', name: 'Retired', outcome: 'removed' },
  ])
  const { assets } = await setUp()
  assert.deepEqual(
    assets.filter(({ outcome }) => outcome !== 'found'),
    expected,
  )
  const [userChart] = await client.list('chart', 'uuid', own)
  assert.equal(userChart?.slice_name, 'Own')
  await client.removeChart(Number(userChart?.id))
  assert.deepEqual(await everything(), made)
})

test('what is wrong is said: the password, the address', async () => {
  await assert.rejects(openSuperset({ url, user: 'admin', password: 'wrong' }), {
    code: 'sign-in',
    message: /refused the user "admin"/,
  })
  await assert.rejects(openSuperset({ url: 'http://127.0.0.1:1', ...account }), {
    code: 'unreachable',
  })
  await assert.rejects(openSuperset({ url: lake.trinoUrl, ...account }), { code: 'not-superset' })
})

/** `[from, to)` of a chart's own SQL: the outermost condition, which is the last. */
function rangeOf({ sql }: ChartAnswer): SqlRange {
  const from = [...sql.matchAll(/>= (TIMESTAMP '[^']*')/g)].at(-1)?.[1]
  const to = [...sql.matchAll(/< (TIMESTAMP '[^']*')/g)].at(-1)?.[1]
  assert.ok(from !== undefined && to !== undefined, sql)
  return { from, to }
}

const msOf = (literal: string): number =>
  Date.parse(
    `${literal
      .replace(/^TIMESTAMP '|'$/g, '')
      .replace(' ', 'T')
      .slice(0, 23)}Z`,
  )
const literalOf = (ms: number): string =>
  `TIMESTAMP '${new Date(ms).toISOString().slice(0, 23).replace('T', ' ')}'`

/** What `query` says; moments as milliseconds, as Superset has them. */
async function queried(sql: string): Promise<Readonly<Record<string, unknown>>[]> {
  const result = await query.runSql(sql)
  const rows: Record<string, unknown>[] = []
  for await (const batch of result.batches) {
    for (const row of batch) {
      rows.push(
        Object.fromEntries(row.map((cell, index) => [result.columns[index]?.name, plain(cell)])),
      )
    }
  }
  return rows
}

function plain(cell: Cell): unknown {
  if (typeof cell === 'bigint') return Number(cell)
  if (typeof cell !== 'object' || cell === null) return cell
  return cell.kind === 'timestamp' ? Number(cell.micros) / 1000 : cell
}

/** Sums of doubles depend on the order of the rows in their last digits. */
const settled = (_key: string, value: unknown): unknown =>
  typeof value === 'number' ? Number(value.toPrecision(11)) : value
const byText = (rows: readonly unknown[]): string[] =>
  rows.map((row) => JSON.stringify(Object.entries(row as object).sort(), settled)).sort()
const shown = (id: MeasureId, value: unknown): string => {
  if (value === null) return 'N/A'
  const { digits, unit } = MEASURES[id]
  const fraction = { minimumFractionDigits: digits, maximumFractionDigits: digits }
  return `${unit === 'money' ? '€ ' : ''}${Number(value).toLocaleString('en-US', fraction)}`
}

/** The numbers of the charts, by their names. */
async function chartNumbers(): Promise<ReadonlyMap<SupersetChartId, number>> {
  const charts = (await client.read(
    '/api/v1/chart/?q=(page_size:100)',
  )) as unknown as readonly Json[]
  const entries = Object.entries(CHARTS).flatMap(([id, { title }]) => {
    const chart = charts.find(({ slice_name: name }) => name === title)
    return chart === undefined ? [] : [[id as SupersetChartId, Number(chart.id)] as const]
  })
  return new Map(entries)
}

/** campaign_metrics, made anew of some of the events, by other SQL than the product's. */
const metricsOf = (where: string): string => `(
  SELECT *, clicks * 1e2 / NULLIF(impressions, 0) AS ctr_percent,
    conversions * 1e2 / NULLIF(clicks, 0) AS cvr_percent
  FROM (
    SELECT campaign_id,
      date_add('minute', minute("timestamp") / 5 * 5, date_trunc('hour', "timestamp"))
        AS window_start,
      COUNT(CASE event_type WHEN 'impression' THEN 1 END) AS impressions,
      COUNT(CASE event_type WHEN 'click' THEN 1 END) AS clicks,
      COUNT(CASE event_type WHEN 'conversion' THEN 1 END) AS conversions,
      CAST(SUM(CAST(revenue AS DECIMAL(18, 6))) AS DOUBLE) AS revenue
    FROM campaign_events
    WHERE ${where} AND "timestamp" < (SELECT MAX(window_end) FROM campaign_metrics)
    GROUP BY 1, 2))`

type Expected = Readonly<{ metrics: string; where: string }>
const UNFILTERED: Expected = { metrics: 'campaign_metrics', where: 'true' }
const filtered = (where: string): Expected => ({ metrics: metricsOf(where), where })

/** The rows of a chart by its own definition, over these tables. */
async function rowsOf(
  id: SupersetChartId,
  range: SqlRange,
  { metrics, where }: Expected,
): Promise<Readonly<Record<string, unknown>>[]> {
  const sql = chartSql(id, range).replace('FROM campaign_metrics', `FROM ${metrics}`)
  return await queried(id === 'realtime' ? sql.replace('WHERE', `WHERE ${where} AND`) : sql)
}

async function expectSame(
  answers: ReadonlyMap<number, ChartAnswer>,
  expected: Expected,
): Promise<void> {
  for (const [id, number] of await chartNumbers()) {
    const answer = answers.get(number)
    assert.ok(answer !== undefined, id)
    assert.equal(answer.status, 200)
    const range = rangeOf(answer)
    const rows = await rowsOf(id, range, expected)
    assert.ok(rows.length > 0, `${id}: no rows`)
    if (id === 'realtime') expectSeconds(answer, secondsOf(rows))
    else if (id === 'trend') expectTrend(answer, rows)
    else if (id === 'totals') await expectTotals(answer, rows[0] ?? {}, expected)
    else if (id === 'revenue') {
      // Which of several campaigns with the same revenue are shown is open.
      const revenues = byText(rows.map(({ campaign_id, revenue }) => ({ campaign_id, revenue })))
      for (const row of byText(answer.rows)) assert.ok(revenues.includes(row), row)
      const [shownOnes, all] = [answer.rows, rows].map((of) =>
        of.map(({ revenue }) => Number(revenue)).sort((x, y) => y - x),
      )
      assert.deepEqual(shownOnes, all?.slice(0, 10), id)
    } else assert.deepEqual(byText(answer.rows), byText(rows), id)
  }
}

type Row = Readonly<Record<string, unknown>>

/** All complete windows; ratios of the silent ones are not there. */
function expectTrend(answer: ChartAnswer, all: readonly Row[]): void {
  const newest = Math.max(...answer.rows.map(({ window_start }) => Number(window_start)))
  assert.ok(newest >= Date.now() - 4 * WINDOW_MS, 'the trend ends too early')
  assert.ok(newest <= Date.now() - WINDOW_MS, 'the trend has a window that is filling')
  const rows = all
    .filter(({ window_start }) => Number(window_start) <= newest)
    // The definition has every measure, Superset's chart the rates.
    .map(({ window_start, ctr_percent, cvr_percent }) => ({
      window_start,
      ctr_percent,
      cvr_percent,
    }))
  const known = new Set(rows.map(({ window_start }) => window_start))
  const [there, silent] = [true, false].map((is) =>
    answer.rows.filter(({ window_start: start }) => known.has(start) === is),
  )
  assert.deepEqual(byText(there ?? []), byText(rows), 'trend')
  assert.ok((silent ?? []).length > 0, 'no silent window')
  for (const { ctr_percent: ctr, cvr_percent: cvr } of silent ?? []) {
    assert.deepEqual([ctr, cvr], [null, null])
  }
  const starts = answer.rows.map(({ window_start }) => Number(window_start)).sort((a, b) => a - b)
  const steps = starts.slice(1).map((start, index) => start - (starts[index] ?? 0))
  assert.deepEqual([...new Set(steps)], [WINDOW_MS])
}

/** Every second from the first one on, those without an event as zeros, until half a minute ago. */
function expectSeconds(answer: ChartAnswer, rows: readonly Row[]): void {
  // The newest second of all events is filling, and not shown.
  const { from, to } = rangeOf(answer)
  const newest = Math.max(...answer.rows.map(({ second }) => Number(second)))
  assert.ok(newest >= msOf(to) - 32_000, 'realtime ends too early')
  const [complete, hidden] = [true, false].map((is) =>
    rows.filter(({ second }) => Number(second) <= newest === is),
  )
  for (const { second } of hidden ?? []) assert.ok(Number(second) >= msOf(to) - 32_000)
  const known = new Set((complete ?? []).map(({ second }) => second))
  const there = answer.rows.filter(({ second }) => known.has(second))
  const silent = answer.rows.filter(({ second }) => !known.has(second))
  assert.deepEqual(byText(there), byText(complete ?? []), 'realtime')
  for (const { impressions, clicks, conversions } of silent) {
    assert.deepEqual([impressions, clicks, conversions], [0, 0, 0])
  }
  const seconds = new Set(answer.rows.map(({ second }) => Number(second)))
  for (let ms = Math.ceil(msOf(from) / 1000) * 1000; ms < msOf(to) - 32_000; ms += 1000) {
    assert.ok(seconds.has(ms), `realtime lacks ${new Date(ms).toISOString()}`)
  }
}

/** chartSql has a row for each second and type; the chart a row for each second. */
function secondsOf(rows: readonly Row[]): Row[] {
  const seconds = new Map<unknown, Record<string, unknown>>()
  for (const { second, event_type: type, events } of rows) {
    const row = seconds.get(second) ?? { second, impressions: 0, clicks: 0, conversions: 0 }
    row[`${type}s`] = events
    seconds.set(second, row)
  }
  return [...seconds.values()]
}

/** The totals, their change over complete windows only, and until when windows are complete. */
async function expectTotals(answer: ChartAnswer, totals: Row, expected: Expected): Promise<void> {
  const [row = {}] = answer.rows
  const { from, to } = rangeOf(answer)
  const completeMs = Number(row.complete_until)
  const [{ last } = {}] = await queried('SELECT MAX(window_end) AS last FROM campaign_metrics')
  assert.ok(completeMs <= Math.min(Number(last), Date.now()), 'complete too early')
  assert.ok(completeMs >= Math.min(Number(last), Date.now() - 2 * WINDOW_MS), 'complete too late')
  const lengthMs = msOf(to) - msOf(from)
  const [fromMs, toMs] = [msOf(from), Math.min(msOf(to), completeMs)]
  const sumsOf = async (startMs: number, endMs: number): Promise<Row> => {
    const range = { from: literalOf(startMs), to: literalOf(endMs) }
    return (await rowsOf('totals', range, expected))[0] ?? {}
  }
  const now = await sumsOf(fromMs, toMs)
  const before = await sumsOf(fromMs - lengthMs, toMs - lengthMs)
  const changes = CHARTS.totals.measures.map((id) => {
    const [current, earlier] = [now, before].map((row) => row[columnOf(id)] as number | null)
    const isKnown = current != null && earlier != null && earlier !== 0
    const change = isKnown ? ((current - earlier) * 100) / Math.abs(earlier) : null
    return [`${columnOf(id)}_change`, change] as const
  })
  const wanted = { ...totals, ...Object.fromEntries(changes), complete_until: completeMs }
  assert.deepEqual(byText([row]), byText([wanted]), 'totals')
}

async function expectTiles(
  { page }: SupersetPage,
  totals: Readonly<Record<string, unknown>>,
): Promise<void> {
  for (const id of CHARTS.totals.measures) {
    const column = columnOf(id)
    const cell = page.locator(
      `[data-test-chart-name="Totals"] td[aria-labelledby="header-${column}"]`,
    )
    await cell.filter({ hasText: shown(id, totals[column]) }).waitFor({ timeout: SHOWN_LIMIT_MS })
  }
}

/** What would tell a customer that something is wrong, or look as if it were. */
async function expectNothingWrong({ page, faults }: SupersetPage): Promise<void> {
  const wrong = [
    '[data-test="chart-container"] [role="alert"]',
    '[data-test="chart-container"] .ant-alert',
    '[data-test="dashboard-content-wrapper"] :is(.anticon-warning, .anticon-exclamation-circle)',
    '[data-test="filter-bar"] :is(.anticon-warning, .anticon-exclamation-circle)',
    '.ant-message-notice, [data-test="toast-container"] [role="alert"]',
  ]
  for (const selector of wrong) {
    assert.equal(await page.locator(selector).filter({ visible: true }).count(), 0, selector)
  }
  const words = /Unexpected error|An error occurred|No results|not compatible|row limit/i
  assert.equal(await page.getByText(words).count(), 0)
  const broken = await page.evaluate<unknown>(BROKEN_IMAGES)
  assert.deepEqual(broken, [])
  assert.deepEqual(faults(), [])
}

/**
 * Runs in the page: addresses of images that came to nothing. Superset's own counting pixel has no
 * size, and is not seen.
 */
const BROKEN_IMAGES = `[...document.images]
  .filter((image) => image.width > 0 && image.complete && image.naturalWidth === 0)
  .map((image) => image.src)`

/**
 * Runs in the page: texts of the tiles and of the table that lie over each other. A table scrolls
 * under its header, so that these two are not compared.
 */
const OVERLAPS = `['Totals', 'Latest windows'].flatMap((name) => {
  const chart = document.querySelector('[data-test-chart-name="' + name + '"]')
  return ['th', 'td'].flatMap((kind) => {
    const texts = [...chart.querySelectorAll(kind)].flatMap((cell) => {
      const range = document.createRange()
      range.selectNodeContents(cell)
      const box = range.getBoundingClientRect()
      return box.width * box.height === 0 ? [] : [{ box, text: cell.textContent }]
    })
    return texts.flatMap((a, index) => texts.slice(index + 1).flatMap((b) => {
      const width = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left)
      const height = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top)
      return width > 1 && height > 1 ? [a.text + ' over ' + b.text] : []
    }))
  })
})`

async function expectNoOverlap({ page }: SupersetPage): Promise<void> {
  assert.deepEqual(await page.evaluate<unknown>(OVERLAPS), [])
}

/** Chooses a value in a filter of the bar. */
async function choose({ page }: SupersetPage, filter: string, typed: string, value: string) {
  await page.locator(`#NATIVE_FILTER-${filter}`).click()
  await page.locator(`#NATIVE_FILTER-${filter}`).fill(typed)
  await page.locator('.ant-select-item-option').getByText(value, { exact: true }).click()
  await page.keyboard.press('Escape')
}

/** The answers after the filters are applied, all of them with a text in their SQL. */
async function applied(watched: SupersetPage, sign: string) {
  await watched.answers(0)
  await watched.page.locator('[data-test="filter-bar__apply-button"]').click()
  const isFiltered = ({ sql }: ChartAnswer): boolean => sql.includes(sign)
  let answers = await watched.answers(CHARTS_ON_PAGE)
  // A refresh that was on its way may still have answered without the filter.
  while (![...answers.values()].every(isFiltered)) answers = await watched.answers(CHARTS_ON_PAGE)
  return answers
}

test('every tile and chart of the page equals the query, before and after filters', {
  skip,
}, async () => {
  await lake.writeEvents(secondsAround(Date.now()))
  const watched = await openSupersetPage(url, account)
  try {
    const { page } = watched
    const totalsNumber = (await chartNumbers()).get('totals') ?? 0
    const totalsIn = (answers: ReadonlyMap<number, ChartAnswer>): Row =>
      answers.get(totalsNumber)?.rows[0] ?? {}
    await page.goto(`${url}/superset/dashboard/campaign-performance/`)
    const first = await watched.answers(CHARTS_ON_PAGE)
    await expectSame(first, UNFILTERED)
    await expectTiles(watched, totalsIn(first))
    await page.getByText('Complete until (UTC)').waitFor()
    await page
      .locator('td[aria-labelledby="header-complete_until"]', { hasText: /:\d[05]$/ })
      .waitFor()
    const name = HOSTILE_NAME
    await page.locator('[data-test-chart-name="Latest windows"]').getByText(name).first().waitFor()
    await expectNothingWrong(watched)
    await expectNoOverlap(watched)

    await choose(watched, 'platform', "l'app", "l'app")
    await choose(watched, 'country', 'FR', 'FR')
    const byEvent = await applied(watched, "'l''app'")
    await expectSame(byEvent, filtered(`platform = 'l''app' AND country = 'FR'`))
    assert.ok(Number(totalsIn(byEvent).impressions) < Number(totalsIn(first).impressions) / 3)
    await expectTiles(watched, totalsIn(byEvent))

    await choose(watched, 'campaign', '黑五', name)
    const byAll = await applied(watched, 'campaign_id IN')
    const campaign = `campaign_id = '${name.replaceAll("'", "''")}'`
    await expectSame(byAll, filtered(`platform = 'l''app' AND country = 'FR' AND ${campaign}`))
    const totals = totalsIn(byAll)
    await expectTiles(watched, totals)
    assert.equal(totals.ctr_percent, (Number(totals.clicks) * 100) / Number(totals.impressions))
    await expectNothingWrong(watched)
    await expectNoOverlap(watched)

    // The page goes on by itself, with answers of the cache that all viewers share.
    await watched.answers(CHARTS_ON_PAGE)
    await expectNothingWrong(watched)
  } finally {
    await watched.close()
  }
})

const CHARTS_ON_PAGE = 5
