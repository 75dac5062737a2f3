/**
 * All faults of the services, one after the other under one traffic, in an order that the seed
 * gives: each meets what the one before it has left behind. In the end each event that was accepted
 * stands once in both tables, `verify` agrees, the ledger closes, and no data file is referenced
 * twice (faults F1 to F4, F9, F15, F16).
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Stack } from '../../deploy/stack/stack.ts'
import { openRandom, type Random } from '../support/random.ts'
import type { DistributedSide } from './support/distributed-side.ts'
import { type Running, runFault } from './support/fault-run.ts'
import { runningJobs } from './support/flink-jobs.ts'
import { onFlinkSide, onKafkaSide } from './support/on-side.ts'
import { catalogUrl } from './support/postgres.ts'
import { openPostgresProxy, type PostgresProxy } from './support/postgres-proxy.ts'
import { openS3Proxy, type S3Proxy } from './support/s3-proxy.ts'

type Scene = Running &
  Readonly<{ stack: Stack; catalog: PostgresProxy; store: S3Proxy; random: Random }>
type Faults = Readonly<Record<string, (scene: Scene) => Promise<unknown>>>

const SEED = Number(process.env.CRASH_SEED ?? 1)
const EVENTS_PER_SECOND = 1_000
/** So many late events that there is always a window to amend. */
const LATE_SHARE = 0.02
/** Answered between one fault and the next. */
const EVENTS_BETWEEN = 2_000
const AWAY_MS = 30_000
const BROKER_AWAY_MS = 3_000
const KILLS = 3
const KILL_AFTER_MS = 4_000
const FAIL_SHARE = 0.3
const FAIL_MS = 10_000
const BREAKS = 3
const BREAK_MS = 1_500
const LOSSES = 3
const LIMIT_MS = 180_000
const POLL_MS = 100

/** Of the log, the collector (with maintenance in the same process), the catalog and the store. */
const ON_BOTH_SIDES: Faults = {
  'the broker is killed': async ({ stack }) => {
    await stack.kill('kafka', 'SIGKILL')
    await sleep(BROKER_AWAY_MS)
    await stack.start('kafka')
  },
  'start is killed again and again': async ({ killProduct, traffic, random }) => {
    for (let kill = 0; kill < KILLS; kill += 1) {
      await traffic.more(1)
      await sleep(random.below(KILL_AFTER_MS))
      await killProduct()
    }
  },
  'PostgreSQL hangs': async ({ stack }) => {
    await stack.kill('postgres', 'SIGSTOP')
    await sleep(AWAY_MS)
    await stack.kill('postgres', 'SIGCONT')
  },
  'S3 is gone': async ({ stack }) => {
    await stack.kill('s3', 'SIGKILL')
    await sleep(AWAY_MS)
    await stack.start('s3')
  },
  'S3 is out of breath': async ({ store }) => {
    store.failShare(FAIL_SHARE)
    await until(() => store.failed() > 0, 'a request to S3 that fails')
    await sleep(FAIL_MS)
    store.failShare(0)
  },
  'catalog connections break': async ({ catalog, traffic }) => {
    for (let at = 0; at < BREAKS; at += 1) {
      catalog.refuse(true)
      await sleep(BREAK_MS)
      catalog.refuse(false)
      await traffic.more(1)
    }
  },
  'replies to commits are lost': ({ catalog }) => loseReplies(catalog, LOSSES),
}

const WITH_THE_EMBEDDED_ENGINE: Faults = {
  ...ON_BOTH_SIDES,
  'a reply to a commit is lost before a kill': async ({ catalog, killProduct }) => {
    await loseReplies(catalog, 1)
    await killProduct()
  },
}

const WITH_FLINK: Faults = {
  ...ON_BOTH_SIDES,
  'the task manager is killed': async ({ stack }) => {
    await stack.kill('taskmanager', 'SIGKILL')
    await stack.start('taskmanager')
  },
  'the job manager is killed': ({ stack }) => killJobManager(stack),
  'a reply to a commit is lost, and the job goes on under a new id': async ({ catalog, stack }) => {
    await loseReplies(catalog, 1)
    await killJobManager(stack)
  },
}

test(`seed ${SEED}: Kafka with the embedded engine: each event once, whatever fails`, (t) =>
  onKafkaSide(
    'faults',
    // pgjdbc, which is Flink's, says in its first message how dates are to be written.
    (stack, side) =>
      runAll(t, stack, side, WITH_THE_EMBEDDED_ENGINE, (text) => !text.includes('DateStyle')),
    { commitInterval: '500ms' },
  ))

test(`seed ${SEED}: Kafka with Flink: each accepted event once, whatever fails`, (t) =>
  onFlinkSide('faults', (stack, side) =>
    runAll(t, stack, side, WITH_FLINK, (text) => text.includes('DateStyle')),
  ))

async function runAll(
  t: TestContext,
  stack: Stack,
  side: DistributedSide,
  faults: Faults,
  isCommitter: (startup: string) => boolean,
): Promise<void> {
  const random = openRandom(SEED)
  const postgres = stack.address('postgres')
  const catalog = await openPostgresProxy({ server: postgres, isVictim: isCommitter })
  const store = await openS3Proxy(stack.address('s3'))
  try {
    const s3 = side.fields.s3 as Readonly<Record<string, unknown>>
    await side.folder.configure({
      ...side.fields,
      catalog: catalogUrl(stack, side.database, catalog.address),
      s3: { ...s3, endpoint: `http://${store.address}` },
    })
    const report = await runFault(
      side,
      async (running) => {
        for (const name of shuffled(Object.keys(faults), random)) {
          const startMs = performance.now()
          await faults[name]?.({ ...running, stack, catalog, store, random })
          if (faults === WITH_FLINK) await awaitJob(stack)
          await running.traffic.more(EVENTS_BETWEEN)
          t.diagnostic(`${name}: ${Math.round((performance.now() - startMs) / 1000)} s`)
        }
      },
      { seed: SEED, eventsPerSecond: EVENTS_PER_SECOND, lateShare: LATE_SHARE },
    )
    t.diagnostic(JSON.stringify(report))
    assert.ok(report.repeated > 0, 'no request met a fault')
  } finally {
    await catalog.close()
    await store.close()
  }
}

/** A session cluster without high availability forgets its jobs with it. */
async function killJobManager(stack: Stack): Promise<void> {
  const [before] = await runningJobs(stack)
  await stack.kill('jobmanager', 'SIGKILL')
  await stack.start('jobmanager')
  await awaitJob(stack, before?.jid)
}

/** One job runs, another than `before`. */
async function awaitJob(stack: Stack, before?: string): Promise<void> {
  await until(async () => {
    const [job, ...others] = await runningJobs(stack)
    assert.deepEqual(others, [], 'one job at a time')
    return job?.state === 'RUNNING' && job.jid !== before
  }, 'a running job')
}

async function loseReplies(catalog: PostgresProxy, count: number): Promise<void> {
  const wanted = catalog.lost() + count
  catalog.loseReplies(count)
  await until(() => catalog.lost() >= wanted, `${count} lost replies`)
}

async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = AbortSignal.timeout(LIMIT_MS)
  while (!(await isSo())) {
    assert.ok(!deadline.aborted, `${what}: not in ${LIMIT_MS / 1000} s`)
    await sleep(POLL_MS)
  }
}

function shuffled(names: readonly string[], random: Random): readonly string[] {
  return names
    .map((name) => ({ name, at: random.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ name }) => name)
}
