/**
 * Which snapshots stay. Commits come every second, so most must go soon; a query that began on one needs its files a
 * while longer.
 *
 *   now ─── 1 min ─────────────── 1 h ────── older
 *    all stay │ one a minute stays │ none stays
 *
 * The newest always stays, however old: the checkpoint is in it (F10). So do those that a tag or branch names.
 */
import type { Snapshot } from './snapshot.ts'

export type ExpiryPolicy = Readonly<{
  /** Snapshots younger than this all stay. */
  allMs: number
  /** Snapshots younger than this stay one a minute. */
  minutelyMs: number
  /** The limit if commits come faster, or if the clock was set back: the oldest go first. */
  snapshotsMax: number
}>

export const EXPIRY_POLICY: ExpiryPolicy = {
  allMs: 60_000,
  minutelyMs: 60 * 60_000,
  snapshotsMax: 240,
}

/** `snapshots` oldest first, and so is the result. */
export function keptSnapshots(
  snapshots: readonly Snapshot[],
  pinned: ReadonlySet<bigint>,
  nowMs: number,
  policy: ExpiryPolicy,
): readonly Snapshot[] {
  const newest = snapshots.at(-1)
  let minute: number | null = null
  const kept = snapshots.filter((snapshot) => {
    const ageMs = nowMs - snapshot.timestampMs
    const startsMinute = minute !== minuteOf(snapshot)
    minute = minuteOf(snapshot)
    if (snapshot === newest || ageMs < policy.allMs || pinned.has(snapshot.id)) return true
    // The first of its minute is the one that stays while the others of that minute grow old.
    return ageMs < policy.minutelyMs && startsMinute
  })
  const surplus = kept.length - policy.snapshotsMax
  if (surplus <= 0) return kept
  const dropped = new Set(kept.filter((snapshot) => !pinned.has(snapshot.id)).slice(0, surplus))
  return kept.filter((snapshot) => !dropped.has(snapshot) || snapshot === newest)
}

function minuteOf(snapshot: Snapshot): number {
  return Math.floor(snapshot.timestampMs / 60_000)
}
