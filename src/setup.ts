/**
 * Setting up what a configuration names at services: keys of our own, topic, bucket, tables, job
 * and dashboard. Each part is found as it must be, or made, or changed; run again, all is found.
 */

import { existsSync } from 'node:fs'
import { type Config, missingKeys, writeKeysFile } from './config.ts'
import { setUpSuperset } from './dashboard.ts'
import { checkLog, findJob, openConfiguredJob, readStateNotice, whyClusterUnfit } from './flink.ts'
import { readTopicExtent, setUpTopic } from './log.ts'
import { openTrinoQuery, QueryError } from './query.ts'
import { reasonOf } from './runtime.ts'
import {
  fitsWriter,
  type Lake,
  makeWarehouse,
  openLake,
  readLake,
  readLakeIfMade,
  TableError,
} from './table.ts'

/**
 * `missing` and `differs` are the outcomes of a dry run; `unfit` is what a user must
 * change by hand, `left` what a running process will change.
 */
export type SetupOutcome = 'found' | 'made' | 'changed' | 'missing' | 'differs' | 'left' | 'unfit'

export type SetupPart = Readonly<{
  part: 'keys' | 'topic' | 'bucket' | 'folder' | 'tables' | 'trino' | 'job' | 'dashboard'
  name: string
  outcome: SetupOutcome
  /** What the user should know of it, a sentence each. */
  remarks: readonly string[]
}>

export type SetupWorld = Readonly<{
  mode: 'make' | 'look'
  nowUs: () => number
  /** Fresh randomness, `bytes` of it, as text that travels in a header. */
  newSecret: (bytes: number) => string
}>

type Flink = NonNullable<Config['flink']>

const SECRET_BYTES = 24
const TABLES_NAME = 'campaigns.campaign_events, campaigns.campaign_metrics'
const DASHBOARD_NAME = 'Campaign Performance'
/** What would become of the dashboard, where only looking was asked for. */
const DASHBOARD_LOOK = { found: 'found', made: 'missing', changed: 'differs' } as const

/**
 * In the order in which the parts need each other: the job reads the topic and writes the tables,
 * the dashboard reads these. Ends after a part that is `unfit`: what follows could not work.
 */
export async function* setUp(config: Config, world: SetupWorld): AsyncIterable<SetupPart> {
  const parts = [setUpKeys, setUpLog, setUpTables, checkTrino, setUpJob, setUpDashboard]
  for (const setUpPart of parts) {
    for (const part of await setUpPart(config, world)) {
      yield part
      if (part.outcome === 'unfit') return
    }
  }
}

/** The keys of a collector that others can reach: made once, and printed when they are. */
async function setUpKeys(
  { keys }: Config,
  { mode, newSecret }: SetupWorld,
): Promise<readonly SetupPart[]> {
  const { file } = keys
  if (file === null) return []
  const part = { part: 'keys', name: file } as const
  if (existsSync(file)) {
    const missing = missingKeys(keys)
    return missing === null
      ? [{ ...part, outcome: 'found', remarks: [] }]
      : [{ ...part, outcome: 'unfit', remarks: [missing] }]
  }
  if (mode === 'look') return [{ ...part, outcome: 'missing', remarks: [] }]
  const [write, read] = [newSecret(SECRET_BYTES), newSecret(SECRET_BYTES)]
  writeKeysFile(file, { write: [write], read: [read] })
  const remarks = [`key for sending (write): ${write}`, `key for reading (read): ${read}`]
  return [{ ...part, outcome: 'made', remarks }]
}

/** The topic, where the log is one. */
async function setUpLog({ log }: Config, { mode }: SetupWorld): Promise<readonly SetupPart[]> {
  if (log.kind !== 'kafka') return []
  const { outcome, partitions, replication, faults, remarks } = await setUpTopic(log, mode)
  const copies = `${partitions} partitions, replication ${replication}`
  return [{ part: 'topic', name: log.topic, outcome, remarks: [copies, ...faults, ...remarks] }]
}

/**
 * The place of the tables, and the tables: Flink and all readers find them made by the one room
 * that knows how. Those in a folder are made by `start`.
 */
async function setUpTables(config: Config, world: SetupWorld): Promise<readonly SetupPart[]> {
  const { warehouse, catalog } = config
  if (warehouse.kind === 'folder' && catalog.kind === 'sqlite') return []
  const outcome = await makeWarehouse(warehouse, world.mode === 'look')
  const name = warehouse.kind === 's3' ? warehouse.location : warehouse.path
  const part = warehouse.kind === 's3' ? 'bucket' : 'folder'
  return [{ part, name, outcome, remarks: [] }, await tablesPart(config, world)]
}

async function tablesPart(config: Config, { mode, nowUs }: SetupWorld): Promise<SetupPart> {
  const part = { part: 'tables', name: TABLES_NAME } as const
  const { warehouse, catalog, cache, windowUs, engine: writer } = config
  const found = await readLakeIfMade(config)
  if (found !== null && fitsWriter(found, writer, windowUs)) {
    return { ...part, outcome: 'found', remarks: [] }
  }
  if (mode === 'look') {
    return { ...part, outcome: found === null ? 'missing' : 'differs', remarks: [] }
  }
  const lake = await openLake({ warehouse, catalog, cache, windowUs, writer, nowUs })
  await lake.close()
  return { ...part, outcome: found === null ? 'made' : 'changed', remarks: [] }
}

