/**
 * What the page and the server say to each other: the answers of `GET /api/v1/…` and the messages of its event stream.
 * Types only; `src/dashboard/openapi.json` says the same for everybody else, and tests hold answers against it.
 *
 * Moments are RFC 3339 in UTC (`2026-11-22T10:25:00Z`); stretches of time are `[from, to)`; ratios are null where
 * the divisor is 0.
 */
import type { MeasureId } from './definition.ts'

export type Figures = Readonly<Record<MeasureId, number | null>>

/** GET /api/v1/settings: what does not change while the server runs. */
export type SettingsAnswer = Readonly<{
  product: 'campaign-metrics'
  version: string
  /** IANA name; the zone in which the page shows times. */
  timezone: string
  windowSeconds: number
  /** Whether a read key is configured, so that signing out makes sense. */
  signedIn: boolean
}>

/** The stretch an answer is about, as the server understood it. */
export type AnsweredRange = Readonly<{
  from: string
  to: string
  /** Figures are kept in steps of so many seconds: `from` and `to` are multiples. */
  stepSeconds: number
  /** Windows from here on may still grow by events that are on their way; equal to `to` when none of the range does. */
  completeTo: string
  /** `metrics`: with what waits for the next commit. `events`: for a filter on raw columns, what is committed. */
  source: 'metrics' | 'events'
}>

/** GET /api/v1/summary: the tiles. */
export type SummaryAnswer = Readonly<{
  range: AnsweredRange
  figures: Figures
  /** Complete steps of the range, and as many before it: what `change` compares. */
  compared: Readonly<{ from: string; to: string; figures: Figures }>
  previous: Readonly<{ from: string; to: string; figures: Figures }>
  /** In percent of the previous figure; null where that is 0 or unknown. For ratios too: 2 % → 3 % is +50. */
  change: Figures
  sparkline: Readonly<{
    stepSeconds: number
    starts: readonly string[]
    figures: Readonly<Record<MeasureId, readonly (number | null)[]>>
  }>
}>

/** GET /api/v1/trend?lines=all|campaigns */
export type TrendAnswer = Readonly<{
  range: AnsweredRange
  /** Each point is so long; a multiple of the range's step. */
  stepSeconds: number
  /** Multiples of the step: the first may lie before `from`. A point holds only what is in the range. */
  starts: readonly string[]
  /** One line for all campaigns (`campaign` null), or one for each of the largest by impressions. */
  lines: readonly TrendLine[]
}>

export type TrendLine = Readonly<{
  campaign: string | null
  /** One value a start. */
  ctr: readonly (number | null)[]
  cvr: readonly (number | null)[]
  impressions: readonly number[]
  clicks: readonly number[]
  conversions: readonly number[]
}>

/** GET /api/v1/revenue: ranked, the largest first. */
export type RevenueAnswer = Readonly<{
  range: AnsweredRange
  total: number
  campaigns: readonly Readonly<{ campaign: string; revenue: number }>[]
  /** What is not listed; `campaigns` 0 when everything is. */
  others: Readonly<{ campaigns: number; revenue: number }>
}>

/** GET /api/v1/campaigns?sort=&order=&search=&page=&size= */
export type CampaignsAnswer = Readonly<{
  range: AnsweredRange
  page: number
  size: number
  /** Campaigns that match, on all pages. */
  matched: number
  rows: readonly (Readonly<{ campaign: string }> & Figures)[]
  /** Over all that match, ratios as ratios of sums. */
  totals: Figures
}>

/** GET /api/v1/values: what the filters can be set to, most frequent first. An empty text stands for "not set". */
export type ValuesAnswer = Readonly<{
  platform: readonly string[]
  country: readonly string[]
  device: readonly string[]
}>

/** Everything that is not 200. */
export type ErrorAnswer = Readonly<{ error: Readonly<{ code: string; message: string }> }>

/**
 * GET /api/v1/stream: event `live`, at least every two seconds, sooner when something changed. The first message holds
 * the last five minutes, later ones only the seconds that changed. Its id resumes there.
 */
export type LiveMessage = Readonly<{
  now: string
  /** Moves whenever an answer of the API may have changed. */
  version: string
  /** Events by the second in which they came in: `[epoch second, impressions, clicks, conversions]`. */
  seconds: readonly (readonly [
    at: number,
    impressions: number,
    clicks: number,
    conversions: number,
  ])[]
  /** Windows that ended before this are complete, as far as anybody can know. Null before the first event, and after a start
   * with events waiting until the first of them is in the figures. */
  completeTo: string | null
  /** The last commit of both tables; null before the first. */
  committedAt: string | null
  /** Age of the oldest event not yet in the tables; 0 when none waits. */
  secondsBehind: number
  /** The newest window with events, of those that have begun; null before the first. */
  newest: Readonly<{
    from: string
    to: string
    impressions: number
    clicks: number
    conversions: number
    revenue: number
  }> | null
  /** Events stored since ever: 0 is the empty state. */
  stored: number
  /** One sentence for each thing that is wrong; none when healthy. */
  problems: readonly string[]
}>
