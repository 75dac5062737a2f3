/**
 * The leader: of all processes that collect, the one that keeps Flink's job running and the tables
 * in order.
 *
 *     waiting ──► the writer's lock of the tables ──► leading: the job is supervised, upkeep runs,
 *        ▲                                                 │    heartbeats are written
 *        └── another process has the lock now; or the outcome of a commit is unknown
 *
 * Only the holder of the lock leads, because two processes that supervised the job with different
 * configurations would take turns replacing it.
 */
import type { Config, FlinkConfig, KafkaLog, TrinoConfig } from '../config.ts'
import { type OpenWindows, openTrinoQuery } from '../query.ts'
import { aborted, type Closing, closeAll, pause, reasonOf } from '../runtime.ts'
import { type Lake, type LogProgress, openLake, TableError, type TableErrorCode } from '../table.ts'
import { openCluster, whyNotRunning } from './cluster/cluster.ts'
import { FlinkError, type FlinkErrorCode } from './error.ts'
import { type Heartbeats, startHeartbeats } from './heartbeat/heartbeats.ts'
import { consumerGroups } from './job/job-sql.ts'
import {
  checkLog,
  findJob,
  flinkJobOptions,
  openConfiguredJob,
} from './supervision/configured-job.ts'
import { openDowntime } from './supervision/downtime.ts'
import { type RejectedMoving, startRejectedMoving } from './supervision/rejected-mover.ts'
import type { FlinkJob } from './supervision/supervised-job.ts'
import { openUpkeep, type UpkeepOptions } from './upkeep/upkeep.ts'

/** The configuration, with what Flink needs of it. */
export type FlinkSettings = Config &
  Readonly<{ flink: FlinkConfig; trino: TrinoConfig; log: KafkaLog }>

export type LeaderOptions = Readonly<{
  settings: FlinkSettings
  /** Of the topic: tables that were filled from another log are refused (F11). */
  logId: string
  /** How far the tables are behind the topic; null where that is not known now. */
  logProgress: () => LogProgress | null
  acceptRepeats: boolean
  rebuildState: boolean
  passGaps: boolean
  nowUs: () => number
  newId: () => string
  onWarning: (text: string) => void
}>

export type Leader = Readonly<{
  /**
   * What keeps the job or the tables from being in order; null when all is well, or another process
   * leads.
   */
  problem(): string | null
  /**
   * Whether files stay for readers for less than configured, and whether windows stay open while no
   * events come; none while another leads.
   */
  notices(): readonly string[]
  /** Windows that have not closed; undefined while another leads, or nothing tells. */
  openWindows(): OpenWindows | undefined
  /** Rejects when this process must not lead any more; never resolves. */
  failed: Promise<never>
  close(): Promise<void>
}>

/** From taking the lock until it is given back or lost. */
type Term = Readonly<{
  lake: Lake
  job: FlinkJob
  rejected: RejectedMoving
  upkeep: RunningUpkeep
  heartbeats: Heartbeats
  close: () => Promise<void>
}>

type RunningUpkeep = Closing &
  Readonly<{
    /** Why its last round failed; null when it did not. */
    problem(): string | null
    openWindows(): OpenWindows | null
    /**
     * Resolves when another process has the lock, or the tables must be opened anew: with the
     * reason. Null when it was closed.
     */
    ended: Promise<Error | null>
  }>

const RETRY_MS = 5_000
const MS_PER_DAY = 86_400_000
const US_PER_MS = 1000
const SPARE_DAYS = 2
/** Tables of another writer, or of another log: waiting does not help. */
const FINAL_TABLE_CODES: readonly TableErrorCode[] = ['other-writer', 'other-window']
const FINAL_FLINK_CODES: readonly FlinkErrorCode[] = ['other-log', 'log-too-short']

