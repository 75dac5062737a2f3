/**
 * The checkpoint: where the job stands, kept in the summaries of both tables' snapshots and nowhere else.
 *
 *   log-id       the log these tables are filled from
 *   next-offset  the first offset of that log which is not in the tables
 *   log-base     events taken from earlier logs; stored + duplicates + rejected = log-base + next-offset
 *   arrived      arrival time of the last event taken, µs
 *   stored, duplicates, rejected   the job's part of the ledger, since ever
 */
import { JobError } from './error.ts'

export type Checkpoint = Readonly<{
  logId: string
  nextOffset: number
  logBase: number
  arrivedUs: number
  stored: number
  duplicates: number
  rejected: number
}>

/** What the log holds: its identity and the offsets `[start, end)`. */
export type LogExtent = Readonly<{ id: string; start: number; end: number }>

const PREFIX = 'campaign-metrics.'

const COUNTS = {
  nextOffset: 'next-offset',
  logBase: 'log-base',
  arrivedUs: 'arrived',
  stored: 'stored',
  duplicates: 'duplicates',
  rejected: 'rejected',
} as const

const COUNT_NAMES = Object.keys(COUNTS) as (keyof typeof COUNTS)[]

export function writeCheckpoint(checkpoint: Checkpoint): Record<string, string> {
  const summary: Record<string, string> = { [`${PREFIX}log-id`]: checkpoint.logId }
  for (const name of COUNT_NAMES) summary[PREFIX + COUNTS[name]] = String(checkpoint[name])
  return summary
}

/** The checkpoint in a snapshot's summary, or null where the job has not committed yet. */
export function readCheckpoint(summary: Readonly<Record<string, string>>): Checkpoint | null {
  const logId = summary[`${PREFIX}log-id`]
  if (logId === undefined) return null
  const counts = { nextOffset: 0, logBase: 0, arrivedUs: 0, stored: 0, duplicates: 0, rejected: 0 }
  for (const name of COUNT_NAMES) {
    const text = summary[PREFIX + COUNTS[name]]
    const value = Number(text)
    if (text === undefined || !/^-?\d+$/.test(text) || !Number.isSafeInteger(value)) {
      throw new JobError('checkpoint-unreadable', { key: PREFIX + COUNTS[name], value: text ?? '' })
    }
    counts[name] = value
  }
  return { logId, ...counts }
}

/**
 * Where to go on. Refuses a log that is not the one the tables were filled from, one that ends before the
 * checkpoint, one that no longer holds it, and for empty tables one that has given events to others: going on in silence
 * would lose or repeat events (F11).
 * `acceptNewLog` is the user's word that the tables shall be filled from this other log as well.
 */
export function resumeFrom(
  kept: Checkpoint | null,
  log: LogExtent,
  acceptNewLog: boolean,
): Checkpoint {
  if (kept === null) {
    // Segments go only once their events are in tables: those are not these.
    if (log.start > 0 && !acceptNewLog) throw new JobError('other-tables', { start: log.start })
    return {
      logId: log.id,
      nextOffset: log.start,
      logBase: 0 - log.start,
      arrivedUs: 0,
      stored: 0,
      duplicates: 0,
      rejected: 0,
    }
  }
  if (kept.logId !== log.id) {
    if (!acceptNewLog) throw new JobError('other-log', { tables: kept.logId, log: log.id })
    const taken = kept.stored + kept.duplicates + kept.rejected
    return { ...kept, logId: log.id, nextOffset: log.start, logBase: taken - log.start }
  }
  if (kept.nextOffset > log.end) {
    throw new JobError('log-too-short', { nextOffset: kept.nextOffset, end: log.end })
  }
  if (kept.nextOffset < log.start) {
    throw new JobError('log-trimmed', { nextOffset: kept.nextOffset, start: log.start })
  }
  return kept
}

/**
 * Up to which offset of its log the job has kept rejected events already, in a run that ended before it could commit them; -1
 * where it has kept none beyond the checkpoint: the last offset that was kept may then be one of an earlier log.
 */
export function rejectedKeptUntil(
  checkpoint: Checkpoint,
  kept: Readonly<{ total: number; lastOffset: number | null }>,
): number {
  return kept.total > checkpoint.rejected ? (kept.lastOffset ?? -1) : -1
}
