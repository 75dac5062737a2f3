/**
 * The dashboard on the running product: what its API says is what the tables say, soon after an
 * event was accepted, and it never stands in the way of taking events in or of ending. Every answer
 * is held against the description.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { CHANGE_IDS, MEASURE_IDS, RANGES } from '../../src/dashboard-definition/definition.ts'
import type {
  BreakdownAnswer,
  CampaignsAnswer,
  RevenueAnswer,
  SummaryAnswer,
  TrendAnswer,
  ValuesAnswer,
} from '../../src/dashboard-definition/wire.ts'
import {
  DESCRIPTION,
  expectDescribed,
  type Operation,
  type Parameter,
} from '../dashboard/api/openapi.ts'
import { get, postAccepted, readStatus, waitUntilSettled } from '../support/client.ts'
import { openStream } from '../support/event-stream.ts'
import { type Folder, openFolder } from '../support/folder.ts'
import { type Product, runCommand, startProduct } from '../support/product.ts'
import { whileRunning } from '../support/settled.ts'

const CAMPAIGNS = ['spring', '<img src=x onerror=alert(1)>', '=1+1', 'größe "a", b', 'e\u0301']
const TYPES = ['impression', 'impression', 'impression', 'click', 'conversion']
/** All events lie within it, far enough in the past for every window to be complete. */
const HOUR = { from: '2026-03-01T10:00:00Z', to: '2026-03-01T11:00:00Z' }
const HOUR_QUERY = `from=${HOUR.from}&to=${HOUR.to}`
const COUNTRIES = ['DE', 'FR', undefined]

type Sent = Readonly<Record<string, string | number | undefined>>

/** 600 events over an hour, the same in each call. */
function makeEvents(prefix: string): Sent[] {
  return Array.from({ length: 600 }, (_, at) => ({
    event_id: `${prefix}-${at}`,
    user_id: `u${at % 7}`,
    campaign_id: CAMPAIGNS[at % CAMPAIGNS.length],
    event_type: TYPES[Math.floor(at / 5) % TYPES.length],
    timestamp: new Date(Date.parse(HOUR.from) + at * 6000).toISOString(),
    revenue: at % 5 === 4 ? undefined : (at % 40) / 8,
    country: COUNTRIES[at % 3],
    platform: at % 2 === 0 ? 'web' : 'mobile',
  }))
}

const bodyOf = (events: readonly Sent[]): string =>
  events.map((event) => JSON.stringify(event)).join('\n')

async function ask<T>(url: string, name: string, query = ''): Promise<T> {
  const { text } = await askText(url, name, query)
  return JSON.parse(text)
}

async function askText(url: string, name: string, query = '') {
  const answer = await get(url, `/api/v1/${name}${query === '' ? '' : `?${query}`}`)
  const type = String(answer.headers['content-type'])
  expectDescribed('GET', `/api/v1/${name}`, { status: answer.status, type, text: answer.text })
  assert.equal(answer.status, 200, answer.text)
  return answer
}

async function sqlRows(folder: Folder, sql: string): Promise<readonly Record<string, unknown>[]> {
  const run = await runCommand(folder, ['query', sql, '--json'])
  assert.equal(run.exit.code, 0, run.stderr)
  return JSON.parse(run.stdout)
}

const SUMS = `sum(impressions)::double as impressions, sum(clicks)::double as clicks,
  sum(conversions)::double as conversions, round(sum(revenue), 6) as revenue`
const RATIOS = `sum(clicks) * 100.0 / nullif(sum(impressions), 0) as ctr,
  sum(conversions) * 100.0 / nullif(sum(clicks), 0) as cvr,
  round(sum(revenue), 6) / nullif(sum(clicks), 0) as "revenuePerClick"`
const IN_HOUR = `window_start >= '2026-03-01 10:00:00' and window_start < '2026-03-01 11:00:00'`

