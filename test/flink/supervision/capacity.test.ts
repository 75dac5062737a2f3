import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Slots } from '../../../src/flink/cluster/cluster.ts'
import { FlinkError } from '../../../src/flink/error.ts'
import { awaitSlots, requireSlots, whyUnfit } from '../../../src/flink/supervision/capacity.ts'

/** A number stands for so many slots that are all free. */
const cluster = (directory: string | null, ...slots: readonly (number | Slots | null)[]) => {
  let asked = 0
  return {
    checkpointDirectory: async () => directory,
    async readSlots(): Promise<Slots | null> {
      const now = slots[Math.min(asked++, slots.length - 1)] ?? null
      return typeof now === 'number' ? { total: now, free: now } : now
    },
  }
}

test('as many slots as parallel tasks suffice, one fewer does not', async () => {
  await requireSlots(cluster('file:/c', 2), 2)
  await assert.rejects(requireSlots(cluster('file:/c', 1), 2), /has 1 task slots, .* is 2: start/)
})

test('a cluster that makes task managers as they are needed is not counted', async () => {
  await requireSlots(cluster('file:/c', null), 1_000)
})

test('task managers may register a moment later', async () => {
  await awaitSlots(cluster('file:/c', 0, 4), 4, 'total')
})

test('slots of a job that has just ended are free a moment later', async () => {
  await awaitSlots(cluster('file:/c', { total: 4, free: 1 }, { total: 4, free: 2 }), 2, 'free')
})

test('what is held by other jobs is named, and counts for nothing while our own job runs', async () => {
  const held = { total: 4, free: 1 }
  await requireSlots(cluster('file:/c', held), 2)
  assert.equal(await whyUnfit(cluster('file:/c', held), 2), null)
  const { message } = new FlinkError('slots', { slots: 4, free: 1, parallelism: 2 })
  assert.match(message, /has 4 task slots, of which other jobs leave 1 free, and .* is 2: start/)
})

test('without a directory for checkpoints the cluster is unfit, with what to set', async () => {
  assert.match((await whyUnfit(cluster(null, 2), 2)) ?? '', /set execution.checkpointing.dir/)
  assert.equal(await whyUnfit(cluster('file:/c', 2), 2), null)
})
