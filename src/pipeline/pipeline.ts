/**
 * One running pipeline: log, job, page, collector. The commands and the tests start it through
 * here.
 */

import { openScriptRoutes, type ReadRoute, startCollector, timeRoute } from '../collect.ts'
import type { Config } from '../config.ts'
import { openDashboard } from '../dashboard.ts'
import { openInspector } from '../engine.ts'
import { KEEPS_ALL_US, keptFromUs } from '../event.ts'
import type { Job } from '../job.ts'
import { type EventLog, openKafkaLog, openLog } from '../log.ts'
import { type Meter, openMeter } from '../meter.ts'
import { openRejectedShares } from '../rejected.ts'
import { type Closing, closeAll, killAt } from '../runtime.ts'
import {
  answerRestCatalog,
  type LakeWriter,
  type NoWriter,
  openLakeReader,
  restErrorBody,
} from '../table.ts'
import { ENGINES } from './engines.ts'
import { openOutlookWatch } from './outlook.ts'
import { memoryFigures, openFilesMax } from './process-limits.ts'
import type { Status } from './status.ts'
import { openWatch, type Watch } from './watch.ts'

export type PipelineOptions = Readonly<{
  nowUs: () => number
  /** Of the program, as the dashboard shows it. */
  version: string
  /** Filled tables go on with another log (`start --new-log`). */
  acceptNewLog?: boolean
  /** Flink goes on although it may have forgotten event ids (`start --accept-repeats`). */
  acceptRepeats?: boolean
  /** Flink begins without state, and reads it again from the topic (`start --rebuild-state`). */
  rebuildState?: boolean
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
  /**
   * Stops taking events, commits what the log holds as far as time allows, and closes all rooms.
   */
  close(): Promise<void>
}

const TICK_MS = 1_000
const MS_PER_DAY = 86_400_000
const REST_CATALOG_PREFIX = '/iceberg'
/** Of a commit or a scan report. */
const REST_CATALOG_BODY_BYTES_MAX = 1024 * 1024

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
  const rejected = await openRejectedShares({
    directory: config.rejectedDirectory,
    bytesMax: config.rejectedMaxBytes,
    nowUs,
    warn: onWarning,
  })
  onClose(() => rejected.close())

  const { warehouse } = config
  const steadyMs = (): number => performance.now()
  const folder = warehouse.kind === 'folder' ? warehouse.path : null
  const meter: Meter = openMeter({ readings: () => watch.readings(), memory: memoryFigures })
  const watch = openWatch({
    log,
    rejected,
    outlook: openOutlookWatch(folder, { nowUs, steadyMs }),
    commitSeconds: meter.commitSeconds,
    clicksUnstored: () => meter.collect.clicksUnstored,
    dedupeHorizonMs: config.dedupe.horizonMs,
    nowUs,
  })
  const job = await ENGINES[config.engine].start({
    config,
    log,
    nowUs,
    acceptNewLog: options.acceptNewLog ?? false,
    acceptRepeats: options.acceptRepeats ?? false,
    rebuildState: options.rebuildState ?? false,
    killAt: options.killAt,
    onProgress: watch.observe,
    onWarning,
  })
  onClose(() => job.close())
  job.failed.catch((error: Error) => watch.fail(error))
  const logFailed = Promise.withResolvers<never>()
  const page = await openPage(config, job, watch, options)
  const ticking = setInterval(() => {
    watch.tick()
    watch.notice(page.problems(), page.notices())
    void rejected.checkWritable()
    const { failed } = log.stats()
    if (failed !== null) logFailed.reject(failed)
  }, TICK_MS)
  onClose(async () => clearInterval(ticking))
  onClose(() => page.close())
  // The job has made the warehouse: from now on it is missing only if it was removed.
  await rejected.checkWritable()
  const collector = await startCollector({
    listen: config.listen,
    keys: config.keys,
    page: { ...config.page, bots: config.bots === 'accept' },
    cors: config.cors,
    redirects: config.redirects,
    trustedProxies: config.proxy.trust,
    publicUrl: config.publicUrl,
    log,
    inspector,
    rejected,
    meter,
    status: () => watch.status(),
    routes: [
      timeRoute({ nowUs, dedupeHorizonMs: watch.trueHorizonMs }),
      ...(await openScriptRoutes()),
      restCatalogRoute(config, lakeWriterOf(config, job)),
      ...page.routes,
    ],
    keptFromUs: keptFromOf(config, job),
    areTablesInPlace: () => (job.progress().misplaced ?? null) === null,
    openFilesMax: openFilesMax(),
    warn: (message, cause) => onWarning(`${message}: ${cause}`),
    nowMs: steadyMs,
    nowUs,
  })
  onClose(() => collector.close())
  onClose(async () => page.stop())
  const failed = Promise.race([job.failed, logFailed.promise])
  failed.catch(() => {})
  return { address: collector.address.url, status: () => watch.status(), failed }
}

