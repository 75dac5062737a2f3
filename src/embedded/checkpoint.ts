/**
 * The checkpoint: how far the job is, kept in the summaries of both tables' snapshots and nowhere
 * else.
 *
 *   log-id       the log these tables are filled from
 *   next-offset  the first offset of that log which is not in the tables
 *   log-base     events taken from earlier logs;
 *                stored + duplicates + rejected = log-base + next-offset
 *   arrived      arrival time of the last event taken, µs
 *   dedupe-time  its dedupe time (dedupe.ts), µs
 *   stored, duplicates, rejected   the job's part of the ledger, from the first event on
 *
 *   partial      what is in the tables already of the offsets from next-offset on, as
 *                `next-offset until from-day stored commits`. It exists while rows of very many
 *                days are committed in slices (day-backlog.ts); another next-offset ends it
 *
 * For a topic, next-offset counts the records taken from it, and offsets lists where reading
 * continues in each partition: "120,98,131" for the partitions 0, 1 and 2.
 */
import type { LogExtent } from '../log.ts'
import { newestWith, SUMMARY_KEYS, type TableView } from '../table.ts'
import { JobError } from './error.ts'

export type Checkpoint = Readonly<{
  logId: string
  nextOffset: number
  logBase: number
  arrivedUs: number
  dedupeUs: number
  stored: number
  duplicates: number
  rejected: number
  /** By partition of a topic; null for a folder. */
  offsets: readonly number[] | null
  /** Absent where the tables hold nothing from `nextOffset` on. */
  partial?: Partial | undefined
}>

/**
 * Of the offsets from `nextOffset` to before `until`, events of `fromDay` and later days are in the
 * tables.
 */
export type Partial = Readonly<{
  until: number
  /** Days since 1970-01-01. */
  fromDay: number
  /** How many of them are stored; the others were duplicates. */
  stored: number
  /** The number of commits that stored them. */
  commits: number
}>

const COUNT_NAMES = [
  'nextOffset',
  'logBase',
  'arrivedUs',
  'dedupeUs',
  'stored',
  'duplicates',
  'rejected',
] as const
type CountName = (typeof COUNT_NAMES)[number]

export function writeCheckpoint(checkpoint: Checkpoint): Record<string, string> {
  const summary: Record<string, string> = { [SUMMARY_KEYS.logId]: checkpoint.logId }
  for (const name of COUNT_NAMES) summary[SUMMARY_KEYS[name]] = String(checkpoint[name])
  if (checkpoint.offsets !== null) summary[SUMMARY_KEYS.offsets] = checkpoint.offsets.join(',')
  if (checkpoint.partial !== undefined) {
    const { until, fromDay, stored, commits } = checkpoint.partial
    const numbers = [checkpoint.nextOffset, until, fromDay, stored, commits]
    summary[SUMMARY_KEYS.partial] = numbers.join(' ')
  }
  return summary
}

/** Rises with each commit, and is never above the offset that all its events end at. */
export function positionOf({ nextOffset, partial }: Checkpoint): number {
  return nextOffset + (partial?.commits ?? 0)
}

/**
 * The checkpoint of a table as it is: that of the newest snapshot of ours among the parents of the
 * current one, which may be another program's.
 */
export function checkpointOf(view: TableView): Checkpoint | null {
  return readCheckpoint(newestWith(view, SUMMARY_KEYS.logId)?.summary ?? {})
}

/** The checkpoint in a snapshot's summary, or null where the job has not committed yet. */
export function readCheckpoint(summary: Readonly<Record<string, string>>): Checkpoint | null {
  const logId = summary[SUMMARY_KEYS.logId]
  if (logId === undefined) return null
  const count = (name: CountName, otherwise?: string): number => {
    const key = SUMMARY_KEYS[name]
    const text = summary[key] ?? otherwise
    const value = Number(text)
    if (text !== undefined && /^-?\d+$/.test(text) && Number.isSafeInteger(value)) return value
    throw new JobError('checkpoint-unreadable', { key, value: text ?? '' })
  }
  const nextOffset = count('nextOffset')
  const partial = readPartial(summary[SUMMARY_KEYS.partial], nextOffset)
  return {
    logId,
    nextOffset,
    logBase: count('logBase'),
    arrivedUs: count('arrivedUs'),
    // Earlier versions have none: ids aged by their arrival.
    dedupeUs: count('dedupeUs', summary[SUMMARY_KEYS.arrivedUs]),
    stored: count('stored'),
    duplicates: count('duplicates'),
    rejected: count('rejected'),
    offsets: readOffsets(summary[SUMMARY_KEYS.offsets]),
    ...(partial === null ? {} : { partial }),
  }
}