/** Revenue is a sum of millionths on one side and of DOUBLEs on the other. */
function expectFigures(actual: object, expected: object | undefined, about: string): void {
  const rounded = (value: unknown) =>
    typeof value === 'number' ? Number(value.toPrecision(12)) : value
  const sorted = (figures: object = {}) =>
    Object.entries(figures)
      .map(([name, value]) => [name, rounded(value)])
      .sort()
  assert.deepEqual(sorted(actual), sorted(expected), about)
}

async function open(t: TestContext, fields: Record<string, unknown> = {}): Promise<Folder> {
  const folder = await openFolder({ retention: { events: '0', metrics: '0' }, ...fields })
  t.after(() => folder.close())
  return folder
}

/**
 * Seconds are counted from then on: what is committed before, no second of this process has seen.
 */
async function untilFactsAreThere(url: string): Promise<void> {
  await ask<SummaryAnswer>(url, 'summary')
}

test('what the API answers is what `query` answers, also after a restart', async (t) => {
  const folder = await open(t)
  const events = makeEvents('a')
  await whileRunning(folder, async ({ url }) => {
    await postAccepted(url, bodyOf(events))
    await waitUntilSettled(url)
    await expectSame(folder, url)
  })
  await whileRunning(folder, ({ url }) => expectSame(folder, url))
})

async function expectSame(folder: Folder, url: string): Promise<void> {
  const [totals] = await sqlRows(
    folder,
    `select ${SUMS}, ${RATIOS} from campaign_metrics where ${IN_HOUR}`,
  )
  const summary = await ask<SummaryAnswer>(url, 'summary', HOUR_QUERY)
  expectFigures(summary.figures, totals, 'summary')
  assert.deepEqual({ ...summary.range }, { ...summary.range, ...HOUR, completeTo: HOUR.to })
  expectFigures(summary.compared.figures, totals, 'all of it is complete')

  const windows = await sqlRows(
    folder,
    `select ${SUMS}, ${RATIOS} from campaign_metrics where ${IN_HOUR}
     group by window_start order by window_start`,
  )
  const trend = await ask<TrendAnswer>(url, 'trend', HOUR_QUERY)
  const [line] = trend.lines
  assert.equal(line?.impressions.length, 12)
  for (const [at, window] of windows.entries()) {
    const { impressions, clicks, conversions, revenue } = window
    const point = {
      impressions: line?.impressions[at],
      clicks: line?.clicks[at],
      conversions: line?.conversions[at],
      revenue: line?.revenue[at],
    }
    expectFigures(point, { impressions, clicks, conversions, revenue }, `window ${at}`)
  }

  const rows = await sqlRows(
    folder,
    `select campaign_id as campaign, ${SUMS}, ${RATIOS} from campaign_metrics where ${IN_HOUR}
     group by 1 order by revenue desc, campaign_id`,
  )
  assert.equal(rows.length, CAMPAIGNS.length)
  const campaigns = await ask<CampaignsAnswer>(url, 'campaigns', `${HOUR_QUERY}&sort=revenue`)
  assert.deepEqual(
    campaigns.rows.map(({ campaign }) => campaign),
    rows.map(({ campaign }) => campaign),
  )
  for (const [at, row] of rows.entries()) {
    const { change: _, uncertain: __, ...figures } = campaigns.rows[at] ?? campaigns.totals
    expectFigures(figures, row, String(row.campaign))
  }
  const { change: _, uncertain: __, ...ofAll } = campaigns.totals
  expectFigures(ofAll, totals, 'totals of the table')
  const revenue = await ask<RevenueAnswer>(url, 'revenue', HOUR_QUERY)
  assert.deepEqual(
    revenue.campaigns.map(({ campaign }) => campaign),
    rows.map(({ campaign }) => campaign),
  )
  assert.deepEqual(revenue.others, { campaigns: 0, revenue: 0 })
  const csv = await askText(url, 'campaigns.csv', HOUR_QUERY)
  assert.equal(csv.text.trimEnd().split('\r\n').length, 1 + CAMPAIGNS.length)
  assert.ok(csv.text.includes(`'=1+1`), 'formula-safe')
  await expectSameFiltered(folder, url)
}

