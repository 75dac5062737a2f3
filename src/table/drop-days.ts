/** Retention: whole days that are too old leave a table. */
import { dayOfUs } from './partition-spec.ts'
import type { FileChange } from './snapshot.ts'
import type { TableView } from './view.ts'

/** The first day that is kept when `days` are kept besides today; 0 keeps all. */
export function retentionCut(nowUs: number, days: number): number {
  return days === 0 ? Number.NEGATIVE_INFINITY : dayOfUs(nowUs) - days
}

/** The change that drops every file of the days before the cut, or null where there is none. */
export function dropDays(view: TableView, nowUs: number, days: number): FileChange | null {
  const cut = retentionCut(nowUs, days)
  const remove = view.files.filter((file) => file.day < cut)
  return remove.length === 0 ? null : { add: [], remove }
}
