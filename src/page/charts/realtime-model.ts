/**
 * The last five minutes by the second, from the event stream, and how they are described in words.
 * The stream sends only seconds that changed: a past second that was not sent had no events. A
 * second that the stream has not reached yet is unknown, never zero.
 */
import { type LiveMessage, MEASURES } from '../../dashboard-definition.ts'
import type { Format } from '../format.ts'
import type { TableContent } from './chart-table.ts'
import { countText } from './trend-text.ts'
import { steadyAxis, type ValueAxis, valueAxis } from './value-axis.ts'

export type SecondCounts = readonly [impressions: number, clicks: number, conversions: number]

export const SECONDS_KEPT = 300
/** The events of a second may be sent until this long after its end. */
export const SETTLE_MS = 500
const NO_EVENTS: SecondCounts = [0, 0, 0]

export class SecondsRing {
  readonly #counts = new Map<number, SecondCounts>()
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

  at(second: number): SecondCounts | null {
    if (this.#knownTo === null || second >= this.#knownTo) return null
    if (second < this.#knownTo - SECONDS_KEPT) return null
    return this.#counts.get(second) ?? NO_EVENTS
  }

  /** The known seconds of `[from, to)`. */
  between(from: number, to: number): { at: number; counts: SecondCounts }[] {
    const known = []
    for (let at = from; at < to; at++) {
      const counts = this.at(at)
      if (counts !== null) known.push({ at, counts })
    }
    return known
  }
}

export const REALTIME_PANELS = ['impressions', 'clicks', 'conversions'] as const

export type RealtimeModel = Readonly<{
  /** The axis is `[from, to]` in seconds since 1970; the known seconds end at or before `to`. */
  from: number
  to: number
  seconds: readonly Readonly<{ at: number; counts: SecondCounts }>[]
  axes: readonly ValueAxis[]
}>

export function realtimeModel(
  ring: SecondsRing,
  to: number,
  previous: RealtimeModel | null,
): RealtimeModel {
  const from = to - SECONDS_KEPT
  const seconds = ring.between(from, to)
  const axes = REALTIME_PANELS.map((_, panel) => {
    const highest = seconds.reduce((most, { counts }) => Math.max(most, counts[panel] ?? 0), 0)
    const wanted = valueAxis(0, highest, { isCount: true, leastMax: 2 })
    return steadyAxis(previous?.axes[panel] ?? null, wanted)
  })
  return { from, to, seconds, axes }
}

/** The length of a table row: a table of single seconds would move all the time. */
const ROW_SECONDS = 10

export function sumSeconds(seconds: RealtimeModel['seconds']): [number, number, number] {
  const sums: [number, number, number] = [0, 0, 0]
  for (const { counts } of seconds) {
    for (const panel of [0, 1, 2] as const) sums[panel] += counts[panel]
  }
  return sums
}

export function describeRealtime(model: RealtimeModel, format: Format): string {
  const sums = sumSeconds(model.seconds)
  const counts = REALTIME_PANELS.map((id, panel) =>
    countText(sums[panel] ?? 0, id.slice(0, -1), format),
  )
  return `Events by the second. In the last five minutes: ${counts.join(', ')}.`
}

export function realtimeTable(model: RealtimeModel, format: Format): TableContent {
  const rows = new Map<number, { at: number; counts: readonly [number, number, number] }[]>()
  for (const second of model.seconds) {
    const start = Math.floor(second.at / ROW_SECONDS) * ROW_SECONDS
    rows.set(start, [...(rows.get(start) ?? []), second])
  }
  return {
    caption: `Events in each ${ROW_SECONDS} seconds of the last five minutes`,
    columns: ['From', ...REALTIME_PANELS.map((id) => MEASURES[id].label)],
    rows: [...rows]
      .toSorted(([a], [b]) => b - a)
      .map(([start, seconds]) => ({
        key: String(start),
        cells: [format.timeWithSeconds(start * 1000), ...sumSeconds(seconds).map(format.count)],
      })),
  }
}
