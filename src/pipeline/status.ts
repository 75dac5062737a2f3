/** The state of everything: what `status`, /v1/status, /healthz and the dashboard show. */
import type { ClusterJobFigures, JobFigures, LogFigures, WindowFigures } from '../job.ts'
import type { Outlook } from './outlook.ts'

export type Status = Readonly<{
  /** received = stored + duplicates + rejected + waiting, over restarts. */
  ledger: Readonly<{
    received: number
    stored: number
    duplicates: number
    rejected: number
    waiting: number
  }>
  freshness: Readonly<{
    /** Everything that arrived until then is in the tables. */
    committedUntilUs: number | null
    lastCommitUs: number | null
    secondsBehind: number
  }>
  /**
   * Rows that other programs have ever added and removed: not a part of the ledger. Null where the
   * engine cannot tell.
   */
  others: NonNullable<JobFigures['others']> | null
  log: LogFigures
  nextOffset: number
  tables: JobFigures['tables']
  /**
   * Of an engine whose job runs on a cluster; null where that has no such job, absent where it
   * does not answer.
   */
  job?: JobStatus | null | undefined
  /** Of an engine that adds a row when a window closes. */
  windows?: WindowFigures | undefined
  /** `ids` and `bytes` are absent where the engine does not tell. */
  dedupe: Readonly<{ horizonMs: number; trueHorizonMs: number; ids?: number; bytes?: number }>
  /**
   * Clicks that this process redirected before they were durable; null of no process. They are no
   * part of the ledger: a late one may have been stored, and counted there, a moment later.
   */
  clicksUnstored: number | null
  /** Null: not measurable at the moment, or of no process. */
  memory: Readonly<{ rssBytes: number | null }>
  outlook: Outlook
  state: 'rebuilding' | 'running' | 'stopped'
  healthy: boolean
  /** One sentence for each thing that is wrong, saying what to do. */
  problems: readonly string[]
  /** What the user should know, though nothing is wrong: one sentence each. */
  notices: readonly string[]
}>

/** Figures of the job, with ages as of now. Ids are under `dedupe`. */
export type JobStatus = Omit<ClusterJobFigures, 'ids' | 'lastCheckpoint'> &
  Readonly<{
    lastCheckpoint?: NonNullable<ClusterJobFigures['lastCheckpoint']> &
      Readonly<{ ageSeconds: number }>
    /** Behind the clock. */
    watermarkLagSeconds?: number
  }>

export type StatusInput = Readonly<{
  /** The job's own, unless there is no process. */
  state: Status['state']
  figures: JobFigures
  /** Why the tables do not move on for now; null when they do. */
  stalled: string | null
  /** As configured. */
  dedupeHorizonMs: number
  log: LogFigures
  /** Rejected by the collector, before the log, since ever. */
  rejectedBefore: number
  rejectedCountsOnly: boolean
  botsCountsOnly: boolean
  outlook: Outlook
  /** Since when events have been waiting, if any are. */
  waitingSinceUs: number
  failure: string | null
  /** Why the job cannot read to the end of the log. */
  unreadable: string | null
  /** When the job last advanced, as far as is known; null where no process watches it. */
  advancedUs: number | null
  /** What other rooms report as wrong. */
  noticed: readonly string[]
  /** What other rooms report though nothing is wrong. */
  remarks: readonly string[]
  clicksUnstored: number | null
  nowUs: number
  rssBytes: number | null
}>

/** Commits come about once a second; this late means something is stuck or far too slow. */
const BEHIND_SECONDS_MAX = 60
/** No problem: bots come in any number, and nothing else suffers. */
const BOTS_COUNTED =
  'events of bots have filled their share of rejectedMax: further ones are counted, not kept'

