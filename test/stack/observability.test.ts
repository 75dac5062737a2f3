/**
 * What a platform team sees of a job on a real Flink under traffic: `status` and `/metrics` of the
 * leader, the same without a process, and the metrics that Flink itself serves to Prometheus.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Stack } from '../../deploy/stack/stack.ts'
import type { Status } from '../../src/pipeline.ts'
import { expectSchema } from '../dashboard/api/openapi.ts'
import { get, postAccepted, waitUntilSettled } from '../support/client.ts'
import { eventLines } from '../support/events.ts'
import { runCommand, startProduct } from '../support/product.ts'
import { BEYOND_LIMIT_MS, until } from '../support/until.ts'
import { onFlinkSide } from './support/on-side.ts'

const WINDOW_MS = 300_000
const SETUP_LIMIT_MS = 300_000
/** A checkpoint is begun every two seconds, and takes longer where the machine has other work. */
const AGE_SECONDS_MAX = 60
/** `start` asks for the figures every ten seconds. */
const ASKED_MS = 15_000
/** What is waited for this long is told, so that a run that took long says why. */
const TELL_MS = 60_000

test('status and metrics tell how job, checkpoints and windows are, also after a crash', (t) =>
  onFlinkSide('watched', async (stack, side) => {
    const { environment } = side
    const made = await runCommand(side.folder, ['setup'], { environment, limitMs: SETUP_LIMIT_MS })
    assert.equal(made.exit.code, 0, made.stdout + made.stderr)
    const product = await startProduct(side.folder, { environment })
    const status = async (): Promise<Status> => {
      const { text } = await get(product.url, '/v1/status')
      expectSchema('components/schemas/Status', JSON.parse(text), '/v1/status')
      return JSON.parse(text)
    }
    const startMs = performance.now()
    const tell = (what: string): void =>
      t.diagnostic(`${what} after ${Math.round((performance.now() - startMs) / 1000)} s`)
    const awaitStatus = async (isSo: (status: Status) => boolean): Promise<Status> => {
      let last = await status()
      let toldMs = performance.now()
      const isNow = async (): Promise<boolean> => {
        last = await status()
        if (performance.now() - toldMs > TELL_MS) {
          toldMs = performance.now()
          tell(`still ${JSON.stringify({ job: last.job, dedupe: last.dedupe })}`)
        }
        if (!isSo(last)) await sleep(1_000)
        return isSo(last)
      }
      await until(isNow, BEYOND_LIMIT_MS).catch((error: unknown) => {
        throw new Error(`last status: ${JSON.stringify(last)}`, { cause: error })
      })
      return last
    }
    const oldMs = Math.floor((Date.now() - 4 * WINDOW_MS) / WINDOW_MS) * WINDOW_MS
    const timestamp = new Date(oldMs + 1).toISOString()
    const sendOld = (prefix: string, count: number) =>
      postAccepted(product.url, eventLines(prefix, count, { timestamp }).join('\n'))
    let sent = 0
    let isEnding = false
    const sendNow = async (): Promise<void> => {
      while (!isEnding) {
        await postAccepted(product.url, eventLines(`now-${sent++}`, 20).join('\n'))
        await sleep(500)
      }
    }
    let traffic: Promise<void> = Promise.resolve()
    try {
      await sendOld('old', 10)
      await waitUntilSettled(product.url, BEYOND_LIMIT_MS)
      traffic = sendNow()

      const first = await awaitStatus(
        ({ job, dedupe, windows }) =>
          job?.state === 'RUNNING' &&
          (job.lastCheckpoint?.ageSeconds ?? Infinity) < AGE_SECONDS_MAX &&
          (dedupe.ids ?? 0) > 10 &&
          (windows?.closedUntilUs ?? 0) >= (oldMs + WINDOW_MS) * 1000 &&
          (windows?.open?.events ?? 0) > 0,
      )
      tell('first figures')
      assert.match(first.job?.id ?? '', /^[0-9a-f]{32}$/)
      assert.ok((first.job?.lastCheckpoint?.bytes ?? 0) > 0)
      assert.ok((first.job?.lastCheckpoint?.durationMs ?? 0) > 0)
      assert.ok((first.job?.watermarkLagSeconds ?? Infinity) < WINDOW_MS / 1000)
      assert.ok(!('bytes' in first.log) && !('bytes' in first.dedupe))

      // On a busy machine events of the traffic may be late as well.
      const lateBefore = first.windows?.lateEvents ?? 0
      await sendOld('late', 3)
      const amended = await awaitStatus(
        ({ windows }) => (windows?.lateEvents ?? 0) >= lateBefore + 3,
      )
      tell('late events')
      assert.ok((amended.windows?.amended ?? 0) > (first.windows?.amended ?? 0))

      await untilRight(() => expectFlinkMetrics(stack))
      const { restarts = 0, lastCheckpoint } = amended.job ?? {}
      // Killed between a question of the job manager and its answer, which then never comes.
      await stack.kill('taskmanager', 'SIGSTOP')
      await sleep(ASKED_MS)
      await stack.kill('taskmanager', 'SIGKILL')
      await stack.start('taskmanager')
      // Flink tells the figures of the new task manager some seconds after it runs.
      const restarted = await awaitStatus(
        ({ job, dedupe }) =>
          job?.state === 'RUNNING' &&
          (job.restarts ?? 0) > restarts &&
          (dedupe.ids ?? 0) > 10 &&
          (job.lastCheckpoint?.id ?? 0) > (lastCheckpoint?.id ?? 0) &&
          (job.lastCheckpoint?.ageSeconds ?? Infinity) < AGE_SECONDS_MAX,
      )
      tell('checkpoint of the new task manager')
      assert.equal(restarted.job?.id, first.job?.id)

      // A figure that Flink does not tell at the moment has no sample.
      await untilRight(async () => {
        const metrics = (await get(product.url, '/metrics')).text
        const sampleOf = (name: string): number =>
          Number(new RegExp(`^campaign_metrics_${name} (.*)$`, 'm').exec(metrics)?.[1])
        assert.equal(sampleOf('job_running'), 1)
        assert.ok(sampleOf('job_restarts_total') >= 1)
        assert.ok(sampleOf('job_checkpoint_age_seconds') < AGE_SECONDS_MAX)
        assert.ok(sampleOf('dedupe_ids') > 10)
        assert.ok(sampleOf('events_late_total') >= 3)
        assert.doesNotMatch(metrics, /^campaign_metrics_(?:log|dedupe)_bytes /m)
      })
      await untilRight(async () => {
        const shown = await runCommand(side.folder, ['status', '--url', product.url])
        assert.match(shown.stdout, /^job +[0-9a-f]{32} is RUNNING, [1-9]\d* restarts?, watermark /m)
        assert.match(shown.stdout, /^checkpoint \d+ completed [\d.]+ s ago in [\d.]+ s, /m)
        assert.match(
          shown.stdout,
          /^windows +\d.*, \d+ amended for \d+ late events, \d+ open with /m,
        )
      })
    } finally {
      isEnding = true
      await traffic
      await product.stop()
    }
    // Without a process, from the services themselves.
    await untilRight(async () => {
      const told = await runCommand(side.folder, ['status', '--json'], { environment })
      const { job, windows } = JSON.parse(told.stdout) as Status
      assert.equal(job?.state, 'RUNNING', told.stdout + told.stderr)
      assert.ok((job?.lastCheckpoint?.bytes ?? 0) > 0, told.stdout)
      assert.ok((windows?.lateEvents ?? 0) >= 3, told.stdout)
    })
  }))

async function expectFlinkMetrics(stack: Stack): Promise<void> {
  for (const [service, port, name] of [
    ['jobmanager', 9249, 'flink_jobmanager_job_numRestarts'],
    ['taskmanager', 9250, 'flink_taskmanager_job_task_operator_currentInputWatermark'],
  ] as const) {
    const response = await fetch(`http://${stack.address(service, port)}/metrics`)
    assert.equal(response.status, 200)
    assert.match(await response.text(), new RegExp(`^${name}\\{`, 'm'))
  }
}

/** Asks again until nothing is wrong; throws what was wrong last. */
function untilRight(check: () => Promise<void>): Promise<void> {
  return until(() => check().then(() => true), BEYOND_LIMIT_MS)
}
