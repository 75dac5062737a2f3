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
  /** How many of its tasks run, and how many it has. */
  running: number
  tasks: number
}>

export type Checkpoint = Readonly<{ id: number; path: string }>

/**
 * The life of a job between two restarts, and how far its checkpoints are. Flink's answers may be
 * some seconds old.
 */
export type JobAttempt = Readonly<{
  jobId: string
  /** How often the job has been restored. */
  restored: number
  /** The newest that was begun; 0 where none was. */
  newestCheckpoint: number
}>

/** Of the task managers that there are. */
export type Slots = Readonly<{ total: number; free: number }>

/** `heapBytes`: of all task managers together, for tasks. */
export type ClusterMemory = Readonly<{ heapBytes: number; managedBytesPerSlot: number }>

export type Cluster = {
  listJobs(): Promise<readonly ClusterJob[]>
  /** The newest that is completed; null where there is none. */
  readLatestCheckpoint(jobId: string): Promise<Checkpoint | null>
  /** Null where its tasks do not all run. */
  readAttempt(jobId: string): Promise<JobAttempt | null>
  /** The root cause of the newest failure; null when there was none. */
  readFailure(jobId: string): Promise<string | null>
  /** Where the cluster keeps checkpoints; null when none is configured. */
  checkpointDirectory(): Promise<string | null>
  /**
   * Waits until all tasks run, since a stop in the middle of a recovery may half happen; resolves
   * with the path of the savepoint once it is made. Where the job is to go on with `backend` and
   * has another one now, the savepoint is in the form that both can read.
   */
  stopWithSavepoint(jobId: string, backend: string): Promise<string>
  /** Of the task managers that there are. */
  readMemory(): Promise<ClusterMemory>
  /** Null where the cluster makes task managers as they are needed. */
  readSlots(): Promise<Slots | null>
  cancel(jobId: string): Promise<void>
  /** Waits until the job has reached a final state. */
  awaitEnd(jobId: string): Promise<string>
}

const ENDED: ReadonlySet<string> = new Set(['FAILED', 'CANCELED', 'FINISHED'])
const POLL_MS = 500
const STOP_MS_MAX = 180_000
const RUNNING_MS_MAX = 120_000
/** As Flink names the backend of a job. */
const BACKEND_NAMES: Readonly<Record<string, string>> = {
  hashmap: 'HashMapStateBackend',
  rocksdb: 'EmbeddedRocksDBStateBackend',
}
/** Settings of a JobManager that starts task managers itself. */
const ELASTIC_SETTINGS = /^(?:kubernetes\.cluster-id|yarn\.)/

export function hasEnded(state: string): boolean {
  return ENDED.has(state)
}

/** Null where all tasks run: a job that waits for slots is RUNNING too, as Flink names it. */
export function whyNotRunning({ state, running, tasks }: ClusterJob): string | null {
  if (state !== 'RUNNING') return `it is ${state}`
  return running === tasks ? null : `it is RUNNING, but ${running} of its ${tasks} tasks run`
}

/** `url`: of the JobManager's REST interface, as `http://127.0.0.1:8081`. */
export function openCluster(url: string): Cluster {
  return {
    listJobs: () => listJobs(url),
    readLatestCheckpoint: async (jobId) =>
      latestCheckpointIn(await askFlink(url, `/jobs/${jobId}/checkpoints`)),
    readAttempt: (jobId) => readAttempt(url, jobId),
    readFailure: async (jobId) =>
      failureIn(await askFlink(url, `/jobs/${jobId}/exceptions?maxExceptions=1`)),
    checkpointDirectory: () => readCheckpointDirectory(url),
    stopWithSavepoint: (jobId, backend) => stopWithSavepoint(url, jobId, backend),
    readMemory: () => readMemory(url),
    readSlots: () => readSlots(url),
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
    running: numberIn(objectIn(job, 'tasks'), 'running'),
    tasks: numberIn(objectIn(job, 'tasks'), 'total'),
  }))
}

