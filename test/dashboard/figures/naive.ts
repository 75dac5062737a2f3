/**
 * The answers over a plain list of events, by filter and reduce: slow, and with nothing in common
 * with the chunks.
 */
import assert from 'node:assert/strict'
import { MEASURES } from '../../../src/dashboard-definition/definition.ts'
import type {
  BreakdownAnswer,
  CampaignsAnswer,
  Changed,
  Comparison,
  Figures,
  RevenueAnswer,
  SummaryAnswer,
  TrendAnswer,
} from '../../../src/dashboard-definition/wire.ts'
import type { EventFilter } from '../../../src/query.ts'
import { addEvent, DAY_US, fits, type ModelEvent, noSums, type Sums } from './memory-lake.ts'

export type NaiveView = Readonly<{ campaigns: readonly string[]; filter: EventFilter }>

const usOf = (text: string): number => Date.parse(text) * 1000

function within(events: readonly ModelEvent[], fromUs: number, toUs: number): ModelEvent[] {
  return events.filter(({ timeUs }) => timeUs >= fromUs && timeUs < toUs)
}

function sumOf(events: readonly ModelEvent[]): Sums {
  const sums = noSums()
  for (const event of events) addEvent(sums, event)
  return sums
}

function figuresOf(sums: Sums): Figures {
  const ratio = (of: number, by: number): number | null => (by === 0 ? null : of / by)
  return {
    impressions: sums.impressions,
    clicks: sums.clicks,
    ctr: ratio(sums.clicks * 100, sums.impressions),
    conversions: sums.conversions,
    cvr: ratio(sums.conversions * 100, sums.clicks),
    revenue: sums.millionths / 1e6,
    revenuePerClick: ratio(sums.millionths / 1e6, sums.clicks),
  }
}

/** The events a view looks at. */
export function viewed(events: readonly ModelEvent[], view: NaiveView): ModelEvent[] {
  return events.filter(
    (event) =>
      fits(event, view.filter) &&
      (view.campaigns.length === 0 || view.campaigns.includes(event.campaign)),
  )
}

export function expectSummary(answer: SummaryAnswer, events: readonly ModelEvent[]): void {
  const { range, compared, previous, change, sparkline } = answer
  assert.ok(previous !== null)
  const [from, to] = [usOf(range.from), usOf(range.to)]
  const over = (fromUs: number, toUs: number): Figures =>
    figuresOf(sumOf(within(events, fromUs, toUs)))
  assert.deepEqual(answer.figures, over(from, to))
  assert.deepEqual(compared.figures, over(usOf(compared.from), usOf(compared.to)))
  assert.equal(usOf(compared.from), from)
  assert.ok(usOf(previous.to) <= from)
  const difference = usOf(compared.to) - from - (usOf(previous.to) - usOf(previous.from))
  assert.ok(Math.abs(difference) <= 3 * DAY_US, 'months differ by so much at most')
  assert.ok(usOf(compared.to) <= usOf(range.completeTo))
  assert.ok(usOf(range.completeTo) - usOf(compared.to) < range.stepSeconds * 1e6)
  if (previous.reason === null) {
    assert.deepEqual(previous.figures, over(usOf(previous.from), usOf(previous.to)))
  }
  for (const id of ['impressions', 'ctr', 'revenue'] as const) {
    const [then, now] = [previous.figures[id], compared.figures[id]]
    if (then === null || now === null || then === 0) assert.equal(change[id], null)
    else assert.ok(Math.abs((change[id] ?? 0) - (now / then - 1) * 100 * Math.sign(then)) < 1e-6)
  }
  assert.ok(sparkline.starts.length <= 62)
  for (const [point, start] of sparkline.starts.entries()) {
    const fromUs = Math.max(usOf(start), from)
    const toUs = usOf(sparkline.starts[point + 1] ?? range.to)
    const figures = over(fromUs, toUs)
    assert.equal(sparkline.figures.clicks[point], figures.clicks)
    assert.equal(sparkline.figures.cvr[point], figures.cvr)
    assert.equal(sparkline.figures.revenue[point], figures.revenue)
  }
}

export type NaiveLines = Readonly<{
  by: 'impressions' | 'clicks' | 'conversions' | 'revenue'
  /** Chosen ones; empty if none is. */
  campaigns: readonly string[]
}>

