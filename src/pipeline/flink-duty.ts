/**
 * What one process does for the tables that Flink fills, however many collect: it keeps the job running, and the tables in order.
 *
 *     waiting ──► the writer's lock of the tables ──► on duty: the job is watched, upkeep runs
 *        ▲                                                 │
 *        └── another process has the lock now; a commit of which nobody knows what it did
 *
 * The lock is what makes it one: two that watched the job with different configurations would take turns in replacing it.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type FlinkJob, lookAtJob, openConfiguredJob, openTrouble, openUpkeep } from '../flink.ts'
import { openTrinoQuery } from '../query.ts'
import { type Closing, closeAll } from '../runtime.ts'
import { type Lake, type LogProgress, openLake, TableError } from '../table.ts'
import type { FlinkSettings } from './flink-progress.ts'
import { type RejectedMoving, startRejectedMoving } from './rejected-moving.ts'

export type FlinkDutyOptions = Readonly<{
  config: FlinkSettings
  /** Throws where the tables were filled from another log (F11). */
  checkLog: (lake: Lake) => Promise<void>
  /** How far the tables are behind the topic; null where that is not known now. */
  logProgress: () => LogProgress | null
  acceptRepeats: boolean
  nowUs: () => number
  newId: () => string
  onWarning: (text: string) => void
}>

export type FlinkDuty = Readonly<{
  /** What keeps the job or the tables from being in order; null when all is well, or another process sees to it. */
  problem(): string | null
  /** Rejects when the duty must not go on; never resolves. */
  failed: Promise<never>
  close(): Promise<void>
}>

type OnDuty = Readonly<{
  job: FlinkJob
  rejected: RejectedMoving
  /** Resolves when another process has the lock, or the tables must be opened anew: with the reason; null when it was closed. */
  ended: Promise<Error | null>
  close: () => Promise<void>
}>

const RETRY_MS = 5_000
const MS_PER_DAY = 86_400_000
const US_PER_MS = 1000
const SPARE_DAYS = 2

export function openFlinkDuty(options: FlinkDutyOptions): FlinkDuty {
  const { config, onWarning } = options
  const stopping = new AbortController()
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => {})
  let duty: OnDuty | null = null
  let trouble: string | null = null
  let upkeepTrouble: string | null = null
  /** While another process is on duty: it may not see to the job, and then its word is not heard here. */
  const absence = openTrouble(() => options.nowUs() / US_PER_MS)

  async function lookFromAside(locked: TableError): Promise<void> {
    const seen = await lookAtJob(config).catch((error: unknown) => wordsOf(error))
    if (typeof seen === 'string') absence.note(seen)
    else if (seen.live?.state === 'RUNNING') absence.clear()
    else if (seen.live !== null) absence.note(`it is ${seen.live.state}`)
    else {
      const onDuty = `another process (${locked.facts.holder}) is on duty and does not submit it`
      absence.note(`${onDuty}. Look at its log; when it ends, this one takes over`)
    }
  }

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
      const job = await openConfiguredJob(config, lake, {
        nowMs: () => nowUs() / 1000,
        tell: onWarning,
        acceptRepeats: options.acceptRepeats,
      })
      opened.push(job)
      job.watch()
      const upkeep = startUpkeep(lake)
      opened.push(upkeep, { close: async () => lake.stopWaiting() })
      return { job, rejected, ended: upkeep.ended, close }
    } catch (error) {
      await close()
      throw error
    }
  }

  function startUpkeep(lake: Lake): Closing & Pick<OnDuty, 'ended'> {
    const upkeep = openUpkeep({
      ...upkeepSettings(options, lake),
      onRound: ({ failure }) => {
        upkeepTrouble = failure
      },
    })
    const ended = upkeep.run()
    return {
      ended,
      async close() {
        upkeep.stop()
        await ended
      },
    }
  }

  /** Until it is closed: waits for the lock, is on duty, and waits again when the duty has ended. */
  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        duty = await take()
        trouble = null
        absence.clear()
        const reason = await Promise.race([duty.ended, aborted(stopping.signal)])
        await duty.close()
        duty = null
        if (reason !== null) onWarning(`off duty: ${wordsOf(reason)}`)
      } catch (error) {
        duty = null
        if (isFinal(error)) return failed.reject(error)
        trouble = isLocked(error) ? null : `the tables cannot be kept in order: ${wordsOf(error)}`
        if (isLocked(error)) await lookFromAside(error)
        if (trouble !== null && !stopping.signal.aborted) onWarning(trouble)
      }
      await sleep(RETRY_MS, undefined, { signal: stopping.signal }).catch(() => {})
    }
  }

  const running = run()
  return {
    problem: () =>
      trouble ??
      absence.problem() ??
      duty?.job.problem() ??
      upkeepTrouble ??
      duty?.rejected.problem() ??
      null,
    failed: failed.promise,
    async close() {
      stopping.abort()
      await running
    },
  }
}

function upkeepSettings(
  { config, nowUs, newId, logProgress, onWarning }: FlinkDutyOptions,
  lake: Lake,
): Omit<Parameters<typeof openUpkeep>[0], 'onRound'> {
  const { windowUs, retention, dedupe, flink, trino } = config
  return {
    lake,
    trino: openTrinoQuery({ ...trino, windowUs }),
    windowUs,
    horizonUs: dedupe.horizonMs * US_PER_MS,
    retentionDays: {
      events: keptDays(retention.eventsMs),
      metrics: keptDays(retention.metricsMs),
    },
    intervalMs: flink.checkpointIntervalMs,
    nowUs,
    steadyMs: () => performance.now(),
    logProgress,
    newId,
    pause: async (durationMs, signal) => {
      await sleep(durationMs, undefined, { signal }).catch(() => {})
    },
    onWarning,
  }
}

/** Flink takes events that are a day older than the collector does (see flink/retention.ts), and its windows close later still. */
function keptDays(retentionMs: number): number {
  return retentionMs === 0 ? 0 : retentionMs / MS_PER_DAY + SPARE_DAYS
}

function isLocked(error: unknown): error is TableError {
  return error instanceof TableError && error.code === 'locked'
}

/** What no waiting mends: tables of another writer, or of another log. */
function isFinal(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false
  return ['other-writer', 'other-window', 'other-log', 'log-too-short'].includes(String(error.code))
}

function aborted(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(null)
    else signal.addEventListener('abort', () => resolve(null), { once: true })
  })
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
