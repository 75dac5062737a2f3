/** Flink's jobs as its REST interface shows them. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Stack } from '../../../deploy/stack/stack.ts'

export type FlinkJob = Readonly<{ jid: string; name: string; state: string }>

const ENDED = ['FINISHED', 'CANCELED', 'FAILED']
const CANCEL_LIMIT_MS = 60_000
const POLL_MS = 300

export async function listJobs(stack: Stack): Promise<readonly FlinkJob[]> {
  const answer = await fetch(`http://${stack.address('jobmanager')}/jobs/overview`)
  if (!answer.ok) throw new Error(`/jobs/overview answered ${answer.status}`)
  return ((await answer.json()) as { jobs: readonly FlinkJob[] }).jobs
}

export async function runningJobs(stack: Stack): Promise<readonly FlinkJob[]> {
  return (await listJobs(stack)).filter(({ state }) => !ENDED.includes(state))
}

/** Cancels every job and waits until none is left; resolves with those that there were. */
export async function cancelJobs(stack: Stack): Promise<readonly FlinkJob[]> {
  const deadline = AbortSignal.timeout(CANCEL_LIMIT_MS)
  const found = await runningJobs(stack)
  for (;;) {
    const running = await runningJobs(stack)
    if (running.length === 0) return found
    if (deadline.aborted) throw new Error(`jobs go on: ${JSON.stringify(running)}`)
    for (const { jid, state } of running) {
      if (state === 'CANCELLING') continue
      const url = `http://${stack.address('jobmanager')}/jobs/${jid}?mode=cancel`
      await (await fetch(url, { method: 'PATCH' })).body?.cancel()
    }
    await sleep(POLL_MS)
  }
}
