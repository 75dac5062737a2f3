/** The files of a table by the day whose rows they hold, and what one list of them says against the one before. */
import type { LakeFile } from '../../embedded.ts'

export type DayFiles = Readonly<{ files: readonly LakeFile[]; rows: number }>

/** Days since 1970-01-01; a day without files is not in it. */
export type LakeDays = ReadonlyMap<number, DayFiles>

export function daysOf(files: readonly LakeFile[]): LakeDays {
  const days = new Map<number, { files: LakeFile[]; rows: number }>()
  for (const file of files) {
    const found = days.get(file.day)
    if (found === undefined) days.set(file.day, { files: [file], rows: file.rows })
    else {
      found.files.push(file)
      found.rows += file.rows
    }
  }
  return days
}

/**
 * Days that retention has dropped. Merging keeps a day's rows and commits only add to them, so a day that has fewer was
 * dropped, even if late events have begun it anew since.
 */
export function droppedDays(before: LakeDays, after: LakeDays): readonly number[] {
  return [...before]
    .filter(([day, { rows }]) => rows > (after.get(day)?.rows ?? 0))
    .map(([day]) => day)
}
