/**
 * What other programs have done to a table since the newest snapshot of ours.
 *
 *   ours ── ours ──┬── append ── delete (current)      rows changed on top of ours
 *                  └── ours (newest of ours)           set back: it is no longer a parent of current
 *
 * Each of our snapshots carries what was changed up to it (SUMMARY_KEYS), so that it is known after
 * the snapshots of others have expired, and which changes have been adopted.
 */
import { TABLE_KEYS, type TableKey } from './definition.ts'
import { COUNT_KEYS, SUMMARY_KEYS } from './keys.ts'
import { historyOf, isOwn, type Snapshot, type SnapshotHistory, type Summary } from './snapshot.ts'

/** One change of rows by another program. */
export type OtherChange = Readonly<{
  sequenceNumber: number
  snapshotId: bigint | null
  timestampMs: number
  /** Iceberg's operation, or `set-back`: the current snapshot was set to an older one. */
  operation: string
  addedRows: number
  removedRows: number
}>

export type OtherChanges = Readonly<{
  /** Rows that others have ever added to, and removed from, the table. */
  addedRows: number
  removedRows: number
  /** Changes that no snapshot of ours builds on yet, oldest first. */
  fresh: readonly OtherChange[]
  /** The last change, unless it was adopted. */
  unsettled: OtherChange | null
}>

type TableHistory = SnapshotHistory &
  Readonly<{ lastSequenceNumber: number; lastUpdatedMs: number }>

export function changesByOthers(key: TableKey, metadata: TableHistory): OtherChanges {
  const newestOwn = metadata.snapshots.findLast(isOwn)
  const kept = newestOwn?.summary ?? {}
  const fresh = freshChanges(metadata, newestOwn)
  const sum = (pick: 'addedRows' | 'removedRows', name: string): number =>
    fresh.reduce((all, change) => all + change[pick], Number(kept[name] ?? 0))
  const last = fresh.at(-1) ?? readChange(kept[SUMMARY_KEYS.othersLast])
  const isSettled = last !== null && last.sequenceNumber <= adoptedUntil(key, kept)
  return {
    addedRows: sum('addedRows', SUMMARY_KEYS.othersAddedRows),
    removedRows: sum('removedRows', SUMMARY_KEYS.othersRemovedRows),
    fresh,
    unsettled: isSettled ? null : last,
  }
}

/** What our next snapshot says of the changes that it builds on; nothing where there are none. */
export function othersSummary(key: TableKey, metadata: TableHistory): Summary {
  const { addedRows, removedRows, fresh } = changesByOthers(key, metadata)
  const last = fresh.at(-1)
  if (last === undefined) return {}
  return {
    [SUMMARY_KEYS.othersAddedRows]: String(addedRows),
    [SUMMARY_KEYS.othersRemovedRows]: String(removedRows),
    [SUMMARY_KEYS.othersLast]: writeChange(last),
  }
}

/** The key by which both tables, as they are now, count as adopted. */
export function adoptedSummary(
  tables: Readonly<Record<TableKey, Readonly<{ sequenceNumber: number }>>>,
): Summary {
  const numbers = TABLE_KEYS.map((key) => tables[key].sequenceNumber)
  return { [SUMMARY_KEYS.adopted]: numbers.join(' ') }
}

function adoptedUntil(key: TableKey, summary: Summary): number {
  const numbers = (summary[SUMMARY_KEYS.adopted] ?? '').split(' ')
  return Number(numbers[TABLE_KEYS.indexOf(key)] || -1)
}

/** Snapshots of others since ours, oldest first. Rows that are only rewritten are no change. */
function freshChanges(
  metadata: TableHistory,
  newestOwn: Snapshot | undefined,
): readonly OtherChange[] {
  const history = historyOf(metadata)
  const found = history.findIndex(isOwn)
  const base = history[found]
  const added = history.slice(0, found === -1 ? undefined : found).toReversed()
  const changes = added.filter(({ operation }) => operation !== 'replace').map(changeOf)
  if (newestOwn === undefined || base?.id === newestOwn.id) return changes
  const rows = totalRows(newestOwn) - totalRows(base)
  const setBack: OtherChange = {
    sequenceNumber: metadata.lastSequenceNumber,
    snapshotId: metadata.current?.id ?? null,
    timestampMs: metadata.lastUpdatedMs,
    operation: SET_BACK,
    addedRows: Math.max(0, -rows),
    removedRows: Math.max(0, rows),
  }
  return [...changes, setBack]
}

export const SET_BACK = 'set-back'

function changeOf(snapshot: Snapshot): OtherChange {
  const { id, sequenceNumber, timestampMs, operation, summary } = snapshot
  return {
    sequenceNumber,
    snapshotId: id,
    timestampMs,
    operation,
    addedRows: Number(summary[COUNT_KEYS.addedRows] ?? 0),
    removedRows: Number(summary[COUNT_KEYS.deletedRows] ?? 0),
  }
}

function totalRows(snapshot: Snapshot | undefined): number {
  return Number(snapshot?.summary[COUNT_KEYS.totalRows] ?? 0)
}

/** `sequence snapshot time operation added removed`. */
function writeChange(change: OtherChange): string {
  const { sequenceNumber, snapshotId, timestampMs, operation, addedRows, removedRows } = change
  const id = snapshotId ?? -1n
  return [sequenceNumber, id, timestampMs, operation, addedRows, removedRows].join(' ')
}

function readChange(text: string | undefined): OtherChange | null {
  if (text === undefined) return null
  const [sequence, id = '', timestamp, operation = '', added, removed] = text.split(' ')
  return {
    sequenceNumber: Number(sequence),
    snapshotId: /^\d+$/.test(id) ? BigInt(id) : null,
    timestampMs: Number(timestamp),
    operation,
    addedRows: Number(added),
    removedRows: Number(removed),
  }
}
