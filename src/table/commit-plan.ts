/**
 * What a commit does to one table, decided without touching anything: the next metadata, the files to write, and the
 * files that nothing refers to any more afterwards.
 */
import path from 'node:path'
import type { TableDefinition } from './definition.ts'
import { type ExpiryPolicy, keptSnapshots } from './expiry.ts'
import { historyOf } from './history.ts'
import { below } from './location.ts'
import type { ManifestEntry } from './manifest.ts'
import type { ListOwner } from './manifest-list.ts'
import { type LoadedManifest, planManifests } from './manifest-plan.ts'
import { pinnedSnapshots } from './pinned-snapshots.ts'
import { type Retired, splitRetired } from './retired.ts'
import { SCHEMA_ID } from './schema.ts'
import {
  type FileChange,
  isOwn,
  nextSummary,
  operationOf,
  type Snapshot,
  type Summary,
} from './snapshot.ts'
import { withoutExpired } from './statistics.ts'
import type { MetadataLogEntry, TableMetadata } from './table-metadata.ts'

/**
 * The property `write.metadata.previous-versions-max`: how many commits a reader has time to open the file that the
 * catalog named. Each is some 200 KB, and they are most of a table's metadata.
 */
export const PREVIOUS_METADATA_MAX = 5

/** A table as it stands: its newest metadata and what that refers to. */
export type TableState = Readonly<{
  table: TableDefinition
  metadata: TableMetadata
  metadataPath: string
  /** Manifests of the current snapshot, newest first. */
  manifests: readonly LoadedManifest[]
  retired: readonly Retired[]
}>

/** Fresh names, made by the caller: this file knows no random numbers. */
export type CommitNames = Readonly<{ snapshotId: bigint; uuid: string }>

export type PlannedManifest = Readonly<{ path: string; entries: readonly ManifestEntry[] }>

export type CommitPlan = Readonly<{
  metadata: TableMetadata
  metadataPath: string
  /** Null where only snapshots expire: there is no new one. */
  list: Readonly<{ path: string; owner: ListOwner }> | null
  written: readonly PlannedManifest[]
  carried: readonly LoadedManifest[]
  retired: readonly Retired[]
  /** Paths to remove once the commit is known to have succeeded. */
  free: readonly string[]
}>

export type Expiry = Readonly<{
  policy: ExpiryPolicy
  /** Flink writes into the table as well: its snapshots have their own reasons to stay. */
  isShared: boolean
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
    summary: nextSummary(metadata.current?.summary ?? null, keptKeys(metadata), change, own),
    others: { 'schema-id': metadata.others['current-schema-id'] ?? SCHEMA_ID },
  }
  const next = nextMetadata(state, snapshot, timestampMs, expiry)
  const last = metadata.lastSequenceNumber
  const retired = [
    ...state.retired,
    ...plan.dropped.map(({ file }) => ({ path: file.path, first: file.sequenceNumber, last })),
    ...plan.removed.map((entry) => ({ path: entry.file.path, first: entry.sequenceNumber, last })),
  ]
  const kept = next.metadata.snapshots.map((each) => each.sequenceNumber)
  const split = splitRetired(retired, kept)
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
    retired: split.held,
    free: [...next.free, ...split.free],
  }
}

/** The expiry of snapshots alone, with no new one; null when all stay. */
export function planExpiry(
  state: TableState,
  uuid: string,
  nowMs: number,
  expiry: Expiry,
): CommitPlan | null {
  const { metadata, manifests } = state
  const next = nextMetadata(state, null, Math.max(nowMs, metadata.lastUpdatedMs), expiry)
  if (next.metadata.snapshots.length === metadata.snapshots.length) return null
  const split = splitRetired(
    state.retired,
    next.metadata.snapshots.map((each) => each.sequenceNumber),
  )
  return {
    metadata: next.metadata,
    metadataPath: inMetadata(metadata, nextMetadataName(state.metadataPath, uuid)),
    list: null,
    written: [],
    carried: manifests,
    retired: split.held,
    free: [...next.free, ...split.free],
  }
}

/** Everything that this commit writes besides data files. */
export function plannedPaths(plan: CommitPlan): readonly string[] {
  const list = plan.list === null ? [] : [plan.list.path]
  return [...plan.written.map((each) => each.path), ...list, plan.metadataPath]
}

/** The newest summary that has keys of ours: that of the current snapshot, unless another program made it. */
function keptKeys(metadata: TableMetadata): Summary | null {
  return historyOf(metadata).find(isOwn)?.summary ?? null
}

function nextMetadata(
  { metadata, metadataPath }: TableState,
  snapshot: Snapshot | null,
  nowMs: number,
  { policy, isShared }: Expiry,
): Readonly<{ metadata: TableMetadata; free: readonly string[] }> {
  const added = snapshot === null ? [] : [snapshot]
  const all = [...metadata.snapshots, ...added]
  const current = snapshot ?? metadata.current
  const pinned = new Set([
    ...Object.values(metadata.otherRefs).map((ref) => ref['snapshot-id']),
    ...(isShared ? pinnedSnapshots({ current, snapshots: all }, nowMs) : []),
  ])
  const snapshots = keptSnapshots(all, pinned, nowMs, policy)
  const keptIds = new Set(snapshots.map((each) => each.id))
  const expired = all.filter((each) => !keptIds.has(each.id))
  const log = [
    ...metadata.snapshotLog,
    ...added.map(({ timestampMs, id }) => ({ timestampMs, snapshotId: id })),
  ]
  // Java's rule: a gap in the log would make time travel answer wrongly, so what lies before one is dropped.
  const gap = log.findLastIndex((entry) => !keptIds.has(entry.snapshotId))
  const previous = { timestampMs: metadata.lastUpdatedMs, path: metadataPath }
  const metadataLog: readonly MetadataLogEntry[] = [...metadata.metadataLog, previous]
  const statistics = withoutExpired(metadata.others, keptIds)
  return {
    metadata: {
      ...metadata,
      lastSequenceNumber: snapshot?.sequenceNumber ?? metadata.lastSequenceNumber,
      lastUpdatedMs: nowMs,
      current,
      snapshots,
      snapshotLog: log.slice(gap + 1),
      metadataLog: metadataLog.slice(-PREVIOUS_METADATA_MAX),
      others: { ...metadata.others, ...statistics.kept },
    },
    free: [
      ...expired.map((each) => each.manifestListPath),
      ...metadataLog.slice(0, -PREVIOUS_METADATA_MAX).map((entry) => entry.path),
      ...statistics.free,
    ],
  }
}

function inMetadata(metadata: TableMetadata, name: string): string {
  return below(metadata.folder, 'metadata', name)
}

/** `00041-<uuid>.metadata.json` is followed by `00042-…`. */
export function nextMetadataName(metadataPath: string, uuid: string): string {
  const version = Number.parseInt(path.basename(metadataPath), 10)
  const next = Number.isSafeInteger(version) ? version + 1 : 0
  return `${String(next).padStart(5, '0')}-${uuid}.metadata.json`
}
