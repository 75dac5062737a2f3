/**
 * One running pipeline: log, job thread, dashboard, collector. The commands and the tests start it through here.
 */
import { type Closing, closeAll } from '../close-all.ts'
import { startCollector } from '../collect.ts'
import type { Config } from '../config.ts'
import { type DashboardOptions, openDashboard } from '../dashboard.ts'
import { openInspector } from '../engine.ts'
import { type Job, type JobProgress, type JobSettings, startJob } from '../job.ts'
import type { EventLog } from '../log.ts'
import { type Memory, type Meter, openMeter } from '../meter.ts'
import { openRejected } from '../rejected.ts'
import { openEventLog } from './open-event-log.ts'
import { restCatalogRoute } from './rest-catalog-route.ts'
import type { Status } from './status.ts'
import { openWatch, type Watch } from './watch.ts'

export type PipelineOptions = Readonly<{
  nowUs: () => number
  /** Of the program, as the dashboard shows it. */
  version: string
  /** Filled tables go on with another log (`start --new-log`). */
  acceptNewLog?: boolean
  /** For crash tests, see kill-at.ts. */
  killAt?: string | undefined
  /** Things the user should know while it runs, one sentence each. */
  onWarning: (text: string) => void
}>

export type Pipeline = {
  /** Where it listens, as `http://127.0.0.1:8088`. */
  readonly address: string
  status(): Status
  /** Rejects when the pipeline can no longer do its work. */
  readonly failed: Promise<never>
  /** Stops taking events, commits what the log holds as far as CLOSE_COMMIT_MS allows, and closes all rooms. */
  close(): Promise<void>
}

/** What is not committed by then waits, durable, in the log for the next start. */
const CLOSE_COMMIT_MS = 10_000
const TICK_MS = 1_000

export async function startPipeline(config: Config, options: PipelineOptions): Promise<Pipeline> {
  const opened: Closing[] = []
  let closing: Promise<void> | null = null
  try {
    const pipeline = await openPipeline(config, options, (close) => opened.push({ close }))
    const close = (): Promise<void> => {
      closing ??= closeAll(opened)
      return closing
    }
    return { ...pipeline, close }
  } catch (error) {
    await closeAll(opened)
    throw error
  }
}

async function openPipeline(
  config: Config,
  options: PipelineOptions,
  onClose: (closeRoom: () => Promise<void>) => void,
): Promise<Omit<Pipeline, 'close'>> {
  const { nowUs, onWarning } = options
  const inspector = await openInspector()
  const log = await openEventLog(config, options)
  onClose(() => log.close())
  const rejected = await openRejected({
    directory: config.rejectedDirectory,
    source: 'collector',
    bytesMax: config.rejectedMaxBytes,
    nowUs,
    warn: onWarning,
  })
  onClose(() => rejected.close())

  const trim = (offset: number): void => {
    log.trim(offset).catch((error: Error) => onWarning(error.message))
  }
  let observe = (_: JobProgress): void => {}
  const job = await startJob(jobSettings(config, log, options), {
    onWarning,
    onProgress(progress) {
      observe(progress)
      trim(progress.checkpoint.nextOffset)
    },
  })
  onClose(() => job.close(log.end(), CLOSE_COMMIT_MS))

  const meter: Meter = openMeter({ readings: () => watch.readings(), memory: memoryFigures })
  const watch = openWatch({ log, rejected }, job.progress(), () => meter, nowUs)
  observe = (progress) => watch.observe(progress)
  job.failed.catch((error: Error) => watch.fail(error))
  const logFailed = Promise.withResolvers<never>()
  const ticking = setInterval(() => {
    watch.tick()
    const { failed } = log.stats()
    if (failed !== null) logFailed.reject(failed)
  }, TICK_MS)
  onClose(async () => clearInterval(ticking))

  const dashboard = await openDashboard(dashboardOptions(config, job, watch, options))
  onClose(() => dashboard.close())
  const collector = await startCollector({
    listen: config.listen,
    keys: config.keys,
    cors: config.cors,
    log,
    inspector,
    rejected,
    meter,
    status: () => watch.status(),
    routes: [restCatalogRoute(config), ...dashboard.routes],
    warn: (message, cause) => onWarning(`${message}: ${cause}`),
    nowMs: () => performance.now(),
    nowUs,
  })
  onClose(() => collector.close())
  onClose(async () => dashboard.stop())
  const failed = Promise.race([job.failed, logFailed.promise])
  failed.catch(() => {})
  return { address: collector.address.url, status: () => watch.status(), failed }
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

function memoryFigures(): Memory {
  const { rss, heapUsed, external } = process.memoryUsage()
  return { rssBytes: rss, heapBytes: heapUsed, externalBytes: external }
}
