/** How fast the tables grow: what of the raw files arrived in the last day, and the metrics in proportion. */
import type { TableView } from '../view.ts'
import type { TimedFile } from './merge-events.ts'

const HOUR_US = 3_600_000_000
const DAY_US = 24 * HOUR_US

/** Null while less than an hour is known. */
export function bytesPerDay(
  lake: Readonly<Record<'events' | 'metrics', Pick<TableView, 'files'>>>,
  files: readonly TimedFile[],
  nowUs: number,
): number | null {
  const firstUs = Math.min(...files.map(({ times }) => times.arrival.minUs))
  const fromUs = Math.max(firstUs, nowUs - DAY_US)
  if (!Number.isFinite(fromUs) || nowUs - fromUs < HOUR_US) return null
  const arrived = files.reduce((sum, file) => sum + file.file.bytes * shareSince(file, fromUs), 0)
  const bytesOf = (key: 'events' | 'metrics'): number =>
    lake[key].files.reduce((sum, { bytes }) => sum + bytes, 0)
  const both = 1 + bytesOf('metrics') / Math.max(1, bytesOf('events'))
  return Math.round((arrived * both * DAY_US) / (nowUs - fromUs))
}

/** Which part of a file arrived since, if its events came evenly. */
function shareSince({ times: { arrival } }: TimedFile, fromUs: number): number {
  const lengthUs = arrival.maxUs - arrival.minUs
  if (lengthUs === 0) return arrival.maxUs >= fromUs ? 1 : 0
  return Math.min(1, Math.max(0, (arrival.maxUs - fromUs) / lengthUs))
}
