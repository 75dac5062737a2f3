/**
 * The orphan sweep: removes files in the tables' folders that no snapshot refers to. A crash
 * between writing and committing leaves some, and so does a crash before the files of expired
 * snapshots are removed. Only old files are removed, because a young one may belong to a commit
 * that is about to happen.
 */
import path from 'node:path'
import { TABLE_KEYS } from './definition.ts'
import type { States, TableState } from './load-table.ts'
import type { Storage } from './storage.ts'

/** Longer than any commit takes, and than a person waits between two starts. */
export const ORPHAN_AGE_MS: number = 24 * 3_600_000
/** Where Flink writes: its files wait for their commit for as long as an outage lasts. */
export const SHARED_ORPHAN_AGE_MS: number = 7 * 24 * 3_600_000

/** Bounds the memory of one sweep; the next one continues. */
const SWEEP_FILES_MAX = 100_000

const OURS = /\.(parquet|avro|metadata\.json)$/

export async function sweepOrphans(
  storage: Storage,
  states: States,
  beforeMs: number,
): Promise<number> {
  let removed = 0
  for (const key of TABLE_KEYS) {
    const state = states[key]
    const referenced = referencedPaths(state)
    const folders = new Set<string>()
    for await (const file of storage.list(state.metadata.folder)) {
      if (removed >= SWEEP_FILES_MAX) return removed
      if (file.changedMs >= beforeMs || referenced.has(file.path) || !OURS.test(file.path)) continue
      await storage.remove(file.path)
      folders.add(path.dirname(file.path))
      removed++
    }
    for (const folder of folders) {
      if (path.basename(folder).includes('=')) await storage.removeFolderIfEmpty(folder)
    }
  }
  return removed
}

/** Every path that a kept snapshot or the metadata refers to. */
function referencedPaths({ metadata, metadataPath, manifests, retired }: TableState): Set<string> {
  return new Set([
    metadataPath,
    ...metadata.metadataLog.map((entry) => entry.path),
    ...metadata.snapshots.map((snapshot) => snapshot.manifestListPath),
    ...manifests.flatMap(({ file, live }) => [file.path, ...live.map((entry) => entry.file.path)]),
    ...retired.map((file) => file.path),
  ])
}
