/** So many at once, every result in its place, and a failure only after all have ended. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { allOf, settleAll } from '../../src/runtime/settle.ts'

test('no more than the bound run at once, and results are in the order of items', async () => {
  let underWay = 0
  let most = 0
  const items = Array.from({ length: 50 }, (_, at) => at)
  const results = await settleAll(items, 7, async (item) => {
    underWay += 1
    most = Math.max(most, underWay)
    await sleep(item % 3)
    underWay -= 1
    if (item === 20) throw new Error('the twentieth')
    return item * 2
  })
  assert.equal(most, 7)
  assert.deepEqual(
    results.map((result) => (result.status === 'fulfilled' ? result.value : 'failed')),
    items.map((item) => (item === 20 ? 'failed' : item * 2)),
  )
})

test('all values, or the first failure once all have ended', async () => {
  assert.deepEqual(await allOf([1, 2, 3], 2, async (item) => item + 1), [2, 3, 4])
  assert.deepEqual(await allOf([], 2, async () => 0), [])
  const ended: number[] = []
  const failing = allOf([1, 2, 3, 4], 2, async (item) => {
    await sleep(item)
    ended.push(item)
    if (item === 2) throw new Error('two')
  })
  await assert.rejects(failing, /two/)
  assert.deepEqual(ended.toSorted(), [1, 2, 3, 4])
})
