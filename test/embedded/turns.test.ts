/** Whose turn it is to commit: clients pass while ours wait for them, and never two at once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openTurns } from '../../src/embedded/turns.ts'

/** Ours give way until `release` is called. */
function openWorld() {
  const held = Promise.withResolvers<void>()
  const lake = { isExpected: false, expectOthers() {}, giveWay: () => held.promise }
  lake.expectOthers = () => {
    lake.isExpected = true
  }
  const paused = Promise.withResolvers<void>()
  const turns = openTurns(lake, () => paused.promise)
  return { lake, turns, release: held.resolve, passTime: paused.resolve }
}

test("a client's commit passes ours, which waits for it", async () => {
  const { turns, release } = openWorld()
  const order: string[] = []
  const ours = turns.ours(async () => order.push('ours'))
  await turns.theirs(async () => {
    order.push('theirs')
    release()
  })
  await ours
  assert.deepEqual(order, ['theirs', 'ours'])
})

test('one commit at a time, also where one fails', async () => {
  const { turns, release } = openWorld()
  release()
  let under = 0
  const work = async (): Promise<void> => {
    assert.equal(++under, 1)
    await new Promise((resolve) => setImmediate(resolve))
    under--
  }
  const failing = turns.theirs(() => Promise.reject(new Error('on purpose')))
  await Promise.all([
    assert.rejects(failing, /on purpose/),
    ...[turns.ours(work), turns.theirs(work), turns.ours(work), turns.theirs(work)],
  ])
})

test('a client that is expected loads the table only after the commit under way', async () => {
  const { lake, turns } = openWorld()
  const committing = Promise.withResolvers<void>()
  const order: string[] = []
  const commit = turns.theirs(async () => {
    await committing.promise
    order.push('committed')
  })
  const expected = turns.expect().then(() => order.push('loads'))
  assert.equal(lake.isExpected, true, 'ours wait from now on')
  committing.resolve()
  await Promise.all([commit, expected])
  assert.deepEqual(order, ['committed', 'loads'])
})

test('a commit that takes long is not waited for', async () => {
  const { turns, passTime } = openWorld()
  void turns.theirs(() => new Promise(() => {}))
  passTime()
  await turns.expect()
})