/**
 * Null where it has ended: keys that a snapshot does not set are carried over from the one before.
 */
function readPartial(text: string | undefined, nextOffset: number): Partial | null {
  if (text === undefined) return null
  const numbers = text.split(' ').map(Number)
  const [offset, until, fromDay, stored, commits] = numbers
  const isWhole = numbers.length === 5 && numbers.every(Number.isSafeInteger)
  if (!isWhole || until === undefined || fromDay === undefined || stored === undefined) {
    throw new JobError('checkpoint-unreadable', { key: SUMMARY_KEYS.partial, value: text })
  }
  return offset === nextOffset ? { until, fromDay, stored, commits: commits ?? 0 } : null
}

function readOffsets(text: string | undefined): readonly number[] | null {
  if (text === undefined) return null
  const offsets = text.split(',').map(Number)
  if (/^\d+(,\d+)*$/.test(text) && offsets.every(Number.isSafeInteger)) return offsets
  throw new JobError('checkpoint-unreadable', { key: SUMMARY_KEYS.offsets, value: text })
}

/**
 * Where the job continues. Refuses a log that is not the one the tables were filled from, one that
 * ends before the checkpoint, one that no longer holds it, and for empty tables a folder whose
 * first events went to other tables: continuing in silence would lose or repeat events (F11).
 * `acceptNewLog` is the user's consent that the tables are filled from this other log as well, and
 * that what a topic has lost is lost.
 */
export function resumeFrom(
  kept: Checkpoint | null,
  log: LogExtent,
  acceptNewLog: boolean,
): Checkpoint {
  const offsets = log.partitions?.map(({ start }) => start) ?? null
  if (kept === null) {
    // Segments are removed only once their events are in tables, and these tables are empty. (In a
    // topic, retention may have removed them.)
    if (log.start > 0 && !acceptNewLog) throw new JobError('other-tables', { start: log.start })
    return {
      logId: log.id,
      nextOffset: log.start,
      logBase: 0 - log.start,
      arrivedUs: 0,
      dedupeUs: 0,
      stored: 0,
      duplicates: 0,
      rejected: 0,
      offsets,
    }
  }
  if (kept.logId !== log.id) {
    if (!acceptNewLog) throw new JobError('other-log', { tables: kept.logId, log: log.id })
    const taken = kept.stored + kept.duplicates + kept.rejected
    const logBase = taken - log.start
    return { ...kept, logId: log.id, nextOffset: log.start, logBase, offsets, partial: undefined }
  }
  if (log.partitions !== null) {
    return { ...kept, offsets: resumeOffsets(kept.offsets ?? [], log.partitions, acceptNewLog) }
  }
  const reached = kept.partial?.until ?? kept.nextOffset
  if (reached > log.end) throw new JobError('log-too-short', { nextOffset: reached, end: log.end })
  if (kept.nextOffset < log.start) {
    throw new JobError('log-trimmed', { nextOffset: kept.nextOffset, start: log.start })
  }
  return kept
}

/** By partition. A new partition is read from its start. */
function resumeOffsets(
  kept: readonly number[],
  partitions: NonNullable<LogExtent['partitions']>,
  acceptLoss: boolean,
): readonly number[] {
  return partitions.map(({ start, end }, partition) => {
    const nextOffset = kept[partition] ?? start
    const facts = { partition, nextOffset, start, end }
    if (nextOffset > end && !acceptLoss) throw new JobError('partition-too-short', facts)
    if (nextOffset < start && !acceptLoss) throw new JobError('partition-trimmed', facts)
    return Math.min(Math.max(nextOffset, start), end)
  })
}

/**
 * The last offset whose rejected event was kept by a run that ended before it could commit; -1
 * where none was kept beyond the checkpoint: the last offset kept may then belong to an earlier
 * log.
 */
export function rejectedKeptUntil(
  checkpoint: Checkpoint,
  kept: Readonly<{ total: number; lastOffset: number | null }>,
): number {
  return kept.total > checkpoint.rejected ? (kept.lastOffset ?? -1) : -1
}
