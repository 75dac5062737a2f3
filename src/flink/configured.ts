/** The job of a configuration, on the tables that it names. */
import { strict as assert } from 'node:assert'
import { type Lake, newestWith } from '../table.ts'
import { type ClusterJob, hasEnded, openCluster } from './cluster.ts'
import { type FlinkJob, openFlinkJob } from './job.ts'
import { jobNamePrefix, makeJobSql } from './job-sql.ts'
import type { FlinkJobOptions, KafkaPlace } from './options.ts'
import { flinkCommitIn } from './recovery.ts'
import { openSeenFile } from './seen-file.ts'

export type ConfiguredSettings = Readonly<{
  log: Readonly<{ kind: 'folder' }> | (Readonly<{ kind: 'kafka' }> & KafkaPlace)
  warehouse:
    | Readonly<{ kind: 'folder' }>
    | (Readonly<{ kind: 's3' }> & FlinkJobOptions['warehouse'])
  catalog:
    | Readonly<{ kind: 'sqlite' }>
    | (Readonly<{ kind: 'postgresql' }> & FlinkJobOptions['catalog'])
  dedupe: Readonly<{ horizonMs: number }>
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

const CHECKPOINT_KEY = 'flink.max-committed-checkpoint-id'
/** Beside what is rejected: both are what a process of ours must keep, and a volume holds. */
const SEEN_FILE = 'flink-checkpoint.json'

/** A configuration with Flink as the engine names Kafka, S3 and PostgreSQL, or was refused. */
export function flinkJobOptions(settings: ConfiguredSettings): FlinkJobOptions {
  const { log, warehouse, catalog, dedupe, windowUs, flink } = settings
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
    windowUs,
    stateBackend: flink.stateBackend,
    rejectedDirectory: flink.rejectedDirectory,
  }
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
export function openConfiguredJob(
  settings: ConfiguredSettings & Readonly<{ flink: Readonly<{ gateway: string; rest: string }> }>,
  lake: Lake,
  { nowMs, tell }: Readonly<{ nowMs: () => number; tell: (message: string) => void }>,
): FlinkJob {
  const { gateway, rest } = settings.flink
  return openFlinkJob({
    ...flinkJobOptions(settings),
    gateway,
    rest,
    async readTables() {
      await lake.refresh()
      const views = [lake.events, lake.metrics]
      const commits = views.flatMap((view) => {
        const snapshot = newestWith(view, CHECKPOINT_KEY)
        const commit = snapshot === null ? null : flinkCommitIn(snapshot.summary)
        return commit === null ? [] : [commit]
      })
      const rows = views.reduce((sum, view) => sum + Number(view.summary['total-records'] ?? 0), 0)
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
