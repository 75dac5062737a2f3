/**
 * The API between page and server: the answers of `GET /api/v1/…` and the messages of its event
 * stream. Types only. `src/dashboard/openapi.json` describes the same for other clients; tests
 * check answers against it.
 *
 * Moments are RFC 3339 in UTC (`2026-11-22T10:25:00Z`); stretches of time are `[from, to)`; ratios
 * are null if the divisor is 0.
 */
import type { WEEKDAYS } from './calendar.ts'
import type { MeasureId, Sums } from './definition.ts'
import type { EventFilterId } from './filters.ts'

export type Figures = Readonly<Record<MeasureId, number | null>>

/** GET /api/v1/settings: what does not change while the server runs. */
export type SettingsAnswer = Readonly<{
  product: 'campaign-metrics'
  version: string
  /** IANA name; the zone in which the page shows times, unless the reader chooses another. */
  timezone: string
  /** The first day of a week, `monday` to `sunday`; null if the reader's language says it. */
  weekStart: (typeof WEEKDAYS)[number] | null
  /** Of revenue, a code of ISO 4217; null where it is a plain number. */
  currency: string | null
  windowSeconds: number
  /** Whether a read key is configured, so that signing out makes sense. */
  signedIn: boolean
}>

/** The range of an answer, as the server understood it. */
export type AnsweredRange = Readonly<{
  from: string
  to: string
  /** The step in which the figures are kept: `from` and `to` are multiples of it. */
  stepSeconds: number
  /** Windows from here on may still receive events; equal to `to` if none of the range may. */
  completeTo: string
  /**
   * `metrics`: pending events included. `events`: a filter on raw columns, committed events only.
   */
  source: 'metrics' | 'events'
}>

/** What people call campaigns, by id; null if `campaignNames` does not have it. */
type CampaignNames = Readonly<Record<string, string | null>>

/** What every answer about campaigns has. */
export type Named = Readonly<{
  /** Of the campaigns in the answer and the chosen ones. Absent without `campaignNames`. */
  names?: CampaignNames
}>

type NamedStretch = Readonly<{ from: string; to: string }>

/** What is compared: the complete steps of the range, and what they are compared with. */
export type Comparison = Readonly<{
  compared: NamedStretch
  /**
   * Null if nothing was asked to be compared. `reason` says why there is no change: part of that
   * time is before the first event, or was removed (`before-data`); no window of the range is
   * complete yet (`incomplete`); there are too many campaigns (`too-large`).
   */
  previous:
    | (NamedStretch & Readonly<{ reason: 'before-data' | 'incomplete' | 'too-large' | null }>)
    | null
  /** The start of the first window that has figures; null if none has. */
  dataFrom: string | null
}>

/** GET /api/v1/summary?compare=: the tiles. */
export type SummaryAnswer = Readonly<{
  range: AnsweredRange
  names?: CampaignNames
  figures: Figures
  compared: Comparison['compared'] & Readonly<{ figures: Figures }>
  /** Its figures are null where the reason is not. */
  previous: (NonNullable<Comparison['previous']> & Readonly<{ figures: Figures }>) | null
  dataFrom: Comparison['dataFrom']
  /**
   * In percent of the previous figure, ratios too (2 % → 3 % is +50); null if that is 0 or unknown.
   */
  change: Figures
  /** Ratios whose change may be by chance, because they are of few events. */
  uncertain: readonly MeasureId[]
  /** The last point may still be filling. */
  sparkline: Readonly<{
    /** The length of a point where no clock is changed. */
    stepSeconds: number
    /** As in `TrendAnswer`. */
    starts: readonly string[]
    figures: Readonly<Record<MeasureId, readonly (number | null)[]>>
  }>
}>

