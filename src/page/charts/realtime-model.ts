/**
 * What the strip "Real time" shows, and how it is described in words: the last five minutes by the
 * second, from the event stream, or with filters the last windows, from an answer of the API.
 *
 * The stream sends only seconds that changed: a past second that was not sent had no events. A
 * second that the stream has not reached yet is unknown, never zero.
 */
import { type LiveMessage, MEASURES, type SummaryAnswer } from '../../dashboard-definition.ts'
import type { Format } from '../format.ts'
import type { TableContent } from './chart-table.ts'
import { countText, stepText } from './trend-text.ts'
import { steadyAxis, type ValueAxis, valueAxis } from './value-axis.ts'

type Counts = readonly [impressions: number, clicks: number, conversions: number]

export const SECONDS_KEPT = 300
/** The events of a second may be sent until this long after its end. */
export const SETTLE_MS = 500
const NO_EVENTS: Counts = [0, 0, 0]

export class SecondsRing {
  readonly #counts = new Map<number, Counts>()
  #knownTo: number | null = null

  /**
   * Every second before this one is known; null before the first message. In seconds since 1970.
   */
  get knownTo(): number | null {
    return this.#knownTo
  }

  merge({ now, seconds }: Pick<LiveMessage, 'now' | 'seconds'>): void {
    for (const [at, ...counts] of seconds) this.#counts.set(at, counts)
    const knownTo = Math.floor((Date.parse(now) - SETTLE_MS) / 1000)
    // A restarted server may be slightly behind the previous one.
    this.#knownTo = Math.max(knownTo, this.#knownTo ?? knownTo)
    for (const at of this.#counts.keys()) {
      if (at < this.#knownTo - SECONDS_KEPT) this.#counts.delete(at)
    }
  }

  at(second: number): Counts | null {
    if (this.#knownTo === null || second >= this.#knownTo) return null
    if (second < this.#knownTo - SECONDS_KEPT) return null
    return this.#counts.get(second) ?? NO_EVENTS
  }

  /** The known seconds of `[from, to)`. */
  between(from: number, to: number): Step[] {
    const known = []
    for (let at = from; at < to; at++) {
      const counts = this.at(at)
      if (counts !== null) known.push({ at, counts })
    }
    return known
  }
}

export const REALTIME_PANELS = ['impressions', 'clicks', 'conversions'] as const

/** A second or a window; `at` is its start, in seconds since 1970. */
type Step = Readonly<{ at: number; counts: Counts }>

export type RealtimeModel = Readonly<{
  /** What a step is: a second of arrival, or a window of event time. */
  each: 'second' | 'window'
  stepSeconds: number
  /** The axis is `[from, to]` in seconds since 1970; the known steps end at or before `to`. */
  from: number
  to: number
  steps: readonly Step[]
  /** The scale of each panel. Seconds above its end are cut off. */
  axes: readonly ValueAxis[]
}>

export function secondsModel(
  ring: SecondsRing,
  to: number,
  previous: RealtimeModel | null,
): RealtimeModel {
  const from = to - SECONDS_KEPT
  const steps = ring.between(from, to)
  const axes = REALTIME_PANELS.map((_, panel) => {
    const top = scaleTop(steps.map(({ counts }) => counts[panel] ?? 0))
    const wanted = valueAxis(0, top, { isCount: true, leastMax: 2 })
    return steadyAxis(previous?.axes[panel] ?? null, wanted)
  })
  return { each: 'second', stepSeconds: 1, from, to, steps, axes }
}

/**
 * The windows of an answer about the last hour, whatever its filters are. Nothing is cut off: a
 * backfill is in the windows that it is dated to.
 */
export function windowsModel({
  sparkline,
}: Pick<SummaryAnswer, 'sparkline'>): RealtimeModel | null {
  const { stepSeconds, figures } = sparkline
  const steps = sparkline.starts.map((start, index): Step => {
    const [impressions = 0, clicks = 0, conversions = 0] = REALTIME_PANELS.map(
      (id) => figures[id][index] ?? 0,
    )
    return { at: Date.parse(start) / 1000, counts: [impressions, clicks, conversions] }
  })
  const [first] = steps
  const last = steps.at(-1)
  if (first === undefined || last === undefined) return null
  const axes = REALTIME_PANELS.map((_, panel) => {
    const highest = steps.reduce((most, { counts }) => Math.max(most, counts[panel] ?? 0), 0)
    return valueAxis(0, highest, { isCount: true, leastMax: 2 })
  })
  return { each: 'window', stepSeconds, from: first.at, to: last.at + stepSeconds, steps, axes }
}

/** The share of steps with events that sets the scale: larger ones may be a backfill. */
const USUAL_SHARE = 0.75
/** How far above that the scale reaches at most. */
const USUAL_TIMES_MAX = 4
/** Below this, one event more or less would decide what is cut off. */
const SCALE_MIN = 10

/**
 * The highest value that the scale must reach: the highest of all, unless a few steps are so large
 * that all others would look empty, as after a backfill.
 */
export function scaleTop(counts: readonly number[]): number {
  const ascending = counts.filter((count) => count > 0).toSorted((a, b) => a - b)
  const highest = ascending.at(-1) ?? 0
  const usual = ascending[Math.ceil(ascending.length * USUAL_SHARE) - 1] ?? 0
  return Math.min(highest, Math.max(usual * USUAL_TIMES_MAX, SCALE_MIN))
}

/** The largest step of a panel if it is cut off; null if none is. */
export function cutOff({ steps, axes }: RealtimeModel, panel: number): number | null {
  const highest = steps.reduce((most, { counts }) => Math.max(most, counts[panel] ?? 0), 0)
  return highest > (axes[panel]?.max ?? highest) ? highest : null
}

export function sumSteps(steps: RealtimeModel['steps']): [number, number, number] {
  const sums: [number, number, number] = [0, 0, 0]
  for (const { counts } of steps) {
    for (const panel of [0, 1, 2] as const) sums[panel] += counts[panel]
  }
  return sums
}

export function describeRealtime(model: RealtimeModel, format: Format): string {
  const sums = sumSteps(model.steps)
  const nameOf = (panel: number): string => (REALTIME_PANELS[panel] ?? '').slice(0, -1)
  const counts = sums.map((sum, panel) => countText(sum, nameOf(panel), format))
  const cuts = REALTIME_PANELS.flatMap((id, panel) => {
    const most = cutOff(model, panel)
    return most === null ? [] : [`${id} reach ${format.count(most)}, cut off`]
  })
  const what =
    model.each === 'second'
      ? 'Events by the second. In the last five minutes'
      : `Events of the chosen filters, each ${stepText(model.stepSeconds * 1000)}. ` +
        `Since ${format.time(model.from * 1000)}`
  const cutText = cuts.length === 0 ? '' : ` Beyond the scale: ${cuts.join('; ')}.`
  return `${what}: ${counts.join(', ')}.${cutText}`
}

/** The length of a table row: a table of single seconds would move all the time. */
const ROW_SECONDS = 10

export function realtimeTable(model: RealtimeModel, format: Format): TableContent {
  const isSeconds = model.each === 'second'
  const rowSeconds = isSeconds ? ROW_SECONDS : model.stepSeconds
  const rows = new Map<number, Step[]>()
  for (const step of model.steps) {
    const start = Math.floor(step.at / rowSeconds) * rowSeconds
    rows.set(start, [...(rows.get(start) ?? []), step])
  }
  const timeText = isSeconds ? format.timeWithSeconds : format.dayTime
  return {
    caption: isSeconds
      ? `Events in each ${ROW_SECONDS} seconds of the last five minutes`
      : `Events of the chosen filters in each ${stepText(rowSeconds * 1000)}`,
    columns: ['From', ...REALTIME_PANELS.map((id) => MEASURES[id].label)],
    rows: [...rows]
      .toSorted(([a], [b]) => b - a)
      .map(([start, steps]) => ({
        key: String(start),
        cells: [timeText(start * 1000), ...sumSteps(steps).map(format.count)],
      })),
  }
}
