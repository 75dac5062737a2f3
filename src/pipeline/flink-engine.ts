/**
 * Flink as the engine: this process collects, looks every few seconds how far Flink has come, and takes its turn in keeping job and
 * tables in order (flink-duty.ts).
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config.ts'
import type { Dashboard } from '../dashboard.ts'
import type { JobProgress } from '../embedded.ts'
import { consumerGroups, fitLog, flinkJobOptions } from '../flink.ts'
import type { EventLog } from '../log.ts'
import type { EngineSide } from './engine-side.ts'
import { openFlinkDuty } from './flink-duty.ts'
import { type FlinkSettings, flinkSettings, openFlinkProgress } from './flink-progress.ts'
import type { PipelineOptions } from './pipeline.ts'

const LOOK_INTERVAL_MS = 2_000

export async function openFlinkEngine(
  config: Config,
  log: EventLog,
  { nowUs, acceptRepeats = false, onWarning }: PipelineOptions,
  onProgress: (progress: JobProgress) => void,
): Promise<EngineSide> {
  const settings = flinkSettings(config)
  const group = consumerGroups(flinkJobOptions(settings)).events
  const stopping = new AbortController()
  const progress = openFlinkProgress(settings, nowUs)
  // Nothing is begun before Kafka and the tables have been seen: a start that fails ends.
  let latest = await progress.look({ id: log.id, end: log.end() })
  const duty = openFlinkDuty({
    config: settings,
    checkLog: (lake) => fitLog(lake, settings.log, log.id, group),
    logProgress: progress.logProgress,
    acceptRepeats,
    nowUs,
    newId: randomUUID,
    onWarning,
  })
  const look = async (): Promise<JobProgress> => ({
    ...(await progress.look({ id: log.id, end: log.end() })),
    heldUp: duty.problem(),
  })
  const looking = (async () => {
    while (!stopping.signal.aborted) {
      await sleep(LOOK_INTERVAL_MS, undefined, { signal: stopping.signal }).catch(() => {})
      try {
        latest = await look()
      } catch (error) {
        const words = error instanceof Error ? error.message : String(error)
        latest = { ...latest, heldUp: `how far Flink has come cannot be seen: ${words}` }
      }
      onProgress(latest)
    }
  })()
  return {
    progress: () => latest,
    failed: duty.failed,
    openPage: async () => pageOf(settings),
    async close() {
      stopping.abort()
      await looking
      await duty.close()
    },
  }
}

/** The dashboard is Superset's; here is only where to find it. */
function pageOf({ superset }: FlinkSettings): Dashboard {
  const where =
    superset === null
      ? 'Read the tables through Trino, or name Superset in the configuration.'
      : `The dashboard "Campaign Performance" is in Superset: ${superset.publicUrl}/superset/dashboard/campaign-performance/`
  const body = `campaign-metrics collects events here; Flink fills the tables. ${where}\n`
  const headers = { 'content-type': 'text/plain; charset=utf-8' }
  return {
    routes: [{ prefix: '/', access: 'open', answer: () => ({ status: 200, headers, body }) }],
    look: () => null,
    stop() {},
    close: async () => {},
  }
}
