/**
 * Whatever comes in, is committed, merged, dropped or expires, also while chunks are being loaded:
 * the answers are those of a plain list of the events.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { RANGES } from '../../../src/dashboard-definition/definition.ts'
import { DAY_US, type ModelEvent } from './memory-lake.ts'
import {
  expectBreakdown,
  expectCampaigns,
  expectRevenue,
  expectSummary,
  expectTrend,
  type NaiveBreakdown,
  type NaiveLines,
  type NaiveTable,
  type NaiveView,
  viewed,
} from './naive.ts'
import { MINUTE_US, NOON_US, openServiceAt } from './service-at.ts'

const QUARTER_US = 15 * MINUTE_US
/** What divides a day: a second, a minute, 5, 9 and 15 minutes, an hour, a day. */
const WINDOWS_US = [1, 60, 300, 540, 900, 3600, 86_400].map((seconds) => seconds * 1e6)

const anyEvent: fc.Arbitrary<ModelEvent> = fc.record({
  campaign: fc.constantFrom('a', 'B', 'b', 'ü', '😀', '\uff5e', '=1+1', 'c"d', 'e,f'),
  type: fc.constantFrom('impression', 'impression', 'click', 'conversion'),
  timeUs: fc
    .oneof(
      fc.integer({ min: -5 * 60, max: 3 * 3600 }),
      fc.integer({ min: 0, max: 3 * 86_400 }),
      fc.integer({ min: 0, max: 70 * 86_400 }),
    )
    .map((secondsAgo) => NOON_US - secondsAgo * 1e6),
  millionths: fc.integer({ min: -5_000_000, max: 50_000_000 }),
  platform: fc.constantFrom('', 'web', 'mobile'),
  country: fc.constantFrom('', 'DE'),
  device: fc.constantFrom('ios', 'android'),
})

const anyView: fc.Arbitrary<NaiveView> = fc.record({
  campaigns: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.subarray(['a', 'ü', 'nobody'], { minLength: 1 }) },
  ),
  filter: fc.oneof(
    { weight: 2, arbitrary: fc.constant({ platform: [], country: [], device: [] }) },
    {
      weight: 1,
      arbitrary: fc.record({
        platform: fc.subarray(['', 'web']),
        country: fc.subarray(['', 'DE', 'FR']),
        device: fc.subarray(['ios']),
      }),
    },
  ),
})

type Asked = Readonly<{
  kind: string
  range: string
  view: NaiveView
  table: NaiveTable
  breakdown: NaiveBreakdown
  by: NaiveLines['by']
}>

const anyRange = fc.oneof(
  fc.constantFrom(...RANGES).map(({ id }) => `range=${id}`),
  fc
    .tuple(fc.integer({ min: 0, max: 80 * 86_400 }), fc.integer({ min: 1, max: 70 * 86_400 }))
    .map(([secondsAgo, seconds]) => {
      const from = NOON_US / 1000 - secondsAgo * 1000
      const text = (ms: number): string => new Date(ms).toISOString()
      return `from=${text(from)}&to=${text(from + seconds * 1000)}`
    }),
)

const anyQuestion: fc.Arbitrary<Asked> = fc.record({
  kind: fc.constantFrom('summary', 'trend', 'trend each', 'revenue', 'campaigns', 'breakdown'),
  range: anyRange,
  view: anyView,
  table: fc.record<NaiveTable>({
    sort: fc.constantFrom(
      'campaign',
      'impressions',
      'ctr',
      'revenue',
      'revenuePerClick',
      'ctrChange',
      'revenueChange',
    ),
    order: fc.constantFrom('asc', 'desc'),
    search: fc.constantFrom('', 'B', '+'),
  }),
  breakdown: fc.record<NaiveBreakdown>({
    by: fc.constantFrom('platform', 'country', 'device'),
    sort: fc.constantFrom('value', 'impressions', 'cvr', 'clicksChange'),
    order: fc.constantFrom('asc', 'desc'),
  }),
  by: fc.constantFrom('impressions', 'clicks', 'conversions', 'revenue'),
})

type Act =
  | Readonly<{ act: 'take'; events: readonly ModelEvent[] }>
  | Readonly<{ act: 'commit'; count: number }>
  | Readonly<{ act: 'merge' | 'expire' | 'sweep' }>
  | Readonly<{ act: 'drop'; days: number }>
  | Readonly<{ act: 'rewrite'; every: number; events: readonly ModelEvent[]; isTold: boolean }>
  | Readonly<{ act: 'ask'; asked: readonly Asked[]; meanwhile: readonly Act[] }>

const quietAct: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ act: fc.constant('take' as const), events: fc.array(anyEvent, { maxLength: 12 }) }),
  fc.record({ act: fc.constant('commit' as const), count: fc.integer({ min: 0, max: 20 }) }),
  fc.record({ act: fc.constantFrom('merge' as const, 'expire' as const, 'sweep' as const) }),
  fc.record({ act: fc.constant('drop' as const), days: fc.integer({ min: 0, max: 40 }) }),
  fc.record({
    act: fc.constant('rewrite' as const),
    every: fc.integer({ min: 1, max: 5 }),
    events: fc.array(anyEvent, { maxLength: 4 }),
    isTold: fc.boolean(),
  }),
)
const anyAct: fc.Arbitrary<Act> = fc.oneof(
  quietAct,
  fc.record({
    act: fc.constant('ask' as const),
    asked: fc.array(anyQuestion, { minLength: 1, maxLength: 4 }),
    meanwhile: fc.array(quietAct, { maxLength: 4 }),
  }),
)

