/**
 * Keeps the job running: looks at the cluster every few seconds, lets `life.ts` decide, and does what it says.
 *
 * Two programs that start at once do not submit twice: submitting happens under a lock that is handed in, and the cluster is looked at
 * again once the lock is held.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Checkpoints,
  type Cluster,
  type ClusterJob,
  hasEnded,
  openCluster,
} from '../cluster/cluster.ts'
import { openGatewaySession } from '../cluster/gateway.ts'
import { FlinkError } from '../error.ts'
import { consumerGroups, jobNamePrefix, makeJobSql } from '../job/job-sql.ts'
import type { FlinkJobOptions } from '../job/options.ts'
import { type Action, failed, isMissing, type Life, type LifeEvent, nextStep } from './life.ts'
import { type FlinkCommit, newestJob, recoverFrom, type SeenCheckpoint } from './recovery.ts'
import type { SeenNote } from './seen-file.ts'
import { openTrouble, type Trouble } from './trouble.ts'

export type FlinkJobSettings = FlinkJobOptions &
  Readonly<{
    /** The SQL Gateway and the JobManager, as this process sees them. */
    gateway: string
    rest: string
    /** Of each table its newest commit by Flink, whoever has committed since; and the rows of both. */
    readTables: () => Promise<Readonly<{ commits: readonly FlinkCommit[]; rows: number }>>
    seen: SeenNote
    /** Why the event ids in a checkpoint no longer suffice to go on from it; null when they do. */
    whyForgotten: () => Promise<string | null>
    /** Runs the work while no other process does; null when one does. */
    withLock: (work: () => Promise<LifeEvent | null>) => Promise<LifeEvent | null>
    nowMs: () => number
    pollMs?: number
    tell?: (message: string) => void
  }>

export type FlinkJobStatus = Readonly<{
  life: Life
  name: string
  jobId: string | null
  /** Flink's word for the job's state; null when there is none or Flink does not answer. */
  state: string | null
  checkpoints: Checkpoints | null
  /** Why Flink could not be asked. */
  problem: string | null
  /** Kafka's consumer groups in which Flink notes what its checkpoints hold. */
  groups: Readonly<{ events: string; lines: string }>
}>

export type FlinkJob = {
  /** Resolves once the job runs; throws FlinkError when it may not, or does not in time. */
  ensureRunning(timeoutMs?: number): Promise<string>
  /** Goes on looking until `close`. */
  watch(): void
  /** What keeps the job from running, as of the last look; null when it runs, or will soon. */
  problem(): string | null
  status(): Promise<FlinkJobStatus>
  /** Ends the watch. The job goes on. */
  close(): Promise<void>
}

const POLL_MS = 5_000
const START_POLL_MS = 500
const START_MS_MAX = 300_000

export function openFlinkJob(settings: FlinkJobSettings): FlinkJob {
  return new Watcher(settings)
}

/** Invariant: one step at a time; `#life` is what the last one ended with. */
class Watcher implements FlinkJob {
  readonly #settings: FlinkJobSettings
  readonly #cluster: Cluster
  readonly #sql: ReturnType<typeof makeJobSql>
  readonly #abort = new AbortController()
  #life: Life = { kind: 'looking' }
  #stepping: Promise<void> = Promise.resolve()
  #watching: Promise<void> | null = null
  #seen: SeenCheckpoint | null = null
  readonly #trouble: Trouble

  constructor(settings: FlinkJobSettings) {
    this.#settings = settings
    this.#cluster = openCluster(settings.rest)
    this.#trouble = openTrouble(settings.nowMs)
    this.#sql = makeJobSql(settings)
  }

