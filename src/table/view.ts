/** What a reader sees of a table: one snapshot, immutable. */
import type { TableState } from './commit-plan.ts'
import type { DataFile } from './data-file.ts'
import { liveFiles } from './load.ts'
import { locationOf } from './location.ts'
import type { Summary } from './snapshot.ts'

export type TableView = Readonly<{
  /** null before the first commit. */
  snapshotId: bigint | null
  sequenceNumber: number
  /** When the snapshot was made, ms since the epoch; null before the first commit. */
  timestampMs: number | null
  /** The snapshot's whole summary: Iceberg's totals and the `campaign-metrics.*` keys. */
  summary: Summary
  files: readonly DataFile[]
  metadataLocation: string
  /** The table's folder, `data/` and `metadata/` below it. */
  folder: string
  properties: Readonly<Record<string, string>>
}>

export function viewOf({ metadata, metadataPath, manifests }: TableState): TableView {
  const { current } = metadata
  return {
    snapshotId: current?.id ?? null,
    sequenceNumber: metadata.lastSequenceNumber,
    timestampMs: current?.timestampMs ?? null,
    summary: current === null ? {} : { operation: current.operation, ...current.summary },
    files: liveFiles(manifests),
    metadataLocation: locationOf(metadataPath),
    folder: metadata.folder,
    properties: metadata.properties,
  }
}
