/**
 * The windows of campaign_metrics follow rows of campaign_events that another program has changed:
 * those that differ are found and recomputed, a day at a time, so that no more than a day's windows
 * are in memory. Their files are written here and are in no table yet.
 */
import { keyOf } from '../event.ts'
import { type DifferingWindow, openWindowCheck } from '../query.ts'
import {
  compareRows,
  DAY_US,
  type DataFile,
  type Lake,
  type LocalFiles,
  METRICS_FILE_ROWS_MAX,
  type MetricsRow,
  mayHoldWindow,
  wholeFromUs,
} from '../table.ts'
import type { HeldTables } from './held-tables.ts'

export type DayWindows = Readonly<{ day: number; found: readonly DifferingWindow[] }>

export type MetricsChange = { add: DataFile[]; remove: DataFile[] }

/** The windows that differ, of all days that both tables keep whole, or of those given. */
export async function* differingDays(
  { events, metrics }: HeldTables,
  local: LocalFiles,
  windowUs: number,
  ofDays?: ReadonlySet<number>,
): AsyncGenerator<DayWindows> {
  const keptFromUs = wholeFromUs(events) ?? Number.NEGATIVE_INFINITY
  const days = [...new Set([...events.files, ...metrics.files].map(({ day }) => day))]
    .filter((day) => day * DAY_US >= keptFromUs && (ofDays?.has(day) ?? true))
    .toSorted((a, b) => a - b)
  if (days.length === 0) return
  const ofDay = (files: readonly DataFile[], day: number): readonly DataFile[] =>
    files.filter((file) => file.day === day)
  const check = await openWindowCheck(local, windowUs)
  try {
    for (const day of days) {
      const files = { events: ofDay(events.files, day), metrics: ofDay(metrics.files, day) }
      const span = { fromUs: day * DAY_US, toUs: (day + 1) * DAY_US }
      const found = await check.differing(files, span)
      if (found.length > 0) yield { day, found }
    }
  } finally {
    await check.close()
  }
}

/** Only files that hold one of the windows are written anew; the others stay as they are. */
export async function replaceRows(
  lake: Pick<Lake, 'metrics' | 'readMetricsFile' | 'writeMetricsFile'>,
  { day, found }: DayWindows,
  processedAtUs: number,
  change: MetricsChange,
): Promise<void> {
  const keys = new Set(found.map(keyOf))
  const rows: MetricsRow[] = found.filter(hasEvents).map(({ campaignId, windowStartUs, sums }) => ({
    campaignId,
    windowStartUs,
    ...sums,
    processedAtUs,
  }))
  for (const file of lake.metrics.files) {
    if (file.day !== day || !found.some((window) => mayHoldWindow(file, window))) continue
    const held = await lake.readMetricsFile(file)
    const kept = held.filter((row) => !keys.has(keyOf(row)))
    if (kept.length === held.length) continue
    change.remove.push(file)
    for (const row of kept) rows.push(row)
  }
  rows.sort(compareRows)
  for (let from = 0; from < rows.length; from += METRICS_FILE_ROWS_MAX) {
    const part = rows.slice(from, from + METRICS_FILE_ROWS_MAX)
    change.add.push(await lake.writeMetricsFile(day, part))
  }
}

export function hasEvents({ sums }: DifferingWindow): boolean {
  return sums.impressions + sums.clicks + sums.conversions > 0
}
