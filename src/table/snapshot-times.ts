/**
 * When snapshots were made, on a clock that never steps. Their timestamps follow the wall clock: by
 * it, a clock that is set ahead by an hour would let all of them expire at once, and after one that
 * was set back none would for an hour. So the age of a snapshot is the steady time since this
 * process first saw it. Of snapshots from before that, only the wall clock tells the age.
 */
import type { Snapshot } from './snapshot.ts'

/** Milliseconds on the steady clock. */
export type SnapshotTimes = Readonly<{
  nowMs: number
  /** `nowMs` for a snapshot that is only now being made. */
  bornMs: (snapshot: Snapshot) => number
}>

export type SnapshotClock = Readonly<{
  /** Takes all snapshots that there are now; forgets others. */
  look(snapshots: readonly Snapshot[]): SnapshotTimes
}>

export function openSnapshotClock(
  clocks: Readonly<{ nowUs: () => number; steadyMs: () => number }>,
): SnapshotClock {
  const born = new Map<bigint, number>()
  let lookedMs = Number.NEGATIVE_INFINITY
  return {
    look(snapshots) {
      const nowMs = clocks.steadyMs()
      const unseen = snapshots.filter(({ id }) => !born.has(id))
      const newestMs = unseen.reduce((max, { timestampMs }) => Math.max(max, timestampMs), 0)
      // A snapshot from the future: the clock was set back since.
      const wallMs = Math.max(clocks.nowUs() / 1000, newestMs)
      for (const { id, timestampMs } of unseen) {
        born.set(id, Math.max(nowMs - (wallMs - timestampMs), lookedMs))
      }
      lookedMs = nowMs
      const ids = new Set(snapshots.map(({ id }) => id))
      for (const id of born.keys()) if (!ids.has(id)) born.delete(id)
      return { nowMs, bornMs: ({ id }) => born.get(id) ?? nowMs }
    },
  }
}
