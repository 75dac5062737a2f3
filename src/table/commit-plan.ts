/**
 * What a commit does to one table, decided without touching anything: the next metadata, the files to write, and the
 * files that nothing refers to any more afterwards.
 */
import path from 'node:path'
import type { TableDefinition } from './definition.ts'
import { type ExpiryPolicy, keptSnapshots } from './expiry.ts'
import type { ManifestEntry } from './manifest.ts'
import type { ListOwner } from './manifest-list.ts'
import { type LoadedManifest, planManifests } from './manifest-plan.ts'
import { type Retired, splitRetired } from './retired.ts'
import {
  type FileChange,
  nextSummary,
  operationOf,
  type Snapshot,
  type Summary,
} from './snapshot.ts'
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
  manifestListPath: string
  owner: ListOwner
  written: readonly PlannedManifest[]
  carried: readonly LoadedManifest[]
  retired: readonly Retired[]
  /** Paths to remove once the commit is known to have succeeded. */
  free: readonly string[]
}>

export function planCommit(
  state: TableState,
  change: FileChange,
  own: Summary,
  names: CommitNames,
  nowMs: number,
  expiry: ExpiryPolicy,
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
    summary: nextSummary(metadata.current?.summary ?? null, change, own),
  }
  const next = nextMetadata(state, snapshot, expiry)
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
    manifestListPath: snapshot.manifestListPath,
    owner: { snapshotId: snapshot.id, parentSnapshotId: snapshot.parentId, sequenceNumber },
    written: plan.written.map((entries, index) => ({
      path: inMetadata(metadata, `${names.uuid}-m${index}.avro`),
      entries,
    })),
    carried: plan.carried,
    retired: split.held,
    free: [...next.free, ...split.free],
  }
}

/** Everything that this commit writes besides data files. */
export function plannedPaths(plan: CommitPlan): readonly string[] {
  return [...plan.written.map((each) => each.path), plan.manifestListPath, plan.metadataPath]
}

function nextMetadata(
  { metadata, metadataPath }: TableState,
  snapshot: Snapshot,
  expiry: ExpiryPolicy,
): Readonly<{ metadata: TableMetadata; free: readonly string[] }> {
  const pinned = new Set(Object.values(metadata.otherRefs).map((ref) => ref['snapshot-id']))
  const all = [...metadata.snapshots, snapshot]
  const snapshots = keptSnapshots(all, pinned, snapshot.timestampMs, expiry)
  const keptIds = new Set(snapshots.map((each) => each.id))
  const expired = all.filter((each) => !keptIds.has(each.id))
  const log = [
    ...metadata.snapshotLog,
    { timestampMs: snapshot.timestampMs, snapshotId: snapshot.id },
  ]
  // Java's rule: a gap in the log would make time travel answer wrongly, so what lies before one is dropped.
  const gap = log.findLastIndex((entry) => !keptIds.has(entry.snapshotId))
  const previous = { timestampMs: metadata.lastUpdatedMs, path: metadataPath }
  const metadataLog: readonly MetadataLogEntry[] = [...metadata.metadataLog, previous]
  return {
    metadata: {
      ...metadata,
      lastSequenceNumber: snapshot.sequenceNumber,
      lastUpdatedMs: snapshot.timestampMs,
      current: snapshot,
      snapshots,
      snapshotLog: log.slice(gap + 1),
      metadataLog: metadataLog.slice(-PREVIOUS_METADATA_MAX),
    },
    free: [
      ...expired.map((each) => each.manifestListPath),
      ...metadataLog.slice(0, -PREVIOUS_METADATA_MAX).map((entry) => entry.path),
    ],
  }
}

function inMetadata(metadata: TableMetadata, name: string): string {
  return path.join(metadata.folder, 'metadata', name)
}

/** `00041-<uuid>.metadata.json` is followed by `00042-…`. */
export function nextMetadataName(metadataPath: string, uuid: string): string {
  const version = Number.parseInt(path.basename(metadataPath), 10)
  const next = Number.isSafeInteger(version) ? version + 1 : 0
  return `${String(next).padStart(5, '0')}-${uuid}.metadata.json`
}
