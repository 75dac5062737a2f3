/**
 * Flink as the engine: this process collects, asks every few seconds how far Flink has come, and
 * takes its turn as the leader that keeps job and tables in order (leader.ts).
 */
import { strict as assert } from 'node:assert'
import { randomUUID } from 'node:crypto'
import type { Config } from '../config.ts'
import type { Job, JobEngine, JobProgress, JobStanding, JobStart } from '../job.ts'
import { openPassedOver, readTopicExtent } from '../log.ts'
import { pause, reasonOf } from '../runtime.ts'
import { openUnlockedWriter } from '../table.ts'
import { openJobMetrics } from './cluster/job-metrics.ts'
import { openJobWatch, readJobFigures } from './job-watch.ts'
import { type FlinkSettings, openLeader } from './leader.ts'
import { openFlinkProgress } from './progress.ts'
import { readStateNotice } from './state-outlook.ts'
import { verifyClosed } from './upkeep/verify-closed.ts'

export const FLINK_ENGINE: JobEngine = { start, readProgress, verify: verifyClosed }

const PROGRESS_INTERVAL_MS = 2_000
const OUTLOOK_INTERVAL_MS = 60_000

/** A configuration with Flink as the engine has all of it, or was refused. */
function flinkSettings(config: Config): FlinkSettings {
  const { flink, trino, log } = config
  assert(flink !== null && trino !== null && log.kind === 'kafka')
  return { ...config, flink, trino, log }
}

async function start({
  config,
  log,
  nowUs,
  acceptNewLog,
  acceptRepeats,
  rebuildState,
  onProgress,
  onWarning,
}: JobStart): Promise<Job> {
  const settings = flinkSettings(config)
  const stopping = new AbortController()
  const progress = openFlinkProgress(settings, nowUs)
  const passedOver = openPassedOver(log.cursor)
  const readFigures = () =>
    progress.read((withoutEvent) => {
      passedOver.set(withoutEvent)
      return log.end()
    })
  // Nothing is begun before Kafka and the tables have answered: a start that fails ends.
  let latest: JobProgress = { ...(await readFigures()), state: 'running', stalled: null }
  onProgress(latest)
  const leader = openLeader({
    settings,
    logId: log.id,
    logProgress: progress.logProgress,
    acceptRepeats,
    rebuildState,
    passGaps: acceptNewLog,
    nowUs,
    newId: randomUUID,
    onWarning,
  })

  const jobWatch = openJobWatch(settings)
  let stateNotice: string | null = null
  let lookedMs = Number.NEGATIVE_INFINITY
  /** What cannot be asked now is asked again; that Flink is away is reported by others. */
  async function lookAtState(): Promise<void> {
    const nowMs = nowUs() / 1000
    if (Math.abs(nowMs - lookedMs) < OUTLOOK_INTERVAL_MS) return
    lookedMs = nowMs
    const notice = await readStateNotice(settings, nowMs).catch(() => stateNotice)
    if (notice !== null && stateNotice === null) onWarning(notice)
    stateNotice = notice
  }

  async function readProgressOnce(): Promise<JobProgress> {
    try {
      const { windows, ...figures } = await readFigures()
      return {
        ...figures,
        job: jobWatch.figures(),
        windows: windows && { ...windows, open: leader.openWindows() },
        notices: [...leader.notices(), ...(stateNotice === null ? [] : [stateNotice])],
        state: 'running',
        stalled: leader.problem(),
      }
    } catch (error) {
      const stalled = `how far Flink has come cannot be read: ${reasonOf(error)}`
      return { ...latest, job: jobWatch.figures(), stalled }
    }
  }

  async function follow(): Promise<void> {
    const { signal } = stopping
    while (!signal.aborted) {
      await lookAtState()
      await pause(PROGRESS_INTERVAL_MS, signal)
      latest = await readProgressOnce()
      onProgress(latest)
    }
  }

  const following = follow()
  const clients = openUnlockedWriter({ ...settings, nowUs })
  return {
    progress: () => latest,
    failed: leader.failed,
    lakeWriter: clients,
    page: { kind: 'elsewhere', text: pageText(settings) },
    async close() {
      stopping.abort()
      await clients.close()
      await Promise.all([following, jobWatch.close()])
      await leader.close()
    },
  }
}

async function readProgress(config: Config, nowUs: number): Promise<JobStanding> {
  const settings = flinkSettings(config)
  const metrics = openJobMetrics(settings.flink.rest)
  // The JobManager asks its task managers for their metrics once somebody has asked it.
  await readJobFigures(settings, metrics)
  const { id, start, partitions } = await readTopicExtent(settings.log)
  const offsets = (partitions ?? []).reduce((sum, one) => sum + one.end, 0)
  let end = offsets
  const figures = await openFlinkProgress(settings, () => nowUs).read((withoutEvent) => {
    end = offsets - withoutEvent
    return end
  })
  const job = await readJobFigures(settings, metrics)
  return { figures: { ...figures, job }, log: { id, start, end } }
}

/** The dashboard is Superset's. */
function pageText({ superset }: FlinkSettings): string {
  const where =
    superset === null
      ? 'Read the tables through Trino, or name Superset in the configuration.'
      : 'The dashboard "Campaign Performance" is in Superset: ' +
        `${superset.publicUrl}/superset/dashboard/campaign-performance/`
  return `campaign-metrics collects events here; Flink fills the tables. ${where}\n`
}
