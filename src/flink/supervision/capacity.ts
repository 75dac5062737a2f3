/** Whether a cluster can run the job: one without slots waits for them, and fails, for ever. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster, Slots } from '../cluster/cluster.ts'
import { FlinkError } from '../error.ts'

/** After a restart of the cluster its task managers take a while to register. */
const REGISTER_MS_MAX = 30_000
const POLL_MS = 1_000

/** Throws FlinkError `slots` where the cluster has fewer than the job needs. */
export async function requireSlots(
  cluster: Pick<Cluster, 'readSlots'>,
  parallelism: number,
): Promise<void> {
  requireEnough(await cluster.readSlots(), 'total', parallelism)
}

/**
 * The same, where task managers may still be on their way. `free`: other jobs may hold slots, and
 * no job of ours does; those of one that has just ended are released a moment later.
 */
export async function awaitSlots(
  cluster: Pick<Cluster, 'readSlots'>,
  parallelism: number,
  counted: keyof Slots,
): Promise<void> {
  for (let waitedMs = 0; waitedMs < REGISTER_MS_MAX; waitedMs += POLL_MS) {
    const slots = await cluster.readSlots()
    if (slots === null || slots[counted] >= parallelism) return
    await sleep(POLL_MS)
  }
  requireEnough(await cluster.readSlots(), counted, parallelism)
}

function requireEnough(slots: Slots | null, counted: keyof Slots, parallelism: number): void {
  if (slots === null || slots[counted] >= parallelism) return
  throw new FlinkError('slots', { slots: slots.total, free: slots.free, parallelism })
}

/** Why the job cannot run on the cluster as both are configured; null when it can. */
export async function whyUnfit(
  cluster: Pick<Cluster, 'checkpointDirectory' | 'readSlots'>,
  parallelism: number,
): Promise<string | null> {
  if ((await cluster.checkpointDirectory()) === null) {
    return (
      'Flink has no place for checkpoints that outlives it: set execution.checkpointing.dir in ' +
      'the configuration of its cluster, and restart that'
    )
  }
  try {
    await awaitSlots(cluster, parallelism, 'total')
    return null
  } catch (error) {
    if (error instanceof FlinkError && error.code === 'slots') return error.message
    throw error
  }
}