  async ensureRunning(timeoutMs = START_MS_MAX): Promise<string> {
    const until = this.#settings.nowMs() + timeoutMs
    for (;;) {
      await this.#step()
      const life = this.#life
      if (life.kind === 'running') return life.jobId
      if (life.kind === 'refused') throw new FlinkError('state', life.why, { job: this.#sql.name })
      if (this.#settings.nowMs() >= until) {
        const why = life.kind === 'waiting' ? life.why : `it is ${life.kind}`
        const message = `The Flink job does not run after ${timeoutMs / 1000} s: ${why}`
        throw new FlinkError('job', message, { job: this.#sql.name })
      }
      await sleep(START_POLL_MS)
    }
  }

  watch(): void {
    this.#watching ??= this.#watch()
  }

  problem(): string | null {
    const life = this.#life
    if (life.kind === 'waiting' || life.kind === 'refused') return life.why
    return this.#trouble.problem()
  }

  async status(): Promise<FlinkJobStatus> {
    const groups = consumerGroups(this.#settings)
    const base = { life: this.#life, name: this.#sql.name, groups }
    try {
      const live = (await this.#listJobs()).filter(({ state }) => !hasEnded(state))
      const [job] = live
      const checkpoints = job === undefined ? null : await this.#cluster.readCheckpoints(job.id)
      const state = job?.state ?? null
      return { ...base, jobId: job?.id ?? null, state, checkpoints, problem: null }
    } catch (cause) {
      const problem = cause instanceof Error ? cause.message : String(cause)
      return { ...base, jobId: null, state: null, checkpoints: null, problem }
    }
  }

  async close(): Promise<void> {
    this.#abort.abort()
    await this.#watching
    await this.#stepping
  }

  async #watch(): Promise<void> {
    const { pollMs = POLL_MS } = this.#settings
    while (!this.#abort.signal.aborted) {
      await this.#step()
      await sleep(pollMs, undefined, { signal: this.#abort.signal }).catch(() => undefined)
    }
  }

  #step(): Promise<void> {
    this.#stepping = this.#stepping.then(() => this.#stepOnce())
    return this.#stepping
  }

  /** What is seen, then whatever follows from it until nothing more is to be done. */
  async #stepOnce(): Promise<void> {
    let event: LifeEvent | null = await this.#look()
    while (event !== null) {
      const before = this.#life
      const wanted = { name: this.#sql.name, nowMs: this.#settings.nowMs() }
      const { life, action } = nextStep(before, event, wanted)
      this.#life = life
      this.#tellChange(before, life)
      event = await this.#act(action)
    }
  }

  async #look(): Promise<LifeEvent> {
    try {
      const jobs = await this.#listJobs()
      const life = this.#life
      const own = 'jobId' in life ? jobs.find(({ id }) => id === life.jobId) : undefined
      const isLost = own !== undefined && hasEnded(own.state)
      const failure = isLost ? await this.#cluster.readFailure(own.id) : null
      // Of a job that the cluster has forgotten there are no checkpoints to ask for.
      if (life.kind === 'running' && own !== undefined) await this.#noteCheckpoint(own.id)
      await this.#noteTrouble(own ?? jobs.find(({ state }) => !hasEnded(state)))
      return { kind: 'jobs', jobs, failure }
    } catch (cause) {
      const event = failed(cause)
      this.#trouble.note(event.why)
      return event
    }
  }

  /** A job that has been put back to a checkpoint again and again is said with what failed last. */
  async #noteTrouble(job: ClusterJob | undefined): Promise<void> {
    if (job === undefined) return this.#trouble.note('the cluster has no such job')
    if (job.state === 'RUNNING') return this.#trouble.clear()
    const failure = await this.#cluster.readFailure(job.id)
    this.#trouble.note(`it is ${job.state}${failure === null ? '' : `, ${failure}`}`)
  }

  async #act(action: Action): Promise<LifeEvent | null> {
    if (action.kind === 'none') return null
    try {
      return await this.#settings.withLock(() =>
        action.kind === 'stop' ? this.#stop(action.jobId) : this.#submit(action.from),
      )
    } catch (cause) {
      return failed(cause)
    }
  }

  async #stop(jobId: string): Promise<LifeEvent> {
    this.#settings.tell?.(`stopping the Flink job ${jobId}: configuration or version changed`)
    const savepoint = await this.#cluster.stopWithSavepoint(jobId)
    await this.#cluster.awaitEnd(jobId)
    // No checkpoint of this job is newer.
    await this.#note({
      jobId,
      after: newestJob((await this.#settings.readTables()).commits),
      checkpointId: Number.MAX_SAFE_INTEGER,
      path: savepoint,
    })
    return { kind: 'stopped', savepoint }
  }

  async #submit(from: readonly string[] | null): Promise<LifeEvent> {
    const jobs = await this.#listJobs()
    if (jobs.some(({ state }) => !hasEnded(state))) return { kind: 'jobs', jobs, failure: null }
    const tables = await this.#settings.readTables()
    const paths = from ?? (await this.#findPaths(tables))
    if ('kind' in paths) return paths
    const [path = null, ...rest] = paths
    let jobId: string
    try {
      jobId = await this.#execute(path)
    } catch (cause) {
      const { why } = failed(cause)
      if (path !== null && isMissing(why)) return { kind: 'missing', why, rest }
      throw cause
    }
    const after = newestJob(tables.commits)
    if (path !== null) await this.#note({ jobId, after, checkpointId: -1, path })
    this.#settings.tell?.(`submitted the Flink job ${jobId}${path === null ? '' : ` from ${path}`}`)
    return { kind: 'submitted', jobId, rest }
  }

  async #findPaths(
    tables: Readonly<{ commits: readonly FlinkCommit[]; rows: number }>,
  ): Promise<readonly string[] | LifeEvent> {
    const directory = await this.#cluster.checkpointDirectory()
    const recovery = recoverFrom({ ...tables, directory, seen: await this.#settings.seen.read() })
    if (recovery.kind === 'fresh') return []
    if (recovery.kind === 'restore') {
      const why = await this.#settings.whyForgotten()
      return why === null ? recovery.paths : { kind: 'refused', why }
    }
    const why =
      `The Flink job cannot go on: ${recovery.why}. Tables of another writer stay with it; ` +
      'fill new ones by naming another warehouse and catalog, or restore the checkpoint directory.'
    return { kind: 'refused', why }
  }

  async #execute(path: string | null): Promise<string> {
    const properties: Record<string, string> =
      path === null ? {} : { 'execution.state-recovery.path': path }
    const session = await openGatewaySession({ url: this.#settings.gateway, properties })
    try {
      let jobId: string | null = null
      for (const statement of this.#sql.statements) {
        jobId = (await session.execute(statement)).jobId ?? jobId
      }
      if (jobId !== null) return jobId
      throw new FlinkError('answer', 'The gateway took the job and did not say its id.')
    } finally {
      await session.close()
    }
  }

  async #noteCheckpoint(jobId: string): Promise<void> {
    const { latest } = await this.#cluster.readCheckpoints(jobId)
    const seen = this.#seen ?? (await this.#settings.seen.read())
    if (latest === null || (seen?.jobId === jobId && seen.checkpointId >= latest.id)) return
    const after =
      seen?.jobId === jobId ? seen.after : newestJob((await this.#settings.readTables()).commits)
    await this.#note({ jobId, after, checkpointId: latest.id, path: latest.path })
  }

  async #note(seen: SeenCheckpoint): Promise<void> {
    await this.#settings.seen.write(seen)
    this.#seen = seen
  }

  async #listJobs(): Promise<readonly ClusterJob[]> {
    const prefix = jobNamePrefix(this.#settings)
    return (await this.#cluster.listJobs()).filter(({ name }) => name.startsWith(prefix))
  }

  #tellChange(before: Life, after: Life): void {
    if (before.kind === after.kind) return
    if (after.kind === 'running') this.#settings.tell?.(`the Flink job ${after.jobId} runs`)
    if (after.kind === 'waiting' || after.kind === 'refused') this.#settings.tell?.(after.why)
  }
}