/** A folder, or a topic of Kafka. */
async function openEventLog(
  config: Config,
  { killAt: step, nowUs, onWarning }: PipelineOptions,
): Promise<EventLog> {
  const { log: place, logRetention } = config
  if (place.kind === 'kafka') {
    return await openKafkaLog(place, { nowUs, steadyMs: () => performance.now() })
  }
  const log = await openLog({
    directory: place.path,
    nowUs,
    retentionMs: logRetention.timeMs,
    bytesMax: logRetention.sizeBytes,
    diskReserveBytes: config.diskReserveBytes,
    onStep: killAt(step),
  })
  if (log.recovered.tornTail !== null) onWarning(log.recovered.tornTail.message)
  return log
}

/** The Iceberg REST catalog on the collector's listener: `http://127.0.0.1:8088/iceberg`. */
function restCatalogRoute(places: Config, writer: LakeWriter | NoWriter): ReadRoute {
  const lake = openLakeReader(places)
  return {
    prefix: REST_CATALOG_PREFIX,
    bodyBytesMax: REST_CATALOG_BODY_BYTES_MAX,
    isCompressed: true,
    refusalBody: restErrorBody,
    answer: (request) =>
      answerRestCatalog(
        { ...request, path: request.path.slice(REST_CATALOG_PREFIX.length) },
        lake,
        writer,
      ),
  }
}

/** Who commits for clients of the REST catalog, or why nobody does. */
function lakeWriterOf({ keys }: Config, { lakeWriter }: Job): LakeWriter | NoWriter {
  if (keys.tables.length > 0) return lakeWriter
  return {
    reason:
      'no key may commit to the tables. Set keys.tables in the configuration, and send one of ' +
      'these keys',
  }
}

/** What is shown under the collector's address. */
type Page = Readonly<{
  routes: readonly ReadRoute[]
  /**
   * One sentence for each thing that is wrong. To be called every second: what has failed is then
   * started again.
   */
  problems(): readonly string[]
  /** One sentence for each thing that the user should know, though nothing is wrong. */
  notices(): readonly string[]
  /**
   * Ends streams and answers under way: before the collector is closed, which would wait for them.
   */
  stop(): void
  /** After the collector. */
  close(): Promise<void>
}>

async function openPage(
  config: Config,
  { page }: Job,
  watch: Watch,
  options: PipelineOptions,
): Promise<Page> {
  if (page.kind === 'elsewhere') return textPage(page.text)
  const dashboard = await openDashboard({
    feed: page.feed,
    live() {
      const { ledger, freshness, problems } = watch.status()
      return {
        stored: ledger.stored,
        // Not known before the first commit of this process; what that one holds arrived right
        // before it.
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
    weekStart: config.weekStart,
    currency: config.currency,
    campaignNames: config.campaignNames,
    version: options.version,
    authRequired: config.keys.read.length > 0,
    nowUs: options.nowUs,
    nowMs: () => performance.now(),
    warn: options.onWarning,
  })
  return {
    ...dashboard,
    problems: () => [dashboard.look()].filter((problem) => problem !== null),
  }
}

function textPage(body: string): Page {
  const headers = { 'content-type': 'text/plain; charset=utf-8' }
  return {
    routes: [
      {
        prefix: '/',
        isExact: true,
        access: 'open',
        answer: () => ({ status: 200, headers, body }),
      },
    ],
    problems: () => [],
    notices: () => [],
    stop() {},
    close: async () => {},
  }
}

/**
 * What the collector judges an event's age by: the retention, and what has been dropped already,
 * under this setting or an earlier one.
 */
function keptFromOf(
  { retention: { eventsMs, metricsMs } }: Config,
  job: Job,
): (arrivalUs: number) => number {
  const retentions = [eventsMs / MS_PER_DAY, metricsMs / MS_PER_DAY]
  return (arrivalUs) =>
    Math.max(keptFromUs(arrivalUs, ...retentions), job.progress().wholeFromUs ?? KEEPS_ALL_US)
}
