/** The job of a configuration, on the tables and the topic that it names. */
import { strict as assert } from 'node:assert'
import type { Config } from '../../config.ts'
import { countWaiting, readConsumerLag } from '../../log.ts'
import {
  COUNT_KEYS,
  clientRemovedMs,
  FLINK_SUMMARY_KEYS,
  type Lake,
  newestValue,
  newestWith,
  SUMMARY_KEYS,
} from '../../table.ts'
import { type ClusterJob, hasEnded, openCluster } from '../cluster/cluster.ts'
import { FlinkError } from '../error.ts'
import {
  consumerGroups,
  type FlinkJobOptions,
  type FlinkSqlSettings,
  jobNamePrefix,
  makeJobSql,
} from '../job/job-sql.ts'
import { noteRetention, retentionOf } from '../job/retention.ts'
import { closedUntilUs } from '../upkeep/amend-view.ts'
import { whyUnfit } from './capacity.ts'
import { openCountedNote } from './counted-offsets.ts'
import { findReach, type Reach, type RebuildParts, whyNotRebuilt } from './rebuild.ts'
import {
  jobsOf,
  newestFlinkCommit,
  type RebuildMark,
  rebuildMark,
  writeRebuildMark,
} from './rebuild-mark.ts'
import { flinkCommitIn, openCheckpointNote, whyForgotten } from './recovery.ts'
import { openStateNote } from './state-mark.ts'
import { type FlinkJob, openFlinkJob } from './supervised-job.ts'
import { openTopicWatch } from './topic-watch.ts'

export type ConfiguredSettings = Pick<
  Config,
  'log' | 'warehouse' | 'catalog' | 'retention' | 'windowUs' | 'rejectedDirectory'
> &
  Readonly<{ dedupe: Pick<Config['dedupe'], 'horizonMs'>; flink: FlinkSqlSettings }>

export type JobWorld = Readonly<{
  nowMs: () => number
  tell: (message: string) => void
  /** The user's consent to go on where Flink has forgotten event ids (`start --accept-repeats`). */
  acceptRepeats: boolean
  /** The user's consent to go past what the topic has lost (`start --new-log`). */
  passGaps: boolean
  /** Begin without state, and read it again from the topic (`start --rebuild-state`). */
  rebuildState: boolean
}>

const MS_PER_DAY = 86_400_000
/** In the folder of rejected events: both must survive the process, on one volume. */
const NOTE_FILE = 'flink-checkpoint.json'

/** A configuration with Flink as the engine names Kafka, S3 and PostgreSQL, or was refused. */
export function flinkJobOptions(settings: ConfiguredSettings): FlinkJobOptions {
  const { log, warehouse, catalog, dedupe, retention, windowUs, flink } = settings
  assert(log.kind === 'kafka' && warehouse.kind === 's3' && catalog.kind === 'postgresql')
  return {
    ...flink,
    kafka: log,
    warehouse,
    catalog,
    dedupeHorizonMs: dedupe.horizonMs,
    retention: retentionOf(shortestDays(retention)),
    windowUs,
  }
}

/** The retention that both tables keep, in days; 0 for ever. */
function shortestDays({ eventsMs, metricsMs }: ConfiguredSettings['retention']): number {
  const limited = [eventsMs, metricsMs].filter((ms) => ms > 0)
  return limited.length === 0 ? 0 : Math.ceil(Math.min(...limited) / MS_PER_DAY)
}

/** The job as it is wanted, and the one that runs, which may be made from another configuration. */
export type FoundJob = Readonly<{ name: string; live: ClusterJob | null }>

/** Throws FlinkError where the cluster does not answer. */
export async function findJob(
  settings: ConfiguredSettings & Readonly<{ flink: Readonly<{ rest: string }> }>,
): Promise<FoundJob> {
  const options = flinkJobOptions(settings)
  const prefix = jobNamePrefix(options)
  const jobs = await openCluster(settings.flink.rest).listJobs()
  const live = jobs.find(({ name, state }) => name.startsWith(prefix) && !hasEnded(state))
  return { name: makeJobSql(options).name, live: live ?? null }
}

/** Why the cluster cannot run the job as it is configured; null when it can. */
export async function whyClusterUnfit(
  flink: Readonly<{ rest: string; parallelism: number }>,
): Promise<string | null> {
  return await whyUnfit(openCluster(flink.rest), flink.parallelism)
}

