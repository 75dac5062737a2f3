/**
 * A client of the JobManager's REST interface: jobs, their checkpoints, stop with a savepoint.
 *
 * A job is never stopped with `drain`: that sends a last watermark, which would close windows that
 * are still filling.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { FlinkError, rootCause } from '../error.ts'
import { type Answer, askFlink, objectIn, objectsIn, stringIn } from './rest.ts'

export type ClusterJob = Readonly<{
  id: string
  name: string
  /**
   * As Flink names it: CREATED, INITIALIZING, RUNNING, RESTARTING, FAILING, FAILED, CANCELED,
   * FINISHED, …
   */
  state: string
}>

export type Checkpoint = Readonly<{ id: number; path: string }>

export type Cluster = {
  listJobs(): Promise<readonly ClusterJob[]>
  /** The newest that is completed; null where there is none. */
  readLatestCheckpoint(jobId: string): Promise<Checkpoint | null>
  /** The root cause of the newest failure; null when there was none. */
  readFailure(jobId: string): Promise<string | null>
  /** Where the cluster keeps checkpoints; null when none is configured. */
  checkpointDirectory(): Promise<string | null>
  /** Resolves with the path of the savepoint once the job has ended. */
  stopWithSavepoint(jobId: string): Promise<string>
  cancel(jobId: string): Promise<void>
  /** Waits until the job has reached a final state. */
  awaitEnd(jobId: string): Promise<string>
}

const ENDED: ReadonlySet<string> = new Set(['FAILED', 'CANCELED', 'FINISHED'])
const POLL_MS = 500
const STOP_MS_MAX = 180_000

export function hasEnded(state: string): boolean {
  return ENDED.has(state)
}

/** `url`: of the JobManager's REST interface, as `http://127.0.0.1:8081`. */
export function openCluster(url: string): Cluster {
  return {
    listJobs: () => listJobs(url),
    readLatestCheckpoint: async (jobId) =>
      latestCheckpointIn(await askFlink(url, `/jobs/${jobId}/checkpoints`)),
    readFailure: async (jobId) =>
      failureIn(await askFlink(url, `/jobs/${jobId}/exceptions?maxExceptions=1`)),
    checkpointDirectory: () => readCheckpointDirectory(url),
    stopWithSavepoint: (jobId) => stopWithSavepoint(url, jobId),
    cancel: async (jobId) => {
      await askFlink(url, `/jobs/${jobId}`, { method: 'PATCH' })
    },
    awaitEnd: (jobId) => awaitEnd(url, jobId),
  }
}

async function listJobs(url: string): Promise<readonly ClusterJob[]> {
  const answer = await askFlink(url, '/jobs/overview')
  return objectsIn(answer, 'jobs').map((job) => ({
    id: stringIn(job, 'jid'),
    name: stringIn(job, 'name'),
    state: stringIn(job, 'state'),
  }))
}

function latestCheckpointIn(answer: Answer): Checkpoint | null {
  const { id, external_path: path } = objectIn(objectIn(answer, 'latest'), 'completed')
  return typeof path === 'string' ? { id: typeof id === 'number' ? id : 0, path } : null
}

function failureIn(answer: Answer): string | null {
  const [newest] = objectsIn(objectIn(answer, 'exceptionHistory'), 'entries')
  return typeof newest?.stacktrace === 'string' ? rootCause(newest.stacktrace) : null
}

async function readCheckpointDirectory(url: string): Promise<string | null> {
  return (await readSetting(url, 'execution.checkpointing.dir'))?.replace(/\/+$/, '') ?? null
}

async function stopWithSavepoint(url: string, jobId: string): Promise<string> {
  const target = await savepointDirectory(url)
  const body = { drain: false, ...(target === null ? {} : { targetDirectory: target }) }
  const started = await askFlink(url, `/jobs/${jobId}/stop`, { method: 'POST', body })
  const request = stringIn(started, 'request-id')
  for (let waitedMs = 0; waitedMs < STOP_MS_MAX; waitedMs += POLL_MS) {
    const answer = await askFlink(url, `/jobs/${jobId}/savepoints/${request}`)
    const { id: status } = objectIn(answer, 'status')
    if (status === 'COMPLETED') return locationIn(objectIn(answer, 'operation'), jobId)
    await sleep(POLL_MS)
  }
  const fault = `was asked to stop with a savepoint, and has not stopped in ${STOP_MS_MAX / 1000} s`
  throw new FlinkError('job', { job: jobId, fault })
}

function locationIn(operation: Answer, jobId: string): string {
  if (typeof operation.location === 'string') return operation.location
  const trace = objectIn(operation, 'failure-cause')['stack-trace']
  const why = rootCause(typeof trace === 'string' ? trace : '')
  const fault =
    `could not be stopped with a savepoint: ${why}. ` +
    'It goes on as it was; Flink must be able to write its savepoint directory'
  throw new FlinkError('job', { job: jobId, fault })
}

/** The cluster's own directory, or a folder beside the checkpoints. */
async function savepointDirectory(url: string): Promise<string | null> {
  if ((await readSetting(url, 'execution.checkpointing.savepoint-dir')) !== null) return null
  const checkpoints = await readCheckpointDirectory(url)
  return checkpoints === null ? null : `${checkpoints}/savepoints`
}

async function awaitEnd(url: string, jobId: string): Promise<string> {
  for (let waitedMs = 0; waitedMs < STOP_MS_MAX; waitedMs += POLL_MS) {
    const job = (await listJobs(url)).find(({ id }) => id === jobId)
    if (job === undefined || hasEnded(job.state)) return job?.state ?? 'FINISHED'
    await sleep(POLL_MS)
  }
  throw new FlinkError('job', { job: jobId, fault: `has not ended in ${STOP_MS_MAX / 1000} s` })
}

/** A setting of the JobManager, whose configuration is an array of keys and values. */
async function readSetting(url: string, key: string): Promise<string | null> {
  const answer = await askFlink(url, '/jobmanager/config', { isList: true })
  const found = objectsIn(answer, 'list').find((setting) => setting.key === key)
  return typeof found?.value === 'string' ? found.value : null
}