async function expectSameFiltered(folder: Folder, url: string): Promise<void> {
  const one = encodeURIComponent(CAMPAIGNS[1] ?? '')
  const [campaign] = await sqlRows(
    folder,
    `select ${SUMS}, ${RATIOS} from campaign_metrics
     where ${IN_HOUR} and campaign_id = '${CAMPAIGNS[1]}'`,
  )
  const chosen = await ask<SummaryAnswer>(url, 'summary', `${HOUR_QUERY}&campaign=${one}`)
  expectFigures(chosen.figures, campaign, 'one campaign')
  const counts = `count(*) filter (event_type = 'impression')::double as impressions,
    count(*) filter (event_type = 'click')::double as clicks,
    count(*) filter (event_type = 'conversion')::double as conversions`
  for (const [query, condition, events] of [
    ['country=DE', `country = 'DE'`, 200],
    ['country=DE&country=FR&platform=web', `country in ('DE', 'FR') and platform = 'web'`, 200],
    ['country=', `country is null`, 200],
    ['country=%27%20or%20true--', 'false', 0],
  ] as const) {
    const [expected] = await sqlRows(
      folder,
      `select ${counts} from campaign_events where ${condition}`,
    )
    const { range, figures } = await ask<SummaryAnswer>(url, 'summary', `${HOUR_QUERY}&${query}`)
    const { impressions, clicks, conversions } = figures
    expectFigures({ impressions, clicks, conversions }, expected, query)
    assert.equal((impressions ?? 0) + (clicks ?? 0) + (conversions ?? 0), events, query)
    assert.equal(range.source, 'events')
  }
  await expectSameBreakdown(folder, url)
  const values = await ask<ValuesAnswer>(url, 'values', HOUR_QUERY)
  assert.deepEqual([...values.country].sort(), ['', 'DE', 'FR'])
  assert.deepEqual([...values.platform].sort(), ['mobile', 'web'])
}

async function expectSameBreakdown(folder: Folder, url: string): Promise<void> {
  const counts = `count(*) filter (event_type = 'impression')::double as impressions,
    count(*) filter (event_type = 'click')::double as clicks,
    count(*) filter (event_type = 'conversion')::double as conversions,
    coalesce(sum(revenue), 0) as revenue`
  const one = encodeURIComponent(CAMPAIGNS[1] ?? '')
  for (const [query, column, condition, rows] of [
    ['by=country', 'country', 'true', 3],
    ['by=platform&sort=value&order=asc', 'platform', 'true', 2],
    ['by=device', 'device_type', 'true', 1],
    ['by=country&country=DE&country=', 'country', `country = 'DE' or country is null`, 2],
    [
      `by=country&platform=web&campaign=${one}`,
      'country',
      `platform = 'web' and campaign_id = '${CAMPAIGNS[1]}'`,
      3,
    ],
    ['by=country&platform=tv', 'country', 'false', 0],
  ] as const) {
    const order = query.includes('sort=value') ? 'value' : 'impressions desc, value'
    const expected = await sqlRows(
      folder,
      `select coalesce(${column}, '') as value, ${counts} from campaign_events
       where ${condition} group by value order by ${order}`,
    )
    const answer = await ask<BreakdownAnswer>(url, 'breakdown', `${HOUR_QUERY}&${query}`)
    assert.equal(answer.rows.length, rows, query)
    assert.deepEqual(
      answer.rows.map(({ value }) => value),
      expected.map(({ value }) => value),
      query,
    )
    for (const [at, row] of expected.entries()) {
      const { value, impressions, clicks, conversions, revenue } = answer.rows[at] ?? {}
      expectFigures({ value, impressions, clicks, conversions, revenue } as never, row, query)
    }
    const [all] = await sqlRows(folder, `select ${counts} from campaign_events where ${condition}`)
    const { impressions, clicks, conversions, revenue } = answer.totals
    expectFigures({ impressions, clicks, conversions, revenue }, all, query)
    assert.deepEqual([answer.others.values, answer.others.impressions], [0, 0], query)
    assert.equal(answer.range.source, 'events')
  }
}