/** `lake` is open for writing, and with it the writer's lock is held: nobody else submits. */
export async function openConfiguredJob(
  settings: ConfiguredSettings & Readonly<{ flink: Readonly<{ gateway: string; rest: string }> }>,
  lake: Lake,
  { nowMs, tell, acceptRepeats, passGaps, rebuildState }: JobWorld,
): Promise<FlinkJob> {
  const { log, flink } = settings
  const { gateway, rest } = flink
  const options = flinkJobOptions(settings)
  assert(log.kind === 'kafka')
  const groups = consumerGroups(options)
  const counted = openCountedNote(settings.rejectedDirectory, log.topic)
  const retention = await noteRetention(lake, options.retention.days, nowMs() * 1000)

  const rebuildParts = async (signal: AbortSignal): Promise<RebuildParts> => {
    await lake.refresh()
    const commits = [lake.events, lake.metrics].map((view) =>
      newestWith(view, FLINK_SUMMARY_KEYS.checkpointId),
    )
    const taken = await readConsumerLag(log, groups.events)
    return {
      topic: log,
      taken: taken.partitions.map(({ committed }) => committed),
      committedMs: Math.max(0, ...commits.map((commit) => commit?.timestampMs ?? 0)),
      removedMs: clientRemovedMs(lake.events.properties),
      horizonMs: options.dedupeHorizonMs,
      retention,
      filesSince: (ms) => lake.eventsFilesSince(ms),
      readIds: (file) => lake.readEventIds(file),
      acceptRepeats,
      signal,
      steadyMs: () => performance.now(),
    }
  }
  const rebuild = async (
    signal: AbortSignal,
  ): Promise<RebuildMark | Extract<Reach, { kind: 'refused' }>> => {
    const reach = await findReach(await rebuildParts(signal))
    if (reach.kind === 'refused') return reach
    const mark = {
      id: `rebuilt-${nowMs()}`,
      pastJobs: jobsOf(lake),
      from: reach.from,
      storedUntil: reach.storedUntil,
      closedUntilUs: closedUntilUs(lake.metrics, options.windowUs),
    }
    await writeRebuildMark(lake, mark)
    return mark
  }

  return openFlinkJob({
    ...options,
    retention,
    rebuilt: rebuildMark(lake.metrics),
    rebuildState,
    whyNotRebuilt: async (signal) => await whyNotRebuilt(await rebuildParts(signal)),
    rebuild,
    gateway,
    rest,
    topic: openTopicWatch({
      topic: log,
      groups,
      note: counted,
      steadyMs: () => performance.now(),
    }),
    passGaps,
    async whyForgotten() {
      if (acceptRepeats) return null
      const passed = (await counted.read()).map(({ until }) => until)
      return await whyForgotten({
        horizonMs: options.dedupeHorizonMs,
        committedMs: newestFlinkCommit(lake.events, rebuildMark(lake.metrics))?.timestampMs ?? null,
        nowMs: nowMs(),
        countWaiting: (beforeMs) => countWaiting(log, groups.events, beforeMs, passed),
      })
    },
    async readTables() {
      await lake.refresh()
      const views = [lake.events, lake.metrics]
      const mark = rebuildMark(lake.metrics)
      const commits = views.flatMap((view) => {
        const snapshot = newestFlinkCommit(view, mark)
        const commit = snapshot === null ? null : flinkCommitIn(snapshot.summary)
        return commit === null ? [] : [commit]
      })
      const rows = views.reduce(
        (sum, view) => sum + Number(view.summary[COUNT_KEYS.totalRows] ?? 0),
        0,
      )
      return { commits, rows, rebuilt: mark }
    },
    state: openStateNote(lake, nowMs),
    note: openCheckpointNote(`${settings.rejectedDirectory}/${NOTE_FILE}`),
    async withLock(work) {
      await lake.keepLock()
      return await work()
    },
    nowMs,
    tell,
  })
}

/**
 * Checks that the tables were filled from this topic; throws FlinkError `other-log` or
 * `log-too-short`. A topic that was made anew has another id and lower offsets: Flink would go on
 * as if nothing were there to read, in silence (F11). Our commits carry the log's id along; it is
 * noted in tables that do not name one yet.
 */
export async function checkLog(
  lake: Lake,
  settings: ConfiguredSettings,
  logId: string,
): Promise<void> {
  const { log } = settings
  assert(log.kind === 'kafka')
  const { topic } = log
  const kept = newestValue(lake.metrics, SUMMARY_KEYS.logId)
  if (kept !== undefined && kept !== logId) {
    throw new FlinkError('other-log', { tables: kept, log: logId, topic })
  }
  const { partitions } = await readConsumerLag(
    log,
    consumerGroups(flinkJobOptions(settings)).events,
  )
  for (const [partition, { committed, end }] of partitions.entries()) {
    if (committed === null || committed <= end) continue
    throw new FlinkError('log-too-short', { committed, partition, end, topic })
  }
  if (kept !== undefined) return
  const metrics = { add: [], remove: [] }
  await lake.commit({ metrics, summary: { [SUMMARY_KEYS.logId]: logId }, commitId: `log-${logId}` })
}
