/**
 * The lifecycle of the job: an immutable state, an event, and what to do next. No clock and no
 * network: `nowMs` is an input, and the action is returned, not done.
 *
 *                      none runs                          runs
 *     absent ────────────► (submit) ──► starting ──────────────► running
 *        ▲                                │ │ failed: next path     │ another SQL
 *        │ after a while                  │ └──► (submit)           ▼
 *     waiting ◄───────────────────────────┘ no path left        (stop) ──► stopping
 *                                                      starting ◄── (submit) ◄──┘
 *
 *     refused: nothing is done until the program starts again; a person has to decide
 */

import { reasonOf } from '../../runtime.ts'
import { type ClusterJob, hasEnded } from '../cluster/cluster.ts'
import { FlinkError } from '../error.ts'

export type Lifecycle =
  | Readonly<{ kind: 'absent' }>
  | Readonly<{ kind: 'starting'; jobId: string; rest: readonly string[]; failures: number }>
  | Readonly<{ kind: 'running'; jobId: string }>
  | Readonly<{ kind: 'stopping'; jobId: string }>
  | Readonly<{ kind: 'waiting'; untilMs: number; failures: number; why: string }>
  | Readonly<{ kind: 'refused'; why: string }>

export type LifecycleEvent =
  /**
   * Jobs on these tables, ended ones too; `failure` is the newest one of the job that is being
   * started, if it does not run.
   */
  | Readonly<{ kind: 'jobs'; jobs: readonly ClusterJob[]; failure: string | null }>
  | Readonly<{ kind: 'submitted'; jobId: string; rest: readonly string[] }>
  /** Flink took no job: there is nothing at any of the paths. */
  | Readonly<{ kind: 'missing'; why: string }>
  | Readonly<{ kind: 'stopped'; savepoint: string }>
  | Readonly<{ kind: 'failed'; why: string }>
  | Readonly<{ kind: 'refused'; why: string }>

export type Action =
  | Readonly<{ kind: 'none' }>
  /** `from`: paths to try in order; null when they are still to be looked up. */
  | Readonly<{ kind: 'submit'; from: readonly string[] | null }>
  | Readonly<{ kind: 'stop'; jobId: string }>
  /** A job that cannot take over the state it was given would be restarted for ever. */
  | Readonly<{ kind: 'cancel'; jobId: string }>

export type Step = Readonly<{ state: Lifecycle; action: Action }>

type Kind = Lifecycle['kind']
type StateOf<K extends Kind> = Extract<Lifecycle, { kind: K }>
type EventOf<K extends LifecycleEvent['kind']> = Extract<LifecycleEvent, { kind: K }>
type Wanted = Readonly<{ name: string; nowMs: number }>
type Rule<S extends Kind, E extends LifecycleEvent['kind']> = (
  state: StateOf<S>,
  event: EventOf<E>,
  wanted: Wanted,
) => Step
type Rules = { readonly [S in Kind]: { readonly [E in LifecycleEvent['kind']]: Rule<S, E> } }

const NONE: Action = { kind: 'none' }
const WAIT_MS_MIN = 2_000
const WAIT_MS_MAX = 60_000
/** How Flink reports state that does not fit the job. */
const STATE_MISMATCH = new RegExp(
  'Cannot map checkpoint/savepoint state|Failed to rollback to checkpoint/savepoint|' +
    'StateMigration|(?:state|key) serializer.*(?:incompatible|must be compatible)|' +
    'maximum parallelism .* changed',
  'i',
)
/** How Flink reports a checkpoint that is not there. */
const MISSING = /Cannot find (?:checkpoint|meta data)|FileNotFound|NoSuchFile|No such file/i

const SUBMIT: Action = { kind: 'submit', from: null }

/** The same in every state but `refused`. */
const USUAL = { submitted: start, missing: refuseMissing, stopped: continueFrom, refused: refuse }

/** A rule for every event in every state. */
const RULES: Rules = {
  absent: {
    ...USUAL,
    jobs: (_, { jobs }, wanted) => fromJobs(jobs, wanted, SUBMIT, 0),
    failed: (_, { why }, { nowMs }) => wait(why, 0, nowMs),
  },
  starting: { ...USUAL, jobs: whileStarting, failed: stay },
  running: {
    ...USUAL,
    jobs: (_, { jobs }, wanted) => fromJobs(jobs, wanted, SUBMIT, 0),
    // Flink does not answer for a moment: the job goes on, or is missing in the next list.
    failed: stay,
  },
  stopping: {
    ...USUAL,
    jobs: stay,
    failed: (_, { why }, { nowMs }) => wait(why, 0, nowMs),
  },
  waiting: {
    ...USUAL,
    jobs: (state, { jobs }, wanted) => {
      const isTime = wanted.nowMs >= state.untilMs
      const step = fromJobs(jobs, wanted, isTime ? SUBMIT : NONE, state.failures)
      return step.action.kind === 'none' && step.state.kind === 'absent' ? stay(state) : step
    },
    failed: ({ failures }, { why }, { nowMs }) => wait(why, failures, nowMs),
  },
  refused: {
    jobs: stay,
    submitted: stay,
    missing: stay,
    stopped: stay,
    failed: stay,
    refused: stay,
  },
}