export function statusOf(input: StatusInput): Status {
  const { figures, log, state } = input
  const waiting = Math.max(0, log.end - figures.nextOffset)
  const rejected = figures.rejected + input.rejectedBefore
  const received = figures.logBase + log.end + input.rejectedBefore
  const secondsBehind = waiting === 0 ? 0 : Math.max(0, (input.nowUs - input.waitingSinceUs) / 1e6)
  const dedupe = dedupeOf(input)
  const accounted = figures.stored + figures.duplicates + rejected + waiting
  const problems = [
    input.failure,
    input.stalled,
    input.unreadable,
    ...input.noticed,
    accounted === received
      ? null
      : `the ledger does not close: received ${received}, accounted for ${accounted}`,
    dedupe.trueHorizonMs < dedupe.horizonMs
      ? `repeats are recognised for ${Math.floor(dedupe.trueHorizonMs / 1000)} s only, ` +
        `dedupe.horizon asks for ${dedupe.horizonMs / 1000} s: raise dedupe.memoryMax`
      : null,
    input.rejectedCountsOnly || figures.rejectedCountsOnly === true
      ? 'the rejected/ folder has reached rejectedMax: further rejected events are counted, ' +
        'not kept; look at them (campaign-metrics rejected) and remove or replay them'
      : null,
    secondsBehind > BEHIND_SECONDS_MAX && state === 'running'
      ? `the tables are ${Math.floor(secondsBehind)} s behind${lagCause(input)}`
      : null,
  ].filter((problem) => problem !== null)
  return {
    ledger: {
      received,
      stored: figures.stored,
      duplicates: figures.duplicates,
      rejected,
      waiting,
    },
    freshness: {
      committedUntilUs: figures.committedUntilUs,
      lastCommitUs: figures.lastCommit?.atUs ?? null,
      secondsBehind,
    },
    others: figures.others ?? null,
    log,
    nextOffset: figures.nextOffset,
    tables: figures.tables,
    job: figures.job && jobStatusOf(figures.job, input.nowUs),
    windows: figures.windows,
    dedupe,
    clicksUnstored: input.clicksUnstored,
    memory: { rssBytes: input.rssBytes },
    outlook: input.outlook,
    state,
    healthy: problems.length === 0,
    problems,
    notices: [
      ...(figures.notices ?? []),
      ...input.remarks,
      ...(input.botsCountsOnly ? [BOTS_COUNTED] : []),
    ],
  }
}

function jobStatusOf(job: ClusterJobFigures, nowUs: number): JobStatus {
  const { ids: _, lastCheckpoint, watermarkUs, ...figures } = job
  const secondsSince = (us: number): number => Math.max(0, (nowUs - us) / 1e6)
  return {
    ...figures,
    ...(lastCheckpoint === undefined
      ? {}
      : {
          lastCheckpoint: {
            ...lastCheckpoint,
            ageSeconds: secondsSince(lastCheckpoint.completedUs),
          },
        }),
    ...(watermarkUs === undefined
      ? {}
      : { watermarkUs, watermarkLagSeconds: secondsSince(watermarkUs) }),
  }
}

/** Without an engine that keeps ids in this process, the horizon is as configured. */
function dedupeOf({ figures, dedupeHorizonMs: horizonMs }: StatusInput): Status['dedupe'] {
  const ids = figures.job?.ids
  return (
    figures.dedupe ?? { horizonMs, trueHorizonMs: horizonMs, ...(ids === undefined ? {} : { ids }) }
  )
}

/** Where the cause is known, it is a problem of its own, and no guess is needed. */
function lagCause({ failure, stalled, unreadable, advancedUs, nowUs }: StatusInput): string {
  if (failure !== null || stalled !== null || unreadable !== null) return ''
  if (advancedUs === null) return ''
  const idleSeconds = Math.floor((nowUs - advancedUs) / 1e6)
  return idleSeconds > BEHIND_SECONDS_MAX
    ? `: nothing has been committed for ${idleSeconds} s, though events wait`
    : ': events come faster than they are committed'
}
