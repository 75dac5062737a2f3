/** Which rejected events a job has kept that no commit knows of, by partition. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { keptPlaces, listRejected, openRejected, type RejectedStore } from '../../src/rejected.ts'

type Options = Readonly<{ bytesMax?: number; fileBytesMax?: number }>

async function openJobStore(t: TestContext, options: Options = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'kept-places-'))
  const store = await openRejected({
    directory,
    source: 'job',
    bytesMax: 1 << 20,
    nowUs: () => 0,
    ...options,
  })
  t.after(async () => {
    await store.close()
    await rm(directory, { recursive: true })
  })
  return { directory, store }
}

/** Each `[partition, offset]`, in calls of their own. */
async function keep(store: RejectedStore, ...places: readonly (readonly [number, number])[]) {
  for (const [partition, offset] of places) {
    await store.keep([
      { bytes: Buffer.from('x'), reason: 'syntax', arrivalUs: 0, partition, offset },
    ])
  }
}

test('events kept past the committed ones tell the highest offset of each partition', async (t) => {
  const { directory, store } = await openJobStore(t)
  await keep(store, [0, 900], [1, 5], [0, 3], [2, 8], [0, 4])
  assert.deepEqual([...(await keptPlaces(directory, 'job', 1))].sort(), [
    [0, 4],
    [1, 5],
    [2, 8],
  ])
  assert.deepEqual([...(await keptPlaces(directory, 'job', 4))], [[0, 4]])
  assert.deepEqual([...(await keptPlaces(directory, 'job', 5))], [])
})

test('the same over files that were followed by others', async (t) => {
  const { directory, store } = await openJobStore(t, { fileBytesMax: 100 })
  for (let offset = 0; offset < 20; offset += 1) await keep(store, [offset % 2, offset])
  assert.deepEqual([...(await keptPlaces(directory, 'job', 17))].sort(), [
    [0, 18],
    [1, 19],
  ])
  assert.deepEqual([...(await keptPlaces(directory, 'job', 20))], [])
})

test('the same where only counts are kept, one for each partition', async (t) => {
  const { directory, store } = await openJobStore(t, { bytesMax: 1 })
  const records = [3, 1, 3].map((partition, at) => ({
    ...{ bytes: Buffer.from('x'), reason: 'syntax' as const, arrivalUs: 0 },
    ...{ partition, offset: 10 + at },
  }))
  await store.keep(records)
  assert.equal(store.stats().total, 3)
  assert.deepEqual([...(await keptPlaces(directory, 'job', 0))].sort(), [
    [1, 11],
    [3, 12],
  ])
})

test('a kept event says from which partition it is', async (t) => {
  const { directory, store } = await openJobStore(t)
  await keep(store, [7, 41])
  for await (const { offset, partition } of listRejected(directory)) {
    assert.deepEqual([partition, offset], [7, 41])
  }
})