export function openLeader(options: LeaderOptions): Leader {
  const { settings, onWarning } = options
  const stopping = new AbortController()
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => {})
  let term: Term | null = null
  let lockProblem: string | null = null
  /** What was asked for at the start is done once. */
  let hasLed = false
  /** Of the job while another process leads: that one may not keep it running. */
  const downtime = openDowntime(() => options.nowUs() / US_PER_MS)

  async function checkOtherLeader(locked: TableError): Promise<void> {
    const found = await findJob(settings).catch((error: unknown) => reasonOf(error))
    if (typeof found === 'string') downtime.note(found)
    else if (found.live !== null) {
      const why = whyNotRunning(found.live)
      if (why === null) downtime.clear()
      else downtime.note(why)
    } else {
      const leads = `another process (${locked.facts.holder}) leads and does not submit it`
      downtime.note(`${leads}. Look at its log; when it ends, this one takes over`)
    }
  }

  async function beginTerm(): Promise<Term> {
    const opened: Closing[] = []
    const close = (): Promise<void> => closeAll(opened)
    try {
      const { warehouse, catalog, cache, windowUs } = settings
      const { nowUs } = options
      const lake = await openLake({
        ...{ warehouse, catalog, cache, windowUs, writer: 'flink', nowUs },
        steadyMs: () => performance.now(),
        readers: {
          graceMs: settings.retention.readersMs,
          bytesMax: settings.retention.readersMaxBytes,
          diskReserveBytes: settings.diskReserveBytes,
        },
      })
      opened.push(lake)
      await checkLog(lake, settings, options.logId)
      const rejected = await startRejectedMoving(settings, { nowUs, warn: onWarning })
      opened.push(rejected)
      const job = await openConfiguredJob(settings, lake, {
        nowMs: () => nowUs() / US_PER_MS,
        tell: onWarning,
        acceptRepeats: options.acceptRepeats,
        passGaps: options.passGaps,
        rebuildState: options.rebuildState && !hasLed,
      })
      opened.push(job)
      job.watch()
      hasLed = true
      const heartbeats = startLeadersHeartbeats(options, lake, job)
      opened.push(heartbeats)
      const upkeep = startUpkeep(lake, heartbeats)
      opened.push(upkeep, { close: async () => lake.stopWaiting() })
      return { lake, job, rejected, upkeep, heartbeats, close }
    } catch (error) {
      await close()
      throw error
    }
  }

  function startUpkeep(lake: Lake, heartbeats: Heartbeats): RunningUpkeep {
    let problem: string | null = null
    const upkeep = openUpkeep({
      ...upkeepSettings(options, lake),
      heartbeatsUntilUs: heartbeats.closedUntilUs,
      onRound: (failure) => {
        problem = failure
      },
    })
    const ended = upkeep.run()
    return {
      problem: () => problem,
      openWindows: upkeep.openWindows,
      ended,
      async close() {
        upkeep.stop()
        await ended
      },
    }
  }

  /** Until it is closed: waits for the lock, leads, and waits again when the term has ended. */
  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        term = await beginTerm()
        lockProblem = null
        downtime.clear()
        const reason = await Promise.race([term.upkeep.ended, aborted(stopping.signal)])
        await term.close()
        term = null
        if (reason instanceof Error) onWarning(`no longer leading: ${reasonOf(reason)}`)
      } catch (error) {
        term = null
        if (isFinal(error)) return failed.reject(error)
        const locked = error instanceof TableError && error.code === 'locked' ? error : null
        lockProblem =
          locked === null ? `the tables cannot be kept in order: ${reasonOf(error)}` : null
        if (locked !== null) await checkOtherLeader(locked)
        if (lockProblem !== null && !stopping.signal.aborted) onWarning(lockProblem)
      }
      await pause(RETRY_MS, stopping.signal)
    }
  }

  const running = run()
  return {
    problem: () =>
      lockProblem ??
      downtime.problem() ??
      term?.job.problem() ??
      term?.upkeep.problem() ??
      term?.rejected.problem() ??
      null,
    notices() {
      if (term === null) return []
      const heartbeats = term.heartbeats.notice()
      return [...term.lake.graceNotices(), ...(heartbeats === null ? [] : [heartbeats])]
    },
    openWindows: () => term?.upkeep.openWindows() ?? undefined,
    failed: failed.promise,
    async close() {
      stopping.abort()
      await running
    },
  }
}

function upkeepSettings(
  { settings, nowUs, newId, logProgress, onWarning }: LeaderOptions,
  lake: Lake,
): Omit<UpkeepOptions, 'onRound' | 'heartbeatsUntilUs'> {
  const { windowUs, retention, flink, trino } = settings
  return {
    lake,
    trino: openTrinoQuery({ ...trino, windowUs }),
    windowUs,
    retentionDays: {
      events: keptDays(retention.eventsMs),
      metrics: keptDays(retention.metricsMs),
    },
    intervalMs: flink.checkpointIntervalMs,
    nowUs,
    steadyMs: () => performance.now(),
    logProgress,
    newId,
    onWarning,
  }
}

function startLeadersHeartbeats(
  { settings, logId, nowUs, onWarning }: LeaderOptions,
  lake: Lake,
  job: FlinkJob,
): Heartbeats {
  const { log, flink, windowUs } = settings
  return startHeartbeats({
    topic: log,
    logId,
    group: consumerGroups(flinkJobOptions(settings)).events,
    cluster: openCluster(flink.rest),
    jobId: () => job.jobId(),
    tables: lake,
    windowUs,
    watermarkDelayMs: flink.watermarkDelayMs,
    idleTimeoutMs: flink.idleTimeoutMs,
    nowUs,
    onWarning,
  })
}

/**
 * Flink takes events that are a day older than the collector does (see job/retention.ts), and its
 * windows close later still.
 */
function keptDays(retentionMs: number): number {
  return retentionMs === 0 ? 0 : retentionMs / MS_PER_DAY + SPARE_DAYS
}

function isFinal(error: unknown): boolean {
  if (error instanceof TableError) return FINAL_TABLE_CODES.includes(error.code)
  return error instanceof FlinkError && FINAL_FLINK_CODES.includes(error.code)
}