test('an accepted event is in the stream and in the figures before it is committed', async (t) => {
  const folder = await open(t, { commitInterval: '30s' })
  await whileRunning(folder, async ({ url }) => {
    await untilFactsAreThere(url)
    const stream = await openStream(url)
    const first = await stream.next(() => true)
    assert.equal(first.stored, 0)
    assert.equal(first.newest, null)
    assert.equal(first.completeTo, null)
    const timestamp = new Date().toISOString()
    const event = { ...makeEvents('live')[0], timestamp, event_type: 'click' }
    await postAccepted(url, bodyOf([event]))
    const seen = await stream.next(({ newest }) => newest?.clicks === 1)
    assert.equal(seen.stored, 0, 'not committed yet')
    assert.deepEqual(
      seen.seconds.map(([, ...counts]) => counts),
      [[0, 1, 0]],
    )
    const summary = await ask<SummaryAnswer>(url, 'summary', 'range=15m')
    assert.equal(summary.figures.clicks, 1)
    assert.equal((await readStatus(url)).ledger.stored, 0, 'not committed yet')
    stream.close()
  })
})

test('as events come in, figures only grow, count none twice, and end at the truth', async (t) => {
  const folder = await open(t)
  await whileRunning(folder, async ({ url }) => {
    let sent = 0
    let isOver = false
    const sums: number[] = []
    const asking = (async () => {
      while (!isOver) {
        const before = sent
        const { figures } = await ask<SummaryAnswer>(url, 'summary', HOUR_QUERY)
        const { impressions, clicks, conversions } = figures
        const sum = (impressions ?? 0) + (clicks ?? 0) + (conversions ?? 0)
        // All of them are sent within the request under way at most.
        assert.ok(sum <= sent + 50, `${sum} of ${before} to ${sent} events`)
        sums.push(sum)
      }
    })()
    const events = makeEvents('grow')
    for (let at = 0; at < events.length; at += 50) {
      const part = bodyOf(events.slice(at, at + 50))
      await postAccepted(url, part)
      sent += 50
      // A repeat is counted nowhere.
      await postAccepted(url, part)
      await sleep(200)
    }
    await waitUntilSettled(url)
    isOver = true
    await asking
    assert.deepEqual(
      sums,
      sums.toSorted((a, b) => a - b),
      'it never falls',
    )
    assert.ok(new Set(sums).size >= 4, `${new Set(sums).size} different sums were seen`)
    await expectSame(folder, url)
  })
})

test('a cut stream resumes there, begins anew after a restart, ends with the server', async (t) => {
  const folder = await open(t)
  let product: Product = await startProduct(folder)
  t.after(() => product.kill())
  await untilFactsAreThere(product.url)
  await postAccepted(product.url, bodyOf(makeEvents('b')))
  await waitUntilSettled(product.url)
  const stream = await openStream(product.url)
  const first = await stream.next(({ seconds }) => seconds.length > 0)
  assert.equal(first.stored, 600)
  stream.close()
  const resumed = await openStream(product.url, stream.lastId())
  assert.deepEqual((await resumed.next(() => true)).seconds, [])
  const others = await Promise.all(Array.from({ length: 100 }, () => openStream(product.url)))
  await Promise.all(others.map(({ next }) => next(() => true)))
  assert.deepEqual(await product.stop(), { code: 0, signal: null })
  // One that the product had to cut off would reject.
  for (const { ended } of [resumed, ...others]) await ended

  product = await startProduct(folder)
  const after = await openStream(product.url, resumed.lastId())
  const again = await after.next(() => true)
  assert.equal(again.stored, 600)
  assert.notEqual(again.committedAt, null)
  assert.deepEqual(again.problems, [])
  after.close()
})

/** What a parameter may be, and what it may not. */
const VALUES: Readonly<
  Record<string, Readonly<{ right: readonly string[]; wrong: readonly string[] }>>
