/**
 * Files in the tables' folders that nothing refers to. There are two kinds:
 *
 *   leftovers   what an earlier process kept for readers, or wrote for a commit that it died before.
 *               They are found at a start and count as unreferenced from that moment.
 *   orphans     what a program that is perhaps still running wrote and has not committed. They are
 *               removed only when they are old.
 *
 * Where our job is the writer, a file with a name of ours that was there before this process is a
 * leftover. Where Flink writes, only an old metadata file surely is: no commit can use it any more.
 */
import path from 'node:path'
import { TABLE_KEYS } from './definition.ts'
import type { States, TableState } from './load-table.ts'
import type { Storage, StoredFile } from './storage.ts'
import { metadataVersion } from './table-metadata.ts'

/** Longer than any commit takes, and than a person waits between two starts. */
export const ORPHAN_AGE_MS: number = 24 * 3_600_000
/** Where Flink writes: its files wait for their commit for as long as an outage lasts. */
export const SHARED_ORPHAN_AGE_MS: number = 7 * 24 * 3_600_000

/** Bounds the memory of one sweep; the next one continues. */
const SWEEP_FILES_MAX = 100_000

const METADATA = /\.metadata\.json$/
const KNOWN = /\.(parquet|avro|metadata\.json)$/
/** How our data files are named. Other writers put a number or a date before the UUID. */
const OWN_DATA_FILE = /\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.parquet$/

/** Files that no snapshot refers to and that were last changed before this time. */
export function findOrphans(
  storage: Storage,
  states: States,
  beforeMs: number,
): Promise<readonly StoredFile[]> {
  return findUnreferenced(storage, states, ({ changedMs }) => changedMs < beforeMs)
}

/**
 * Of tables whose folder has newer metadata than the catalog points to, nothing: the catalog was
 * restored from an older state, perhaps by mistake.
 */
export async function findLeftovers(
  storage: Storage,
  states: States,
  isShared: boolean,
): Promise<readonly StoredFile[]> {
  const newer = new Set<TableState>()
  const found = await findUnreferenced(storage, states, (file, state) => {
    const version = metadataVersion(state.metadataPath)
    if (METADATA.test(file.path)) {
      const found = metadataVersion(file.path)
      // A commit that a crash cut short leaves the next version.
      if (found > version + 1) newer.add(state)
      return found >= 0 && (found < version || !isShared)
    }
    return !isShared && (file.path.endsWith('.avro') || OWN_DATA_FILE.test(file.path))
  })
  const folders = [...newer].map(({ metadata }) => `${metadata.folder}/`)
  return found.filter((file) => !folders.some((folder) => file.path.startsWith(folder)))
}

async function findUnreferenced(
  storage: Storage,
  states: States,
  isWanted: (file: StoredFile, state: TableState) => boolean,
): Promise<readonly StoredFile[]> {
  const found: StoredFile[] = []
  for (const key of TABLE_KEYS) {
    const state = states[key]
    const referenced = referencedPaths(state)
    for await (const file of storage.list(state.metadata.folder)) {
      if (found.length >= SWEEP_FILES_MAX) return found
      if (referenced.has(file.path) || !KNOWN.test(file.path)) continue
      if (isWanted(file, state)) found.push(file)
    }
  }
  return found
}

/** Removes files, and the folders of days that are empty then. */
export async function removeOrphans(storage: Storage, paths: readonly string[]): Promise<void> {
  const folders = new Set<string>()
  for (const file of paths) {
    await storage.remove(file)
    folders.add(path.dirname(file))
  }
  for (const folder of folders) {
    if (path.basename(folder).includes('=')) await storage.removeFolderIfEmpty(folder)
  }
}

/** Every path that a kept snapshot or the metadata refers to. */
export function referencedPaths(state: TableState): Set<string> {
  const { metadata, metadataPath, manifests, retired } = state
  return new Set([
    metadataPath,
    ...metadata.metadataLog.map((entry) => entry.path),
    ...metadata.snapshots.map((snapshot) => snapshot.manifestListPath),
    ...manifests.flatMap(({ file, live }) => [file.path, ...live.map((entry) => entry.file.path)]),
    ...retired.map((file) => file.path),
  ])
}
