import assert from 'node:assert/strict'
import { test } from 'node:test'
import { awaitSlots, requireSlots, whyUnfit } from '../../../src/flink/supervision/capacity.ts'

const cluster = (directory: string | null, ...slots: readonly (number | null)[]) => {
  let asked = 0
  return {
    checkpointDirectory: async () => directory,
    readSlots: async () => slots[Math.min(asked++, slots.length - 1)] ?? null,
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
  await awaitSlots(cluster('file:/c', 0, 4), 4)
})

test('without a directory for checkpoints the cluster is unfit, with what to set', async () => {
  assert.match((await whyUnfit(cluster(null, 2), 2)) ?? '', /set execution.checkpointing.dir/)
  assert.equal(await whyUnfit(cluster('file:/c', 2), 2), null)
})
