import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ClusterJob } from '../../../src/flink/cluster/cluster.ts'
import { FlinkError } from '../../../src/flink/error.ts'
import {
  failed,
  isMissing,
  type Lifecycle,
  type LifecycleEvent,
  nextStep,
} from '../../../src/flink/supervision/lifecycle.ts'

const NAME = 'job#new'
const AT = { name: NAME, nowMs: 100_000 }
const ABSENT: Lifecycle = { kind: 'absent' }
const job = (id: string, state: string, name = NAME): ClusterJob => ({
  id,
  name,
  state,
  running: state === 'RUNNING' ? 9 : 0,
  tasks: 9,
})
const jobs = (...seen: readonly ClusterJob[]): LifecycleEvent => ({
  kind: 'jobs',
  jobs: seen,
  failure: null,
})
const lost = (id: string, failure: string): LifecycleEvent => ({
  kind: 'jobs',
  jobs: [job(id, 'FAILED')],
  failure,
})

test('no job: one is submitted, from where the tables say', () => {
  const { action } = nextStep(ABSENT, jobs(job('old', 'CANCELED')), AT)
  assert.deepEqual(action, { kind: 'submit', from: null })
})

test('the job that is wanted runs: nothing is done', () => {
  const { state, action } = nextStep(ABSENT, jobs(job('a', 'RUNNING')), AT)
  assert.deepEqual(state, { kind: 'running', jobId: 'a' })
  assert.equal(action.kind, 'none')
})

test('another SQL runs: it is stopped with a savepoint, and the new one goes on from it', () => {
  const stopped = nextStep(ABSENT, jobs(job('a', 'RUNNING', 'job#old')), AT)
  assert.deepEqual(stopped.action, { kind: 'stop', jobId: 'a' })
  const next = nextStep(stopped.state, { kind: 'stopped', savepoint: 's' }, AT)
  assert.deepEqual(next.action, { kind: 'submit', from: ['s'] })
})

test('the cluster has forgotten the job: it is submitted again', () => {
  const { action } = nextStep({ kind: 'running', jobId: 'a' }, jobs(), AT)
  assert.deepEqual(action, { kind: 'submit', from: null })
})

test('a job that Flink restarts is left alone', () => {
  const restarting = nextStep({ kind: 'running', jobId: 'a' }, jobs(job('a', 'RESTARTING')), AT)
  assert.equal(restarting.action.kind, 'none')
})

test('two jobs on the same tables are refused', () => {
  const { state } = nextStep(ABSENT, jobs(job('a', 'RUNNING'), job('b', 'CREATED')), AT)
  assert.equal(state.kind, 'refused')
})

test('a checkpoint that is gone: the next path, and after the last one a person', () => {
  const starting: Lifecycle = { kind: 'starting', jobId: 'a', rest: ['p2'], failures: 0 }
  const why = 'FileNotFoundException: Cannot find checkpoint or savepoint file/directory'
  const next = nextStep(starting, lost('a', why), AT)
  assert.deepEqual(next.action, { kind: 'submit', from: ['p2'] })
  const last = nextStep({ ...starting, rest: [] }, lost('a', why), AT)
  assert.equal(last.state.kind, 'refused')
})

test('a submission for which no path is there is refused', () => {
  const why =
    'Flink refused "EXECUTE STATEMENT SET": FileNotFoundException: ' +
    'Cannot find checkpoint or savepoint'
  assert.ok(isMissing(why))
  assert.ok(!isMissing('Table lake.campaigns.campaign_events does not exist'))
  const last = nextStep(ABSENT, { kind: 'missing', why }, AT)
  assert.ok(last.state.kind === 'refused' && last.state.why.includes(why))
})

test('state that does not fit is refused, with the way on', () => {
  const why =
    'IllegalStateException: Failed to rollback to checkpoint/savepoint s. ' +
    'Cannot map checkpoint/savepoint state for operator x'
  const starting: Lifecycle = { kind: 'starting', jobId: 'a', rest: ['p2'], failures: 0 }
  const { state } = nextStep(starting, lost('a', why), AT)
  assert.ok(state.kind === 'refused' && /Undo the change/.test(state.why))
})

