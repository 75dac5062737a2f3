/**
 * Snapshot expiry: which snapshots stay, and which files nothing refers to once the others are
 * gone. Commits come every second, so most snapshots must go soon; their files stay longer, for
 * readers that have loaded one (reader-grace.ts).
 *
 *   now ─── 1 to 2 min ────────── 1 h ────── older
 *    all stay    │ one a minute stays │ none stays
 *
 * They go at the turn of each minute, all at once: a stream that begins at the oldest snapshot has
 * the time to read it. Over the limit it is the older half of the young ones that goes at once.
 *
 * The newest always stays, however old: the checkpoint is in it (F10). So do those that a tag or
 * branch names.
 */
import { FLINK_SUMMARY_KEYS, SUMMARY_KEYS } from './keys.ts'
import { pathOf } from './location.ts'
import { chainOf, isOwn, type Snapshot, type SnapshotHistory } from './snapshot.ts'
import type { SnapshotTimes } from './snapshot-times.ts'

export type ExpiryPolicy = Readonly<{
  /** Snapshots younger than this all stay. */
  allMs: number
  /** Snapshots grow older in steps of this. */
  stepMs: number
  /** Snapshots younger than this stay one a minute. */
  minutelyMs: number
  /**
   * The limit if commits come faster. Those go first that only stay because they are young: a
   * timestamp of an hour ago must still lead to a snapshot. The older half of them goes at once.
   */
  snapshotsMax: number
}>

export const EXPIRY_POLICY: ExpiryPolicy = {
  allMs: 60_000,
  stepMs: 60_000,
  // Every moment of the last hour leads to a snapshot, also just before the turn of a minute.
  minutelyMs: 62 * 60_000,
  snapshotsMax: 240,
}

/** `snapshots` oldest first, and so is the result. */
export function keptSnapshots(
  snapshots: readonly Snapshot[],
  pinned: ReadonlySet<bigint>,
  { nowMs, bornMs }: SnapshotTimes,
  policy: ExpiryPolicy,
): readonly Snapshot[] {
  const newest = snapshots.at(-1)
  const steppedMs = Math.floor(nowMs / policy.stepMs) * policy.stepMs
  const minutely = new Set<Snapshot>()
  let minute: number | null = null
  const kept = snapshots.filter((snapshot) => {
    const ageMs = steppedMs - bornMs(snapshot)
    const minuteBefore = minute
    minute = Math.floor(bornMs(snapshot) / 60_000)
    // The first of its minute is the one that stays while the others of that minute grow old.
    if (minute !== minuteBefore && ageMs < policy.minutelyMs) minutely.add(snapshot)
    const stays = snapshot === newest || ageMs < policy.allMs || pinned.has(snapshot.id)
    return stays || minutely.has(snapshot)
  })
  const surplus = kept.length - policy.snapshotsMax
  if (surplus <= 0) return kept
  const free = kept.filter((snapshot) => snapshot !== newest && !pinned.has(snapshot.id))
  const young = free.filter((snapshot) => !minutely.has(snapshot))
  const order = [...young, ...free.filter((snapshot) => minutely.has(snapshot))]
  const dropped = new Set(order.slice(0, Math.max(surplus, Math.ceil(young.length / 2))))
  return kept.filter((snapshot) => !dropped.has(snapshot))
}

/** As long as an outage may last. */
const PINNED_MS = 7 * 24 * 3_600_000
/** The limit of pinned jobs and logs; each submission is a job. */
const PINS_MAX = 32

/**
 * Snapshots that must stay where Flink writes into the same tables, because they tell how far a
 * writer came.
 *
 * When Flink's sink is restored, it looks for its last committed checkpoint: it follows the parents
 * from the current snapshot to the first whose summary names its job and operator. What it does not
 * find it commits again (apache/iceberg#17925, F10), and the search ends at a parent that has
 * expired. So every snapshot from the current one back to Flink's newest stays. Behind it, the
 * newest of each earlier job and of each log stays alone: Flink does not search there, but what
 * their summaries tell can be found (`historyOf`) for as long as any outage that we support.
 */
