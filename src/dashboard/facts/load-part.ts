/** Which part of what is missing is loaded next: neighbouring pieces, not so many that others wait long for their turn. */
import type { TimeSpan } from '../../event.ts'
import type { LakeDays } from './lake-days.ts'
import { rowsIn } from './row-estimate.ts'
import { DAY_US, pieceLengthUs } from './steps.ts'

/** Rows of files in a part; about a fifth of a second. One piece is loaded whole, however many it has. */
const PART_ROWS_MAX = 2_000_000

export type LoadPart = TimeSpan & Readonly<{ starts: readonly number[]; rows: number }>

/** The first neighbours among `starts`, which ascend and are not empty. */
export function nextPart(
  starts: readonly number[],
  stepUs: number,
  days: LakeDays,
  nowUs: number,
): LoadPart {
  const lengthUs = pieceLengthUs(stepUs)
  const taken: number[] = []
  let sum = 0
  for (const startUs of starts) {
    const lastUs = taken.at(-1)
    const rows = rowsIn(startUs, lengthUs, days, nowUs)
    if (lastUs !== undefined && (startUs !== lastUs + lengthUs || sum + rows > PART_ROWS_MAX)) break
    taken.push(startUs)
    sum += rows
  }
  const fromUs = taken[0] ?? 0
  return { fromUs, toUs: fromUs + taken.length * lengthUs, starts: taken, rows: sum }
}

/** The files of the days that a stretch touches. */
export function pathsIn({ fromUs, toUs }: TimeSpan, days: LakeDays): readonly string[] {
  const paths: string[] = []
  for (let day = Math.floor(fromUs / DAY_US); day * DAY_US < toUs; day++) {
    for (const { path } of days.get(day)?.files ?? []) paths.push(path)
  }
  return paths
}

/** Starts of pieces that lie in a day with files: elsewhere there is nothing to load. */
export function startsWithFiles(starts: readonly number[], days: LakeDays): readonly number[] {
  return starts.filter((startUs) => days.has(Math.floor(startUs / DAY_US)))
}

/** A file was merged or dropped, and removed, after its path was told: the newest list has others. */
export function isExpired(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'files-expired'
}
