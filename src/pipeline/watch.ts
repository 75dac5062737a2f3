/**
 * Brings the newest progress of the job and the figures of the log together, for status and meter.
 */
import { strict as assert } from 'node:assert'
import type { JobProgress } from '../job.ts'
import type { EventLog } from '../log.ts'
import type { Meter, Readings } from '../meter.ts'
import type { RejectedShares } from '../rejected.ts'
import type { OutlookWatch } from './outlook.ts'
import { residentBytes } from './process-limits.ts'
import { type Status, statusOf } from './status.ts'

export type WatchOptions = Readonly<{
  log: EventLog
  rejected: RejectedShares
  outlook: OutlookWatch
  commitSeconds: Meter['commitSeconds']
  clicksUnstored: () => number
  /** As configured. */
  dedupeHorizonMs: number
  nowUs: () => number
}>

export type Watch = {
  /** Takes the job's progress: the first time before anything is asked. */
  observe(progress: JobProgress): void
  /**
   * To be called once a second: notes when nothing waits, which tells since when something does.
   */
  tick(): void
  fail(error: Error): void
  /** What else is wrong now, and what else the user should know, in place of what was before. */
  notice(problems: readonly string[], notices: readonly string[]): void
  status(): Status
  readings(): Readings
  /** For how long repeats are recognised now. */
  trueHorizonMs(): number
}

export function openWatch(options: WatchOptions): Watch {
  const { log, rejected, outlook, nowUs } = options
  let latest: JobProgress | null = null
  let caughtUpUs = nowUs()
  let advancedUs = caughtUpUs
  let commits = 0
  let failure: string | null = null
  let noticed: readonly string[] = []
  let remarks: readonly string[] = []

  function progressed(): JobProgress {
    assert(latest !== null, 'a started job has reported its progress')
    return latest
  }

  function status(): Status {
    const { state, stalled, ...figures } = progressed()
    const stats = log.stats()
    const { total, keepingCountsOnly, keepingCountsOnlyOfBots } = rejected.stats()
    return statusOf({
      state,
      figures,
      stalled,
      dedupeHorizonMs: options.dedupeHorizonMs,
      log: {
        ...{ id: log.id, start: log.start(), end: log.end() },
        ...(stats.bytesOnDisk === undefined ? {} : { bytes: stats.bytesOnDisk }),
      },
      rejectedBefore: total,
      rejectedCountsOnly: keepingCountsOnly,
      botsCountsOnly: keepingCountsOnlyOfBots,
      outlook: outlook.outlook(figures),
      waitingSinceUs: Math.max(caughtUpUs, figures.committedUntilUs ?? 0),
      failure: failure ?? stats.failed?.message ?? stats.full?.message ?? null,
      unreadable: stats.unreadable,
      advancedUs,
      noticed: [
        ...(stats.changed === null ? [] : [stats.changed]),
        ...rejectedProblems(rejected),
        ...noticed,
      ],
      remarks,
      clicksUnstored: options.clicksUnstored(),
      nowUs: nowUs(),
      rssBytes: residentBytes(),
    })
  }

  /**
   * Progress is reported after maintenance as well, so the time tells whether a commit is another
   * one.
   */
  function countCommit({ lastCommit }: JobProgress, before: JobProgress): void {
    if (lastCommit === null || lastCommit.atUs === before.lastCommit?.atUs) return
    commits++
    const { durationMs } = lastCommit
    if (durationMs !== undefined) options.commitSeconds.observe(durationMs / 1000)
  }

  return {
    trueHorizonMs: () => progressed().dedupe?.trueHorizonMs ?? options.dedupeHorizonMs,
    observe(next): void {
      if (latest === null) caughtUpUs = nowUs()
      else countCommit(next, latest)
      if (next.nextOffset !== latest?.nextOffset) advancedUs = nowUs()
      latest = next
    },
    tick(): void {
      outlook.tick()
      if (progressed().nextOffset !== log.end()) return
      caughtUpUs = nowUs()
      advancedUs = caughtUpUs
    },
    fail(error): void {
      failure = error.message
    },
    notice(problems, notices): void {
      noticed = problems
      remarks = notices
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
        job: at.job,
        windows: at.windows,
      }
    },
  }
}

function rejectedProblems(rejected: RejectedShares): readonly string[] {
  const { failed, problem } = rejected.stats()
  if (problem === null) return []
  if (failed) return [problem]
  return [`${problem} Bodies with a rejected event are answered 503 until it can be kept`]
}