export function pinnedSnapshots(
  history: SnapshotHistory,
  { nowMs, bornMs }: SnapshotTimes,
): ReadonlySet<bigint> {
  const newestFirst = history.snapshots.toReversed()
  const newest = new Map<string, Snapshot>()
  for (const snapshot of newestFirst) {
    for (const name of writersOf(snapshot)) if (!newest.has(name)) newest.set(name, snapshot)
  }
  const young = [...newest.values()].filter((each) => nowMs - bornMs(each) < PINNED_MS)
  const always = [newestFirst.find(isOwn), newestFirst.find(isOfFlink)].filter(
    (snapshot) => snapshot !== undefined,
  )
  const chain = chainOf(history)
  const unbroken = chain.slice(0, chain.findIndex(isOfFlink) + 1)
  return new Set([...always, ...unbroken, ...young.slice(0, PINS_MAX)].map(({ id }) => id))
}

function isOfFlink({ summary }: Snapshot): boolean {
  return summary[FLINK_SUMMARY_KEYS.jobId] !== undefined
}

/** The job and the log that a snapshot belongs to. */
function writersOf({ summary }: Snapshot): readonly string[] {
  const job = summary[FLINK_SUMMARY_KEYS.jobId]
  const operator = summary[FLINK_SUMMARY_KEYS.operatorId]
  const log = summary[SUMMARY_KEYS.logId]
  return [
    ...(job === undefined ? [] : [`job ${job} ${operator ?? ''}`]),
    ...(log === undefined ? [] : [`log ${log}`]),
  ]
}

/**
 * A manifest or data file that the current snapshot no longer refers to, but an older one may. It
 * knows the range of sequence numbers whose snapshots refer to it; once no kept snapshot is in that
 * range, the file can be removed. So nothing is ever listed or compared with the whole history.
 *
 *   kept snapshots     12         17 18 19 20 (current)
 *   retired file        └ 11…16 ┘             12 refers to it: it stays
 *   retired file            13…16             can be removed
 */
export type RetiredFile = Readonly<{ path: string; first: number; last: number }>

export type RetiredSplit = Readonly<{
  kept: readonly RetiredFile[]
  free: readonly RetiredFile[]
}>

/** `keptNumbers`: sequence numbers of the kept snapshots, ascending. */
export function splitRetired(
  retired: readonly RetiredFile[],
  keptNumbers: readonly number[],
): RetiredSplit {
  const kept: RetiredFile[] = []
  const free: RetiredFile[] = []
  for (const file of retired) {
    const next = keptNumbers[lowerBound(keptNumbers, file.first)]
    if (next !== undefined && next <= file.last) kept.push(file)
    else free.push(file)
  }
  return { kept, free }
}

/** The index of the first value that is not below `least`. */
function lowerBound(ascending: readonly number[], least: number): number {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ascending[middle]! < least) low = middle + 1
    else high = middle
  }
  return low
}

const STATISTICS_FIELDS = ['statistics', 'partition-statistics'] as const

type Fields = Readonly<Record<string, unknown>>

/**
 * Statistics files (spec: "Table Statistics", "Partition Statistics"), which other programs make
 * for one snapshot each. When that expires, its entry goes, as in Java, and then the file.
 * `fields`: those of the table metadata.
 */
export function splitStatistics(
  fields: Fields,
  keptIds: ReadonlySet<bigint>,
): Readonly<{ kept: Fields; free: readonly string[] }> {
  const kept: Record<string, unknown> = {}
  const free: string[] = []
  for (const name of STATISTICS_FIELDS) {
    const entries = fields[name]
    if (!Array.isArray(entries)) continue
    const isKept = (entry: Fields): boolean => keptIds.has(entry['snapshot-id'] as bigint)
    kept[name] = entries.filter(isKept)
    for (const entry of entries) {
      const path: unknown = entry['statistics-path']
      if (!isKept(entry) && typeof path === 'string') free.push(pathOf(path))
    }
  }
  return { kept, free }
}