/** `events` are those of all campaigns, also where some are chosen. */
export function expectTrend(
  answer: TrendAnswer,
  events: readonly ModelEvent[],
  { by, campaigns }: NaiveLines,
): void {
  const { range, stepSeconds, starts, lines } = answer
  const [from, to] = [usOf(range.from), usOf(range.to)]
  const isChosen = (campaign: string): boolean =>
    campaigns.length === 0 || campaigns.includes(campaign)
  assert.ok(starts.length <= 62)
  assert.equal(stepSeconds % range.stepSeconds, 0)
  assert.ok(usOf(starts[0] ?? '') <= from, 'the first point has the start of the range')
  assert.ok(starts.every((start) => usOf(start) < to))
  if (lines[0]?.campaign !== null) {
    const key = by === 'revenue' ? 'millionths' : by
    const ranked = byCampaign(within(events, from, to)).sort(
      (a, b) =>
        Number(isChosen(b.campaign)) - Number(isChosen(a.campaign)) ||
        b.sums[key] - a.sums[key] ||
        compareBytes(a, b),
    )
    assert.deepEqual(
      lines.map(({ campaign }) => campaign),
      ranked.slice(0, 5).map(({ campaign }) => campaign),
    )
  }
  for (const line of lines) {
    const own = events.filter(({ campaign }) =>
      line.campaign === null ? isChosen(campaign) : line.campaign === campaign,
    )
    assert.deepEqual(line.totals, sumsOver(own, from, to))
    for (const [point, start] of starts.entries()) {
      const fromUs = Math.max(usOf(start), from)
      const sums = sumsOver(own, fromUs, usOf(starts[point + 1] ?? range.to))
      assert.equal(line.impressions[point], sums.impressions)
      assert.equal(line.clicks[point], sums.clicks)
      assert.equal(line.conversions[point], sums.conversions)
      assert.equal(line.revenue[point], sums.revenue)
    }
  }
}

function sumsOver(events: readonly ModelEvent[], fromUs: number, toUs: number) {
  const { millionths, ...counts } = sumOf(within(events, fromUs, toUs))
  return { ...counts, revenue: millionths / 1e6 }
}

export function expectRevenue(answer: RevenueAnswer, events: readonly ModelEvent[]): void {
  const inRange = within(events, usOf(answer.range.from), usOf(answer.range.to))
  const ranked = byCampaign(inRange).sort(
    (a, b) => b.sums.millionths - a.sums.millionths || compareBytes(a, b),
  )
  assert.deepEqual(
    answer.campaigns,
    ranked.slice(0, 10).map(({ campaign, sums }) => ({ campaign, revenue: sums.millionths / 1e6 })),
  )
  assert.equal(answer.total, sumOf(inRange).millionths / 1e6)
  const rest = ranked.slice(10)
  assert.equal(answer.others.campaigns, rest.length)
  assert.equal(
    answer.others.revenue,
    rest.reduce((sum, { sums }) => sum + sums.millionths, 0) / 1e6,
  )
}

type Sort = keyof Figures | `${keyof Figures}Change`

export type NaiveTable = Readonly<{
  sort: 'campaign' | Sort
  order: 'asc' | 'desc'
  search: string
}>

export function expectCampaigns(
  answer: CampaignsAnswer,
  events: readonly ModelEvent[],
  { sort, order, search }: NaiveTable,
): void {
  const matching = events.filter(({ campaign }) =>
    campaign.toLowerCase().includes(search.toLowerCase()),
  )
  const inRange = within(matching, usOf(answer.range.from), usOf(answer.range.to))
  const changedOf = (campaign: string | null): Changed => {
    const own = matching.filter((one) => campaign === null || one.campaign === campaign)
    return changedIn(answer.comparison, own)
  }
  const rows = byCampaign(inRange).map(({ campaign, sums }) => ({ campaign, ...figuresOf(sums) }))
  const byName = (a: { campaign: string }, b: { campaign: string }): number => {
    return (sort === 'campaign' && order === 'desc' ? -1 : 1) * compareBytes(a, b)
  }
  sortBy(rows, { sort, order }, byName, ({ campaign }) => changedOf(campaign))
  const start = (answer.page - 1) * answer.size
  assert.equal(answer.matched, rows.length)
  assert.deepEqual(
    answer.rows.map(({ change: _, uncertain: __, ...row }) => row),
    rows.slice(start, start + answer.size),
  )
  const { change, uncertain, ...totals } = answer.totals
  assert.deepEqual(totals, figuresOf(sumOf(inRange)))
  expectChanged({ change, uncertain }, changedOf(null))
  for (const row of answer.rows) expectChanged(row, changedOf(row.campaign))
}

/** Rows without a value, or whose change is not known, come last; uncertain changes before them. */
function sortBy<Row extends Figures>(
  rows: Row[],
  { sort, order }: Readonly<{ sort: string; order: 'asc' | 'desc' }>,
  byName: (a: Row, b: Row) => number,
  changedOf: (row: Row) => Changed,
): void {
  const sign = order === 'asc' ? 1 : -1
  const ids = Object.keys(MEASURES) as (keyof Figures)[] // those of the definition
  const changed = ids.find((id) => sort === `${id}Change`)
  const keys = new Map(
    rows.map((row) => {
      if (changed !== undefined) {
        const { change, uncertain } = changedOf(row)
        return [row, [change[changed], uncertain.includes(changed) ? 1 : 0]] as const
      }
      const measure = ids.find((id) => id === sort)
      return [row, [measure === undefined ? 0 : row[measure], 0]] as const
    }),
  )
  rows.sort((a, b) => {
    const [[x = null, isLater = 0] = [], [y = null, isLaterToo = 0] = []] = [
      keys.get(a),
      keys.get(b),
    ]
    if (x === null || y === null) return x === y ? byName(a, b) : x === null ? 1 : -1
    return isLater - isLaterToo || sign * (x - y) || byName(a, b)
  })
}