/**
 * Trino must see these tables. One that does not answer yet is no reason to stop: `start` looks
 * again.
 */
async function checkTrino(config: Config): Promise<readonly SetupPart[]> {
  const { trino, windowUs } = config
  if (trino === null || (await readLakeIfMade(config)) === null) return []
  const part = { part: 'trino', name: trino.url } as const
  try {
    await openTrinoQuery({ ...trino, windowUs }).checkTables(() => readLake(config))
    return [{ ...part, outcome: 'found', remarks: [] }]
  } catch (error) {
    const isOther = error instanceof QueryError && error.code === 'trino-other-tables'
    const outcome = isOther ? 'unfit' : 'left'
    return [{ ...part, outcome, remarks: [reasonOf(error)] }]
  }
}

/** The job on Flink: running as the configuration says, or submitted, or changed. */
async function setUpJob(config: Config, world: SetupWorld): Promise<readonly SetupPart[]> {
  const { flink } = config
  if (flink === null) return []
  const { name, live } = await findJob({ ...config, flink })
  const part = { part: 'job', name } as const
  // Before there is a job there may be no topic to look at.
  const remarks =
    live === null ? [] : [`${live.id}, ${live.state}`, ...(await outlook(config, flink, world))]
  if (live?.name === name) return [{ ...part, outcome: 'found', remarks }]
  const unfit = await whyClusterUnfit(flink)
  if (unfit !== null) return [{ ...part, outcome: 'unfit', remarks: [...remarks, unfit] }]
  if (world.mode === 'look') {
    return [{ ...part, outcome: live === null ? 'missing' : 'differs', remarks }]
  }
  const lake = await openUnlocked(config, world)
  if (lake === null) {
    const advice =
      'a running `campaign-metrics start` keeps the job: restart it with this configuration'
    return [{ ...part, outcome: 'left', remarks: [...remarks, advice] }]
  }
  try {
    await checkTopic(config, flink, lake)
    const jobId = await submit(config, flink, lake, world)
    const outcome = live === null ? 'made' : 'changed'
    return [
      {
        ...part,
        outcome,
        remarks: [`${jobId}, RUNNING`, ...(await outlook(config, flink, world))],
      },
    ]
  } finally {
    await lake.close()
  }
}

/** What the job will not make use of, or have no room for. */
async function outlook(
  { log, dedupe }: Config,
  flink: Flink,
  { nowUs }: SetupWorld,
): Promise<readonly string[]> {
  if (log.kind !== 'kafka') return []
  const { partitions } = await readTopicExtent(log)
  const { parallelism } = flink
  const idle = parallelism - (partitions?.length ?? parallelism)
  const notice = await readStateNotice({ flink, log, dedupe }, nowUs() / 1000)
  return [
    ...(idle <= 0
      ? []
      : [`${idle} of the ${parallelism} tasks of flink.parallelism have no partition to read`]),
    ...(notice === null ? [] : [notice]),
  ]
}

/** A job must not go on with a topic that is another one than the tables were filled from (F11). */
async function checkTopic(config: Config, flink: Flink, lake: Lake): Promise<void> {
  if (config.log.kind !== 'kafka') return
  const { id } = await readTopicExtent(config.log)
  await checkLog(lake, { ...config, flink }, id)
}

async function submit(
  config: Config,
  flink: Flink,
  lake: Lake,
  { nowUs }: SetupWorld,
): Promise<string> {
  const nowMs = (): number => nowUs() / 1000
  const job = await openConfiguredJob({ ...config, flink }, lake, {
    nowMs,
    tell: () => {},
    acceptRepeats: false,
    rebuildState: false,
    passGaps: false,
  })
  try {
    return await job.ensureRunning()
  } finally {
    await job.close()
  }
}

/** Null where another process has the writer's lock, and with it the job. */
async function openUnlocked(config: Config, { nowUs }: SetupWorld): Promise<Lake | null> {
  const { warehouse, catalog, cache, windowUs } = config
  try {
    return await openLake({ warehouse, catalog, cache, windowUs, writer: 'flink', nowUs })
  } catch (error) {
    if (error instanceof TableError && error.code === 'locked') return null
    throw error
  }
}

/** "Campaign Performance" in Superset. */
async function setUpDashboard(
  { superset, trino, windowUs, currency }: Config,
  { mode }: SetupWorld,
): Promise<readonly SetupPart[]> {
  if (superset === null || trino === null) return []
  const {
    url,
    assets,
    remarks: notes,
  } = await setUpSuperset({
    superset,
    database: { ...trino, trinoUrl: superset.trinoUrl },
    windowUs,
    currency,
    isDryRun: mode === 'look',
  })
  const changed = assets.filter(({ outcome }) => outcome !== 'found')
  const outcome =
    changed.length === 0 ? 'found' : changed.length < assets.length ? 'changed' : 'made'
  const remarks = [
    url.replace(superset.url, superset.publicUrl),
    ...notes,
    ...(outcome === 'changed'
      ? changed.map(({ kind, name, outcome: of }) => `${kind} ${name}: ${of}`)
      : []),
  ]
  const name = DASHBOARD_NAME
  const reported = mode === 'look' ? DASHBOARD_LOOK[outcome] : outcome
  return [{ part: 'dashboard', name, outcome: reported, remarks }]
}
