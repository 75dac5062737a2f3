/**
 * What a commit does to one table, decided without touching anything: the next metadata, the files
 * to write, and the files that nothing refers to afterwards.
 */

import type { TableState } from '../load-table.ts'
import { below } from '../location.ts'
import type { ManifestEntry } from '../manifest.ts'
import type { ListOwner, LoadedManifest } from '../manifest-list.ts'
import { othersSummary } from '../other-writers.ts'
import type { FreeFile } from '../reader-grace.ts'
import { SCHEMA_ID } from '../schema.ts'
import {
  type FileChange,
  historyOf,
  isOwn,
  nextSummary,
  operationOf,
  type Snapshot,
  type Summary,
} from '../snapshot.ts'
import {
  type ExpiryPolicy,
  keptSnapshots,
  pinnedSnapshots,
  type RetiredFile,
  splitRetired,
  splitStatistics,
} from '../snapshot-expiry.ts'
import type { SnapshotTimes } from '../snapshot-times.ts'
import {
  type MetadataLogEntry,
  nextMetadataName,
  PREVIOUS_METADATA_MAX,
  type TableMetadata,
} from '../table-metadata.ts'
import { planManifests } from './plan-manifests.ts'

/** Fresh names, made by the caller: this file uses no random numbers. */
export type CommitNames = Readonly<{ snapshotId: bigint; uuid: string }>

export type PlannedManifest = Readonly<{ path: string; entries: readonly ManifestEntry[] }>

export type CommitPlan = Readonly<{
  metadata: TableMetadata
  metadataPath: string
  /** Null where there is no new snapshot, because older ones only expire. */
  list: Readonly<{ path: string; owner: ListOwner }> | null
  written: readonly PlannedManifest[]
  carried: readonly LoadedManifest[]
  retired: readonly RetiredFile[]
  /** Nothing refers to them once the commit is known to have succeeded. */
  free: readonly FreeFile[]
}>

export type Expiry = Readonly<{
  policy: ExpiryPolicy
  /** Flink writes into the table as well: its snapshots stay for reasons of their own. */
  isShared: boolean
  /** The ages of the snapshots as of this commit. */
  times: SnapshotTimes
}>

export function planCommit(
  state: TableState,
  change: FileChange,
  own: Summary,
  names: CommitNames,
  nowMs: number,
  expiry: Expiry,
): CommitPlan {
  const { metadata } = state
  const sequenceNumber = metadata.lastSequenceNumber + 1
  const plan = planManifests(
    state.table.name,
    state.manifests,
    change,
    names.snapshotId,
    sequenceNumber,
  )
  // A clock that was set back must not make history run backwards: readers refuse that (F17).
  const timestampMs = Math.max(nowMs, metadata.lastUpdatedMs)
  const snapshot: Snapshot = {
    id: names.snapshotId,
    parentId: metadata.current?.id ?? null,
    sequenceNumber,
    timestampMs,
    manifestListPath: inMetadata(metadata, `snap-${names.snapshotId}-1-${names.uuid}.avro`),
    operation: operationOf(change),
    summary: nextSummary(metadata.current?.summary ?? null, keptKeys(metadata), change, {
      ...(expiry.isShared ? {} : othersSummary(state.table.key, metadata)),
      ...own,
    }),
    others: { 'schema-id': metadata.others['current-schema-id'] ?? SCHEMA_ID },
  }
  const next = nextMetadata(state, snapshot, timestampMs, expiry)
  const last = metadata.lastSequenceNumber
  const retired = [
    ...state.retired,
    ...plan.dropped.map(({ file }) => ({ path: file.path, first: file.sequenceNumber, last })),
    ...plan.removed.map((entry) => ({ path: entry.file.path, first: entry.sequenceNumber, last })),
  ]
  return {
    metadata: next.metadata,
    metadataPath: inMetadata(metadata, nextMetadataName(state.metadataPath, names.uuid)),
    list: {
      path: snapshot.manifestListPath,
      owner: { snapshotId: snapshot.id, parentSnapshotId: snapshot.parentId, sequenceNumber },
    },
    written: plan.written.map((entries, index) => ({
      path: inMetadata(metadata, `${names.uuid}-m${index}.avro`),
      entries,
    })),
    carried: plan.carried,
    ...retiredAfter(next, retired),
  }
}

/** The expiry of snapshots alone, without a new one; null when all stay. */
export function planExpiry(
  state: TableState,
  uuid: string,
  nowMs: number,
  expiry: Expiry,
): CommitPlan | null {
  const plan = planMetadata(state, uuid, nowMs, expiry)
  return plan.metadata.snapshots.length === state.metadata.snapshots.length ? null : plan
}

