/**
 * Which manifests the next snapshot has: some are carried over as they are, some are written anew.
 *
 * - Files added go into one new manifest.
 * - A manifest that loses a file is written again: the rest EXISTING, the lost DELETED. If little is left of it, both
 *   go into the new manifest instead. A large one is written apart, so that a file replaced every second does not drag
 *   hundreds of others along.
 * - Once FAN_IN manifests of one size class (1–7, 8–63, 64–511, … files) are there, they become one of the next class.
 *   So the list has at most about FAN_IN per class, and a file is written again once per class in its life.
 *
 * DELETED entries tell what happened in the snapshot that wrote them; later ones drop them.
 */
import { strict as assert } from 'node:assert'
import { TableError } from './error.ts'
import { type ManifestEntry, STATUS } from './manifest.ts'
import type { ManifestFile } from './manifest-list.ts'
import type { FileChange } from './snapshot.ts'

const FAN_IN = 8

/** A manifest with its live entries in memory. */
export type LoadedManifest = Readonly<{ file: ManifestFile; live: readonly ManifestEntry[] }>

export type ManifestPlan = Readonly<{
  carried: readonly LoadedManifest[]
  /** Manifests of the current snapshot that the next one no longer has. */
  dropped: readonly LoadedManifest[]
  /** Entries of each manifest to write. */
  written: readonly (readonly ManifestEntry[])[]
  removed: readonly ManifestEntry[]
}>

/** Refuses to add a file that is there, and to remove one that is not (F12). */
export function planManifests(
  tableName: string,
  manifests: readonly LoadedManifest[],
  change: FileChange,
  snapshotId: bigint,
  sequenceNumber: number,
): ManifestPlan {
  const removedPaths = new Set(change.remove.map((file) => file.path))
  checkChange(tableName, manifests, change, removedPaths)
  const fresh: ManifestEntry[] = change.add.map((file) => ({
    status: STATUS.added,
    snapshotId,
    sequenceNumber,
    fileSequenceNumber: sequenceNumber,
    file,
  }))
  const removed: ManifestEntry[] = []
  const rewritten: ManifestEntry[][] = []
  const dropped: LoadedManifest[] = []
  const carried: LoadedManifest[] = []
  for (const manifest of manifests) {
    const lost = manifest.live.filter((entry) => removedPaths.has(entry.file.path))
    if (lost.length === 0 && manifest.live.length > 0) {
      carried.push(manifest)
      continue
    }
    dropped.push(manifest)
    removed.push(...lost)
    const left = manifest.live.filter((entry) => !removedPaths.has(entry.file.path))
    const deleted = lost.map((entry) => ({ ...entry, status: STATUS.deleted, snapshotId }))
    const entries = [...left.map(existing), ...deleted]
    if (left.length < FAN_IN) fresh.push(...entries)
    else rewritten.push(entries)
  }
  const merged = fullSizeClass(carried)
  return {
    carried: carried.filter((manifest) => !merged.includes(manifest)),
    dropped: [...dropped, ...merged],
    written: [
      ...(fresh.length > 0 ? [fresh] : []),
      ...rewritten,
      ...(merged.length > 0 ? [merged.flatMap((manifest) => manifest.live.map(existing))] : []),
    ],
    removed,
  }
}

function checkChange(
  table: string,
  manifests: readonly LoadedManifest[],
  change: FileChange,
  removedPaths: ReadonlySet<string>,
): void {
  const added = new Set(change.add.map((file) => file.path))
  const twice = change.add.find((file, index) => change.add.indexOf(file) !== index)
  if (added.size < change.add.length) {
    throw new TableError('duplicate-file', { path: twice?.path ?? change.add[0]!.path, table })
  }
  const missing = new Set(removedPaths)
  for (const { live } of manifests) {
    for (const { file } of live) {
      if (added.has(file.path)) throw new TableError('duplicate-file', { path: file.path, table })
      missing.delete(file.path)
    }
  }
  for (const path of missing) throw new TableError('missing-file', { path, table })
  if (change.rewrite === true) {
    assert.equal(rowsOf(change.add), rowsOf(change.remove), 'a rewrite keeps the number of rows')
  }
}

/** The manifests of the smallest size class that is full; one class a commit, so that no commit takes long. */
function fullSizeClass(manifests: readonly LoadedManifest[]): readonly LoadedManifest[] {
  const classes = Map.groupBy(manifests, sizeClass)
  const full = [...classes].filter(([, members]) => members.length >= FAN_IN)
  return full.toSorted(([a], [b]) => a - b)[0]?.[1] ?? []
}

function sizeClass({ live }: LoadedManifest): number {
  let size = FAN_IN
  let index = 0
  while (live.length >= size) {
    size *= FAN_IN
    index++
  }
  return index
}

function existing(entry: ManifestEntry): ManifestEntry {
  return { ...entry, status: STATUS.existing }
}

function rowsOf(files: FileChange['add']): number {
  return files.reduce((sum, file) => sum + file.rows, 0)
}
