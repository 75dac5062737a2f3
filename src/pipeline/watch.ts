/** Keeps the newest word from the job and from the log together, for status and meter. */
import type { JobProgress } from '../embedded.ts'
import type { EventLog } from '../log.ts'
import type { Meter, Readings } from '../meter.ts'
import type { RejectedStore } from '../rejected.ts'
import type { OutlookWatch } from './outlook.ts'
import { residentBytes } from './process-limits.ts'
import { type Status, statusOf } from './status.ts'

export type Watched = Readonly<{
  log: EventLog
  rejected: RejectedStore
  outlook: OutlookWatch
}>

export type Watch = {
  observe(progress: JobProgress): void
  /** To be called once a second: notes when nothing waits, which tells since when something does. */
  tick(): void
  fail(error: Error): void
  /** What else is wrong, as of the last look: each time in place of what it was. */
  notice(problems: readonly string[]): void
  status(): Status
  readings(): Readings
}

export function openWatch(
  rooms: Watched,
  first: JobProgress,
  meter: () => Meter,
  nowUs: () => number,
): Watch {
  let progress = first
  let caughtUpUs = nowUs()
  let advancedUs = caughtUpUs
  let commits = 0
  let failure: string | null = null
  let noticed: readonly string[] = []

  function status(): Status {
    const stats = rooms.log.stats()
    return statusOf({
      state: progress.state,
      progress,
      log: {
        id: rooms.log.id,
        start: rooms.log.start(),
        end: rooms.log.end(),
        bytes: stats.bytesOnDisk,
      },
      rejectedBefore: rooms.rejected.stats().total,
      rejectedCountsOnly: rooms.rejected.stats().keepingCountsOnly,
      outlook: rooms.outlook.outlook(progress),
      waitingSinceUs: Math.max(caughtUpUs, progress.checkpoint.arrivedUs),
      failure: failure ?? stats.failed?.message ?? stats.full?.message ?? null,
      unreadable: stats.unreadable,
      advancedUs,
      noticed: [...rejectedTrouble(rooms.rejected), ...noticed],
      nowUs: nowUs(),
      rssBytes: residentBytes(),
    })
  }

  return {
    observe(next): void {
      // Progress is told after maintenance as well; it crossed a thread, so equal commits are not the same object.
      if (next.lastCommit !== null && next.lastCommit.atUs !== progress.lastCommit?.atUs) {
        commits++
        meter().commitSeconds.observe(next.lastCommit.durationMs / 1000)
      }
      if (next.checkpoint.nextOffset !== progress.checkpoint.nextOffset) advancedUs = nowUs()
      progress = next
    },
    tick(): void {
      rooms.outlook.tick()
      if (progress.checkpoint.nextOffset !== rooms.log.end()) return
      caughtUpUs = nowUs()
      advancedUs = caughtUpUs
    },
    fail(error): void {
      failure = error.message
    },
    notice(problems): void {
      noticed = problems
    },
    status,
    readings(): Readings {
      const at = status()
      return {
        logStart: at.log.start,
        logEnd: at.log.end,
        logBytes: at.log.bytes,
        waiting: at.ledger.waiting,
        commits,
        stored: at.ledger.stored,
        duplicates: at.ledger.duplicates,
        rejectedKept: at.ledger.rejected,
        freshnessSeconds: at.freshness.secondsBehind,
        liveFiles: {
          campaign_events: at.tables.events.files,
          campaign_metrics: at.tables.metrics.files,
        },
        dedupeIds: at.dedupe.ids,
        dedupeBytes: at.dedupe.bytes,
        dedupeHorizonTrueSeconds: at.dedupe.trueHorizonMs / 1000,
        dedupeHorizonSeconds: at.dedupe.horizonMs / 1000,
      }
    },
  }
}

function rejectedTrouble(rejected: RejectedStore): readonly string[] {
  const { failed, problem: trouble } = rejected.stats()
  if (trouble === null) return []
  if (failed) return [trouble]
  return [`${trouble} Bodies with a rejected event are answered 503 until it can be kept`]
}
