/** Real time in words and as a table: what a picture that moves each second says to those who do not see it. */
import { MEASURES } from '../../dashboard-definition.ts'
import type { Format } from '../format.ts'
import { REALTIME_PANELS, type RealtimeModel } from './realtime-option.ts'
import type { TableContent } from './table-content.ts'
import { countText } from './trend-text.ts'

/** A table of seconds would never stand still: its rows are so long, and only the last one grows. */
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
  const said = REALTIME_PANELS.map((id, panel) =>
    countText(sums[panel] ?? 0, id.slice(0, -1), format),
  )
  return `Events by the second. In the last five minutes: ${said.join(', ')}.`
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
