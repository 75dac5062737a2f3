/**
 * When the events of the live raw files came, read once from each footer, and how fast the tables
 * grow by it.
 */
import { allOf } from '../../runtime.ts'
import type { DataFile } from '../data-file.ts'
import type { FileTimes } from '../data-files.ts'
import { DAY_US } from '../definition.ts'
import type { TableView } from '../table-view.ts'
import type { TimedFile } from './plan-merges.ts'

export type Arrivals = Readonly<{
  /** Adds the output of a merge, whose times are known. */
  add(file: DataFile, times: FileTimes): void
  of(files: readonly DataFile[]): Promise<readonly TimedFile[]>
  /** The result of the last `of`. */
  known(): readonly TimedFile[]
}>

const READS_AT_ONCE = 16

export function openArrivals(read: (file: DataFile) => Promise<FileTimes>): Arrivals {
  let known = new Map<string, FileTimes>()
  let latest: readonly TimedFile[] = []
  return {
    add: (file, times) => {
      known.set(file.path, times)
    },
    async of(files) {
      const unknown = files.filter(({ path }) => !known.has(path))
      await allOf(unknown, READS_AT_ONCE, async (file) => {
        known.set(file.path, await read(file))
      })
      const timed = files.flatMap((file): TimedFile[] => {
        const times = known.get(file.path)
        return times === undefined ? [] : [{ file, times }]
      })
      // Files that are no longer live are forgotten.
      known = new Map(timed.map(({ file, times }) => [file.path, times]))
      latest = timed
      return timed
    },
    known: () => latest,
  }
}

const HOUR_US = 3_600_000_000

/**
 * How fast both tables grow: the raw bytes that arrived in the last day, and metrics in proportion.
 * Null while less than an hour is known.
 */
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

/** The part of a file that arrived since then, if its events came evenly. */
function shareSince({ times: { arrival } }: TimedFile, fromUs: number): number {
  const lengthUs = arrival.maxUs - arrival.minUs
  if (lengthUs === 0) return arrival.maxUs >= fromUs ? 1 : 0
  return Math.min(1, Math.max(0, (arrival.maxUs - fromUs) / lengthUs))
}