/** Whether a failure means that there is nothing at the path to restore from. */
export function isMissing(why: string): boolean {
  return MISSING.test(why)
}

/** The event of an attempt that threw. */
export function failed(cause: unknown): Extract<LifecycleEvent, { why: string }> {
  if (cause instanceof FlinkError && cause.code === 'no-checkpoint') {
    return { kind: 'refused', why: cause.message }
  }
  const why = reasonOf(cause)
  // Flink refuses such a job at once, as an error of the statement that submits it.
  if (isMismatch(why)) return { kind: 'refused', why: otherState(why) }
  return { kind: 'failed', why }
}

function isMismatch(why: string): boolean {
  return STATE_MISMATCH.test(why) && !isMissing(why)
}

/** `name`: of the job that is wanted, its fingerprint included. */
export function nextStep(state: Lifecycle, event: LifecycleEvent, wanted: Wanted): Step {
  const rule = RULES[state.kind][event.kind] as (
    state: Lifecycle,
    event: LifecycleEvent,
    at: Wanted,
  ) => Step
  return rule(state, event, wanted)
}

/** What follows from the list of jobs, where nothing is under way. */
function fromJobs(
  jobs: readonly ClusterJob[],
  { name }: Wanted,
  otherwise: Action,
  failures: number,
): Step {
  const live = jobs.filter(({ state }) => !hasEnded(state))
  const [job, second] = live
  if (job === undefined) return { state: { kind: 'absent' }, action: otherwise }
  if (second !== undefined) return { state: { kind: 'refused', why: twoJobs(live) }, action: NONE }
  if (job.name !== name) {
    return { state: { kind: 'stopping', jobId: job.id }, action: { kind: 'stop', jobId: job.id } }
  }
  if (job.state === 'RUNNING') return { state: { kind: 'running', jobId: job.id }, action: NONE }
  return { state: { kind: 'starting', jobId: job.id, rest: [], failures }, action: NONE }
}

function whileStarting(
  state: StateOf<'starting'>,
  { jobs, failure }: EventOf<'jobs'>,
  wanted: Wanted,
): Step {
  const job = jobs.find(({ id }) => id === state.jobId)
  const isAlive = job !== undefined && !hasEnded(job.state)
  if (isAlive && job.state === 'RUNNING') {
    return { state: { kind: 'running', jobId: job.id }, action: NONE }
  }
  const why = failure ?? 'the job ended before it ran'
  if (isMismatch(why)) {
    const action: Action = isAlive ? { kind: 'cancel', jobId: job.id } : NONE
    return { state: { kind: 'refused', why: otherState(why) }, action }
  }
  if (isAlive) return { state, action: NONE }
  if (job !== undefined && isMissing(why)) {
    return state.rest.length > 0 ? submitFrom(state.rest) : refuseMissing(state, { why })
  }
  return wait(why, state.failures, wanted.nowMs)
}

function start(state: Lifecycle, { jobId, rest }: EventOf<'submitted'>): Step {
  const failures = 'failures' in state ? state.failures : 0
  return { state: { kind: 'starting', jobId, rest, failures }, action: NONE }
}

function refuseMissing(_: Lifecycle, { why }: Readonly<{ why: string }>): Step {
  return { state: { kind: 'refused', why: noCheckpoint(why) }, action: NONE }
}

function continueFrom(_: Lifecycle, { savepoint }: EventOf<'stopped'>): Step {
  return submitFrom([savepoint])
}

function submitFrom(from: readonly string[]): Step {
  return { state: { kind: 'absent' }, action: { kind: 'submit', from } }
}

/** Each further failure waits twice as long. */
function wait(why: string, failures: number, nowMs: number): Step {
  const waitMs = Math.min(WAIT_MS_MIN * 2 ** Math.min(failures, 10), WAIT_MS_MAX)
  const state = { kind: 'waiting', untilMs: nowMs + waitMs, failures: failures + 1, why } as const
  return { state, action: NONE }
}

function stay(state: Lifecycle): Step {
  return { state, action: NONE }
}

function refuse(_: Lifecycle, { why }: EventOf<'refused'>): Step {
  return { state: { kind: 'refused', why }, action: NONE }
}

function twoJobs(live: readonly ClusterJob[]): string {
  const ids = live.map(({ id, name }) => `${id} (${name})`).join(', ')
  return (
    `Several Flink jobs fill the same tables: ${ids}. Cancel all but one, then start ` +
    'again; campaign-metrics verify tells what was doubled.'
  )
}

function otherState(why: string): string {
  return (
    'The state of the job that ran cannot be taken over by the one that is configured now: ' +
    `${why}. Undo the change of the configuration, or of the version; or have the state read again ` +
    'from the topic: campaign-metrics start --rebuild-state'
  )
}

function noCheckpoint(why: string): string {
  return (
    `The tables hold rows, but the checkpoint up to which they were filled is gone: ${why}. ` +
    "Restore Flink's checkpoint directory; or have the state read again from the topic: " +
    'campaign-metrics start --rebuild-state'
  )
}
