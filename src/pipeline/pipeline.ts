/**
 * One running pipeline: log, engine, page, collector. The commands and the tests start it through here.
 */

import { startCollector } from '../collect.ts'
import type { Config } from '../config.ts'
import type { JobProgress } from '../embedded.ts'
import { openInspector } from '../engine.ts'
import { KEEPS_ALL_US, keptFromUs } from '../event.ts'
import { type Meter, openMeter } from '../meter.ts'
import { openRejected } from '../rejected.ts'
import { type Closing, closeAll } from '../runtime.ts'
import { openEmbeddedEngine } from './embedded-engine.ts'
import { openFlinkEngine } from './flink-engine.ts'
import { openEventLog } from './open-event-log.ts'
import { openOutlookWatch } from './outlook.ts'
import { memoryFigures, openFilesMax } from './process-limits.ts'
import { restCatalogRoute } from './rest-catalog-route.ts'
import type { Status } from './status.ts'
import { openWatch } from './watch.ts'

export type PipelineOptions = Readonly<{
  nowUs: () => number
  /** Of the program, as the dashboard shows it. */
  version: string
  /** Filled tables go on with another log (`start --new-log`). */
  acceptNewLog?: boolean
  /** Flink goes on although it may have forgotten event ids (`start --accept-repeats`). */
  acceptRepeats?: boolean
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

const TICK_MS = 1_000
const MS_PER_DAY = 86_400_000

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

  let observe = (_: JobProgress): void => {}
  const openEngine = config.engine === 'flink' ? openFlinkEngine : openEmbeddedEngine
  const engine = await openEngine(config, log, options, (progress) => observe(progress))
  onClose(() => engine.close())

  const { warehouse } = config
  const outlook = openOutlookWatch(warehouse.kind === 'folder' ? warehouse.path : null, {
    nowUs,
    steadyMs: () => performance.now(),
  })
  const meter: Meter = openMeter({ readings: () => watch.readings(), memory: memoryFigures })
  const watch = openWatch({ log, rejected, outlook }, engine.progress(), () => meter, nowUs)
  observe = (progress) => watch.observe(progress)
  engine.failed.catch((error: Error) => watch.fail(error))
  const logFailed = Promise.withResolvers<never>()
  const page = await engine.openPage(watch)
  const ticking = setInterval(() => {
    watch.tick()
    watch.notice([page.look()].filter((problem) => problem !== null))
    void rejected.look()
    const { failed } = log.stats()
    if (failed !== null) logFailed.reject(failed)
  }, TICK_MS)
  onClose(async () => clearInterval(ticking))
  onClose(() => page.close())
  const collector = await startCollector({
    listen: config.listen,
    keys: config.keys,
    cors: config.cors,
    trustedProxies: config.proxy.trust,
    publicUrl: config.publicUrl,
    log,
    inspector,
    rejected,
    meter,
    status: () => watch.status(),
    routes: [restCatalogRoute(config), ...page.routes],
    keptFromUs: keptFromOf(config, engine.progress),
    openFilesMax: openFilesMax(),
    warn: (message, cause) => onWarning(`${message}: ${cause}`),
    nowMs: () => performance.now(),
    nowUs,
  })
  onClose(() => collector.close())
  onClose(async () => page.stop())
  const failed = Promise.race([engine.failed, logFailed.promise])
  failed.catch(() => {})
  return { address: collector.address.url, status: () => watch.status(), failed }
}

/** What the collector judges an event's age by: the retention, and what it has dropped already, under this setting or an earlier one. */
function keptFromOf(
  { retention: { eventsMs, metricsMs } }: Config,
  progress: () => JobProgress,
): (arrivalUs: number) => number {
  const retentions = [eventsMs / MS_PER_DAY, metricsMs / MS_PER_DAY]
  return (arrivalUs) =>
    Math.max(keptFromUs(arrivalUs, ...retentions), progress().wholeFromUs ?? KEEPS_ALL_US)
}
