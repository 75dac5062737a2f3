/** The job on Flink: running as the configuration says, or submitted, or changed. */
import type { Config } from '../config.ts'
import { checkLog, findJob, openConfiguredJob } from '../flink.ts'
import { readTopicExtent } from '../log.ts'
import { type Lake, openLake, TableError } from '../table.ts'
import type { SetupPart, SetupWorld } from './set-up.ts'

export async function setUpJob(config: Config, world: SetupWorld): Promise<readonly SetupPart[]> {
  const { flink } = config
  if (flink === null) return []
  const { name, live } = await findJob({ ...config, flink })
  const part = { part: 'job', name } as const
  const remarks = live === null ? [] : [`${live.id}, ${live.state}`]
  if (live?.name === name) return [{ ...part, outcome: 'found', remarks }]
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
    return [{ ...part, outcome, remarks: [`${jobId}, RUNNING`] }]
  } finally {
    await lake.close()
  }
}

type Flink = NonNullable<Config['flink']>

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
