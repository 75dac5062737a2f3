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
import type { Config, FlinkConfig, TrinoConfig } from '../config.ts'
import {
  type FlinkJob,
  type FlinkJobStatus,
  flinkCommitIn,
  flinkJobOptions,
  openFlinkJob,
  openSeenFile,
} from '../flink.ts'
import { openTrinoQuery } from '../query.ts'
import { type Lake, newestWith, openLake, TableError } from '../table.ts'
import { openUpkeep, type Upkeep } from '../upkeep.ts'

export type FlinkDutyOptions = Readonly<{
  config: Config & Readonly<{ flink: FlinkConfig; trino: TrinoConfig }>
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

type OnDuty = Readonly<{ lake: Lake; job: FlinkJob; upkeep: Upkeep; running: Promise<void> }>

const RETRY_MS = 5_000
const MS_PER_DAY = 86_400_000
const US_PER_MS = 1000
const CHECKPOINT_KEY = 'flink.max-committed-checkpoint-id'

export function openFlinkDuty(options: FlinkDutyOptions): FlinkDuty {
  const { config, onWarning } = options
  const stopping = new AbortController()
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => {})
  let duty: OnDuty | null = null
  let trouble: string | null = null
  let upkeepTrouble: string | null = null

  async function take(): Promise<OnDuty> {
    const { warehouse, catalog, cache, windowUs } = config
    const { nowUs } = options
    const lake = await openLake({ warehouse, catalog, cache, windowUs, writer: 'flink', nowUs })
    try {
      await options.checkLog(lake)
      const job = openJob(options, lake)
      job.watch()
      const upkeep = openUpkeep({
        ...upkeepSettings(options, lake),
        onRound: ({ failure }) => {
          upkeepTrouble = failure
        },
      })
      return { lake, job, upkeep, running: upkeep.run() }
    } catch (error) {
      await lake.close()
      throw error
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
    problem: () => trouble ?? upkeepTrouble ?? (duty === null ? null : lifeProblem(duty.job)),
    job: async () => (duty === null ? null : await duty.job.status()),
    failed: failed.promise,
    async close() {
      stopping.abort()
      await taking
      if (duty === null) return
      duty.upkeep.stop()
      await duty.running
      await duty.job.close()
      await duty.lake.close()
    },
  }
}

function openJob({ config, onWarning }: FlinkDutyOptions, lake: Lake): FlinkJob {
  return openFlinkJob({
    ...flinkJobOptions(config),
    gateway: config.flink.gateway,
    rest: config.flink.rest,
    async readTables() {
      await lake.refresh()
      const views = [lake.events, lake.metrics]
      const commits = views.flatMap((view) => {
        const snapshot = newestWith(view, CHECKPOINT_KEY)
        const commit = snapshot === null ? null : flinkCommitIn(snapshot.summary)
        return commit === null ? [] : [commit]
      })
      const rows = views.reduce((sum, view) => sum + Number(view.summary['total-records'] ?? 0), 0)
      return { commits, rows }
    },
    seen: openSeenFile(seenPath(config)),
    // Whoever is on duty has the writer's lock of the tables.
    withLock: (work) => work(),
    nowMs: () => Date.now(),
    tell: onWarning,
  })
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

/** Beside what is rejected: both are what a process of ours must keep, and a volume holds. */
export function seenPath({ rejectedDirectory }: Config): string {
  return `${rejectedDirectory}/flink-checkpoint.json`
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
