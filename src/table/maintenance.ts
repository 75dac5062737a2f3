/**
 * Maintenance: keeps files few and large (compaction), drops days past the retention, and sweeps
 * files that crashes left behind. It runs one task at a time, beside the job and with lower
 * priority. A failed task is reported and tried again later, and never stops the job.
 */
import { reasonOf } from '../runtime.ts'
import type { OnStep } from './commit.ts'
import type { Lake } from './lake.ts'
import { bytesPerDay, openArrivals } from './maintenance/arrivals.ts'
import { planMaintenance, planSharedMaintenance, type Task } from './maintenance/plan.ts'
import {
  type MergedFile,
  type MergeEventFiles,
  runTask,
  type TaskParts,
} from './maintenance/run-task.ts'
import { type LogProgress, openTrustedTime } from './maintenance/trusted-time.ts'
import { ORPHAN_AGE_MS, SHARED_ORPHAN_AGE_MS } from './orphan-files.ts'

export type { MergedFile } from './maintenance/run-task.ts'
export type { LogProgress } from './maintenance/trusted-time.ts'

/** Where raw files are ours to merge. */
type OwnRawFiles = Readonly<{
  mergeEventFiles: MergeEventFiles
  horizonUs: number
  /** The time that event ids age by, as of now. */
  dedupeNowUs: () => number
  isBusy: () => boolean
}>

/** Another program merges them: Trino those of Flink. */
type SharedRawFiles = Readonly<{ [Name in keyof OwnRawFiles]?: never }>

export type MaintenanceOptions = (OwnRawFiles | SharedRawFiles) & CommonOptions

type CommonOptions = Readonly<{
  lake: Lake
  exclusively: TaskParts['exclusively']
  /** Days kept besides today; 0 keeps all. */
  retentionDays: Readonly<{ events: number; metrics: number }>
  nowUs: () => number
  /** A clock that never steps. */
  steadyMs: () => number
  /** How far the tables are behind the log; null while that is not known. */
  logProgress: () => LogProgress | null
  newId: () => string
  /** Waits; ends early, without an error, when the signal fires. */
  pause: (durationMs: number, signal: AbortSignal) => Promise<void>
  /** Called at each step of files that merges write; for tests that stop the process there. */
  onStep?: OnStep
  onTask?: (done: TaskDone) => void
  /** One sentence for the user. */
  onWarning: (text: string) => void
  /** Why the last step failed; null when it did not. */
  onFailure?: (why: string | null) => void
}>

export type TaskDone = Readonly<{
  task: Task
  outcome: 'done' | 'stale' | 'failed'
  /** The raw files that it wrote. */
  merged: readonly MergedFile[]
  durationMs: number
}>

export type Maintenance = Readonly<{
  /** Runs until `stop`; does not reject. */
  run(): Promise<void>
  /**
   * Plans and carries out the most urgent task; null when there is nothing to do. Used by `run` and
   * by tests.
   */
  step(): Promise<TaskDone | null>
  /**
   * How many bytes both tables gained in the last day, by the arrival times; null while less than
   * an hour is known.
   */
  bytesPerDay(): number | null
  /** Aborts a merge under way (it has changed nothing yet) and ends `run`. */
  stop(): void
}>

const IDLE_PAUSE_MS = 5_000
/** The pause after a failure, doubled with each further one. */
const FAILURE_PAUSE_MS = 10_000
const FAILURE_PAUSE_MS_MAX = 10 * 60_000

export function openMaintenance(options: MaintenanceOptions): Maintenance {
  const { lake, nowUs, steadyMs, pause, onWarning } = options
  const stopping = new AbortController()
  const times = openArrivals((file) => lake.fileTimes(file))
  const trusted = openTrustedTime(options)
  const isShared = options.mergeEventFiles === undefined
  const orphanAgeUs = (isShared ? SHARED_ORPHAN_AGE_MS : ORPHAN_AGE_MS) * 1000
  const parts: TaskParts = { ...options, times, signal: stopping.signal }
  let sweptUs = Number.NEGATIVE_INFINITY
  let failures = 0

  async function plan(): Promise<readonly Task[]> {
    const log = options.logProgress()
    const timed = isShared ? [] : await times.of(lake.events.files)
    const input = {
      events: lake.events.files,
      metrics: lake.metrics.files,
      nowUs: nowUs(),
      trustedUs: log === null ? null : trusted.look(log),
      retentionDays: options.retentionDays,
      sweptUs,
      orphanAgeUs,
    }
    if (options.mergeEventFiles === undefined) return planSharedMaintenance(input)
    return planMaintenance({
      ...input,
      events: timed,
      dedupeNowUs: options.dedupeNowUs(),
      horizonUs: options.horizonUs,
      isBusy: options.isBusy(),
    })
  }

  async function step(): Promise<TaskDone | null> {
    await lake.removeExpired()
    const [task, ...others] = await plan()
    if (task === undefined) return null
    const startMs = steadyMs()
    const { outcome, merged } = await runTask(task, others, parts)
    if (task.kind === 'sweep-orphans') sweptUs = task.beforeUs + orphanAgeUs
    const done = { task, outcome, merged, durationMs: steadyMs() - startMs }
    options.onTask?.(done)
    return done
  }

  async function stepOrPause(): Promise<void> {
    // The job reports a missing folder; anything written now would create it again.
    if (lake.placeFault() !== null) return await pause(IDLE_PAUSE_MS, stopping.signal)
    try {
      const done = await step()
      failures = 0
      options.onFailure?.(null)
      if (done === null) await pause(IDLE_PAUSE_MS, stopping.signal)
    } catch (error) {
      if (stopping.signal.aborted) return
      const pauseMs = Math.min(FAILURE_PAUSE_MS * 2 ** failures, FAILURE_PAUSE_MS_MAX)
      failures++
      const reason = reasonOf(error)
      options.onFailure?.(reason)
      onWarning(`maintenance failed and is tried again in ${pauseMs / 1000} s: ${reason}`)
      await pause(pauseMs, stopping.signal)
    }
  }

  return {
    async run() {
      while (!stopping.signal.aborted) await stepOrPause()
    },
    step,
    bytesPerDay: () => bytesPerDay(lake, times.known(), nowUs()),
    stop: () => stopping.abort(),
  }
}
