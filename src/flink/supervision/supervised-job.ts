/**
 * Keeps the job running: asks the cluster every few seconds, and does what `lifecycle.ts` decides.
 *
 * Two programs that start at once do not submit twice: submitting happens under a lock that is
 * handed in, and the cluster is asked again once the lock is held.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { pause, reasonOf } from '../../runtime.ts'
import {
  type Cluster,
  type ClusterJob,
  hasEnded,
  openCluster,
  whyNotRunning,
} from '../cluster/cluster.ts'
import { FlinkError } from '../error.ts'
import {
  type FlinkJobOptions,
  type Gaps,
  type JobSql,
  jobNamePrefix,
  makeJobSql,
} from '../job/job-sql.ts'
import { awaitSlots, requireSlots } from './capacity.ts'
import { type Downtime, openDowntime } from './downtime.ts'
import { type Action, failed, type Lifecycle, type LifecycleEvent, nextStep } from './lifecycle.ts'
import type { Reach } from './rebuild.ts'
import type { RebuildMark } from './rebuild-mark.ts'
import {
  type CheckpointNote,
  type FlinkCommit,
  type NotedCheckpoint,
  recoverFrom,
  submittedAfter,
} from './recovery.ts'
import { STATE_VERSION, type StateNote, whyOtherBackend, whyOtherVersion } from './state-mark.ts'
import { submitFromFirst, submitJob } from './submission.ts'
import { gapsText, type TopicStanding, type TopicWatch } from './topic-watch.ts'

export type TableFacts = Readonly<{
  /**
   * Of each table its newest commit by Flink since the state was rebuilt, whoever has committed
   * after it.
   */
  commits: readonly FlinkCommit[]
  /** Of both tables. */
  rows: number
  rebuilt: RebuildMark | null
}>

export type FlinkJobSettings = FlinkJobOptions &
  Readonly<{
    /** The SQL Gateway and the JobManager, as this process sees them. */
    gateway: string
    rest: string
    readTables: () => Promise<TableFacts>
    note: CheckpointNote
    /** Which state the job's checkpoints hold, noted in the tables. */
    state: StateNote
    topic: TopicWatch
    /** The user's consent to go past what retention has removed (`start --new-log`). */
    passGaps: boolean
    /** Whether to begin without state first of all, unless the job runs. */
    rebuildState: boolean
    /** Finds out what a job without state needs to know, and notes it in the tables. */
    rebuild: (signal: AbortSignal) => Promise<RebuildMark | Extract<Reach, { kind: 'refused' }>>
    /** Why that cannot be; null when it can. Asked while a job may run. */
    whyNotRebuilt: (signal: AbortSignal) => Promise<string | null>
    /** Why the event ids in a checkpoint no longer suffice to go on from it; null when they do. */
    whyForgotten: () => Promise<string | null>
    /** Runs the work while no other process does; null when one does. */
    withLock: (work: () => Promise<LifecycleEvent | null>) => Promise<LifecycleEvent | null>
    nowMs: () => number
    pollMs?: number
    tell?: (message: string) => void
  }>

export type FlinkJob = {
  /** Resolves once the job runs; throws FlinkError when it may not, or does not in time. */
  ensureRunning(): Promise<string>
  /** Supervises until `close`. */
  watch(): void
  /** What keeps the job from running, as far as is known; null when it runs, or will soon. */
  problem(): string | null
  /** Of the job that runs, or is being started or stopped; null where there is none. */
  jobId(): string | null
  /** Ends the watch. The job goes on. */
  close(): Promise<void>
}

const POLL_MS = 5_000
const START_POLL_MS = 500
const START_MS_MAX = 300_000

export function openFlinkJob(settings: FlinkJobSettings): FlinkJob {
  return new Supervisor(settings)
}

/** Invariant: one step at a time; `#lifecycle` is what the last one ended with. */
class Supervisor implements FlinkJob {
  readonly #settings: FlinkJobSettings
  readonly #cluster: Cluster
  /** Of the job that fails at a gap in the topic, and of the one that goes past it. */
  #sqls: Readonly<Record<Gaps, JobSql>>
  #sql: JobSql
  #gaps: string | null = null
  #isToRebuild: boolean
  readonly #abort = new AbortController()
  #lifecycle: Lifecycle = { kind: 'absent' }
  #stepping: Promise<void> = Promise.resolve()
  #watching: Promise<void> | null = null
  #noted: NotedCheckpoint | null = null
  readonly #downtime: Downtime

