/** The job of a configuration, on the tables that it names. */
import { strict as assert } from 'node:assert'
import { countWaiting, type KafkaPlace } from '../../log.ts'
import { COUNT_KEYS, FLINK_SUMMARY_KEYS, type Lake, newestWith } from '../../table.ts'
import { type ClusterJob, hasEnded, openCluster } from '../cluster/cluster.ts'
import { whyForgotten } from '../job/id-memory.ts'
import { consumerGroups, jobNamePrefix, makeJobSql } from '../job/job-sql.ts'
import type { FlinkJobOptions } from '../job/options.ts'
import { noteRetention, retentionOf } from '../job/retention.ts'
import { flinkCommitIn } from './recovery.ts'
import { openSeenFile } from './seen-file.ts'
import { type FlinkJob, openFlinkJob } from './supervised-job.ts'

export type ConfiguredSettings = Readonly<{
  log: Readonly<{ kind: 'folder' }> | KafkaPlace
  warehouse:
    | Readonly<{ kind: 'folder' }>
    | (Readonly<{ kind: 's3' }> & FlinkJobOptions['warehouse'])
  catalog:
    | Readonly<{ kind: 'sqlite' }>
    | (Readonly<{ kind: 'postgresql' }> & FlinkJobOptions['catalog'])
  dedupe: Readonly<{ horizonMs: number }>
  retention: Readonly<{ eventsMs: number; metricsMs: number }>
  windowUs: number
  flink: Pick<
    FlinkJobOptions,
    | 'parallelism'
    | 'checkpointIntervalMs'
    | 'watermarkDelayMs'
    | 'idleTimeoutMs'
    | 'stateBackend'
    | 'rejectedDirectory'
  >
  rejectedDirectory: string
}>

export type JobWorld = Readonly<{
  nowMs: () => number
  tell: (message: string) => void
  /** The user's word that event ids which Flink has forgotten do no harm (`start --accept-repeats`). */
  acceptRepeats: boolean
}>

const MS_PER_DAY = 86_400_000
/** Beside what is rejected: both are what a process of ours must keep, and a volume holds. */
const SEEN_FILE = 'flink-checkpoint.json'

/** A configuration with Flink as the engine names Kafka, S3 and PostgreSQL, or was refused. */
export function flinkJobOptions(settings: ConfiguredSettings): FlinkJobOptions {
  const { log, warehouse, catalog, dedupe, retention, windowUs, flink } = settings
  assert(log.kind === 'kafka' && warehouse.kind === 's3' && catalog.kind === 'postgresql')
  return {
    kafka: log,
    warehouse,
    catalog,
    parallelism: flink.parallelism,
    checkpointIntervalMs: flink.checkpointIntervalMs,
    watermarkDelayMs: flink.watermarkDelayMs,
    idleTimeoutMs: flink.idleTimeoutMs,
    dedupeHorizonMs: dedupe.horizonMs,
    retention: retentionOf(shortestDays(retention)),
    windowUs,
    stateBackend: flink.stateBackend,
    rejectedDirectory: flink.rejectedDirectory,
  }
}

/** What both tables keep. */
function shortestDays({ eventsMs, metricsMs }: ConfiguredSettings['retention']): number {
  const limited = [eventsMs, metricsMs].filter((ms) => ms > 0)
  return limited.length === 0 ? 0 : Math.ceil(Math.min(...limited) / MS_PER_DAY)
}

/** The job as it is wanted, and the one that there is, which may be made from another configuration. */
export type JobSeen = Readonly<{ name: string; live: ClusterJob | null }>

/** Throws FlinkError where the cluster does not answer. */
export async function lookAtJob(
  settings: ConfiguredSettings & Readonly<{ flink: Readonly<{ rest: string }> }>,
): Promise<JobSeen> {
  const options = flinkJobOptions(settings)
  const prefix = jobNamePrefix(options)
  const jobs = await openCluster(settings.flink.rest).listJobs()
  const live = jobs.find(({ name, state }) => name.startsWith(prefix) && !hasEnded(state))
  return { name: makeJobSql(options).name, live: live ?? null }
}

/** `lake` is open for writing, and with it the writer's lock is held: nobody else submits. */
export async function openConfiguredJob(
  settings: ConfiguredSettings & Readonly<{ flink: Readonly<{ gateway: string; rest: string }> }>,
  lake: Lake,
  { nowMs, tell, acceptRepeats }: JobWorld,
): Promise<FlinkJob> {
  const { log, flink } = settings
  const { gateway, rest } = flink
  const options = flinkJobOptions(settings)
  const retention = await noteRetention(lake, options.retention.days, nowMs() * 1000)
  return openFlinkJob({
    ...options,
    retention,
    gateway,
    rest,
    async whyForgotten() {
      if (acceptRepeats || log.kind !== 'kafka') return null
      return await whyForgotten({
        horizonMs: options.dedupeHorizonMs,
        committedMs: newestWith(lake.events, FLINK_SUMMARY_KEYS.checkpointId)?.timestampMs ?? null,
        nowMs: nowMs(),
        countWaiting: (beforeMs) => countWaiting(log, consumerGroups(options).events, beforeMs),
      })
    },
    async readTables() {
      await lake.refresh()
      const views = [lake.events, lake.metrics]
      const commits = views.flatMap((view) => {
        const snapshot = newestWith(view, FLINK_SUMMARY_KEYS.checkpointId)
        const commit = snapshot === null ? null : flinkCommitIn(snapshot.summary)
        return commit === null ? [] : [commit]
      })
      const rows = views.reduce(
        (sum, view) => sum + Number(view.summary[COUNT_KEYS.totalRows] ?? 0),
        0,
      )
      return { commits, rows }
    },
    seen: openSeenFile(`${settings.rejectedDirectory}/${SEEN_FILE}`),
    async withLock(work) {
      await lake.keepLock()
      return await work()
    },
    nowMs,
    tell,
  })
}
