/**
 * The answers over a plain list of events, by filter and reduce: slow, and with nothing in common
 * with the chunks.
 */
import assert from 'node:assert/strict'
import type {
  BreakdownAnswer,
  CampaignsAnswer,
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

export type NaiveTable = Readonly<{
  sort: 'campaign' | keyof Figures
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
  const rows = byCampaign(inRange).map(({ campaign, sums }) => ({ campaign, ...figuresOf(sums) }))
  const sign = order === 'asc' ? 1 : -1
  rows.sort((a, b) => {
    const byName = compareBytes(a, b)
    if (sort === 'campaign') return sign * byName
    const [x, y] = [a[sort], b[sort]]
    if (x === null || y === null) return x === y ? byName : x === null ? 1 : -1
    return sign * (x - y) || byName
  })
  const start = (answer.page - 1) * answer.size
  assert.equal(answer.matched, rows.length)
  assert.deepEqual(
    answer.rows.map(({ change: _, ...row }) => row),
    rows.slice(start, start + answer.size),
  )
  const { change, ...totals } = answer.totals
  assert.deepEqual(totals, figuresOf(sumOf(inRange)))
  const { compared, previous } = answer.comparison
  if (previous?.reason !== null) return
  const changeIn = (campaign: string | null): number | null => {
    const [now, then] = [compared, previous].map(({ from, to }) => {
      const found = within(matching, usOf(from), usOf(to))
      return found.filter(
        (one) => one.type === 'impression' && (campaign === null || one.campaign === campaign),
      ).length
    })
    return then === 0 ? null : ((now ?? 0) / (then ?? 0) - 1) * 100
  }
  expectClose(change.impressions, changeIn(null))
  for (const row of answer.rows) expectClose(row.change.impressions, changeIn(row.campaign))
}

function expectClose(found: number | null, expected: number | null): void {
  if (found === null || expected === null) assert.equal(found, expected)
  else assert.ok(Math.abs(found - expected) < 1e-6, `${found}, expected ${expected}`)
}

export type NaiveBreakdown = Readonly<{
  by: keyof EventFilter
  sort: 'value' | keyof Figures
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
  const sign = order === 'asc' ? 1 : -1
  const compareValues = (a: { value: string }, b: { value: string }): number =>
    Buffer.compare(Buffer.from(a.value), Buffer.from(b.value))
  rows.sort((a, b) => {
    const byValue = compareValues(a, b)
    if (sort === 'value') return sign * byValue
    const [x, y] = [a[sort], b[sort]]
    if (x === null || y === null) return x === y ? byValue : x === null ? 1 : -1
    return sign * (x - y) || byValue
  })
  const listed = new Set(rows.slice(0, 200).map(({ value }) => value))
  assert.equal(answer.by, by)
  assert.equal(answer.range.source, 'events')
  assert.deepEqual(answer.rows, rows.slice(0, 200))
  const others = inRange.filter((event) => !listed.has(event[by] ?? ''))
  const values = rows.length - listed.size
  assert.deepEqual(answer.others, { values, ...figuresOf(sumOf(others)) })
  assert.deepEqual(answer.totals, figuresOf(sumOf(inRange)))
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