  constructor(settings: FlinkJobSettings) {
    this.#settings = settings
    this.#cluster = openCluster(settings.rest)
    this.#downtime = openDowntime(settings.nowMs)
    this.#sqls = sqlsOf(settings)
    this.#sql = this.#sqls.stop
    this.#isToRebuild = settings.rebuildState
  }

  async ensureRunning(): Promise<string> {
    const until = this.#settings.nowMs() + START_MS_MAX
    for (;;) {
      await this.#step()
      const lifecycle = this.#lifecycle
      if (lifecycle.kind === 'running' && this.#gaps === null) return lifecycle.jobId
      if (this.#gaps !== null)
        throw new FlinkError('state', { job: this.#sql.name, why: this.#gaps })
      if (lifecycle.kind === 'refused')
        throw new FlinkError('state', { job: this.#sql.name, why: lifecycle.why })
      if (this.#settings.nowMs() >= until) {
        const why = lifecycle.kind === 'waiting' ? lifecycle.why : `it is ${lifecycle.kind}`
        const fault = `does not run after ${START_MS_MAX / 1000} s: ${why}`
        throw new FlinkError('job', { job: this.#sql.name, fault })
      }
      await sleep(START_POLL_MS)
    }
  }

  watch(): void {
    this.#watching ??= this.#watch()
  }

  problem(): string | null {
    if (this.#gaps !== null) return this.#gaps
    const lifecycle = this.#lifecycle
    if (lifecycle.kind === 'waiting' || lifecycle.kind === 'refused') return lifecycle.why
    return this.#downtime.problem()
  }

  jobId(): string | null {
    return 'jobId' in this.#lifecycle ? this.#lifecycle.jobId : null
  }

  async close(): Promise<void> {
    this.#abort.abort()
    await this.#watching
    await this.#stepping
    await this.#settings.topic.close()
  }

  async #watch(): Promise<void> {
    const { pollMs = POLL_MS } = this.#settings
    while (!this.#abort.signal.aborted) {
      await this.#step()
      await pause(pollMs, this.#abort.signal)
    }
  }

  #step(): Promise<void> {
    this.#stepping = this.#stepping.then(() => this.#stepOnce())
    return this.#stepping
  }

  /** What the cluster tells, then what follows from it, until nothing more is to be done. */
  async #stepOnce(): Promise<void> {
    if (this.#isToRebuild) await this.#rebuild()
    if (this.#isToRebuild) return
    await this.#lookAtTopic()
    let event: LifecycleEvent | null = await this.#askCluster()
    while (event !== null) {
      const before = this.#lifecycle
      const wanted = { name: this.#sql.name, nowMs: this.#settings.nowMs() }
      const { state, action } = nextStep(before, event, wanted)
      this.#lifecycle = state
      this.#tellChange(before, state)
      event = await this.#act(action)
      if (state.kind === 'running' && before.kind !== 'running') await this.#noteState()
    }
  }

  /**
   * A job that runs has met no gap: what it has read and not yet put in a checkpoint may be gone
   * from the topic meanwhile. One that restarts again and again at a gap is cancelled once it may
   * be passed, since no savepoint of it can be taken.
   */
  async #lookAtTopic(): Promise<void> {
    try {
      const standing = await this.#settings.topic.look()
      const live = (await this.#listJobs()).filter(({ state }) => !hasEnded(state))
      if (!standing.isBehind) {
        this.#gaps = null
        this.#sql = this.#sqls.stop
      } else if (live.some(({ name }) => name === this.#sqls.skip.name)) {
        this.#sql = this.#sqls.skip
      } else if (live.some(({ state }) => state !== 'RUNNING') && this.#mayGoOn(standing)) {
        for (const { id } of live) {
          await this.#cluster.cancel(id)
          await this.#cluster.awaitEnd(id)
        }
      }
    } catch (cause) {
      // It is asked again, and before anything is submitted it must be known.
      this.#downtime.note(reasonOf(cause))
    }
  }

  /** Until it was done, or refused, nothing is submitted. */
  async #rebuild(): Promise<void> {
    try {
      await this.#settings.withLock(async () => {
        const why = await this.#rebuildLocked()
        if (why !== null) this.#lifecycle = { kind: 'refused', why }
        this.#isToRebuild = false
        return null
      })
    } catch (cause) {
      this.#downtime.note(reasonOf(cause))
    }
  }

  /** Why it must not be, or null. A job that runs needs no other state. */
  async #rebuildLocked(): Promise<string | null> {
    const { readTables, rebuild, whyNotRebuilt, tell } = this.#settings
    const { signal } = this.#abort
    const live = (await this.#listJobs()).filter(({ state }) => !hasEnded(state))
    const names = Object.values(this.#sqls).map(({ name }) => name)
    if (live.some(({ name, state }) => state === 'RUNNING' && names.includes(name))) {
      tell?.('the Flink job runs, so its state is not rebuilt')
      return null
    }
    const { commits, rows, rebuilt } = await readTables()
    if (commits.length === 0 && rebuilt === null) {
      return rows === 0 ? null : 'The tables hold rows that no Flink job has committed.'
    }
    const why = (await whyNotRebuilt(signal)) ?? (await this.#passGaps())
    if (why !== null) return why
    for (const { id } of live) {
      await this.#cluster.cancel(id)
      await this.#cluster.awaitEnd(id)
    }
    this.#downtime.note('its state is being rebuilt')
    tell?.('reading from the topic what the state of the Flink job has to hold')
    const mark = await rebuild(signal)
    if ('kind' in mark) return mark.why
    this.#sqls = sqlsOf({ ...this.#settings, rebuilt: mark })
    this.#sql = this.#sqls.stop
    return null
  }

  #mayGoOn({ gaps }: TopicStanding): boolean {
    const isHeld = gaps.length > 0 && !this.#settings.passGaps
    this.#gaps = isHeld ? gapsText(this.#settings.kafka.topic, gaps) : null
    return !isHeld
  }

  async #askCluster(): Promise<LifecycleEvent> {
    try {
      const jobs = await this.#listJobs()
      const lifecycle = this.#lifecycle
      const own = 'jobId' in lifecycle ? jobs.find(({ id }) => id === lifecycle.jobId) : undefined
      const isDown =
        own !== undefined &&
        (hasEnded(own.state) || (lifecycle.kind === 'starting' && own.state !== 'RUNNING'))
      const failure = isDown ? await this.#cluster.readFailure(own.id) : null
      // A job that the cluster has forgotten has no checkpoints to ask for.
      if (lifecycle.kind === 'running' && own !== undefined) await this.#noteCheckpoint(own.id)
      await this.#noteDowntime(own ?? jobs.find(({ state }) => !hasEnded(state)))
      return { kind: 'jobs', jobs, failure }
    } catch (cause) {
      const event = failed(cause)
      this.#downtime.note(event.why)
      return event
    }
  }

  /**
   * For a job that is restored again and again, the last failure is reported; for one that waits
   * for slots, how many there are.
   */
  async #noteDowntime(job: ClusterJob | undefined): Promise<void> {
    if (job === undefined) return this.#downtime.note('the cluster has no such job')
    const why = whyNotRunning(job)
    if (why === null) return this.#downtime.clear()
    const slots = job.state === 'RUNNING' ? await this.#cluster.readSlots() : null
    const room =
      slots === null ? '' : `; ${slots.free} of the cluster's ${slots.total} task slots are free`
    const failure = await this.#cluster.readFailure(job.id)
    this.#downtime.note(`${why}${room}${failure === null ? '' : `, ${failure}`}`)
  }

  async #act(action: Action): Promise<LifecycleEvent | null> {
    if (action.kind === 'none') return null
    try {
      return await this.#settings.withLock(() => this.#actLocked(action))
    } catch (cause) {
      return failed(cause)
    }
  }

  async #actLocked(action: Exclude<Action, { kind: 'none' }>): Promise<LifecycleEvent | null> {
    switch (action.kind) {
      case 'stop':
        return await this.#stop(action.jobId)
      case 'submit':
        return await this.#submit(action.from)
      case 'cancel':
        await this.#cluster.cancel(action.jobId)
        return null
    }
  }

  /** Nothing is stopped that could not go on afterwards. */
  async #stop(jobId: string): Promise<LifecycleEvent> {
    const { stateBackend, parallelism, state } = this.#settings
    const why = whyOtherVersion(await state.read())
    if (why !== null) return { kind: 'refused', why }
    await requireSlots(this.#cluster, parallelism)
    this.#settings.tell?.(`stopping the Flink job ${jobId}: configuration or version changed`)
    const savepoint = await this.#cluster.stopWithSavepoint(jobId, stateBackend)
    await this.#cluster.awaitEnd(jobId)
    // No checkpoint of this job is newer.
    await this.#note({
      jobId,
      after: submittedAfter(await this.#settings.readTables()),
      checkpointId: Number.MAX_SAFE_INTEGER,
      path: savepoint,
    })
    return { kind: 'stopped', savepoint }
  }

  async #submit(from: readonly string[] | null): Promise<LifecycleEvent> {
    const jobs = await this.#listJobs()
    if (jobs.some(({ state }) => !hasEnded(state))) return { kind: 'jobs', jobs, failure: null }
    await awaitSlots(this.#cluster, this.#settings.parallelism, 'free')
    const tables = await this.#settings.readTables()
    const paths = from ?? (await this.#findPaths(tables))
    if ('kind' in paths) return paths
    const why = await this.#passGaps()
    if (why !== null) return { kind: 'refused', why }
    const { gateway, tell } = this.#settings
    const submit = (path: string | null) => submitJob(gateway, this.#sql.statements, path)
    if (paths.length === 0) {
      const jobId = await submit(null)
      tell?.(`submitted the Flink job ${jobId}`)
      return { kind: 'submitted', jobId, rest: [] }
    }
    const { signal } = this.#abort
    const found = await submitFromFirst(paths, { submit, signal, onSearch: (text) => tell?.(text) })
    if ('kind' in found) return found
    const { jobId, path, rest } = found
    await this.#note({ jobId, after: submittedAfter(tables), checkpointId: -1, path })
    tell?.(`submitted the Flink job ${jobId} from ${path}`)
    return { kind: 'submitted', jobId, rest }
  }

  /** Chooses the job that can read what the topic has; why none may, or null. */
  async #passGaps(): Promise<string | null> {
    const { topic, tell } = this.#settings
    const standing = await topic.look()
    if (!this.#mayGoOn(standing)) return this.#gaps
    if (standing.gaps.length > 0) {
      await topic.passGaps()
      const lost = standing.gaps.reduce((sum, { from, to }) => sum + to - from, 0)
      tell?.(`going on without ${lost} records that the topic no longer holds`)
    }
    this.#sql = standing.isBehind ? this.#sqls.skip : this.#sqls.stop
    return null
  }

  async #findPaths(tables: TableFacts): Promise<readonly string[] | LifecycleEvent> {
    const directory = await this.#cluster.checkpointDirectory()
    const recovery = recoverFrom({ ...tables, directory, noted: await this.#settings.note.read() })
    const { state, stateBackend } = this.#settings
    if (recovery.kind === 'fresh') {
      // Before the job can write a row: rows without this note are another version's.
      await this.#writeState()
      await this.#settings.topic.begin(tables.rebuilt?.from ?? null)
      return []
    }
    if (recovery.kind === 'restore') {
      const { paths } = recovery
      const mark = await state.read()
      const why =
        whyOtherVersion(mark) ??
        whyOtherBackend(mark, stateBackend, paths) ??
        (await this.#settings.whyForgotten())
      return why === null ? paths : { kind: 'refused', why }
    }
    const why =
      `The Flink job cannot go on: ${recovery.why}. Tables of another writer stay with it; ` +
      'fill new ones by naming another warehouse and catalog. Those of Flink go on with the ' +
      'checkpoint directory restored, or with campaign-metrics start --rebuild-state'
    return { kind: 'refused', why }
  }

  /** The job that runs is the one that is configured, and so is its backend. */
  async #noteState(): Promise<void> {
    try {
      await this.#settings.withLock(async () => {
        await this.#writeState()
        return null
      })
    } catch (cause) {
      this.#settings.tell?.(`the Flink job's state backend was not noted: ${reasonOf(cause)}`)
    }
  }

  async #writeState(): Promise<void> {
    const { state, stateBackend: backend } = this.#settings
    await state.write({ version: STATE_VERSION, backend })
  }

  async #noteCheckpoint(jobId: string): Promise<void> {
    const latest = await this.#cluster.readLatestCheckpoint(jobId)
    const noted = this.#noted ?? (await this.#settings.note.read())
    if (latest === null || (noted?.jobId === jobId && noted.checkpointId >= latest.id)) return
    const after =
      noted?.jobId === jobId ? noted.after : submittedAfter(await this.#settings.readTables())
    await this.#note({ jobId, after, checkpointId: latest.id, path: latest.path })
  }

  async #note(noted: NotedCheckpoint): Promise<void> {
    await this.#settings.note.write(noted)
    this.#noted = noted
  }

  async #listJobs(): Promise<readonly ClusterJob[]> {
    const prefix = jobNamePrefix(this.#settings)
    return (await this.#cluster.listJobs()).filter(({ name }) => name.startsWith(prefix))
  }

  #tellChange(before: Lifecycle, after: Lifecycle): void {
    if (before.kind === after.kind) return
    if (after.kind === 'running') this.#settings.tell?.(`the Flink job ${after.jobId} runs`)
    if (after.kind === 'waiting' || after.kind === 'refused') this.#settings.tell?.(after.why)
  }
}

function sqlsOf(options: FlinkJobOptions): Readonly<Record<Gaps, JobSql>> {
  return { stop: makeJobSql(options), skip: makeJobSql(options, 'skip') }
}
