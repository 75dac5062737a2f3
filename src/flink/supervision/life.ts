/**
 * The life of the job: an immutable state, what is seen, and what to do next. No clock and no network: `nowMs` is an input, and what is
 * to be done is said, not done.
 *
 *                      none runs                          runs
 *     looking ───────────► (submit) ──► starting ──────────────► running
 *        ▲                                │ │ failed: next path     │ another SQL
 *        │ after a while                  │ └──► (submit)           ▼
 *     waiting ◄───────────────────────────┘ no path left        (stop) ──► stopping ──► (submit) ──► starting
 *
 *     refused: nothing is done until the program starts again; a person has to decide
 */

import { type ClusterJob, hasEnded } from '../cluster/cluster.ts'
import { FlinkError } from '../error.ts'

export type Life =
  | Readonly<{ kind: 'looking' }>
  | Readonly<{ kind: 'starting'; jobId: string; rest: readonly string[]; failures: number }>
  | Readonly<{ kind: 'running'; jobId: string }>
  | Readonly<{ kind: 'stopping'; jobId: string }>
  | Readonly<{ kind: 'waiting'; untilMs: number; failures: number; why: string }>
  | Readonly<{ kind: 'refused'; why: string }>

export type LifeEvent =
  /** Jobs on these tables, whatever became of them; `failure` is of the job that is being started, if it failed. */
  | Readonly<{ kind: 'jobs'; jobs: readonly ClusterJob[]; failure: string | null }>
  | Readonly<{ kind: 'submitted'; jobId: string; rest: readonly string[] }>
  /** Flink took no job, since the path is not there. */
  | Readonly<{ kind: 'missing'; why: string; rest: readonly string[] }>
  | Readonly<{ kind: 'stopped'; savepoint: string }>
  | Readonly<{ kind: 'failed'; why: string }>
  | Readonly<{ kind: 'refused'; why: string }>

export type Action =
  | Readonly<{ kind: 'none' }>
  /** `from`: paths to try in order; null when they are still to be looked up. */
  | Readonly<{ kind: 'submit'; from: readonly string[] | null }>
  | Readonly<{ kind: 'stop'; jobId: string }>

export type Step = Readonly<{ life: Life; action: Action }>

type Kind = Life['kind']
type StateOf<K extends Kind> = Extract<Life, { kind: K }>
type EventOf<K extends LifeEvent['kind']> = Extract<LifeEvent, { kind: K }>
type Wanted = Readonly<{ name: string; nowMs: number }>
type Rule<S extends Kind, E extends LifeEvent['kind']> = (
  life: StateOf<S>,
  event: EventOf<E>,
  wanted: Wanted,
) => Step
type Rules = { readonly [S in Kind]: { readonly [E in LifeEvent['kind']]: Rule<S, E> } }

const NONE: Action = { kind: 'none' }
const WAIT_MS_MIN = 2_000
const WAIT_MS_MAX = 60_000
/** Flink's words for state that does not fit the job. */
const STATE_MISMATCH =
  /Cannot map checkpoint\/savepoint state|Failed to rollback to checkpoint\/savepoint|StateMigration|state serializer.*incompatible/i
/** Flink's words for a checkpoint that is not there. */
const MISSING = /Cannot find (?:checkpoint|meta data)|FileNotFound|NoSuchFile|No such file/i

/** Every state meets every event. */
const RULES: Rules = {
  looking: {
    jobs: (_, { jobs }, wanted) => look(jobs, wanted, { kind: 'submit', from: null }, 0),
    submitted: (_, event) => start(event, 0),
    missing: nextPath,
    stopped: (_, { savepoint }) => submitFrom([savepoint]),
    failed: (_, { why }, { nowMs }) => wait(why, 0, nowMs),
    refused: refuse,
  },
  starting: {
    jobs: whileStarting,
    submitted: ({ failures }, event) => start(event, failures),
    missing: nextPath,
    stopped: (_, { savepoint }) => submitFrom([savepoint]),
    failed: (life) => ({ life, action: NONE }),
    refused: refuse,
  },
  running: {
    jobs: (_, { jobs }, wanted) => look(jobs, wanted, { kind: 'submit', from: null }, 0),
    submitted: (_, event) => start(event, 0),
    missing: nextPath,
    stopped: (_, { savepoint }) => submitFrom([savepoint]),
    // Flink does not answer for a moment: the job goes on, or will be missed in the next list.
    failed: (life) => ({ life, action: NONE }),
    refused: refuse,
  },
  stopping: {
    jobs: (life) => ({ life, action: NONE }),
    submitted: (_, event) => start(event, 0),
    missing: nextPath,
    stopped: (_, { savepoint }) => submitFrom([savepoint]),
    failed: (_, { why }, { nowMs }) => wait(why, 0, nowMs),
    refused: refuse,
  },
  waiting: {
    jobs: (life, { jobs }, wanted) => {
      const isTime = wanted.nowMs >= life.untilMs
      const otherwise: Action = isTime ? { kind: 'submit', from: null } : NONE
      const step = look(jobs, wanted, otherwise, life.failures)
      return step.action.kind === 'none' && step.life.kind === 'looking'
        ? { life, action: NONE }
        : step
    },
    submitted: ({ failures }, event) => start(event, failures),
    missing: nextPath,
    stopped: (_, { savepoint }) => submitFrom([savepoint]),
    failed: ({ failures }, { why }, { nowMs }) => wait(why, failures, nowMs),
    refused: refuse,
  },
  refused: {
    jobs: (life) => ({ life, action: NONE }),
    submitted: (life) => ({ life, action: NONE }),
    missing: (life) => ({ life, action: NONE }),
    stopped: (life) => ({ life, action: NONE }),
    failed: (life) => ({ life, action: NONE }),
    refused: (life) => ({ life, action: NONE }),
  },
}