function numberIn(answer: Answer, field: string): number {
  const value = answer[field]
  return typeof value === 'number' ? value : 0
}

function latestCheckpointIn(answer: Answer): Checkpoint | null {
  const { id, external_path: path } = objectIn(objectIn(answer, 'latest'), 'completed')
  return typeof path === 'string' ? { id: typeof id === 'number' ? id : 0, path } : null
}

async function readAttempt(url: string, jobId: string): Promise<JobAttempt | null> {
  const job = (await listJobs(url)).find(({ id }) => id === jobId)
  if (job === undefined || whyNotRunning(job) !== null) return null
  const answer = await askFlink(url, `/jobs/${jobId}/checkpoints`)
  const begun = objectsIn(answer, 'history').map((one) => numberIn(one, 'id'))
  const restored = numberIn(objectIn(answer, 'counts'), 'restored')
  return { jobId, restored, newestCheckpoint: Math.max(0, ...begun) }
}

function failureIn(answer: Answer): string | null {
  const [newest] = objectsIn(objectIn(answer, 'exceptionHistory'), 'entries')
  return typeof newest?.stacktrace === 'string' ? rootCause(newest.stacktrace) : null
}

async function readCheckpointDirectory(url: string): Promise<string | null> {
  return (await readSetting(url, 'execution.checkpointing.dir'))?.replace(/\/+$/, '') ?? null
}

async function stopWithSavepoint(url: string, jobId: string, backend: string): Promise<string> {
  await awaitAllRunning(url, jobId)
  const target = await savepointDirectory(url)
  const { state_backend: own } = await askFlink(url, `/jobs/${jobId}/checkpoints/config`)
  const body = {
    drain: false,
    formatType: own === BACKEND_NAMES[backend] ? 'NATIVE' : 'CANONICAL',
    ...(target === null ? {} : { targetDirectory: target }),
  }
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

async function awaitAllRunning(url: string, jobId: string): Promise<void> {
  let last = 'it is not listed'
  for (let waitedMs = 0; waitedMs < RUNNING_MS_MAX; waitedMs += POLL_MS) {
    const job = (await listJobs(url)).find(({ id }) => id === jobId)
    if (job === undefined || hasEnded(job.state)) {
      const fault = 'ended by itself before it could be stopped with a savepoint'
      throw new FlinkError('job', { job: jobId, fault })
    }
    const why = whyNotRunning(job)
    if (why === null) return
    last = why
    await sleep(POLL_MS)
  }
  const failure = failureIn(await askFlink(url, `/jobs/${jobId}/exceptions?maxExceptions=1`))
  const fault =
    `cannot be stopped with a savepoint, which takes all of its tasks: after ` +
    `${RUNNING_MS_MAX / 1000} s ${last}${failure === null ? '' : ` (${failure})`}. It goes on as ` +
    'it was, and is tried again; cancel it, and it is submitted from its newest checkpoint'
  throw new FlinkError('job', { job: jobId, fault })
}

async function readMemory(url: string): Promise<ClusterMemory> {
  const managers = objectsIn(await askFlink(url, '/taskmanagers'), 'taskmanagers')
  const sum = (field: string): number =>
    managers.reduce((sum, one) => sum + numberIn(objectIn(one, 'memoryConfiguration'), field), 0)
  const slots = managers.reduce((sum, one) => sum + numberIn(one, 'slotsNumber'), 0)
  const managedBytesPerSlot = slots === 0 ? 0 : sum('managedMemory') / slots
  return { heapBytes: sum('taskHeap'), managedBytesPerSlot }
}

async function readSlots(url: string): Promise<Slots | null> {
  const settings = objectsIn(await askFlink(url, '/jobmanager/config', { isList: true }), 'list')
  if (settings.some(({ key }) => ELASTIC_SETTINGS.test(String(key)))) return null
  const overview = await askFlink(url, '/overview')
  return { total: numberIn(overview, 'slots-total'), free: numberIn(overview, 'slots-available') }
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
