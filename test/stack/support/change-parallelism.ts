/** Other numbers of parallel tasks by configuration, one after the other, while traffic goes on. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Stack } from '../../../deploy/stack/stack.ts'
import type { DistributedSide } from './distributed-side.ts'
import type { Running } from './fault-run.ts'
import { runningJobs } from './flink-jobs.ts'

const LIMIT_MS = 240_000
const POLL_MS = 500

/** `start` is killed, and started again with the changed file. */
export async function changeParallelism(
  stack: Stack,
  side: DistributedSide,
  running: Running,
  parallelism: number,
): Promise<void> {
  const flink = side.fields.flink as Readonly<Record<string, unknown>>
  await side.folder.configure({ ...side.fields, flink: { ...flink, parallelism } })
  await running.killProduct()
  await awaitParallelism(stack, parallelism)
}

/** One job runs, with so many parallel tasks at most. */
export async function awaitParallelism(stack: Stack, parallelism: number): Promise<void> {
  const deadline = AbortSignal.timeout(LIMIT_MS)
  for (;;) {
    const jobs = await runningJobs(stack)
    const [job] = jobs
    assert.ok(jobs.length <= 1, `one job at a time: ${JSON.stringify(jobs)}`)
    if (job?.state === 'RUNNING' && (await widest(stack, job.jid)) === parallelism) return
    assert.ok(!deadline.aborted, `no job of parallelism ${parallelism}: ${JSON.stringify(jobs)}`)
    await sleep(POLL_MS)
  }
}

async function widest(stack: Stack, jobId: string): Promise<number> {
  const answer = await fetch(`http://${stack.address('jobmanager')}/jobs/${jobId}`)
  if (!answer.ok) return 0
  const { vertices } = (await answer.json()) as { vertices: readonly { parallelism: number }[] }
  return Math.max(...vertices.map(({ parallelism }) => parallelism))
}
