/**
 * Which manifests the next snapshot has: some are carried over as they are, some are rewritten.
 *
 *   the small one   up to SMALL_FILES files. Each commit rewrites it: files added, files removed
 *                   as DELETED, the rest EXISTING. So a commit writes one manifest, and no snapshot
 *                   has a trail of tiny ones.
 *   larger ones     are carried over. One that loses a file is rewritten, apart from the small one,
 *                   so that a file replaced every second does not take hundreds of others with it.
 *   merges          FAN_IN manifests of one size class (64–511 files, 512–4095, …) become one of
 *                   the next class. So the list has about FAN_IN a class at most, and a file is
 *                   rewritten once per class in its life.
 *
 * DELETED entries describe the snapshot that wrote them; later ones drop them.
 */
import { strict as assert } from 'node:assert'
import { TableError } from '../error.ts'
import { type ManifestEntry, STATUS } from '../manifest.ts'
import type { LoadedManifest } from '../manifest-list.ts'
import type { FileChange } from '../snapshot.ts'

const SMALL_FILES = 64
const FAN_IN = 8

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
  if (change.add.length + change.remove.length === 0) return unchanged(manifests)
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
    const left = manifest.live.filter((entry) => !removedPaths.has(entry.file.path))
    const isSmall = left.length < SMALL_FILES
    if (lost.length === 0 && !isSmall) {
      carried.push(manifest)
      continue
    }
    dropped.push(manifest)
    removed.push(...lost)
    const deleted = lost.map((entry) => ({ ...entry, status: STATUS.deleted, snapshotId }))
    const entries = [...left.map(existing), ...deleted]
    if (isSmall) fresh.push(...entries)
    else rewritten.push(entries)
  }
  const merged = fullSizeClass(carried)
  if (merged.length > 0) rewritten.push(merged.flatMap(({ live }) => live.map(existing)))
  return {
    carried: carried.filter((manifest) => !merged.includes(manifest)),
    dropped: [...dropped, ...merged],
    written: [fresh, ...rewritten].filter((entries) => entries.length > 0),
    removed,
  }
}

/** A commit without files, such as one that only saw duplicates, writes nothing. */
function unchanged(manifests: readonly LoadedManifest[]): ManifestPlan {
  const [carried, dropped] = [true, false].map((alive) =>
    manifests.filter(({ live }) => live.length > 0 === alive),
  )
  return { carried: carried!, dropped: dropped!, written: [], removed: [] }
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

/**
 * The manifests of the smallest size class that is full; one class a commit, so that no commit
 * takes long.
 */
function fullSizeClass(manifests: readonly LoadedManifest[]): readonly LoadedManifest[] {
  const classes = Map.groupBy(manifests, sizeClass)
  const full = [...classes].filter(([, members]) => members.length >= FAN_IN)
  return full.toSorted(([a], [b]) => a - b)[0]?.[1] ?? []
}

function sizeClass({ live }: LoadedManifest): number {
  let size = SMALL_FILES * FAN_IN
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
