/** Where everything stands: what `status`, /v1/status, /healthz and the dashboard show. */
import type { JobProgress } from '../embedded.ts'
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
  log: Readonly<{ id: string; start: number; end: number; bytes: number }>
  nextOffset: number
  tables: JobProgress['tables']
  dedupe: Readonly<{ horizonMs: number; trueHorizonMs: number; ids: number; bytes: number }>
  /** Null: not measurable at the moment, or of no process. */
  memory: Readonly<{ rssBytes: number | null }>
  outlook: Outlook
  state: 'rebuilding' | 'running' | 'stopped'
  healthy: boolean
  /** One sentence for each thing that is wrong, saying what to do. */
  problems: readonly string[]
}>

export type LogFigures = Readonly<{ id: string; start: number; end: number; bytes: number }>

export type StatusInput = Readonly<{
  /** `state` is the job's own, unless there is no process. */
  state: Status['state']
  progress: Omit<JobProgress, 'state'>
  log: LogFigures
  /** Rejected by the collector, before the log, since ever. */
  rejectedBefore: number
  rejectedCountsOnly: boolean
  outlook: Outlook
  /** Since when events have been waiting, if any are. */
  waitingSinceUs: number
  failure: string | null
  /** Why the job cannot read to the end of the log. */
  unreadable: string | null
  /** When the job last took events, as far as it was watched; null where it was not. */
  advancedUs: number | null
  /** What other rooms say is wrong. */
  noticed: readonly string[]
  nowUs: number
  rssBytes: number | null
}>

/** Commits come about once a second; this late means something is stuck or far too slow. */
const BEHIND_SECONDS_MAX = 60

export function statusOf(input: StatusInput): Status {
  const { progress, log, state } = input
  const { checkpoint } = progress
  const waiting = Math.max(0, log.end - checkpoint.nextOffset)
  const taken = checkpoint.stored + checkpoint.duplicates + checkpoint.rejected
  const received = checkpoint.logBase + log.end + input.rejectedBefore
  const lastCommitUs = progress.lastCommit?.atUs ?? null
  const secondsBehind = waiting === 0 ? 0 : Math.max(0, (input.nowUs - input.waitingSinceUs) / 1e6)
  const problems = [
    ...(input.failure === null ? [] : [input.failure]),
    ...(progress.heldUp === null ? [] : [progress.heldUp]),
    ...(input.unreadable === null ? [] : [input.unreadable]),
    ...input.noticed,
    ...(taken + waiting + input.rejectedBefore === received
      ? []
      : [
          `the ledger does not close: received ${received}, accounted for ${taken + waiting + input.rejectedBefore}`,
        ]),
    ...(progress.dedupe.trueHorizonMs < progress.dedupe.horizonMs
      ? [
          `repeats are recognised for ${Math.floor(progress.dedupe.trueHorizonMs / 1000)} s only, dedupe.horizon asks for ${progress.dedupe.horizonMs / 1000} s: raise dedupe.memoryMax`,
        ]
      : []),
    ...(input.rejectedCountsOnly || progress.rejectedCountsOnly
      ? [
          'the rejected/ folder has reached rejectedMax: further rejected events are counted, not kept; look at them (campaign-metrics rejected) and remove or replay them',
        ]
      : []),
    ...(secondsBehind > BEHIND_SECONDS_MAX && state === 'running'
      ? [`the tables are ${Math.floor(secondsBehind)} s behind${lagCause(input)}`]
      : []),
  ]
  return {
    ledger: {
      received,
      stored: checkpoint.stored,
      duplicates: checkpoint.duplicates,
      rejected: checkpoint.rejected + input.rejectedBefore,
      waiting,
    },
    freshness: {
      committedUntilUs: checkpoint.arrivedUs === 0 ? null : checkpoint.arrivedUs,
      lastCommitUs,
      secondsBehind,
    },
    log,
    nextOffset: checkpoint.nextOffset,
    tables: progress.tables,
    dedupe: progress.dedupe,
    memory: { rssBytes: input.rssBytes },
    outlook: input.outlook,
    state,
    healthy: problems.length === 0,
    problems,
  }
}

/** What is known to hold the job up stands beside it, and needs no guess. */
function lagCause({ failure, progress, unreadable, advancedUs, nowUs }: StatusInput): string {
  if (failure !== null || progress.heldUp !== null || unreadable !== null) return ''
  if (advancedUs === null) return ''
  const idleSeconds = Math.floor((nowUs - advancedUs) / 1e6)
  return idleSeconds > BEHIND_SECONDS_MAX
    ? `: nothing has been committed for ${idleSeconds} s, though events wait`
    : ': events come faster than they are committed'
}