/** GET /api/v1/trend?lines=all|campaigns&by=impressions|clicks|conversions|revenue */
export type TrendAnswer = Readonly<{
  range: AnsweredRange
  names?: CampaignNames
  /** The length of a point where no clock is changed; a multiple of the range's step. */
  stepSeconds: number
  /**
   * Each point ends where the next begins, the last one with the range. The first may be before
   * `from`, but a point counts only the range. Where clocks are changed, points differ in length.
   */
  starts: readonly string[]
  /**
   * One line for all campaigns (`campaign` null); or one for each of the chosen campaigns, then for
   * the largest others by the sum `by`, five in all.
   */
  lines: readonly TrendLine[]
}>

export type TrendLine = Readonly<{
  campaign: string | null
  /** Of the whole range. */
  totals: Sums
  /** One value for each start. */
  impressions: readonly number[]
  clicks: readonly number[]
  conversions: readonly number[]
  revenue: readonly number[]
}>

/** GET /api/v1/revenue: ranked, the largest first. */
export type RevenueAnswer = Readonly<{
  range: AnsweredRange
  names?: CampaignNames
  total: number
  campaigns: readonly Readonly<{ campaign: string; revenue: number }>[]
  /** What is not listed; `campaigns` is 0 if everything is. */
  others: Readonly<{ campaigns: number; revenue: number }>
}>

/** As in `SummaryAnswer`. */
export type Changed = Readonly<{ change: Figures; uncertain: readonly MeasureId[] }>

/** GET /api/v1/breakdown?by=platform|country|device&sort=&order=&compare= */
export type BreakdownAnswer = Readonly<{
  /** `source` is always `events`: only those have the columns. */
  range: AnsweredRange
  by: EventFilterId
  /**
   * At most 200, sorted (by default the most impressions first); '' stands for events without a
   * value.
   */
  rows: readonly (Readonly<{ value: string }> & Figures & Changed)[]
  /** What is not listed; `values` is 0 if everything is. */
  others: Readonly<{ values: number }> & Figures
  /** Over all values; ratios are ratios of sums. */
  totals: Figures & Changed
  comparison: Comparison
}>

/** GET /api/v1/campaigns?sort=&order=&search=&page=&size=&compare= */
export type CampaignsAnswer = Readonly<{
  range: AnsweredRange
  names?: CampaignNames
  page: number
  size: number
  /** Matching campaigns on all pages. */
  matched: number
  rows: readonly (Readonly<{ campaign: string }> & Figures & Changed)[]
  /** Over all matching campaigns; ratios are ratios of sums. */
  totals: Figures & Changed
  comparison: Comparison
}>

/** GET /api/v1/values: what filters can be set to, most frequent first. '' stands for "not set". */
export type ValuesAnswer = Readonly<Record<EventFilterId, readonly string[]>>

/** The body of every status other than 200. */
export type ErrorAnswer = Readonly<{ error: Readonly<{ code: string; message: string }> }>

/**
 * GET /api/v1/stream: event `live`, at least every two seconds, sooner when something changed. The
 * first message has the last five minutes, later ones only the seconds that changed. The id of a
 * message resumes the stream after it.
 */
export type LiveMessage = Readonly<{
  now: string
  /** Changes whenever an answer of the API may have changed. */
  version: string
  /** Events by the second of their arrival: `[epoch second, impressions, clicks, conversions]`. */
  seconds: readonly (readonly [
    at: number,
    impressions: number,
    clicks: number,
    conversions: number,
  ])[]
  /**
   * Windows that ended before this are complete, as far as can be known. Null before the first
   * event, and after a start with waiting events until the first of them is in the figures.
   */
  completeTo: string | null
  /** The last commit of both tables; null before the first. */
  committedAt: string | null
  /** Age of the oldest event that is not in the tables yet; 0 if none waits. */
  secondsBehind: number
  /** The newest window with events among those that have begun; null before the first. */
  newest: (Readonly<{ from: string; to: string }> & Sums) | null
  /** Events stored in all: 0 is the empty state. */
  stored: number
  /** One sentence for each problem; empty when healthy. */
  problems: readonly string[]
}>