/** What has changed among these events between the two stretches of an answer. */
function changedIn({ compared, previous }: Comparison, events: readonly ModelEvent[]): Changed {
  const ids = Object.keys(MEASURES) as (keyof Figures)[] // those of the definition
  if (previous === null || previous.reason !== null) {
    const change = Object.fromEntries(ids.map((id) => [id, null])) as Figures
    return { change, uncertain: [] }
  }
  const [now, then] = [compared, previous].map(({ from, to }) =>
    sumOf(within(events, usOf(from), usOf(to))),
  ) as [Sums, Sums]
  const [after, before] = [figuresOf(now), figuresOf(then)]
  const changeOf = (id: keyof Figures): number | null => {
    const [x, y] = [before[id], after[id]]
    return x === null || y === null || x === 0 ? null : ((y - x) / Math.abs(x)) * 100
  }
  const change = Object.fromEntries(ids.map((id) => [id, changeOf(id)])) as Figures
  const isFew = Math.min(now.clicks, then.clicks) < 30
  const uncertain = {
    ctr: isBySamples([then.clicks, then.impressions], [now.clicks, now.impressions]),
    cvr: isBySamples([then.conversions, then.clicks], [now.conversions, now.clicks]),
    revenuePerClick: isFew,
  }
  const named = ['ctr', 'cvr', 'revenuePerClick'] as const
  return { change, uncertain: named.filter((id) => change[id] !== null && uncertain[id]) }
}

/** Pearson's chi-squared of the four-fold table, below its 95 % quantile of one degree. */
function isBySamples(
  [a, n]: readonly [number, number],
  [b, m]: readonly [number, number],
): boolean {
  const [c, d] = [n - a, m - b]
  // More clicks than impressions are no proportion.
  if (c + d < 0) return Math.min(n, m) < 30
  const product = (a + b) * (c + d) * n * m
  return product === 0 ? false : ((n + m) * (a * d - b * c) ** 2) / product < 3.841458820694124
}

function expectChanged(found: Changed, expected: Changed): void {
  assert.deepEqual(found.uncertain, expected.uncertain)
  for (const id of Object.keys(expected.change) as (keyof Figures)[]) {
    expectClose(found.change[id], expected.change[id])
  }
}

function expectClose(found: number | null, expected: number | null): void {
  if (found === null || expected === null) assert.equal(found, expected)
  else assert.ok(Math.abs(found - expected) < 1e-6, `${found}, expected ${expected}`)
}

export type NaiveBreakdown = Readonly<{
  by: keyof EventFilter
  sort: 'value' | Sort
  order: 'asc' | 'desc'
}>

export function expectBreakdown(
  answer: BreakdownAnswer,
  events: readonly ModelEvent[],
  { by, sort, order }: NaiveBreakdown,
): void {
  const inRange = within(events, usOf(answer.range.from), usOf(answer.range.to))
  const groups = Map.groupBy(inRange, (event) => event[by] ?? '')
  const rows = [...groups].map(([value, own]) => ({ value, ...figuresOf(sumOf(own)) }))
  const changedOf = (value: string | null): Changed => {
    const own = events.filter((event) => value === null || (event[by] ?? '') === value)
    return changedIn(answer.comparison, own)
  }
  const byValue = (a: { value: string }, b: { value: string }): number => {
    const compared = Buffer.compare(Buffer.from(a.value), Buffer.from(b.value))
    return (sort === 'value' && order === 'desc' ? -1 : 1) * compared
  }
  sortBy(rows, { sort, order }, byValue, ({ value }) => changedOf(value))
  const listed = new Set(rows.slice(0, 200).map(({ value }) => value))
  assert.equal(answer.by, by)
  assert.equal(answer.range.source, 'events')
  assert.deepEqual(
    answer.rows.map(({ change: _, uncertain: __, ...row }) => row),
    rows.slice(0, 200),
  )
  for (const row of answer.rows) expectChanged(row, changedOf(row.value))
  const others = inRange.filter((event) => !listed.has(event[by] ?? ''))
  const values = rows.length - listed.size
  assert.deepEqual(answer.others, { values, ...figuresOf(sumOf(others)) })
  const { change, uncertain, ...totals } = answer.totals
  assert.deepEqual(totals, figuresOf(sumOf(inRange)))
  expectChanged({ change, uncertain }, changedOf(null))
}

/** The order of UTF-8 bytes, which SQL engines have. */
function compareBytes(a: { campaign: string }, b: { campaign: string }): number {
  return Buffer.compare(Buffer.from(a.campaign), Buffer.from(b.campaign))
}

function byCampaign(events: readonly ModelEvent[]): { campaign: string; sums: Sums }[] {
  return [...Map.groupBy(events, ({ campaign }) => campaign)].map(([campaign, own]) => ({
    campaign,
    sums: sumOf(own),
  }))
}
