/** The job manager dies, and a session cluster without high availability forgets its jobs: `start` submits the job again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { runFault } from '../stack/support/fault-run.ts'
import { runningJobs } from '../stack/support/flink-jobs.ts'
import { onFlinkSide } from '../stack/support/on-side.ts'

const RESUBMIT_LIMIT_MS = 120_000
const POLL_MS = 500

test('Kafka with Flink: the job manager is killed, and the job goes on from its newest checkpoint', () =>
  onFlinkSide('jobmanager', async (stack, side) => {
    await runFault(side, async () => {
      const [before] = await runningJobs(stack)
      await stack.kill('jobmanager', 'SIGKILL')
      await stack.start('jobmanager')
      const deadline = AbortSignal.timeout(RESUBMIT_LIMIT_MS)
      for (;;) {
        const [job, ...others] = (await runningJobs(stack)).filter((one) => one.state === 'RUNNING')
        assert.deepEqual(others, [], 'one job at a time')
        if (job !== undefined) {
          assert.notEqual(job.jid, before?.jid)
          return
        }
        assert.ok(!deadline.aborted, `no job ${RESUBMIT_LIMIT_MS / 1000} s after the job manager`)
        await sleep(POLL_MS)
      }
    })
  }))
