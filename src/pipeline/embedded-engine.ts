/** The embedded engine: the job in a thread of this process, and the page that lives on what it tells. */
import type { Config } from '../config.ts'
import { type DashboardOptions, openDashboard } from '../dashboard.ts'
import { type Job, type JobProgress, type JobSettings, startJob } from '../embedded.ts'
import type { EventLog } from '../log.ts'
import type { EngineSide } from './engine-side.ts'
import type { PipelineOptions } from './pipeline.ts'
import type { Watch } from './watch.ts'

/** What is not committed by then waits, durable, in the log for the next start. */
const CLOSE_COMMIT_MS = 10_000

export async function openEmbeddedEngine(
  config: Config,
  log: EventLog,
  options: PipelineOptions,
  onProgress: (progress: JobProgress) => void,
): Promise<EngineSide> {
  const { onWarning } = options
  const trim = (offset: number): void => {
    log.trim(offset).catch((error: Error) => onWarning(error.message))
  }
  const job = await startJob(jobSettings(config, log, options), {
    onWarning,
    onProgress(progress) {
      onProgress(progress)
      trim(progress.checkpoint.nextOffset)
    },
  })
  return {
    progress: job.progress,
    failed: job.failed,
    openPage: (watch) => openDashboard(dashboardOptions(config, job, watch, options)),
    close: () => job.close(log.end(), CLOSE_COMMIT_MS),
  }
}

function jobSettings(config: Config, log: EventLog, options: PipelineOptions): JobSettings {
  return {
    log: config.log,
    warehouse: config.warehouse,
    catalog: config.catalog,
    cache: config.cache,
    logCursor: log.cursor,
    rejectedDirectory: config.rejectedDirectory,
    windowUs: config.windowUs,
    commitIntervalMs: config.commitIntervalMs,
    dedupeHorizonMs: config.dedupe.horizonMs,
    dedupeMemoryMaxBytes: config.dedupe.memoryMaxBytes,
    retentionEventsMs: config.retention.eventsMs,
    retentionMetricsMs: config.retention.metricsMs,
    rejectedMaxBytes: config.rejectedMaxBytes,
    acceptNewLog: options.acceptNewLog ?? false,
    killAt: options.killAt,
  }
}

function dashboardOptions(
  config: Config,
  job: Job,
  watch: Watch,
  { nowUs, version, onWarning }: PipelineOptions,
): DashboardOptions {
  return {
    feed: job.feed,
    live() {
      const { ledger, freshness, problems } = watch.status()
      return {
        stored: ledger.stored,
        // Not known before the first commit of this process; what that one holds arrived right before it.
        committedAtUs: freshness.lastCommitUs ?? freshness.committedUntilUs,
        waiting: ledger.waiting,
        secondsBehind: freshness.secondsBehind,
        problems,
      }
    },
    warehouse: config.warehouse,
    cache: config.cache,
    windowUs: config.windowUs,
    timezone: config.timezone,
    version,
    authRequired: config.keys.read.length > 0,
    nowUs,
    nowMs: () => performance.now(),
    warn: onWarning,
  }
}