function queryOf(asked: Asked): [path: string, query: string] {
  const { kind, range, view, table, breakdown, by } = asked
  const more = new URLSearchParams()
  for (const campaign of view.campaigns) more.append('campaign', campaign)
  for (const [name, values] of Object.entries(view.filter)) {
    for (const value of values) more.append(name, value)
  }
  if (kind === 'breakdown') {
    for (const [name, value] of Object.entries(breakdown)) more.set(name, value)
  }
  if (kind === 'trend each') {
    more.set('lines', 'campaigns')
    more.set('by', by)
  }
  if (kind === 'campaigns') {
    for (const [name, value] of Object.entries(table)) more.set(name, value)
    more.set('size', '4')
    more.set('page', '2')
  }
  return [kind.split(' ')[0] ?? '', `${range}&${more}`]
}

function expectAnswer(asked: Asked, answer: never, all: readonly ModelEvent[]): void {
  const { kind, view, table, breakdown, by } = asked
  const events = viewed(all, view)
  switch (kind) {
    case 'summary':
      expectSummary(answer, events)
      break
    case 'trend':
    case 'trend each':
      expectTrend(answer, viewed(all, { ...view, campaigns: [] }), {
        by: kind === 'trend each' ? by : 'impressions',
        campaigns: view.campaigns,
      })
      break
    case 'revenue':
      expectRevenue(answer, events)
      break
    case 'breakdown':
      expectBreakdown(answer, events, breakdown)
      break
    default:
      expectCampaigns(answer, events, table)
  }
}

/** As many rows as before where `added` are as many as are removed. */
function rewritten(
  events: readonly ModelEvent[],
  every: number,
  added: readonly ModelEvent[],
): readonly ModelEvent[] {
  const kept = events.flatMap((event, at) => {
    if (at % (every * 2) === 0) return []
    return at % every === 0 ? [{ ...event, campaign: 'moved' }] : [event]
  })
  return [...kept, ...added]
}

/**
 * Does the acts; each answer must be that of a state between its question and its arrival. Returns
 * how many raw files have cells in the end.
 */
async function play(
  acts: readonly Act[],
  windowUs: number,
  more: Omit<NonNullable<Parameters<typeof openServiceAt>[0]>, 'windowUs' | 'nowUs'> = {},
): Promise<number> {
  const at = openServiceAt({ windowUs, ...more })
  const { lake, clock } = at
  lake.start()

  async function run(act: Act): Promise<void> {
    switch (act.act) {
      case 'take':
        lake.take(act.events, NOON_US)
        break
      case 'commit':
        lake.commit(NOON_US, act.count)
        break
      case 'drop':
        lake.dropDaysBefore(Math.floor(NOON_US / DAY_US) - act.days)
        break
      case 'rewrite':
        lake.rewrite((events) => rewritten(events, act.every, act.events), act.isTold)
        if (!act.isTold) lake.commit(NOON_US)
        break
      case 'merge':
        lake.merge()
        break
      case 'expire':
        lake.expire()
        break
      case 'sweep':
        clock.us += 11_000_000
        at.service.tick()
        break
      case 'ask':
        await askAll(act.asked, act.meanwhile)
        break
      default:
        act satisfies never
    }
  }

  async function askAll(asked: readonly Asked[], meanwhile: readonly Act[]): Promise<void> {
    const states = [{ taken: lake.events(), committed: lake.committedEvents() }]
    const release = lake.hold()
    const answers = asked.map((one) => at.ask<never>(...queryOf(one)))
    for (const act of meanwhile) {
      await run(act)
      states.unshift({ taken: lake.events(), committed: lake.committedEvents() })
      await new Promise(setImmediate)
    }
    release()
    for (const [index, one] of asked.entries()) {
      const answer = (await answers[index]) as never
      const isFiltered = Object.values(one.view.filter).some((values) => values.length > 0)
      const isRaw = isFiltered || one.kind === 'breakdown'
      expectOneOf(states, ({ taken, committed }) =>
        expectAnswer(one, answer, isRaw ? committed : taken),
      )
    }
  }

  for (const act of acts) {
    await run(act)
    await at.cells?.idle()
  }
  const { files = 0 } = at.cells ?? {}
  await at.cells?.close()
  return files
}

/** The newest is tried first, and its failure is the one to be told. */
function expectOneOf<T>(states: readonly T[], expect: (state: T) => void): void {
  const failures: unknown[] = []
  for (const state of states) {
    try {
      expect(state)
      return
    } catch (error) {
      failures.push(error)
    }
  }
  throw failures[0]
}

test('answers are those of a plain list of events, whatever happens to the files', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyAct, { minLength: 2, maxLength: 14 }),
      fc.constantFrom(...WINDOWS_US),
      async (acts, windowUs) => {
        await play(acts, windowUs)
      },
    ),
    { numRuns: 400 },
  )
})

test('dropping chunks early changes no answer', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyAct, { minLength: 4, maxLength: 20 }), async (acts) => {
      await play(acts, 5 * MINUTE_US, { limits: { cachedRowsMax: 200 } })
    }),
    { numRuns: 150 },
  )
})

test('cells of raw files change no answer, as they come and go', async (t) => {
  const cellsFolder = await mkdtemp(join(tmpdir(), 'cells-model-'))
  t.after(() => rm(cellsFolder, { recursive: true }))
  let made = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyAct, { minLength: 4, maxLength: 14 }),
      fc.constantFrom(...WINDOWS_US),
      fc.constantFrom('UTC', 'Asia/Kathmandu', 'America/Santiago'),
      async (acts, windowUs, zone) => {
        // Asia/Kathmandu is 5:45 ahead, which not every window divides.
        const timezone = QUARTER_US % windowUs === 0 ? zone : 'UTC'
        made += await play(acts, windowUs, { cellsFolder, timezone })
      },
    ),
    { numRuns: 250 },
  )
  assert.ok(made > 100, `${made} files of cells`)
})