/** Whether a failure says that there is nothing at the path to go on from. */
export function isMissing(why: string): boolean {
  return MISSING.test(why)
}

/** What an attempt that threw means. */
export function failed(cause: unknown): Extract<LifeEvent, { why: string }> {
  if (cause instanceof FlinkError && cause.code === 'no-checkpoint') {
    return { kind: 'refused', why: cause.message }
  }
  return { kind: 'failed', why: cause instanceof Error ? cause.message : String(cause) }
}

/** `name`: of the job that is wanted, its fingerprint included. */
export function nextStep(life: Life, event: LifeEvent, wanted: Wanted): Step {
  const rule = RULES[life.kind][event.kind] as (life: Life, event: LifeEvent, at: Wanted) => Step
  return rule(life, event, wanted)
}

/** What the list of jobs says, where nothing is under way. */
function look(
  jobs: readonly ClusterJob[],
  { name }: Wanted,
  otherwise: Action,
  failures: number,
): Step {
  const live = jobs.filter(({ state }) => !hasEnded(state))
  const [job, second] = live
  if (job === undefined) return { life: { kind: 'looking' }, action: otherwise }
  if (second !== undefined) return { life: { kind: 'refused', why: twoJobs(live) }, action: NONE }
  if (job.name !== name) {
    return { life: { kind: 'stopping', jobId: job.id }, action: { kind: 'stop', jobId: job.id } }
  }
  if (job.state === 'RUNNING') return { life: { kind: 'running', jobId: job.id }, action: NONE }
  return { life: { kind: 'starting', jobId: job.id, rest: [], failures }, action: NONE }
}

function whileStarting(
  life: StateOf<'starting'>,
  { jobs, failure }: EventOf<'jobs'>,
  wanted: Wanted,
): Step {
  const job = jobs.find(({ id }) => id === life.jobId)
  if (job !== undefined && !hasEnded(job.state)) {
    return job.state === 'RUNNING'
      ? { life: { kind: 'running', jobId: job.id }, action: NONE }
      : { life, action: NONE }
  }
  const why = failure ?? 'the job ended before it ran'
  if (STATE_MISMATCH.test(why) && !isMissing(why)) {
    return { life: { kind: 'refused', why: otherState(why) }, action: NONE }
  }
  if (job !== undefined && isMissing(why)) return nextPath(life, { ...life, why })
  return wait(why, life.failures, wanted.nowMs)
}

function start({ jobId, rest }: EventOf<'submitted'>, failures: number): Step {
  return { life: { kind: 'starting', jobId, rest, failures }, action: NONE }
}

/** The path that was tried is not there. */
function nextPath(
  _: Life,
  { why, rest }: Readonly<{ why: string; rest: readonly string[] }>,
): Step {
  if (rest.length > 0) return submitFrom(rest)
  return { life: { kind: 'refused', why: noCheckpoint(why) }, action: NONE }
}

function submitFrom(from: readonly string[]): Step {
  return { life: { kind: 'looking' }, action: { kind: 'submit', from } }
}

/** The first failure waits shortest; each further one twice as long. */
function wait(why: string, failures: number, nowMs: number): Step {
  const waitMs = Math.min(WAIT_MS_MIN * 2 ** Math.min(failures, 10), WAIT_MS_MAX)
  const life = { kind: 'waiting', untilMs: nowMs + waitMs, failures: failures + 1, why } as const
  return { life, action: NONE }
}

function refuse(_: Life, { why }: EventOf<'refused'>): Step {
  return { life: { kind: 'refused', why }, action: NONE }
}

function twoJobs(live: readonly ClusterJob[]): string {
  const ids = live.map(({ id, name }) => `${id} (${name})`).join(', ')
  return `Several Flink jobs fill the same tables: ${ids}. Cancel all but one, then start again; campaign-metrics verify tells what was doubled.`
}

function otherState(why: string): string {
  return (
    `The state of the job that ran cannot be taken over by the one that is configured now: ${why}. ` +
    'Undo the change of the configuration, or of the version; or fill new tables by naming another warehouse and catalog.'
  )
}

function noCheckpoint(why: string): string {
  return (
    `The tables hold rows, but the checkpoint up to which they were filled is gone: ${why}. ` +
    "Restore Flink's checkpoint directory; or fill new tables by naming another warehouse and catalog."
  )
}
