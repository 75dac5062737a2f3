/** What a reader sees of a table: one snapshot, immutable. */
import type { DataFile } from './data-file.ts'
import { SUMMARY_KEYS } from './keys.ts'
import { liveFiles, type TableState } from './load-table.ts'
import { locationOf } from './location.ts'
import type { ManifestEntry } from './manifest.ts'
import { changesByOthers, type OtherChanges } from './other-writers.ts'
import { historyOf, isOwn, type Snapshot, type Summary } from './snapshot.ts'

export type SnapshotView = Readonly<{
  snapshotId: bigint
  sequenceNumber: number
  timestampMs: number
  summary: Summary
}>

export type TableView = Readonly<{
  /** null before the first commit. */
  snapshotId: bigint | null
  sequenceNumber: number
  /** When the snapshot was made, ms since the epoch; null before the first commit. */
  timestampMs: number | null
  /** The snapshot's whole summary: Iceberg's totals and the `campaign-metrics.*` keys. */
  summary: Summary
  files: readonly DataFile[]
  /** The same files, with the snapshots that added them. */
  entries: readonly ManifestEntry[]
  /** The current snapshot and the kept ones before it, newest first. */
  history: readonly SnapshotView[]
  /** What other programs have done to its rows. */
  others: OtherChanges
  /** The newest snapshot of ours, also where the table was set back to an older one. */
  newestOwn: SnapshotView | null
  metadataLocation: string
  /** The current metadata file and those before it that the table still lists. */
  metadataLocations: readonly string[]
  /** The table's folder, `data/` and `metadata/` below it. */
  folder: string
  properties: Readonly<Record<string, string>>
}>

export function viewOf({ table, metadata, metadataPath, manifests }: TableState): TableView {
  const { current } = metadata
  const newestOwn = metadata.snapshots.findLast(isOwn)
  return {
    snapshotId: current?.id ?? null,
    sequenceNumber: metadata.lastSequenceNumber,
    timestampMs: current?.timestampMs ?? null,
    summary: current === null ? {} : snapshotView(current).summary,
    files: liveFiles(manifests),
    entries: manifests.flatMap(({ live }) => live),
    history: historyOf(metadata).map(snapshotView),
    others: changesByOthers(table.key, metadata),
    newestOwn: newestOwn === undefined ? null : snapshotView(newestOwn),
    metadataLocation: locationOf(metadataPath),
    metadataLocations: [metadataPath, ...metadata.metadataLog.map(({ path }) => path)].map(
      locationOf,
    ),
    folder: metadata.folder,
    properties: metadata.properties,
  }
}

/**
 * The newest snapshot whose summary has this key: the current one, or the first among its parents.
 * So what another program wrote last, such as `flink.max-committed-checkpoint-id`, is found after
 * commits of ours.
 */
export function newestWith(view: TableView, key: string): SnapshotView | null {
  return view.history.find(({ summary }) => summary[key] !== undefined) ?? null
}

/** The value of this key in the newest snapshot that has it. */
export function newestValue(view: TableView, key: string): string | undefined {
  return newestWith(view, key)?.summary[key]
}

/**
 * The start of the first day that both tables keep whole, in microseconds since the epoch; null
 * while retention has dropped nothing. Windows before it no longer have all their events.
 */
export function wholeFromUs(view: TableView): number | null {
  const day = newestValue(view, SUMMARY_KEYS.keptFrom)
  return day === undefined ? null : Date.parse(`${day}T00:00:00Z`) * 1000
}

function snapshotView(snapshot: Snapshot): SnapshotView {
  const { id, sequenceNumber, timestampMs, operation, summary } = snapshot
  return { snapshotId: id, sequenceNumber, timestampMs, summary: { operation, ...summary } }
}