test('other failures wait, twice as long each time, and then try again', () => {
  const failed: LifecycleEvent = { kind: 'failed', why: 'no slots' }
  const first = nextStep(ABSENT, failed, AT).state
  const second = nextStep(first, failed, AT).state
  assert.ok(first.kind === 'waiting' && second.kind === 'waiting')
  assert.equal(second.untilMs - AT.nowMs, 2 * (first.untilMs - AT.nowMs))
  assert.equal(nextStep(second, jobs(), { ...AT, nowMs: second.untilMs - 1 }).action.kind, 'none')
  const later = nextStep(second, jobs(), { ...AT, nowMs: second.untilMs })
  assert.deepEqual(later.action, { kind: 'submit', from: null })
})

test('state that does not fit, told by the statement that submits the job, is refused at once', () => {
  const why =
    'IllegalStateException: Failed to rollback to checkpoint/savepoint s. ' +
    'Cannot map checkpoint/savepoint state for operator x'
  const statement = 'EXECUTE STATEMENT SET'
  const event = failed(new FlinkError('statement', { url: 'http://g', statement, why }))
  const { state, action } = nextStep(ABSENT, event, AT)
  assert.ok(state.kind === 'refused' && /Undo the change/.test(state.why))
  assert.equal(action.kind, 'none')
})

test('a job that Flink restarts since its state does not fit is cancelled, and refused', () => {
  const why =
    'StateMigrationException: The new key serializer (x) must be compatible with the previous key ' +
    'serializer (y).'
  const starting: Lifecycle = { kind: 'starting', jobId: 'a', rest: [], failures: 0 }
  const seen: LifecycleEvent = { kind: 'jobs', jobs: [job('a', 'RESTARTING')], failure: why }
  const { state, action } = nextStep(starting, seen, AT)
  assert.equal(state.kind, 'refused')
  assert.deepEqual(action, { kind: 'cancel', jobId: 'a' })
})

const someJob = fc.record({
  id: fc.constantFrom('a', 'b'),
  name: fc.constantFrom(NAME, 'job#old'),
  state: fc.constantFrom('CREATED', 'RUNNING', 'RESTARTING', 'FAILED', 'CANCELED', 'FINISHED'),
  running: fc.nat(9),
  tasks: fc.constant(9),
})
const someEvent: fc.Arbitrary<LifecycleEvent> = fc.oneof(
  fc.record({
    kind: fc.constant('jobs' as const),
    jobs: fc.uniqueArray(someJob, { maxLength: 2, selector: ({ id }) => id }),
    failure: fc.constantFrom(null, 'no slots', 'Cannot find checkpoint'),
  }),
  fc.record({ kind: fc.constant('failed' as const), why: fc.constant('x') }),
  fc.record({ kind: fc.constant('missing' as const), why: fc.constant('x') }),
)

test('whatever is seen, nothing is submitted while a job is alive, and a refusal stays', () => {
  fc.assert(
    fc.property(fc.array(someEvent, { maxLength: 30 }), (events) => {
      let state: Lifecycle = ABSENT
      let nowMs = 0
      for (const event of events) {
        nowMs += 5_000
        const before = state
        const step = nextStep(before, event, { name: NAME, nowMs })
        state = step.state
        const alive =
          event.kind === 'jobs' &&
          event.jobs.some(({ state }) => /^(CREATED|RUNNING|RESTARTING)$/.test(state))
        if (alive) assert.notEqual(step.action.kind, 'submit')
        if (before.kind === 'refused') assert.equal(state.kind, 'refused')
        // The shell answers what it was told to do; here it always succeeds.
        if (step.action.kind === 'submit') {
          state = nextStep(
            state,
            { kind: 'submitted', jobId: 'a', rest: [] },
            { name: NAME, nowMs },
          ).state
          assert.equal(state.kind, 'starting')
        }
      }
    }),
  )
})