> = {
  range: { right: RANGES.map(({ id }) => id), wrong: ['2h', '', '1H'] },
  zone: { right: ['UTC', 'Europe/Berlin'], wrong: ['', 'Mars/Olympus', '%2B01:00'] },
  weekStart: { right: ['monday', 'sunday'], wrong: ['', 'montag', '1'] },
  compare: { right: ['previous', 'weekdays', 'year', 'none'], wrong: ['', 'tomorrow'] },
  campaign: { right: ['spring', '%3Cimg%3E', '%00'], wrong: [] },
  platform: { right: ['web', ''], wrong: [] },
  country: { right: ['DE', '%27'], wrong: [] },
  device: { right: ['ios'], wrong: [] },
  lines: { right: ['all', 'campaigns'], wrong: ['none'] },
  by: { right: [], wrong: ['campaign', ''] },
  sort: { right: [...MEASURE_IDS, ...CHANGE_IDS], wrong: ['name', 'valueChange'] },
  order: { right: ['asc', 'desc'], wrong: ['up'] },
  search: { right: ['SPR', '%25', '', '\\'], wrong: [] },
  page: { right: ['1', '2', '999'], wrong: ['0', '-1', '1.5', 'x', '1e9'] },
  size: { right: ['1', '200'], wrong: ['0', '201'] },
}

test('each parameter is taken as described, all else is refused with the reason', async (t) => {
  const folder = await open(t)
  await whileRunning(folder, async ({ url }) => {
    await postAccepted(url, bodyOf(makeEvents('d')))
    await waitUntilSettled(url)
    for (const [path, { get: operation }] of Object.entries(DESCRIPTION.paths)) {
      const taken = operation === undefined ? [] : queryParameters(operation)
      if (!path.startsWith('/api/v1/') || taken.length === 0) continue
      const answers = async (query: string, status: number) => {
        const answer = await get(url, `${path}?${query}`)
        const type = String(answer.headers['content-type'])
        expectDescribed('GET', path, { status: answer.status, type, text: answer.text })
        assert.equal(answer.status, status, `${path}?${query}: ${answer.text.slice(0, 300)}`)
      }
      for (const [name, { right, wrong }] of Object.entries(VALUES)) {
        for (const value of right)
          await answers(`${name}=${value}`, taken.includes(name) ? 200 : 400)
        for (const value of wrong) await answers(`${name}=${value}`, 400)
      }
      const isBreakdown = path.endsWith('/breakdown')
      await answers('sort=campaign', taken.includes('sort') && !isBreakdown ? 200 : 400)
      await answers('sort=value', isBreakdown ? 200 : 400)
      for (const column of ['platform', 'country', 'device']) {
        await answers(`by=${column}`, isBreakdown ? 200 : 400)
      }
      await answers('by=revenue', 400)
      await answers('lines=campaigns&by=revenue', path.endsWith('/trend') ? 200 : 400)
      await answers(HOUR_QUERY, 200)
      await answers(`from=${HOUR.from}`, 400)
      await answers(`from=${HOUR.to}&to=${HOUR.from}`, 400)
      await answers(`${HOUR_QUERY}&range=1h`, 400)
      await answers('from=2020-01-01T00:00:00Z&to=2026-01-01T00:00:00Z', 400)
      await answers('from=yesterday&to=today', 400)
      await answers('nothing=1', 400)
      await answers('range=1h&range=6h', 400)
      assert.deepEqual(
        taken.filter((name) => !(name in VALUES) && name !== 'from' && name !== 'to'),
        [],
        `${path}: described, and not asked for here`,
      )
    }
  })
})

function queryParameters({ parameters = [] }: Operation): string[] {
  return parameters
    .map((given) => ('$ref' in given ? parameterOf(given.$ref) : given))
    .filter((parameter) => parameter.in === 'query')
    .map(({ name }) => name)
}

function parameterOf(reference: string): Parameter {
  return DESCRIPTION.components.parameters?.[reference.split('/').at(-1) ?? ''] as Parameter
}

test('the status is as described', async (t) => {
  const folder = await open(t)
  await whileRunning(folder, async ({ url }) => {
    await postAccepted(url, bodyOf(makeEvents('c')))
    await waitUntilSettled(url)
    const { status, headers, text } = await get(url, '/v1/status')
    expectDescribed('GET', '/v1/status', { status, type: String(headers['content-type']), text })
  })
})
