/**
 * Snapshots (spec: "Snapshots"): one state of a table, with a summary that says how it came about.
 * The summary also carries the writer's own keys, `campaign-metrics.*`: the checkpoint of the job
 * is kept there and nowhere else.
 */
import type { DataFile } from './data-file.ts'
import { COUNT_KEYS, OWN_KEY_PREFIX } from './keys.ts'

export type Operation = 'append' | 'replace' | 'overwrite' | 'delete'
export type Summary = Readonly<Record<string, string>>

export type Snapshot = Readonly<{
  id: bigint
  parentId: bigint | null
  sequenceNumber: number
  timestampMs: number
  manifestListPath: string
  operation: Operation
  /** Without the operation. */
  summary: Summary
  /** Fields that this program does not use, kept as another writer wrote them. */
  others: Readonly<Record<string, unknown>>
}>

/** The files a commit adds to and takes from one table. */
export type FileChange = Readonly<{
  add: readonly DataFile[]
  remove: readonly DataFile[]
  /** The same rows in other files (a merge): readers of changes may skip such a snapshot. */
  rewrite?: boolean
}>

/** Spec: "Snapshots", the field `operation`. */
export function operationOf(change: FileChange): Operation {
  if (change.rewrite === true) return 'replace'
  if (change.remove.length === 0) return 'append'
  return change.add.length === 0 ? 'delete' : 'overwrite'
}

/**
 * The summary of the next snapshot: Iceberg's counts and totals, then the writer's keys. Keys of
 * ours that the change does not name are carried over from `kept`, so that each of our snapshots
 * holds the whole checkpoint. Keys of other programs, such as `flink.*`, describe their own
 * snapshot and are not carried over.
 */
export function nextSummary(
  previous: Summary | null,
  kept: Summary | null,
  change: FileChange,
  own: Summary,
): Summary {
  const carried = Object.entries(kept ?? {}).filter(([key]) => key.startsWith(OWN_KEY_PREFIX))
  return { ...counts(change), ...totals(previous, change), ...Object.fromEntries(carried), ...own }
}

/** Whether a snapshot carries keys of ours. */
export function isOwn({ summary }: Snapshot): boolean {
  return Object.keys(summary).some((key) => key.startsWith(OWN_KEY_PREFIX))
}

/** Spec: "Optional Snapshot Summary Fields"; counts of nothing are left out, as Java does. */
function counts(change: FileChange): Summary {
  const added = sizeOf(change.add)
  const removed = sizeOf(change.remove)
  const days = new Set([...change.add, ...change.remove].map((file) => file.day))
  const all = {
    [COUNT_KEYS.addedFiles]: added.files,
    [COUNT_KEYS.addedRows]: added.rows,
    [COUNT_KEYS.addedBytes]: added.bytes,
    [COUNT_KEYS.deletedFiles]: removed.files,
    [COUNT_KEYS.deletedRows]: removed.rows,
    [COUNT_KEYS.removedBytes]: removed.bytes,
    [COUNT_KEYS.changedPartitions]: days.size,
  }
  const present = Object.entries(all).filter(([, count]) => count > 0)
  return Object.fromEntries(present.map(([key, count]) => [key, String(count)]))
}

function totals(previous: Summary | null, change: FileChange): Summary {
  const added = sizeOf(change.add)
  const removed = sizeOf(change.remove)
  const total = (key: string, plus: number, minus: number): string =>
    String(Number(previous?.[key] ?? 0) + plus - minus)
  return {
    [COUNT_KEYS.totalRows]: total(COUNT_KEYS.totalRows, added.rows, removed.rows),
    [COUNT_KEYS.totalBytes]: total(COUNT_KEYS.totalBytes, added.bytes, removed.bytes),
    [COUNT_KEYS.totalFiles]: total(COUNT_KEYS.totalFiles, added.files, removed.files),
    [COUNT_KEYS.totalDeleteFiles]: '0',
    [COUNT_KEYS.totalPositionDeletes]: '0',
    [COUNT_KEYS.totalEqualityDeletes]: '0',
  }
}

function sizeOf(
  files: readonly DataFile[],
): Readonly<{ files: number; rows: number; bytes: number }> {
  const sum = (pick: (file: DataFile) => number) => files.reduce((all, file) => all + pick(file), 0)
  return { files: files.length, rows: sum((file) => file.rows), bytes: sum((file) => file.bytes) }
}

/** A table's snapshots, oldest first, and the current one, which is among them. */
export type SnapshotHistory = Readonly<{
  current: Snapshot | null
  snapshots: readonly Snapshot[]
}>

/**
 * The current snapshot, its parent, and so on, newest first. Expiry leaves gaps: behind one, the
 * next older snapshot that was kept continues the history, since snapshots are numbered in the
 * order in which they were made.
 */
export function historyOf({ current, snapshots }: SnapshotHistory): readonly Snapshot[] {
  const byId = new Map(snapshots.map((snapshot) => [snapshot.id, snapshot]))
  const history: Snapshot[] = []
  for (let at = current; at !== null; ) {
    history.push(at)
    const { parentId, sequenceNumber } = at
    if (parentId === null) break
    const parent = byId.get(parentId)
    const isBefore = (snapshot: Snapshot): boolean => snapshot.sequenceNumber < sequenceNumber
    at = (parent !== undefined && isBefore(parent) ? parent : snapshots.findLast(isBefore)) ?? null
  }
  return history
}

/**
 * The current snapshot and its parents up to the first gap, newest first: those that Flink can
 * reach.
 */
export function chainOf(snapshots: SnapshotHistory): readonly Snapshot[] {
  const history = historyOf(snapshots)
  const last = history.findIndex(({ parentId }, index) => history[index + 1]?.id !== parentId)
  return history.slice(0, last + 1)
}
