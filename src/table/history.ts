/**
 * The history of a table: its current snapshot, that one's parent, and so on. Expiry leaves gaps; behind one the next older
 * snapshot that was kept goes on, since snapshots are numbered in the order in which they were made.
 */
import type { Snapshot } from './snapshot.ts'
import type { TableMetadata } from './table-metadata.ts'

type Snapshots = Pick<TableMetadata, 'current' | 'snapshots'>

/** Newest first. */
export function historyOf({ current, snapshots }: Snapshots): readonly Snapshot[] {
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

/** From the current snapshot along parents that are there, without a gap; the way that Flink goes. Newest first. */
export function chainOf({ current, snapshots }: Snapshots): readonly Snapshot[] {
  const byId = new Map(snapshots.map((snapshot) => [snapshot.id, snapshot]))
  const chain: Snapshot[] = []
  for (let at = current ?? undefined; at !== undefined; ) {
    chain.push(at)
    const { sequenceNumber, parentId } = at
    const parent = parentId === null ? undefined : byId.get(parentId)
    at = parent !== undefined && parent.sequenceNumber < sequenceNumber ? parent : undefined
  }
  return chain
}
