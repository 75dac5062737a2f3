/**
 * What one process does for the tables that Flink fills, however many collect: it keeps the job running, and the tables in order.
 *
 *     waiting ──► the writer's lock of the tables ──► on duty: the job is watched, upkeep runs
 *        ▲                                                 │
 *        └──── a failure; another process has the lock ────┘
 *
 * The lock is what makes it one: two that watched the job with different configurations would take turns in replacing it.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Closing, closeAll } from '../close-all.ts'
import { type FlinkJob, type FlinkJobStatus, openConfiguredJob } from '../flink.ts'
import { openTrinoQuery } from '../query.ts'
import { type Lake, openLake, TableError } from '../table.ts'
import { openUpkeep } from '../upkeep.ts'
import type { FlinkSettings } from './flink-progress.ts'
import { type RejectedMoving, startRejectedMoving } from './rejected-moving.ts'

export type FlinkDutyOptions = Readonly<{
  config: FlinkSettings
  /** Throws where the tables were filled from another log (F11). */
  checkLog: (lake: Lake) => Promise<void>
  nowUs: () => number
  newId: () => string
  onWarning: (text: string) => void
}>

export type FlinkDuty = Readonly<{
  /** What keeps the job or the tables from being in order; null when all is well, or another process sees to it. */
  problem(): string | null
  /** Null unless this process is on duty. */
  job(): Promise<FlinkJobStatus | null>
  /** Rejects when the duty must not go on; never resolves. */
  failed: Promise<never>
  close(): Promise<void>
}>

type OnDuty = Readonly<{ job: FlinkJob; rejected: RejectedMoving; close: () => Promise<void> }>

const RETRY_MS = 5_000
const MS_PER_DAY = 86_400_000
const US_PER_MS = 1000

export function openFlinkDuty(options: FlinkDutyOptions): FlinkDuty {
  const { config, onWarning } = options
  const stopping = new AbortController()
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => {})
  let duty: OnDuty | null = null
  let trouble: string | null = null
  let upkeepTrouble: string | null = null

  async function take(): Promise<OnDuty> {
    const opened: Closing[] = []
    const close = (): Promise<void> => closeAll(opened)
    try {
      const { warehouse, catalog, cache, windowUs } = config
      const { nowUs } = options
      const lake = await openLake({ warehouse, catalog, cache, windowUs, writer: 'flink', nowUs })
      opened.push(lake)
      await options.checkLog(lake)
      const rejected = await startRejectedMoving(config, { nowUs, warn: onWarning })
      opened.push(rejected)
      const job = openConfiguredJob(config, lake, { nowMs: () => nowUs() / 1000, tell: onWarning })
      opened.push(job)
      job.watch()
      opened.push(startUpkeep(lake))
      return { job, rejected, close }
    } catch (error) {
      await close()
      throw error
    }
  }

  function startUpkeep(lake: Lake): Closing {
    const upkeep = openUpkeep({
      ...upkeepSettings(options, lake),
      onRound: ({ failure }) => {
        upkeepTrouble = failure
      },
    })
    const running = upkeep.run()
    return {
      async close() {
        upkeep.stop()
        await running
      },
    }
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        duty = await take()
        trouble = null
        return
      } catch (error) {
        if (isFinal(error)) return failed.reject(error)
        trouble = isLocked(error) ? null : `the tables cannot be kept in order: ${wordsOf(error)}`
        if (trouble !== null) onWarning(trouble)
      }
      await sleep(RETRY_MS, undefined, { signal: stopping.signal }).catch(() => {})
    }
  }

  const taking = run()
  return {
    problem: () =>
      trouble ??
      (duty === null ? null : lifeProblem(duty.job)) ??
      upkeepTrouble ??
      duty?.rejected.problem() ??
      null,
    job: async () => (duty === null ? null : await duty.job.status()),
    failed: failed.promise,
    async close() {
      stopping.abort()
      await taking
      await duty?.close()
    },
  }
}

function upkeepSettings(
  { config, nowUs, newId, onWarning }: FlinkDutyOptions,
  lake: Lake,
): Omit<Parameters<typeof openUpkeep>[0], 'onRound'> {
  const { windowUs, retention, dedupe, flink, trino } = config
  return {
    lake,
    trino: openTrinoQuery({ ...trino, windowUs }),
    windowUs,
    horizonUs: dedupe.horizonMs * US_PER_MS,
    retentionDays: {
      events: retention.eventsMs / MS_PER_DAY,
      metrics: retention.metricsMs / MS_PER_DAY,
    },
    intervalMs: flink.checkpointIntervalMs,
    nowUs,
    newId,
    pause: async (durationMs, signal) => {
      await sleep(durationMs, undefined, { signal }).catch(() => {})
    },
    onWarning,
  }
}

function isLocked(error: unknown): boolean {
  return error instanceof TableError && error.code === 'locked'
}

/** What no waiting mends: tables of another writer, or of another log. */
function isFinal(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false
  return ['other-writer', 'other-window', 'other-log', 'log-too-short'].includes(String(error.code))
}

function lifeProblem(job: FlinkJob): string | null {
  const life = job.life()
  return life.kind === 'waiting' || life.kind === 'refused' ? life.why : null
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
