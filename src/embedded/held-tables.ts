/**
 * The checkpoint is held against both tables: each must say the same, and the current snapshots
 * must be, or append to, what this program committed last. Rows that another program removed while
 * this one was stopped, and tables that were set back, are named and not undone: `adopt` takes them
 * as they are.
 */
import type { JobFigures, OtherRows } from '../job.ts'
import { type OtherChange, SET_BACK, type TableView } from '../table.ts'
import { type Checkpoint, checkpointOf, positionOf } from './checkpoint.ts'
import { JobError } from './error.ts'

export type HeldTables = Readonly<{ events: TableView; metrics: TableView }>
export type OthersFigures = NonNullable<JobFigures['others']>

/** Throws JobError `tables-changed`. Null where the job has not committed yet. */
export function heldCheckpoint(tables: HeldTables): Checkpoint | null {
  const faults = heldFaults(tables)
  if (faults.length > 0) throw new JobError('tables-changed', { changes: faults.join('; ') })
  return checkpointOf(tables.events)
}

/** One part of a sentence for each change that is not gone on from. */
export function heldFaults({ events, metrics }: HeldTables): readonly string[] {
  const removals = [
    ...removalsOf('campaign_events', events),
    ...removalsOf('campaign_metrics', metrics),
  ]
  if (removals.length > 0) return removals
  const [raw, sums] = [checkpointOf(events), checkpointOf(metrics)]
  const isSame =
    raw?.logId === sums?.logId &&
    (raw === null || sums === null || positionOf(raw) === positionOf(sums))
  if (isSame) return []
  const text = (at: Checkpoint | null): string =>
    at === null ? 'before the first event' : `at offset ${at.nextOffset} of the log ${at.logId}`
  return [`campaign_events is ${text(raw)}, but campaign_metrics is ${text(sums)}`]
}

/** One sentence for each table that others have changed, and that was not adopted yet. */
export function otherNotices({ events, metrics }: HeldTables): readonly string[] {
  return [...noticeOf('campaign_events', events), ...noticeOf('campaign_metrics', metrics)]
}

/** What others have ever done to the rows of each table. */
export function othersFigures({ events, metrics }: HeldTables): OthersFigures {
  const rowsOf = ({ others }: TableView): OtherRows => {
    const { addedRows, removedRows } = others
    return { addedRows, removedRows }
  }
  const [raw, sums] = [rowsOf(events), rowsOf(metrics)]
  return { events: raw, metrics: sums }
}

function noticeOf(table: string, { others }: TableView): readonly string[] {
  if (others.unsettled === null) return []
  return [
    `another program changed rows of ${table}, at last in ${changeText(others.unsettled)}; the ` +
      'metrics need not equal the events: `campaign-metrics verify` names the windows that ' +
      'differ, and `campaign-metrics adopt` recomputes them, while this process is stopped',
  ]
}

/** Every change that was not adopted yet, as far as it is still known: a sentence for each. */
export function unsettledChanges({ events, metrics }: HeldTables): readonly string[] {
  const linesOf = (table: string, view: TableView): readonly string[] =>
    unsettledOf(view).map((change) => lineOf(table, view, change))
  return [...linesOf('campaign_events', events), ...linesOf('campaign_metrics', metrics)]
}

/** Those that no snapshot of ours builds on yet; else the last one, if it was not adopted. */
export function unsettledOf({ others }: TableView): readonly OtherChange[] {
  const { fresh, unsettled } = others
  return fresh.length > 0 || unsettled === null ? fresh : [unsettled]
}

/** Appended rows are gone on from; `verify` and `adopt` are named for them while it runs. */
function removalsOf(table: string, view: TableView): readonly string[] {
  return view.others.fresh
    .filter(({ operation }) => operation !== 'append')
    .map((change) => lineOf(table, view, change))
}

function lineOf(table: string, { newestOwn }: TableView, change: OtherChange): string {
  if (change.operation !== SET_BACK || newestOwn === null) {
    return `${table} was changed in ${changeText(change)}`
  }
  return (
    `${table} was set back to snapshot ${change.snapshotId ?? 'none'} from the last one of ` +
    `campaign-metrics, ${snapshotText(newestOwn)} (${rowsText(change)})`
  )
}

function changeText(change: OtherChange): string {
  const snapshot = change.operation === SET_BACK ? 'a set-back to snapshot' : 'snapshot'
  const what = change.operation === SET_BACK ? '' : `${change.operation}, `
  return (
    `${snapshot} ${change.snapshotId ?? 'none'} ` +
    `(${what}${timeText(change.timestampMs)}, ${rowsText(change)})`
  )
}

function rowsText({ addedRows, removedRows }: OtherChange): string {
  const count = (rows: number): string => `${rows} ${rows === 1 ? 'row' : 'rows'}`
  const parts = [
    ...(addedRows === 0 ? [] : [`${count(addedRows)} added`]),
    ...(removedRows === 0 ? [] : [`${count(removedRows)} removed`]),
  ]
  return parts.length === 0 ? 'no rows added or removed' : parts.join(', ')
}

function snapshotText({ snapshotId, timestampMs }: NonNullable<TableView['newestOwn']>): string {
  return `${snapshotId} of ${timeText(timestampMs)}`
}

function timeText(ms: number): string {
  return new Date(ms).toISOString()
}
