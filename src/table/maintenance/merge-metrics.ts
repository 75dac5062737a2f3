/**
 * Which metrics files to merge: neighbours by window within a day, up to FILE_ROWS_MAX rows. The job keeps the files it
 * rewrites every second small; once a day is over nothing but late events touch it, and until then only a day with many
 * files is merged, where it is cold.
 */
import type { DataFile } from '../data-file.ts'
import { windowStarts } from '../time-bounds.ts'
import { isWorthMerging } from './merge-events.ts'

export type MetricsMerge = Readonly<{
  kind: 'merge-metrics'
  day: number
  inputs: readonly DataFile[]
}>

/** No metrics file has more rows than this. */
export const FILE_ROWS_MAX = 65_536
/** A day that is not over is left alone while it has fewer files. */
const OPEN_DAY_FILES_MIN = 16
/** Windows that ended longer ago than this are cold: only late events change them. */
const COLD_AGE_US = 3_600_000_000
const DAY_US = 86_400_000_000

/** The merges that are due, those that take away most files first. */
export function planMetricsMerges(
  files: readonly DataFile[],
  nowUs: number,
): readonly MetricsMerge[] {
  const merges: MetricsMerge[] = []
  for (const [day, ofDay] of Map.groupBy(files, (file) => file.day)) {
    const isOver = (day + 1) * DAY_US + COLD_AGE_US <= nowUs
    if (!isOver && ofDay.length < OPEN_DAY_FILES_MIN) continue
    const cold = isOver
      ? ofDay
      : ofDay.filter((file) => windowStarts(file).lastUs + COLD_AGE_US <= nowUs)
    for (const inputs of neighbours(cold)) {
      if (isWorthMerging(inputs.map(({ rows }) => rows))) {
        merges.push({ kind: 'merge-metrics', day, inputs })
      }
    }
  }
  return merges.toSorted((a, b) => b.inputs.length - a.inputs.length)
}

/** Runs of files, in the order of their windows, that fit into one file. */
function neighbours(files: readonly DataFile[]): readonly (readonly DataFile[])[] {
  const runs: DataFile[][] = []
  let rows = 0
  for (const file of files.toSorted((a, b) => windowStarts(a).firstUs - windowStarts(b).firstUs)) {
    const run = runs.at(-1)
    if (run === undefined || rows + file.rows > FILE_ROWS_MAX) {
      runs.push([file])
      rows = file.rows
    } else {
      run.push(file)
      rows += file.rows
    }
  }
  return runs.filter((run) => run.length >= 2)
}
