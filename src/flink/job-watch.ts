/**
 * The job's figures for `status` and `/metrics`, asked for beside everything else: a cluster that
 * answers late, or not at all, holds nothing up.
 */
import type { ClusterJobFigures } from '../job.ts'
import { type Closing, pause } from '../runtime.ts'
import { type JobMetricsReader, openJobMetrics } from './cluster/job-metrics.ts'
import { type ConfiguredSettings, findJob } from './supervision/configured-job.ts'

export type JobWatch = Closing &
  Readonly<{
    /** Null where the cluster has no such job; undefined where it did not answer. */
    figures(): ClusterJobFigures | null | undefined
  }>

export type JobWatchSettings = ConfiguredSettings & Readonly<{ flink: Readonly<{ rest: string }> }>

/** As often as the JobManager asks its task managers for theirs. */
const INTERVAL_MS = 10_000

export function openJobWatch(settings: JobWatchSettings): JobWatch {
  const stopping = new AbortController()
  const metrics = openJobMetrics(settings.flink.rest)
  let figures: ClusterJobFigures | null | undefined

  async function watch(): Promise<void> {
    while (!stopping.signal.aborted) {
      figures = await readJobFigures(settings, metrics)
      await pause(INTERVAL_MS, stopping.signal)
    }
  }

  const watching = watch()
  return {
    figures: () => figures,
    async close() {
      stopping.abort()
      await watching
    },
  }
}

/** Does not reject. */
export async function readJobFigures(
  settings: JobWatchSettings,
  metrics: JobMetricsReader,
): Promise<ClusterJobFigures | null | undefined> {
  try {
    const { live } = await findJob(settings)
    if (live === null) return null
    const { id, state } = live
    return { id, state, ...(await metrics.read(id)) }
  } catch {
    return undefined
  }
}