/** New metadata without a new snapshot; older ones expire as in every commit. */
export function planMetadata(
  state: TableState,
  uuid: string,
  nowMs: number,
  expiry: Expiry,
): CommitPlan {
  const { metadata, manifests } = state
  const next = nextMetadata(state, null, Math.max(nowMs, metadata.lastUpdatedMs), expiry)
  return {
    metadata: next.metadata,
    metadataPath: inMetadata(metadata, nextMetadataName(state.metadataPath, uuid)),
    list: null,
    written: [],
    carried: manifests,
    ...retiredAfter(next, state.retired),
  }
}

/** Everything that this commit writes besides data files. */
export function plannedPaths(plan: CommitPlan): readonly string[] {
  const list = plan.list === null ? [] : [plan.list.path]
  return [...plan.written.map((each) => each.path), ...list, plan.metadataPath]
}

/**
 * The newest summary that has keys of ours: that of the current snapshot, unless another program
 * made it.
 */
function keptKeys(metadata: TableMetadata): Summary | null {
  return historyOf(metadata).find(isOwn)?.summary ?? null
}

type NextMetadata = Readonly<{
  metadata: TableMetadata
  free: readonly FreeFile[]
  /** When files left the current snapshot whose last one had this sequence number. */
  leftMs: (last: number) => number
}>

function nextMetadata(
  { metadata, metadataPath }: TableState,
  snapshot: Snapshot | null,
  nowMs: number,
  { policy, isShared, times }: Expiry,
): NextMetadata {
  const added = snapshot === null ? [] : [snapshot]
  const all = [...metadata.snapshots, ...added]
  const current = snapshot ?? metadata.current
  const pinned = new Set([
    // A branch of another program may have a newer one.
    ...(current === null ? [] : [current.id]),
    ...Object.values(metadata.otherRefs).map((ref) => ref['snapshot-id']),
    ...(isShared ? pinnedSnapshots({ current, snapshots: all }, times) : []),
  ])
  const snapshots = keptSnapshots(all, pinned, times, policy)
  const keptIds = new Set(snapshots.map((each) => each.id))
  const expired = all.filter((each) => !keptIds.has(each.id))
  const log = [
    ...metadata.snapshotLog,
    ...added.map(({ timestampMs, id }) => ({ timestampMs, snapshotId: id })),
  ]
  const previous = { timestampMs: metadata.lastUpdatedMs, path: metadataPath }
  const metadataLog: readonly MetadataLogEntry[] = [...metadata.metadataLog, previous]
  const statistics = splitStatistics(metadata.others, keptIds)
  const leftMs = (last: number): number => {
    const next = all.find((each) => each.sequenceNumber > last)
    return next === undefined ? times.nowMs : times.bornMs(next)
  }
  const unlisted = [
    ...metadataLog.slice(0, -PREVIOUS_METADATA_MAX).map((entry) => entry.path),
    ...statistics.free,
  ]
  return {
    metadata: {
      ...metadata,
      lastSequenceNumber: snapshot?.sequenceNumber ?? metadata.lastSequenceNumber,
      lastUpdatedMs: nowMs,
      current,
      snapshots,
      // The specification would drop all entries before a gap; then no timestamp of more than a
      // minute ago would lead to a snapshot.
      snapshotLog: log.filter((entry) => keptIds.has(entry.snapshotId)),
      metadataLog: metadataLog.slice(-PREVIOUS_METADATA_MAX),
      others: { ...metadata.others, ...statistics.kept },
    },
    free: [
      ...expired.map((each) => ({
        path: each.manifestListPath,
        leftMs: leftMs(each.sequenceNumber),
      })),
      ...unlisted.map((path) => ({ path, leftMs: times.nowMs })),
    ],
    leftMs,
  }
}

function retiredAfter(
  { metadata, free, leftMs }: NextMetadata,
  retired: readonly RetiredFile[],
): Pick<CommitPlan, 'retired' | 'free'> {
  const numbers = metadata.snapshots.map((each) => each.sequenceNumber)
  const split = splitRetired(retired, numbers)
  const freed = split.free.map(({ path, last }) => ({ path, leftMs: leftMs(last) }))
  return { retired: split.kept, free: [...free, ...freed] }
}

function inMetadata(metadata: TableMetadata, name: string): string {
  return below(metadata.folder, 'metadata', name)
}
