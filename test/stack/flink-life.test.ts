/**
 * The life of the job on a real Flink: two programs at once, processes killed during traffic, a
 * changed configuration.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { STATE_VERSION } from '../../src/flink/supervision/state-mark.ts'
import { openCluster } from '../../src/flink.ts'
import { eventLines } from '../support/events.ts'
import { type FlinkPlace, type FlinkStack, openFlinkStack } from './support/flink-stack.ts'

let flink: FlinkStack
let place: FlinkPlace
let sent = 0
before(async () => {
  flink = await openFlinkStack()
  place = await flink.place(2)
})
after(() => flink.close())

const BATCH = 500
/** Checkpoints that Flink keeps. */
const KEPT = 3

async function send(batches: number): Promise<void> {
  for (let batch = 0; batch < batches; batch++) {
    await place.send(eventLines(`life-${sent}`, BATCH))
    sent += BATCH
    await sleep(100)
  }
}

/** Nothing lost, nothing doubled. */
async function assertEachOnce(): Promise<void> {
  await place.awaitStored(sent)
  // What would come twice, comes after.
  await sleep(5_000)
  const [row] = await place.query('SELECT count(*), count(DISTINCT event_id) FROM campaign_events')
  assert.deepEqual(row?.map(Number), [sent, sent])
}

/**
 * Until the checkpoint of the newest commit is kept no longer, since checkpoints of no event came
 * after it.
 */
async function awaitIdle(): Promise<void> {
  const cluster = openCluster(`http://${flink.services.stack.address('jobmanager', 8081)}`)
  const job = (await cluster.listJobs()).find(({ state }) => state === 'RUNNING')
  assert.ok(job !== undefined)
  for (;;) {
    const committed = Math.max(...(await place.commits()).map(({ checkpointId }) => checkpointId))
    const latest = await cluster.readLatestCheckpoint(job.id)
    if ((latest?.id ?? 0) >= committed + KEPT + 1) return
    await sleep(200)
  }
}

test('two programs that start at once submit one job', async () => {
  const [first, second] = [place.openJob(), place.openJob()]
  const ids = await Promise.all([first.ensureRunning(), second.ensureRunning()])
  assert.equal(ids[0], ids[1])
  await send(4)
  await assertEachOnce()
  await first.close()
  await second.close()
})

test('the job manager is lost while nobody watches: what the tables say is enough', async () => {
  await awaitIdle()
  await flink.services.stack.kill('jobmanager', 'SIGKILL')
  await flink.services.stack.start('jobmanager')
  await send(2)
  // Another machine, which has seen nothing.
  const job = place.openJob({ seenFile: `${place.seenFile}.other` })
  await job.ensureRunning()
  await send(2)
  await assertEachOnce()
  await job.close()
})

test('other settings and backend: stopped with a savepoint, resumed with the ids', async () => {
  const cluster = openCluster(`http://${flink.services.stack.address('jobmanager', 8081)}`)
  const retention = { days: 90, sinceUs: 0, keptFromUs: 0 }
  const dedupeHorizonMs = 7_200_000
  const stateBackend = 'hashmap'
  const job = place.openJob({ watermarkDelayMs: 2_500, dedupeHorizonMs, retention, stateBackend })
  await send(2)
  await job.ensureRunning()
  // Repeats of the first ones.
  await place.send(eventLines('life-0', BATCH))
  await send(2)
  await assertEachOnce()
  // Those that failed were tried with checkpoints that are gone.
  const states = (await cluster.listJobs()).map(({ state }) => state)
  assert.deepEqual(states.filter((state) => state !== 'FAILED').sort(), ['FINISHED', 'RUNNING'])
  await job.close()
})

test('state of another version: refused, and the job that runs is left alone', async () => {
  const cluster = openCluster(`http://${flink.services.stack.address('jobmanager', 8081)}`)
  const running = async (): Promise<readonly string[]> =>
    (await cluster.listJobs()).filter(({ state }) => state === 'RUNNING').map(({ id }) => id)
  const before = await running()
  await place.state.write({ version: STATE_VERSION - 1, backend: 'hashmap' })
  const job = place.openJob({ watermarkDelayMs: 3_500, stateBackend: 'hashmap' })
  await assert.rejects(job.ensureRunning(), /state is of version 2, this program's job needs/)
  assert.match(job.problem() ?? '', /campaign-metrics start --rebuild-state/)
  await job.close()
  assert.deepEqual(await running(), before)
})
